/**
 * Delivers to the listeners of one kind: the events of a commit, those that maintenance of the log finds left, and due
 * ones.
 */
import { eventsOf } from "../domain/events/record-events.ts";
import { positionOf, recordOf } from "../domain/events/position.ts";
import { selects } from "../domain/events/selection.ts";
import { readLogHead, type LogHead } from "../change-log/change-log.ts";
import type { Commit } from "../change-log/log-commits.ts";
import { RecordCache } from "../change-log/record-cache.ts";
import { listenerKey, listenerPartition, listenerPrefix, type ListenerRef } from "../dynamodb/keys/listeners.ts";
import { logHeadKey } from "../dynamodb/keys/publishing.ts";
import { leaseIsLive } from "../dynamodb/lease.ts";
import { updateIf } from "../dynamodb/outcomes.ts";
import { queryAll } from "../dynamodb/paging.ts";
import { itemIn } from "../dynamodb/table.ts";
import { DeliveryBudget } from "../engine/delivery-budget.ts";
import type { DeliveryOutcome } from "../engine/fan-out-result.ts";
import type { FoundListener } from "../engine/in-scope.ts";
import type { CaughtUp, CommitDelivery, ListenersOfKinds } from "../engine/listening.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import type { Clock, Deadline } from "../system/ports.ts";
import { wakeUp, wakeUpAll } from "../system/wake-up.ts";
import { changeListenerHead, readListenerHead, type ListenerHead } from "./listener-head.ts";
import {
  AT_ONCE,
  ListenerSessions,
  type FoundHead,
  type ListenerSessionsDeps,
  type SessionOptions,
} from "./listener-sessions.ts";
import type { ListenerWay } from "./listener-way.ts";
import { LONE_BEGINS_MS, loneUntil, mayBeAlone } from "./lone.ts";
import type { SessionInput, SessionResult } from "./session.ts";

import { sayUnsaid } from "./sys-events.ts";

/** While a delivery without a lease runs, a request reads the listener again after this pause, ms; and how often. */
const POLL_MS = 100;
const MOST_POLLS = 8;
/** A request starts an attempt only with at least this much time, ms. */
const LEAST_MS = 100;

/** The listeners of one kind. Each delivery is a session (session.ts); the only state is the table. */
export class ListenerDelivery<Target, Answer> implements ListenersOfKinds {
  readonly #deps: ListenerSessionsDeps;
  readonly #way: ListenerWay<Target, Answer>;
  readonly #sessions: ListenerSessions<Target, Answer>;

