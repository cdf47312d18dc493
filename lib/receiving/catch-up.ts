/** Catching up from what the publisher still holds and what waits in slots: no state is read, nothing is replaced. */
import { fitsScope } from "../domain/callback-scope.ts";
import { pendingKey } from "../dynamodb/keys.ts";
import type { Deadline } from "../ports.ts";
import type { Head } from "./head.ts";
import type { Polled, Publisher } from "./ports.ts";
import { reconciled } from "./recovery-settings.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import { idsOf } from "./sink.ts";
import type { StreamEvent } from "./subscription-sink.ts";

type Backlog = Extract<Polled, { is: "backlog" }>;

export type CaughtUp =
  | { readonly is: "caught_up"; readonly head: Head; readonly applied: number }
  | { readonly is: "busy"; readonly head: Head };

/** Closes a gap from the backlog and the slots together, when they leave no hole. */
export class CatchUp {
  readonly #deps: RecoveryDeps;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
  }

  /**
   * Applies backlog and slots from lastSeq + 1 to the publisher's newest number, hooks included, and gives the claim
   * back. What time does not allow stays wanted. Undefined, with nothing applied, when there is a hole.
   */
  async run(head: Head, polled: Backlog, publisher: Publisher, deadline: Deadline): Promise<CaughtUp | undefined> {
    const events = await this.#missing(head, polled);
    if (events === undefined) return undefined;
    const { turns, clock, settings, log } = this.#deps;
    const sink = this.#deps.sink(head);
    let current = head;
    // What an event of this very run asks for (a re-read that failed) is not settled by the run.
    let settles: { readonly settles?: number } = { settles: head.wantedRev };
    for (const event of events) {
      const applied = await sink.apply(event, {
        head: current,
        starts: Math.max(1, current.starts),
        prepared: undefined,
        deadline,
      });
      if (applied.set?.["wanted"] !== undefined) settles = {};
      const out = deadline.remaining() <= this.#deps.reserveMs;
      const moved = await turns.advance(current, {
        to: event.sequence,
        keepClaim: !out,
        ...(applied.set === undefined ? {} : { set: applied.set }),
      });
      if (moved === undefined) return { is: "busy", head: current };
      await this.#discard(current, event.sequence);
      current = moved;
      if (out) {
        const again = await turns.want(moved, "catch_up", clock.now());
        await this.#deps.timers.wake(again ?? moved);
        return { is: "caught_up", head: again ?? moved, applied: event.sequence - head.lastSeq };
      }
    }
    // Numbers the publisher has never made: its next answer decides whether it counts anew.
    const beyond = [...current.pending].some((n) => n > polled.sequence);
    const attempts = beyond ? head.attempts + 1 : 0;
    const done = await turns.advance(current, {
      to: current.lastSeq,
      keepClaim: false,
      set: { attempts, ...reconciled(clock.now(), settings) },
      ...settles,
    });
    if (done === undefined) return { is: "busy", head: current };
    if (events.length > 0 || polled.diffs.length > 0) {
      await publisher.acknowledge(head.subscriptionId, current.lastSeq);
    }
    log.info("caught up", { ...idsOf(head), sequence: current.lastSeq, applied: events.length });
    return { is: "caught_up", head: done, applied: events.length };
  }

  /** The events from lastSeq + 1 to the publisher's newest, from backlog and slots; undefined when one is missing. */
  async #missing(head: Head, polled: Backlog): Promise<readonly StreamEvent[] | undefined> {
    // A diff that the subscription cannot have is as good as none: the state is read instead.
    const fitting = polled.diffs.filter((diff) => fitsScope(diff, head.scope));
    const backlog = new Map(fitting.map((diff) => [diff.sequence, diff]));
    const wanted: number[] = [];
    for (let n = head.lastSeq + 1; n <= polled.sequence; n += 1) {
      if (!backlog.has(n) && !head.pending.has(n)) return undefined;
      wanted.push(n);
    }
    const fromSlots = wanted.filter((n) => head.pending.has(n));
    const items = await this.#deps.table.getMany(fromSlots.map((n) => pendingKey(head.key, head.epoch, n)));
    const kept = new Map(items.map((item) => [item.sk, item]));
    const sink = this.#deps.sink(head);
    const events: StreamEvent[] = [];
    for (const n of wanted) {
      const item = kept.get(pendingKey(head.key, head.epoch, n).sk);
      const diff = backlog.get(n);
      const slot = item === undefined ? undefined : sink.unkeep(item, head);
      // What was acknowledged first counts; the backlog stands in where the slot holds no content.
      const event = slot?.content === undefined ? ((diff && eventOf(diff)) ?? slot) : slot;
      if (event === undefined) return undefined;
      events.push(event);
    }
    return events;
  }

  async #discard(head: Head, sequence: number): Promise<void> {
    if (!head.pending.has(sequence)) return;
    await this.#deps.table.deleteMany([pendingKey(head.key, head.epoch, sequence)]).catch(() => undefined);
  }
}

const eventOf = (diff: { sequence: number } & Partial<StreamEvent> & StreamEvent["content"]): StreamEvent => ({
  sequence: diff.sequence,
  kind: "diff",
  content: { data: diff.data, ...(diff.overwritten === undefined ? {} : { overwritten: diff.overwritten }) },
  ...(diff.timestamp === undefined ? {} : { timestamp: diff.timestamp }),
});
