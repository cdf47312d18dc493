/** Delivers to the listeners of one kind: what a commit made, what maintenance of the log finds left, what is due. */
import { eventsOf } from "../domain/events/record-events.ts";
import { positionOf, parsePosition } from "../domain/events/position.ts";
import { selects } from "../domain/events/selection.ts";
import { readLogHead, type ChangeLog, type LogHead } from "../change-log/change-log.ts";
import type { Commit } from "../change-log/log-commits.ts";
import { RecordCache } from "../change-log/record-cache.ts";
import { listenerKey, listenerPartition, listenerPrefix, type ListenerRef } from "../dynamodb/keys/listeners.ts";
import { logHeadKey } from "../dynamodb/keys/publishing.ts";
import { leaseIsLive } from "../dynamodb/lease.ts";
import { updateIf } from "../dynamodb/outcomes.ts";
import { queryAll } from "../dynamodb/paging.ts";
import type { Item, Key } from "../dynamodb/table.ts";
import { DeliveryBudget } from "../engine/delivery-budget.ts";
import type { DeliveryOutcome } from "../engine/fan-out-result.ts";
import type { FoundListener } from "../engine/in-scope.ts";
import type { CaughtUp, CommitDelivery, ListenersOfKinds } from "../engine/listening.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import type { Clock, Deadline, Log } from "../system/ports.ts";
import { wakeUp, wakeUpAll, type WakeUpDeps } from "../system/wake-up.ts";
import { changeListenerHead, readListenerHead, type ListenerHead } from "./listener-head.ts";
import type { ListenerWay, OpenListener } from "./listener-way.ts";
import { ListenerSession, type SessionDeps, type SessionInput, type SessionResult } from "./session.ts";
import { itemIn } from "./session-listener.ts";

/** Listeners that are worked on at the same time. */
const AT_ONCE = 16;
/** With less time than this no attempt is begun for a request, ms. */
const LEAST_MS = 100;

export interface ListenerDeliveryDeps extends SessionDeps, WakeUpDeps {
  readonly changeLog: ChangeLog;
  readonly log: Log;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
  /** Days for which a record can be read (`DIFF_RETENTION_DAYS`). */
  readonly retentionDays: number;
}

const DAY_MS = 86_400_000;

/** How the sessions of one call go about it. */
type How<Target, Answer> = Pick<SessionInput<Target, Answer>, "time" | "alone" | "mayWait"> & {
  readonly cache: RecordCache;
};

/** What was read of a listener. */
interface FoundHead<Target> {
  readonly head: ListenerHead;
  /** Undefined: nothing may begin. */
  readonly open: OpenListener<Target> | undefined;
}

/** The listeners of one kind, each served by sessions. */
export class ListenerDelivery<Target, Answer> implements ListenersOfKinds {
  readonly #deps: ListenerDeliveryDeps;
  readonly #way: ListenerWay<Target, Answer>;

  constructor(deps: ListenerDeliveryDeps, way: ListenerWay<Target, Answer>) {
    this.#deps = deps;
    this.#way = way;
  }

  hears({ kind }: Pick<FoundListener, "kind">): boolean {
    return kind === this.#way.kind;
  }

