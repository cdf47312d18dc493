/**
 * Catching up. One at a time per stream, under the stream's claim; new callbacks wait in their slots and drain after it.
 *
 *   ask the publisher for its newest number and backlog
 *   ├─ backlog and slots reach from lastSeq + 1 to it without a hole → applied in order                  (caught_up)
 *   └─ else the state is read, and takes the place of what this subscription owns; hooks run once        (resynced)
 *
 * The state is read before anything is written. From then on the head says `replacing`: a crash leaves a stream on which
 * only another recovery can go on, with a higher fence, so nothing half-replaced is ever taken for whole.
 */
import { pauseAfter } from "../domain/backoff.ts";
import { placeOf } from "../domain/scope.ts";
import type { Place } from "../domain/scope.ts";
import { outboundPrefix, pendingKey } from "../dynamodb/keys.ts";
import type { Attribute, Key, Table } from "../dynamodb/table.ts";
import type { Clock, Deadline, Json, Log } from "../ports.ts";
import { dueAttributes, headIs } from "./head.ts";
import type { Head } from "./head.ts";
import type { HookRuns } from "./hook-runs.ts";
import { hookEventOf } from "./hook-event.ts";
import type { StatePart } from "../peer-data/incoming.ts";
import type { Polled, Publisher, Publishers, ReceivedData, StateAnswer } from "./ports.ts";
import { idsOf } from "./sequencer.ts";
import type { Sequencer } from "./sequencer.ts";
import { reserved } from "./reserved.ts";
import { stateJson } from "./state-json.ts";
import { ContentRefused } from "./subscription-sink.ts";
import type { Prepared, StreamEvent, SubscriptionSink } from "./subscription-sink.ts";
import type { Timers } from "./timers.ts";
import { restingDue } from "./turns.ts";
import type { StreamSettings, Turns } from "./turns.ts";

export interface RecoverySettings extends StreamSettings {
  /** How often an idle subscription asks for the newest number, ms; 0 never. */
  readonly reconcileMs: number;
  readonly autoStorage: boolean;
}

export interface RecoveryRequest {
  /** `catch_up` replaces the state only when it must; `resync` always does. */
  readonly kind: "catch_up" | "resync";
  /** A resync callback: its number, and where its state is. */
  readonly callback?: { readonly sequence: number; readonly url?: string; readonly data?: Json };
}

export type Recovered =
  | { readonly is: "caught_up" | "resynced"; readonly head: Head; readonly applied: number }
  /** Another holds the stream. */
  | { readonly is: "busy"; readonly head: Head }
  /** The publisher could not be read; another attempt is due at the head's `dueAt`. */
  | { readonly is: "failed"; readonly head: Head; readonly reason: string }
  /** No live subscription, or its trust is not approved. */
  | { readonly is: "closed" };

/** Pauses between failed recoveries: about 4 s at first, at most 15 min. */
const RETRY_PAUSES = { base: 5_000, most: 900_000 };
/** State reads tried until the newest number is the same before and after. */
const STATE_TRIES = 3;

