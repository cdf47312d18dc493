import type { NumberedEvent } from "../../domain/events/keeper-steps.ts";
import { eventsOf } from "../../domain/events/record-events.ts";
import type { ChangeLog, LogHead } from "../../change-log/change-log.ts";
import type { Commit } from "../../change-log/log-commits.ts";
import { RecordCache } from "../../change-log/record-cache.ts";
import { leaseAttributes, leaseIs, leaseOf, newLease, type Lease, type LeaseDeps } from "../../dynamodb/lease.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import { all, itemExists, type Item } from "../../dynamodb/table.ts";
import { BACKGROUND_MS } from "../../engine/delivery-budget.ts";
import type { FoundListener } from "../../engine/in-scope.ts";
import type { CaughtUp, CommitDelivery, ListenersOfKinds } from "../../engine/listening.ts";
import type { PreparedAttempt } from "../../engine/way-out.ts";
import { idOf, type ListenerEvent } from "../../failed-events/hook-event.ts";
import type { Clock, Deadline } from "../../system/ports.ts";
import { currentDeadline } from "../../system/request-context.ts";
import { wakeUp } from "../../system/wake-up.ts";
import { hearing, type EventHookRunner } from "./definition.ts";
import { EventHookRun, LeaseLost, type RunDeps } from "./event-hook-run.ts";
import type { EventHookWay, HookAnswer } from "./event-hook-way.ts";
import { againIn, eventHooksKey, eventHooksRef, isUpToDate, isPaused, startsIn, stateIn } from "./event-hooks-item.ts";
import { HookCursor, type CursorTools } from "./hook-cursor.ts";
import { unsaidOf } from "../listener-head.ts";
import type { LogEvent } from "../log-events.ts";
import { sayUnsaid, type SayDeps } from "../sys-events.ts";

/** After a hook took longer than `SLOW_MS`, requests leave it to the worker for `SLOW_FOR_MS`. */
const SLOW_MS = 1_000;
const SLOW_FOR_MS = 10 * 60_000;
/** Time that a run keeps for storing its result, ms. */
const RESERVE_MS = 3_000;
/** Most lost races for the lease: each time another writer has changed the item. */
const MOST_RACES = 5;
/** Delay before a run is tried again after an error, ms. */
const AFTER_TROUBLE_MS = 5_000;

export interface EventHookDeps extends Omit<RunDeps, "epoch" | "failing" | "isWatched">, LeaseDeps, SayDeps {
  readonly changeLog: ChangeLog;
  readonly runner: Pick<EventHookRunner, "eventHooks">;
  readonly way: EventHookWay;
  readonly random: () => number;
  readonly settings: {
    readonly maxAttempts: number;
    readonly timeoutMs: number;
    /** The deployment's `LOG_EPOCH`. */
    readonly epoch: number;
    readonly retentionMs: number;
  };
}

/** The input of a run. */
interface Work {
  readonly actorId: string;
  /** The number of the newest record that the caller knows. */
  readonly newest: number;
  readonly cache: RecordCache;
  readonly deadline: Deadline;
  /** No attempt begins later, ms since 1970. */
  readonly until: number;
}

/**
 * How a run ended. `busy`: another run has the lease, and does this one's work too. `none`: the actor has no event hooks
 * yet.
 */
type WorkEnd = "done" | "late" | "busy" | "none";

/**
 * Calls the application's hooks with actors' own events. Its only state is which hooks were slow in this process: requests
 * do not wait for these. event-hooks-item.ts describes the state in the table.
 */
export class EventHookListener implements ListenersOfKinds {
  readonly #deps: EventHookDeps;
  /** By the id of a hook: until when requests do not wait for it, ms since 1970. */
  readonly #slowUntil = new Map<string, number>();

  constructor(deps: EventHookDeps) {
    this.#deps = deps;
  }

  hears({ kind }: FoundListener): boolean {
    return kind === "event-hooks";
  }

