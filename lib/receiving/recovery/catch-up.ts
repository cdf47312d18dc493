/** Catching up from what the publisher still holds and what is buffered: no state is read, nothing is replaced. */
import { compact } from "../../system/compact.ts";
import { fitsScope } from "../../domain/wire/callback-scope.ts";
import type { DiffRecord } from "../../domain/diff/diff-content.ts";
import { bufferedKey } from "../../dynamodb/keys/streams.ts";
import type { Deadline } from "../../system/ports.ts";
import { isMadeAnew } from "../stream/contradiction.ts";
import { contradicts } from "../stream/digests.ts";
import type { Head } from "../stream/head.ts";
import type { Polled, Publisher } from "../../peers/publisher.ts";
import { noteBegun, withFields } from "../stream/stream-changes.ts";
import { nextReconciliation } from "../stream/stream-lives.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import { idsOf } from "../stream/event-applier.ts";
import type { StreamEvent } from "../stream/stream-event.ts";
import type { Prepared } from "../stream/stream-event.ts";
import type { EventApplier } from "../stream/event-applier.ts";

type Backlog = Extract<Polled, { is: "backlog" }>;

/** What was applied; the lease is still held unless it is `busy`. */
export type CaughtUp =
  | {
      readonly is: "applied";
      readonly head: Head;
      readonly applied: number;
      /** Up to the publisher's newest number; else a number is missing, or time ran out. */
      readonly complete: boolean;
      readonly outOfTime: boolean;
      /** The `recoveryRevision` that it completes, unless an event of this very run asked for more. */
      readonly completes?: number;
    }
  | { readonly is: "busy"; readonly head: Head };

/** The events that follow what was applied, from backlog and buffer. */
interface Missing {
  readonly events: readonly StreamEvent[];
  /** Numbers whose content is not taken from the buffer. */
  readonly unseen: ReadonlySet<number>;
  readonly complete: boolean;
  /** The buffer holds another content than the backlog. */
  readonly contradicts: boolean;
}