export class Recovery {
  readonly #deps: RecoveryDeps;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
  }

  /** Brings one subscription up to date. What cannot be done now is due again at the head's `dueAt`. */
  async run(key: Key, request: RecoveryRequest, deadline: Deadline): Promise<Recovered> {
    const { turns } = this.#deps;
    const claimed = await turns.claim(key, {
      holdMs: deadline.remaining(),
      evenReplacing: true,
      ...(request.callback === undefined ? {} : { before: request.callback.sequence }),
    });
    if (!claimed.won) {
      return claimed.head?.live === true ? { is: "busy", head: claimed.head } : { is: "closed" };
    }
    try {
      const outcome = await this.#recover(claimed.head, request, deadline);
      if (outcome.is !== "caught_up" && outcome.is !== "resynced") return outcome;
      return { ...outcome, head: await this.#deps.sequencer(outcome.head).drain(outcome.head, deadline) };
    } catch (error) {
      await this.#fail(claimed.head, String(error), error instanceof ContentRefused ? "resync" : request.kind).catch(
        () => undefined,
      );
      if (error instanceof ContentRefused) return { is: "failed", head: claimed.head, reason: error.message };
      throw error;
    }
  }

  async #recover(head: Head, request: RecoveryRequest, deadline: Deadline): Promise<Recovered> {
    const publisher = await this.#deps.publishers(head.actorId, head.peerId, reserved(deadline));
    if (publisher === undefined) {
      await this.#fail(head, "the trust is not approved");
      return { is: "closed" };
    }
    const given = request.callback?.data;
    if (request.callback !== undefined && request.callback.url === undefined && given !== undefined) {
      const parts = partsOfData(placeOf(head.scope), given);
      return await this.#replace(head, publisher, { parts, at: request.callback.sequence, reset: false });
    }
    const polled = await publisher.poll(head.subscriptionId);
    if (polled.is === "failed") return await this.#fail(head, polled.reason, request.kind);
    if (polled.is === "gone" && request.callback === undefined) {
      return await this.#fail(head, "the publisher does not know this subscription");
    }
    const newest = newestOf(polled);
    const reset = request.callback === undefined && newest !== undefined && countsAnew(head, newest);
    if (request.kind === "catch_up" && head.wanted !== "resync" && !head.replacing && !reset) {
      const caughtUp = await this.#catchUp(head, polled, publisher, deadline);
      if (caughtUp !== undefined) return caughtUp;
    }
    return await this.#resync(head, publisher, newest, reset, request);
  }

  /** Step 2; undefined when there is a hole. */
  async #catchUp(head: Head, polled: Polled, publisher: Publisher, deadline: Deadline): Promise<Recovered | undefined> {
    if (polled.is !== "backlog") return undefined;
    const events = await this.#missing(head, polled);
    if (events === undefined) return undefined;
    const { turns, clock, settings, log } = this.#deps;
    const sink = this.#deps.sink(head);
    let current = head;
    for (const event of events) {
      const prepared: Prepared | undefined = undefined;
      const applied = await sink.apply(event, {
        head: current,
        starts: Math.max(1, current.starts),
        prepared,
        deadline,
      });
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
      remove: ["wanted"],
    });
    if (done === undefined) return { is: "busy", head: current };
    if (events.length > 0 || polled.diffs.length > 0) {
      await publisher.acknowledge(head.subscriptionId, current.lastSeq);
    }
    log.info("caught up", { ...idsOf(head), sequence: current.lastSeq, applied: events.length });
    return { is: "caught_up", head: done, applied: events.length };
  }

  /** The events from lastSeq + 1 to the publisher's newest, from backlog and slots; undefined when one is missing. */
  async #missing(head: Head, polled: Extract<Polled, { is: "backlog" }>): Promise<readonly StreamEvent[] | undefined> {
    const backlog = new Map(polled.diffs.map((diff) => [diff.sequence, diff]));
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

  /** Step 3: reads the state with its position. */
  async #resync(
    head: Head,
    publisher: Publisher,
    newest: number | undefined,
    reset: boolean,
    request: RecoveryRequest,
  ): Promise<Recovered> {
    const floor = request.callback?.sequence ?? 0;
    let before = newest;
    for (let attempt = 1; ; attempt += 1) {
      const state = await this.#readState(head, publisher, request.callback?.url);
      if (state.is === "failed") return await this.#fail(head, state.reason, "resync");
      if (state.is === "absent") {
        return await this.#replace(head, publisher, { at: Math.max(before ?? head.lastSeq, floor), reset });
      }
      if (state.diverged.length > 0) {
        this.#deps.log.error("parts of a peer's state are too large to be read", {
          ...idsOf(head),
          places: state.diverged.map((place) => place.join("/")),
        });
      }
      if (state.sequence !== undefined) {
        return await this.#replace(head, publisher, {
          parts: state.parts,
          at: Math.max(state.sequence, floor),
          reset,
          diverged: state.diverged,
        });
      }
      const polled = await publisher.poll(head.subscriptionId);
      const after = newestOf(polled);
      if (after === undefined && polled.is === "failed") return await this.#fail(head, polled.reason, "resync");
      if (after === before || attempt === STATE_TRIES) {
        return await this.#replace(head, publisher, {
          parts: state.parts,
          at: Math.max(before ?? 0, floor),
          reset,
          diverged: state.diverged,
          ...(after === before || after === undefined ? {} : { dirtyListsUntil: after }),
        });
      }
      before = after;
    }
  }

  async #readState(head: Head, publisher: Publisher, url: string | undefined): Promise<StateAnswer> {
    return await publisher.readState({
      scope: head.scope,
      place: placeOf(head.scope),
      subscriptionId: head.subscriptionId,
      carved: head.carved,
      ...(url === undefined ? {} : { url }),
    });
  }

  /** Writes what was read, tells the hooks, moves the head. Without parts the store stays as it is. */
  async #replace(
    head: Head,
    publisher: Publisher,
    read: {
      readonly parts?: readonly StatePart[];
      readonly at: number;
      readonly reset: boolean;
      readonly diverged?: readonly Place[];
      readonly dirtyListsUntil?: number;
    },
  ): Promise<Recovered> {
    const { turns, clock, settings, log, timers } = this.#deps;
    const fence = await this.#nextFence(head);
    const epoch = read.reset ? Math.max(head.epoch + 1, 1) : head.epoch;
    const at = read.reset ? read.at : Math.max(read.at, head.lastSeq);
    const marked = await turns.amend(
      head.key,
      {
        set: { replacing: true, wanted: "resync", fence, ...dueAttributes(head.key, head.claim?.until ?? clock.now()) },
        add: { version: 1 },
      },
      headIs.claimedBy(head.claim?.token ?? ""),
    );
    if (marked === undefined) return { is: "busy", head };
    const scope = placeOf(head.scope);
    if (read.parts !== undefined && this.#stores(head)) {
      await this.#deps.data(head.actorId, head.peerId).replace({
        scope,
        carved: [...head.carved, ...(read.diverged ?? [])],
        parts: read.parts,
        fence,
        sequence: at,
        ...(read.dirtyListsUntil === undefined ? {} : { dirtyListsUntil: read.dirtyListsUntil }),
      });
    }
    const state = read.parts === undefined ? null : stateJson(scope, read.parts);
    const { held } = await this.#deps.hooks.first(
      hookEventOf({ ...head, epoch, fence: head.fence }, "resync", at, state),
      head.starts,
      head.held,
      read.parts !== undefined && this.#stores(head),
    );
    const lost = read.reset ? [...marked.pending] : [...marked.pending].filter((n) => n <= at);
    const set: Record<string, Attribute> = {
      epoch,
      digests: "",
      attempts: 0,
      held,
      ...reconciled(clock.now(), settings),
    };
    if (read.reset) set["lastTimestamp"] = "";
    const done = await (read.reset
      ? this.#restart(marked, at, set)
      : turns.advance(marked, { to: at, keepClaim: false, set, remove: ["replacing", "wanted"] }));
    if (done === undefined) return { is: "busy", head };
    await this.#deps.table
      .deleteMany(lost.map((n) => pendingKey(head.key, head.epoch, n)))
      .catch((error: unknown) => log.warn("kept bodies were not deleted", { ...idsOf(head), error: String(error) }));
    await publisher.acknowledge(head.subscriptionId, at);
    if (done.dueAt !== undefined && (done.wanted !== undefined || done.pending.size > 0)) await timers.wake(done);
    log.info("resynced", { ...idsOf(head), sequence: at, reset: read.reset });
    return { is: "resynced", head: done, applied: 0 };
  }

  /**
   * A publisher that counts anew: what is in the slots may be of either life, so it goes, and the publisher is asked once
   * more for what it may have held of the new one.
   */
  async #restart(head: Head, to: number, set: Readonly<Record<string, Attribute>>): Promise<Head | undefined> {
    const { turns, clock, settings } = this.#deps;
    const asks = head.pending.size > 0;
    const due = asks ? dueAttributes(head.key, clock.now() + settings.gapTimeoutMs) : {};
    const remove = [
      "replacing",
      "pending",
      "gapSince",
      "claimToken",
      "claimUntil",
      "claimFence",
      ...(asks ? [] : ["wanted"]),
    ];
    const change = {
      set: {
        ...set,
        lastSeq: to,
        starts: 0,
        activeAt: clock.now(),
        ...(asks ? { wanted: "catch_up", ...due } : restingDue({ ...head, ...(set as Partial<Head>) }, remove)),
      },
      remove,
      add: { version: 1 },
    };
    return await turns.amend(head.key, change, headIs.claimedBy(head.claim?.token ?? ""));
  }

  #stores(head: Head): boolean {
    return this.#deps.settings.autoStorage && head.scope.target === "properties" && head.granularity !== "none";
  }

  /** Higher than every fence this peer's streams have written under. 1 query. */
  async #nextFence(head: Head): Promise<number> {
    const page = await this.#deps.table.query({
      pk: head.key.pk,
      prefix: outboundPrefix(head.peerId),
      only: ["fence"],
    });
    const fences = page.items.map((item) => (item["fence"] as number | undefined) ?? 0);
    return Math.max(this.#deps.clock.now(), head.fence + 1, ...fences.map((fence) => fence + 1));
  }

  async #fail(
    head: Head,
    reason: string,
    kind: RecoveryRequest["kind"] = "catch_up",
  ): Promise<Extract<Recovered, { is: "failed" }>> {
    const { turns, clock, log, timers, random } = this.#deps;
    const attempts = head.attempts + 1;
    const dueAt = clock.now() + pauseAfter(attempts, RETRY_PAUSES, random());
    const set = { attempts, wanted: head.wanted === "resync" ? "resync" : kind, ...dueAttributes(head.key, dueAt) };
    await turns.release(head, { set });
    await timers.wake({ key: head.key, dueAt });
    log.warn("recovery failed", { ...idsOf(head), reason, attempts });
    return { is: "failed", head: { ...head, attempts, dueAt }, reason };
  }

  async #discard(head: Head, sequence: number): Promise<void> {
    if (!head.pending.has(sequence)) return;
    await this.#deps.table.deleteMany([pendingKey(head.key, head.epoch, sequence)]).catch(() => undefined);
  }
}