  /**
   * Calls the hooks that hear a commit. The worker makes the calls that do not start within `waitMs`; a call that has
   * started is awaited. Returns no outcomes, because hooks are not subscribers. Reads and writes nothing if no hook hears
   * the commit.
   */
  async deliver(
    { actorId, newest, records }: Commit,
    _: readonly FoundListener[],
    { cache, waitMs }: CommitDelivery,
  ): Promise<readonly []> {
    const { clock, log, runner } = this.#deps;
    const concerned = hearing(
      runner.eventHooks,
      records.flatMap(({ record }) => eventsOf(record)),
    );
    if (concerned.length === 0) return [];
    if (waitMs === 0 || concerned.some(({ id }) => clock.now() < (this.#slowUntil.get(id) ?? 0))) {
      await this.#handOver(actorId, clock.now());
      return [];
    }
    try {
      const deadline = currentDeadline() ?? untilFrom(clock, BACKGROUND_MS);
      await this.#work({ actorId, newest, cache, deadline, until: clock.now() + waitMs });
    } catch (error) {
      log.error("the event hooks of a change failed; the worker runs them", { actorId, error });
      await this.#handOver(actorId, clock.now() + AFTER_TROUBLE_MS);
    }
    return [];
  }

  /** Makes the calls of an actor's event hooks that are due: those for which there was no time, and retries. */
  async runDue(actorId: string, deadline: Deadline): Promise<void> {
    const { changeLog } = this.#deps;
    const newest = await changeLog.newest(actorId);
    await this.#work({ actorId, newest, cache: new RecordCache(changeLog, actorId), deadline, until: Infinity });
  }

  /** Calls an actor's event hooks up to the log's newest record. One read if they have all been called already. */
  async catchUp(actorId: string, { newest: upTo }: LogHead, deadline: Deadline): Promise<CaughtUp> {
    const { changeLog, runner, settings, table } = this.#deps;
    const item = await table.get(eventHooksKey(actorId));
    if (item === undefined || isUpToDate(settings.epoch, item, { hooks: runner.eventHooks, upTo })) return "done";
    const cache = new RecordCache(changeLog, actorId);
    const end = await this.#work({ actorId, newest: upTo, cache, deadline, until: Infinity });
    return end === "busy" ? "again" : "done";
  }

  async #work(work: Work): Promise<WorkEnd> {
    const { table, clock, incarnation, ids, log } = this.#deps;
    const key = eventHooksKey(work.actorId);
    for (let races = 0; races < MOST_RACES; races += 1) {
      const lease = newLease(this.#deps, work.deadline.remaining());
      const now = clock.now();
      const acquired = await updateIf(
        table,
        key,
        { set: leaseAttributes(lease), add: { starts: 1 } },
        all(itemExists, leaseIs.free(now, incarnation)),
      );
      if (acquired.item === undefined) return "none";
      // A write whose answer got lost is repeated, and then finds its own lease.
      const isMine = acquired.written || leaseOf(acquired.item)?.token === lease.token;
      if (isMine) {
        const item = await this.#said(work.actorId, acquired.item);
        return item === undefined ? "none" : await this.#run(work, { lease, item });
      }
      const live = all(itemExists, leaseIs.live(now, incarnation));
      const left = await updateIf(table, key, { set: { again: ids.id().slice(0, 16) } }, live);
      if (left.written) return "busy";
    }
    log.warn("others keep changing an actor's event hooks; maintenance runs them", { actorId: work.actorId });
    return "busy";
  }

  /** Moves `$sys` events that an earlier run has left into the log. @returns the item after that */
  async #said(actorId: string, item: Item): Promise<Item | undefined> {
    const unsaid = unsaidOf(item);
    if (unsaid.length === 0) return item;
    await sayUnsaid(this.#deps, { ...eventHooksRef(actorId), unsaid });
    return await this.#deps.table.get(eventHooksKey(actorId));
  }

  async #run(work: Work, acquired: { readonly lease: Lease; readonly item: Item }): Promise<WorkEnd> {
    const { changeLog, clock, log } = this.#deps;
    const { actorId } = work;
    const isWatched = async () => (await changeLog.head(actorId)).listeners.sys > 0;
    const run = new EventHookRun(
      { ...this.#deps, epoch: this.#deps.settings.epoch, failing: this.#failing, isWatched },
      actorId,
      acquired,
    );
    let newest =
      againIn(acquired.item) === undefined ? work.newest : Math.max(work.newest, await changeLog.newest(actorId));
    const stream = (after: number, upTo: number) => work.cache.stream(after, upTo);
    const reading: CursorTools["reading"] = () => ({ ...this.#deps.settings, actorId, stream, newest });
    let cursors = this.#cursorsOf(work, run, reading);
    try {
      for (;;) {
        const all = [...cursors.values()];
        const ends = await Promise.allSettled(all.map(async (cursor) => await cursor.advance()));
        for (const each of ends) if (each.status === "rejected") throw each.reason;
        const late = all.some((cursor) => cursor.late);
        const times = all.flatMap(({ wakeAt }) => wakeAt ?? []);
        const dueAt = late ? clock.now() : times.length === 0 ? undefined : Math.min(...times);
        const end = await run.end(all, dueAt);
        if (end.is === "lost") return "busy";
        if (end.is === "done") {
          await sayUnsaid(this.#deps, { ...eventHooksRef(actorId), unsaid: run.unsaid });
          if (end.dueAt !== undefined) await this.#handOver(actorId, end.dueAt);
          return late ? "late" : "done";
        }
        newest = Math.max(newest, await changeLog.newest(actorId));
        for (const cursor of all) cursor.grew();
        const more = this.#cursorsOf(work, run, reading);
        cursors = new Map([...more, ...[...cursors].filter(([id]) => more.has(id))]);
      }
    } catch (error) {
      if (error instanceof LeaseLost) {
        log.warn("a run of event hooks has lost its lease", { actorId });
        return "busy";
      }
      await run.abandon(clock.now() + AFTER_TROUBLE_MS);
      throw error;
    }
  }

  /** The cursors of the hooks that have begun and are not stopped. */
  #cursorsOf(work: Work, run: EventHookRun, reading: CursorTools["reading"]): ReadonlyMap<string, HookCursor> {
    const { clock, random, settings, runner, changeLog, way } = this.#deps;
    const { actorId, deadline, until } = work;
    const { item } = run;
    const died = startsIn(item) > 1;
    const leastMs = Math.max(settings.timeoutMs + RESERVE_MS, deadline.stopStartingBelowMs ?? 0);
    let alone: Promise<unknown> = Promise.resolve();
    const tools = {
      now: () => clock.now(),
      random,
      maxAttempts: settings.maxAttempts,
      reading,
      mayStart: () => clock.now() < until && deadline.remaining() > leastMs,
      oldest: async () => (await changeLog.oldest(actorId))?.number ?? reading().newest + 1,
      lost: async (id: string, between: { readonly from: string; readonly to: string }) => {
        await run.signal(id, "overtaken", between);
      },
      store: async (cursor: HookCursor) => await run.store(cursor),
      way,
      make: async (id: string, numbered: NumberedEvent<LogEvent>, attempt: PreparedAttempt<HookAnswer>) => {
        const timed = async () => await this.#timed(id, attempt);
        if (!died) return await timed();
        // An earlier run died. One call at a time, noted before it starts, shows which call ends the process.
        const made = alone.then(async () => await this.#carefully(run, id, numbered, timed));
        alone = made.catch(() => undefined);
        return await made;
      },
    };
    return new Map(
      runner.eventHooks.flatMap((definition): [string, HookCursor][] => {
        const state = stateIn(settings.epoch, item, definition);
        const { id } = definition;
        const target = { actorId, id, stopped: isPaused(item, id), failures: new Map() };
        if (state === undefined || way.ends(target) !== undefined) return [];
        return [[id, new HookCursor(definition, target, state, tools)]];
      }),
    );
  }

  async #carefully(
    run: EventHookRun,
    id: string,
    { event }: NumberedEvent<LogEvent>,
    attempt: () => Promise<HookAnswer>,
  ): Promise<HookAnswer> {
    const deaths = await run.trying(id, event.position);
    if (deaths < this.#deps.settings.maxAttempts) return await attempt();
    const error = `The process ended while the hook ran, ${String(deaths)} times.`;
    return { verdict: "park", error, starts: deaths };
  }

  async #timed(id: string, attempt: PreparedAttempt<HookAnswer>): Promise<HookAnswer> {
    const { clock, settings } = this.#deps;
    const begun = clock.now();
    const answer = await attempt(settings.timeoutMs);
    const ended = clock.now();
    if (ended - begun > SLOW_MS) this.#slowUntil.set(id, ended + SLOW_FOR_MS);
    return answer;
  }

  readonly #failing: RunDeps["failing"] = (actorId, id, { numbered }): ListenerEvent => {
    const { event, number: sequence } = numbered;
    const { topic, type } = event.event;
    const envelope = this.#deps.way.envelope(actorId, numbered);
    const source = `event-hook:${id}` as const;
    return {
      // Two hooks that give up one event each keep it.
      id: idOf([source, event.id]),
      actorId,
      source,
      sequence,
      topic,
      type,
      position: event.position,
      event: envelope,
    };
  };

  /** Leaves the rest to the worker. If the message is lost, maintenance of the log finds the rest. */
  async #handOver(actorId: string, dueAt: number): Promise<void> {
    await wakeUp(this.#deps, eventHooksKey(actorId), dueAt);
  }
}

const untilFrom = (clock: Clock, ms: number): Deadline => {
  const end = clock.now() + ms;
  return { remaining: () => Math.max(0, end - clock.now()) };
};