  constructor(deps: ListenerSessionsDeps, way: ListenerWay<Target, Answer>) {
    this.#deps = deps;
    this.#way = way;
    this.#sessions = new ListenerSessions(deps, way);
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
    const from = commit.records[0]?.number ?? newest + 1;
    const latest = Date.parse(commit.records[0]?.record.at ?? "") + LONE_BEGINS_MS;
    const alone = { from, isAlone: () => isAlone() && clock.now() <= latest };
    try {
      const items = itemIn(await this.#deps.table.getMany(found.flatMap((ref) => this.#sessions.keysOf(ref))));
      const more: ListenerRef[] = [];
      const outcomes = await mapConcurrent(found, AT_ONCE, async (each): Promise<DeliveryOutcome> => {
        const listener = this.#sessions.opened(items(listenerKey(each)), items);
        if (listener === undefined) return { kind: "nothing" };
        const how = { cache, alone, time, mayWait: false };
        const { outcome, mayHaveMore } = await this.#deliverOne(commit, each, listener, how);
        if (mayHaveMore) more.push(each);
        return outcome;
      });
      await this.#sessions.followAll(more, { time, mayWait: false }, newest);
      return outcomes;
    } catch (error) {
      log.error("the listeners of a change were not read; the maintenance delivers to them", { actorId, error });
      return deferred;
    }
  }

  async #deliverOne(
    commit: Commit,
    found: FoundListener,
    listener: FoundHead<Target>,
    how: SessionOptions<Target, Answer>,
  ): Promise<{ readonly outcome: DeliveryOutcome; readonly mayHaveMore: boolean }> {
    const left = (kind: "skipped" | "deferred") => ({ outcome: { kind }, mayHaveMore: false });
    const { clock, log, incarnation } = this.#deps;
    try {
      const { head, open } = await this.#afterLone(listener, how);
      const now = clock.now();
      if (open === undefined || open.lanes.every(({ state }) => state.stopped !== undefined)) return left("skipped");
      // The holder of the lease finds the commit, at the latest after it has released the lease (`follow`).
      if (leaseIsLive(head.lease, now, incarnation)) return left("deferred");
      const waitUntil = (head.slowUntil ?? 0) > now ? now : await this.#loneUntil({ head, open }, how);
      if (waitUntil !== undefined) {
        await wakeUp(this.#deps, listenerKey(head), waitUntil);
        return left("deferred");
      }
      const { alone, ...others } = how;
      const mode = alone !== undefined && mayBeAlone(head, open) ? how : others;
      const log = { newest: commit.newest, listeners: commit.head.listeners };
      const { outcomes, mayHaveMore } = await this.#sessions.runOne({ head, open }, mode, log);
      return { outcome: this.#outcomeOf(commit, found, outcomes), mayHaveMore };
    } catch (error) {
      const { actorId, kind, id } = found;
      log.error("a listener was not given a change; the maintenance does it", { actorId, kind, id, error });
      return left("deferred");
    }
  }

  /** The listener, read again until no delivery of an earlier record runs without a lease, or time is over. */
  async #afterLone(listener: FoundHead<Target>, how: SessionOptions<Target, Answer>): Promise<FoundHead<Target>> {
    const { sleep, table } = this.#deps;
    let now = listener;
    for (let polls = 0; polls < MOST_POLLS && how.time.mayStart(POLL_MS); polls += 1) {
      if ((await this.#loneUntil(now, how)) === undefined) break;
      await sleep(POLL_MS);
      const items = itemIn(await table.getMany(this.#sessions.keysOf(now.head)));
      const next = this.#sessions.opened(items(listenerKey(now.head)), items);
      if (next === undefined) break;
      now = next;
    }
    return now;
  }

  /** Until when a delivery of an earlier record may run without a lease, ms since 1970; undefined: none does. */
  async #loneUntil(
    { head, open }: FoundHead<Target>,
    { alone, cache }: SessionOptions<Target, Answer>,
  ): Promise<number | undefined> {
    const { clock, incarnation } = this.#deps;
    const now = clock.now();
    if (alone === undefined || alone.isAlone() || open === undefined) return undefined;
    if (leaseIsLive(head.lease, now, incarnation)) return undefined;
    return await loneUntil({ head, open }, { cache, upTo: alone.from - 1, now });
  }

  /** The outcome of the commit for one listener, from the outcomes of its events. */
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

  async catchUp(actorId: string, logHead: LogHead, deadline: Deadline): Promise<CaughtUp> {
    const upTo = logHead.newest;
    const { changeLog, clock, epoch, incarnation, table } = this.#deps;
    const range = { pk: listenerPartition(actorId), prefix: listenerPrefix(this.#way.kind) };
    const items = await queryAll(table, range);
    const heads = items.map((item) => readListenerHead(epoch, item)).filter((head) => isBehind(head, upTo));
    if (heads.length === 0) return "done";
    const also = heads.flatMap((head) => this.#way.also(head));
    const found = itemIn([...items, ...(also.length === 0 ? [] : await table.getMany(also))]);
    const cache = new RecordCache(changeLog, actorId);
    const time = DeliveryBudget.ofWorker(deadline);
    const more: ListenerRef[] = [];
    const results = await mapConcurrent(heads, AT_ONCE, async (head): Promise<SessionResult | "again"> => {
      if (leaseIsLive(head.lease, clock.now(), incarnation)) return "again";
      const listener = this.#sessions.opened(found(listenerKey(head)), found);
      if (listener?.open === undefined) return "done";
      const now = clock.now();
      if ((await loneUntil({ head, open: listener.open }, { cache, upTo, now })) !== undefined) return "again";
      const worked = await this.#sessions.runOne(
        { head, open: listener.open },
        { cache, time, mayWait: false },
        logHead,
      );
      if (worked.mayHaveMore) more.push(head);
      return worked.end;
    });
    await this.#sessions.followAll(more, { time, mayWait: false }, upTo);
    if (results.includes("late")) return "late";
    return results.includes("again") || results.includes("lost") ? "again" : "done";
  }

  /** Delivers what is left for one listener, because it is due or a message names it. May be called at any time. */
  async runDue(ref: ListenerRef, deadline: Deadline): Promise<void> {
    const { changeLog, clock, incarnation, table } = this.#deps;
    const logKey = logHeadKey(ref.actorId);
    const read = async () => {
      const items = itemIn(await table.getMany([logKey, ...this.#sessions.keysOf(ref)]));
      return { items, listener: this.#sessions.opened(items(listenerKey(ref)), items) };
    };
    let { items, listener } = await read();
    if (listener === undefined || leaseIsLive(listener.head.lease, clock.now(), incarnation)) return;
    if (listener.head.unsaid.length > 0) {
      await sayUnsaid(this.#deps, listener.head);
      ({ items, listener } = await read());
      if (listener === undefined || leaseIsLive(listener.head.lease, clock.now(), incarnation)) return;
    }
    const { head, open } = listener;
    if (open === undefined) {
      // It is paused, or being deleted. The change that resumes it makes it due again.
      const rest = changeListenerHead(head, { dueAt: null });
      if (head.dueAt !== undefined) await updateIf(table, rest.update, rest.change, rest.condition);
      return;
    }
    const cache = new RecordCache(changeLog, ref.actorId);
    const logHead = readLogHead(items(logKey));
    const { newest } = logHead;
    const until = await loneUntil({ head, open }, { cache, upTo: newest, now: clock.now() });
    if (until !== undefined) {
      await wakeUp(this.#deps, listenerKey(ref), until);
      return;
    }
    const how = { cache, time: DeliveryBudget.ofWorker(deadline), mayWait: true };
    const { mayHaveMore } = await this.#sessions.runOne({ head, open }, how, logHead);
    if (mayHaveMore) await this.#sessions.follow(ref, { time: how.time, mayWait: true }, newest);
  }
}

/** True when a lane of the listener has not heard the log up to the record. Failed events have a due time of their own. */
function isBehind({ lanes }: ListenerHead, upTo: number): boolean {
  const all = Object.values(lanes);
  return all.length === 0 || all.some(({ floor }) => recordOf(floor.after) < upTo);
}

/** The budget of a request that may take until `end` (ms since 1970). */
function timeOf(clock: Clock, end: number): SessionInput<unknown, unknown>["time"] {
  const remaining = (): number => Math.max(0, end - clock.now());
  return {
    remaining,
    mayStart: (ms?: number) => remaining() - (ms ?? 0) >= LEAST_MS,
    forOne: (most) => Math.max(1, Math.min(most, remaining())),
  };
}