  async deliver(
    commit: Commit,
    found: readonly FoundListener[],
    { cache, isAlone, waitMs }: CommitDelivery,
  ): Promise<readonly DeliveryOutcome[]> {
    const { clock, log } = this.#deps;
    const { actorId, newest } = commit;
    const deferred = found.map((): DeliveryOutcome => ({ kind: "deferred" }));
    if (found.length === 0) return deferred;
    if (waitMs === 0) {
      await wakeUpAll(this.#deps, found.map(listenerKey));
      return deferred;
    }
    const time = timeOf(clock, clock.now() + waitMs);
    const alone = { from: commit.records[0]?.number ?? newest + 1, isAlone };
    try {
      const items = itemIn(await this.#deps.table.getMany(found.flatMap((ref) => this.#keysOf(ref))));
      return await mapConcurrent(found, AT_ONCE, async (each) => {
        const listener = this.#opened(items(listenerKey(each)), items);
        if (listener === undefined) return { kind: "nothing" };
        return await this.#deliverOne(commit, each, listener, { cache, alone, time, mayWait: false });
      });
    } catch (error) {
      log.error("the listeners of a change were not read; the maintenance delivers to them", { actorId, error });
      return deferred;
    }
  }

  async #deliverOne(
    commit: Commit,
    found: FoundListener,
    { head, open }: FoundHead<Target>,
    how: How<Target, Answer>,
  ): Promise<DeliveryOutcome> {
    const { clock, log, incarnation } = this.#deps;
    const now = clock.now();
    if (open === undefined || open.lanes.every(({ state }) => state.stopped !== undefined)) return { kind: "skipped" };
    // Its holder finds the commit, when it has released the lease at the latest.
    if (leaseIsLive(head.lease, now, incarnation)) return { kind: "deferred" };
    if ((head.slowUntil ?? 0) > now) {
      await wakeUp(this.#deps, listenerKey(head), now);
      return { kind: "deferred" };
    }
    try {
      const { outcomes } = await this.#work({ head, open }, how, commit.newest);
      return this.#outcomeOf(commit, found, outcomes);
    } catch (error) {
      const { actorId, kind, id } = head;
      log.error("a listener was not given a change; the maintenance does it", { actorId, kind, id, error });
      return { kind: "deferred" };
    }
  }

  /** What became of the commit's events at one listener. */
  #outcomeOf(
    commit: Commit,
    { selection, kind, id }: FoundListener,
    outcomes: ReadonlyMap<string, string>,
  ): DeliveryOutcome {
    const all = commit.records.flatMap(({ number, record }) =>
      eventsOf(record).flatMap((event) =>
        selects(selection, event) ? [outcomes.get(positionOf(this.#deps.epoch, number, event))] : [],
      ),
    );
    const failed = all.find((is) => is !== undefined && is !== "taken");
    if (failed !== undefined) {
      const failure = { peerId: kind, subscriptionId: id, error: "The listener did not take the event." };
      return failed === "ambiguous" ? { kind: "ambiguous", failure } : { kind: "failed", failure };
    }
    return { kind: all.every((is) => is === "taken") ? "delivered" : "deferred" };
  }

  async catchUp(actorId: string, { newest: upTo }: LogHead, deadline: Deadline): Promise<CaughtUp> {
    const { changeLog, clock, incarnation, table } = this.#deps;
    const range = { pk: listenerPartition(actorId), prefix: listenerPrefix(this.#way.kind) };
    const items = await queryAll(table, range);
    const heads = items.map(readListenerHead).filter((head) => isBehind(head, upTo));
    if (heads.length === 0) return "done";
    const also = heads.flatMap((head) => this.#way.also(head));
    const found = itemIn([...items, ...(also.length === 0 ? [] : await table.getMany(also))]);
    const cache = new RecordCache(changeLog, actorId);
    const time = DeliveryBudget.ofWorker(deadline);
    const results = await mapConcurrent(heads, AT_ONCE, async (head): Promise<CaughtUp> => {
      if (leaseIsLive(head.lease, clock.now(), incarnation)) return "again";
      const listener = this.#opened(found(listenerKey(head)), found);
      if (listener?.open === undefined) return "done";
      const { end } = await this.#work({ head, open: listener.open }, { cache, time, mayWait: false }, upTo);
      return end === "lost" ? "again" : end;
    });
    return results.includes("late") ? "late" : results.includes("again") ? "again" : "done";
  }

  /** Does what is left of one listener: it is due, or a message names it. May be called at any time. */
  async runDue(ref: ListenerRef, deadline: Deadline): Promise<void> {
    const { changeLog, clock, incarnation, table } = this.#deps;
    const logKey = logHeadKey(ref.actorId);
    const items = itemIn(await table.getMany([logKey, ...this.#keysOf(ref)]));
    const listener = this.#opened(items(listenerKey(ref)), items);
    if (listener === undefined || leaseIsLive(listener.head.lease, clock.now(), incarnation)) return;
    const { head, open } = listener;
    if (open === undefined) {
      // What lets the listener continue makes it due again.
      const rest = changeListenerHead(head, { dueAt: null });
      if (head.dueAt !== undefined) await updateIf(table, rest.update, rest.change, rest.condition);
      return;
    }
    const cache = new RecordCache(changeLog, ref.actorId);
    const how = { cache, time: DeliveryBudget.ofWorker(deadline), mayWait: true };
    await this.#work({ head, open }, how, readLogHead(items(logKey)).newest);
  }

  /**
   * Runs sessions until the log has nothing that none of them has read: a commit leaves a listener whose lease it finds taken
   * to the lease's holder, which therefore looks at the log once more after the lease is released.
   */
  async #work(
    listener: { readonly head: ListenerHead; readonly open: OpenListener<Target> },
    how: How<Target, Answer>,
    newest: number,
  ): Promise<{ readonly end: SessionResult; readonly outcomes: ReadonlyMap<string, string> }> {
    const outcomes = new Map<string, string>();
    let [now, upTo, cache]: [typeof listener, number, RecordCache] = [listener, newest, how.cache];
    for (;;) {
      const session = new ListenerSession(this.#deps, this.#inputOf(now, { ...how, cache }, upTo));
      const end = await session.run();
      for (const [position, is] of session.outcomes) outcomes.set(position, is);
      if (end === "lost" || (end === "done" && !session.tookLease)) {
        await this.#wake(session.head, end);
        return { end, outcomes };
      }
      const logKey = logHeadKey(now.head.actorId);
      const items = itemIn(await this.#deps.table.getMany([logKey, ...this.#keysOf(now.head)]));
      const log = readLogHead(items(logKey));
      const again = this.#opened(items(listenerKey(now.head)), items);
      const isMore = end === "done" && log.newest > upTo && again?.open !== undefined;
      if (
        !isMore ||
        !how.time.mayStart() ||
        leaseIsLive(again.head.lease, this.#deps.clock.now(), this.#deps.incarnation)
      ) {
        await this.#wake(session.head, isMore ? "late" : end);
        return { end: isMore ? "late" : end, outcomes };
      }
      [now, upTo, cache] = [
        { head: again.head, open: again.open },
        log.newest,
        new RecordCache(this.#deps.changeLog, now.head.actorId),
      ];
    }
  }

  /** A message for what is left: now, or when it is due. */
  async #wake(head: ListenerHead, end: SessionResult): Promise<void> {
    const at = end === "done" ? head.dueAt : this.#deps.clock.now();
    if (at !== undefined) await wakeUp(this.#deps, listenerKey(head), at);
  }

  #inputOf(
    { head, open }: { readonly head: ListenerHead; readonly open: OpenListener<Target> },
    { cache, ...how }: How<Target, Answer>,
    newest: number,
  ): SessionInput<Target, Answer> {
    const { epoch, retentionDays } = this.#deps;
    const stream = (after: number, upTo: number) => cache.stream(after, upTo);
    const log = { epoch, retentionMs: retentionDays * DAY_MS, stream };
    return { ...how, way: this.#way, head, open, newest, log };
  }

  #keysOf(ref: ListenerRef): readonly Key[] {
    return [listenerKey(ref), ...this.#way.also(ref)];
  }

  #opened(item: Item | undefined, items: (key: Key) => Item | undefined): FoundHead<Target> | undefined {
    if (item === undefined) return undefined;
    const head = readListenerHead(item);
    return { head, open: this.#way.open(head, items) };
  }
}

/** True when the listener has not heard the log up to there. What is due later has its own due time. */
function isBehind({ lanes }: ListenerHead, upTo: number): boolean {
  const all = Object.values(lanes);
  return all.length === 0 || all.some(({ floor }) => (parsePosition(floor.after)?.record ?? 0) < upTo);
}

/** The time of a request until `end` (ms since 1970). */
function timeOf(clock: Clock, end: number): SessionInput<unknown, unknown>["time"] {
  const remaining = (): number => Math.max(0, end - clock.now());
  return {
    remaining,
    mayStart: (ms?: number) => remaining() - (ms ?? 0) >= LEAST_MS,
    forOne: (most) => Math.max(1, Math.min(most, remaining())),
  };
}