/** Closes a gap from the backlog and the buffer together. */
export class CatchUp {
  readonly #deps: RecoveryDeps;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
  }

  /**
   * Applies backlog and buffer from lastSeq + 1 on, hooks included, under the lease, which it keeps. Undefined, with nothing
   * applied, when a number is missing before the publisher's newest number; with `upToMissing` what comes before it is applied.
   */
  async apply(
    head: Head,
    polled: Backlog,
    deadline: Deadline,
    { upToMissing }: { readonly upToMissing: boolean },
  ): Promise<CaughtUp | undefined> {
    const { events, unseen, complete, contradicts: differ } = await this.#missing(head, polled);
    if (!complete && !upToMissing) return undefined;
    const { streams } = this.#deps;
    const applier = this.#deps.applier(head);
    let current = head;
    // What an event of this very run asks for is not settled by the run.
    let completes: number | undefined = head.recoveryRevision;
    const [first] = events;
    const begun = first === undefined ? undefined : applier.begins(first);
    // From here on another content under the first number is noticed, should this run be cut off.
    if (begun !== undefined && head.begun === undefined) {
      await streams.amend(head.key, noteBegun(head, begun));
    }
    for (const [index, event] of events.entries()) {
      const { sequence } = event;
      const context = { head: current, starts: Math.max(1, current.starts), prepared: undefined, deadline };
      const applied = await applier.apply(event, context);
      if (applied.fields?.recoveryRequested !== undefined) completes = undefined;
      const after = withFields(current, { lastSeq: sequence, ...applied.fields });
      const moved = await streams.advance(
        current,
        compact({
          to: sequence,
          keepLease: true,
          fields: { ...applied.fields, begun: nextBegun(applier, events[index + 1]) },
          unseen: unseen.has(sequence) ? [sequence] : [],
          contradicts: (index === 0 && differ) || applier.begunOtherwise(event, current) ? true : undefined,
        }),
        {
          among: (seen) => (unseen.has(sequence) && seen.buffered.has(sequence) ? [sequence] : []),
          differ: async () => await this.#differs(after, sequence),
        },
      );
      if (moved === undefined) return { is: "busy", head: current };
      await this.#discard(current, sequence);
      current = moved;
      if (deadline.remaining() <= this.#deps.reserveMs) {
        const done = index === events.length - 1;
        const cut = { complete: complete && done, outOfTime: !done };
        return {
          is: "applied",
          head: current,
          applied: index + 1,
          ...cut,
          ...(completes === undefined ? {} : { completes }),
        };
      }
    }
    return compact({
      is: "applied" as const,
      head: current,
      applied: events.length,
      complete,
      outOfTime: false,
      completes,
    });
  }

  /** Gives the lease back after a catching up that is all there is to do. Undefined when the lease was lost. */
  async finish(
    caught: Extract<CaughtUp, { is: "applied" }>,
    polled: Backlog,
    publisher: Publisher,
    pause: (head: Head, failure: Awaited<ReturnType<Publisher["acknowledge"]>>) => Promise<void>,
  ): Promise<Head | undefined> {
    const { streams, clock, settings, log } = this.#deps;
    const { head, applied, completes } = caught;
    // Numbers the publisher has never made: its next answer decides whether it counts again.
    const beyond = [...head.buffered].some((n) => n > polled.sequence);
    const attempts = beyond ? head.attempts + 1 : 0;
    const reconcileAt = nextReconciliation(clock.now(), settings.reconcileMs);
    const fields = { attempts, problem: undefined, ...compact({ reconcileAt }) };
    const done = await streams.advance(head, compact({ to: head.lastSeq, keepLease: false, fields, completes }));
    if (done === undefined) return undefined;
    if (applied > 0 || polled.diffs.length > 0) {
      await pause(done, await publisher.acknowledge(head.subscriptionId, head.lastSeq));
    }
    log.info("caught up", { ...idsOf(head), sequence: head.lastSeq, applied });
    return done;
  }

  /** The events from lastSeq + 1 to the publisher's newest, from backlog and buffer, up to the first that is missing. */
  async #missing(head: Head, polled: Backlog): Promise<Missing> {
    // A diff that the subscription cannot have is as good as none: the state is read instead.
    const fitting = polled.diffs.filter((diff) => fitsScope(diff, head.scope));
    const backlog = new Map(fitting.map((diff) => [diff.sequence, diff]));
    const following: number[] = [];
    let n = head.lastSeq + 1;
    for (; n <= polled.sequence && (backlog.has(n) || head.buffered.has(n)); n += 1) following.push(n);
    let complete = n > polled.sequence;
    const fromBuffer = following.filter((each) => head.buffered.has(each));
    const items = await this.#deps.table.getMany(fromBuffer.map((each) => bufferedKey(head.key, head.epoch, each)));
    const bodies = new Map(items.map((item) => [item.sk, item]));
    const applier = this.#deps.applier(head);
    const events: StreamEvent[] = [];
    const unseen = new Set<number>();
    let differ = false;
    for (const each of following) {
      const item = bodies.get(bufferedKey(head.key, head.epoch, each).sk);
      const diff = backlog.get(each);
      const buffered = item === undefined ? undefined : applier.fromBuffer(item, head);
      const polledEvent = diff === undefined ? undefined : eventOf(diff);
      // What was acknowledged first counts; the backlog stands in where the buffer holds no content.
      const event = buffered?.content === undefined ? (polledEvent ?? buffered) : buffered;
      if (event === undefined) {
        complete = false;
        break;
      }
      if (event !== buffered) unseen.add(each);
      // The time of a diff is not always that of the callback that announced it.
      const both = buffered?.content !== undefined && polledEvent !== undefined;
      if (both && !applier.agrees(buffered, polledEvent)) differ = true;
      events.push(event);
    }
    return { events, unseen, complete, contradicts: differ };
  }

  async #differs(after: Head, sequence: number): Promise<boolean> {
    const applier = this.#deps.applier(after);
    const [item] = await this.#deps.table.getMany([bufferedKey(after.key, after.epoch, sequence)]);
    const buffered = item === undefined ? undefined : applier.fromBuffer(item, after);
    return buffered !== undefined && applier.contradicts(buffered, after);
  }

  async #discard(head: Head, sequence: number): Promise<void> {
    if (!head.buffered.has(sequence)) return;
    await this.#deps.table.deleteMany([bufferedKey(head.key, head.epoch, sequence)]).catch(() => undefined);
  }
}

const nextBegun = (
  applier: EventApplier<StreamEvent, Prepared | undefined>,
  next: StreamEvent | undefined,
): string | undefined => (next === undefined ? undefined : applier.begins(next));

/** True when the backlog holds something else than was applied under one of its numbers, or two contents under one. */
export const isContradicted = (head: Head, polled: Backlog): boolean =>
  (polled.others ?? []).length > 0 ||
  polled.diffs.some(
    ({ sequence, data, timestamp }) => contradicts(head, sequence, data) || isMadeAnew(head, sequence, timestamp),
  );

const eventOf = (diff: DiffRecord): StreamEvent => {
  const { sequence, data, overwritten, timestamp } = diff;
  return compact({ sequence, kind: "diff" as const, content: compact({ data, overwritten }), timestamp });
};