export interface RecoveryDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly turns: Turns;
  readonly timers: Timers;
  readonly hooks: HookRuns;
  readonly publishers: Publishers;
  readonly data: (actorId: string, peerId: string) => ReceivedData;
  readonly sink: (head: Head) => SubscriptionSink;
  readonly sequencer: (head: Head) => Sequencer<StreamEvent, Prepared | undefined>;
  readonly settings: RecoverySettings;
  /** Time one more event may take, ms. */
  readonly reserveMs: number;
}

/**
 * True when the publisher's newest number shows that it began to count anew: it is below what was applied, or, asked a
 * second time, still below what it once sent.
 */
const countsAnew = (head: Head, newest: number): boolean =>
  newest < head.lastSeq || (head.attempts > 0 && [...head.pending].some((n) => n > newest));

const newestOf = (polled: Polled): number | undefined =>
  polled.is === "backlog" || polled.is === "too_large" ? polled.sequence : undefined;

const eventOf = (diff: { sequence: number } & Partial<StreamEvent> & StreamEvent["content"]): StreamEvent => ({
  sequence: diff.sequence,
  kind: "diff",
  content: { data: diff.data, ...(diff.overwritten === undefined ? {} : { overwritten: diff.overwritten }) },
  ...(diff.timestamp === undefined ? {} : { timestamp: diff.timestamp }),
});

/** The parts that the data of a resync callback stands for. */
function partsOfData(scope: Place, data: Json): readonly StatePart[] {
  if (scope.length > 0 || typeof data !== "object" || data === null || Array.isArray(data)) {
    return [{ place: scope, kind: "value", value: data }];
  }
  return Object.entries(data as Readonly<Record<string, Json>>).map(([name, value]) => ({
    place: [name],
    kind: "value" as const,
    value,
  }));
}

/** When the next reconciliation is due, if they are on. */
function reconciled(now: number, settings: RecoverySettings): { readonly reconcileAt?: number } {
  return settings.reconcileMs === 0 ? {} : { reconcileAt: now + settings.reconcileMs };
}
