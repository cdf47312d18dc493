import { envelopeOf } from "../../domain/events/envelope.ts";
import type { NumberedEvent } from "../../domain/events/keeper-steps.ts";
import { eventIdOf, positionAfter } from "../../domain/events/position.ts";
import { eventsOf } from "../../domain/events/record-events.ts";
import type { ChangeLog, LogHead } from "../../change-log/change-log.ts";
import type { Commit } from "../../change-log/log-commits.ts";
import { RecordCache } from "../../change-log/record-cache.ts";
import { leaseAttributes, leaseIs, newLease, type Lease, type LeaseDeps } from "../../dynamodb/lease.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import { all, itemExists, type Item } from "../../dynamodb/table.ts";
import { BACKGROUND_MS } from "../../engine/delivery-budget.ts";
import type { FoundListener } from "../../engine/in-scope.ts";
import type { CaughtUp, CommitDelivery, Listeners } from "../../engine/listening.ts";
import { attemptHook } from "../../failed-events/hook-attempt.ts";
import type { ListenerEvent } from "../../failed-events/hook-event.ts";
import { compact } from "../../system/compact.ts";
import type { After, Clock, Deadline, JsonObject } from "../../system/ports.ts";
import { currentDeadline, insideEventHook } from "../../system/request-context.ts";
import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";
import { hearing, type EventHookRunner } from "./definition.ts";
import { EventHookRun, LeaseLost, type RunDeps } from "./event-hook-run.ts";
import { againIn, eventHooksKey, isUpToDate, isPaused, startsIn, stateIn } from "./event-hooks-item.ts";
import { HookCursor, type Failure } from "./hook-cursor.ts";
import type { LogEvent, LogReading } from "./log-events.ts";

/** A hook that takes longer than this, ms, is left to the worker from then on. */
const SLOW_MS = 1_000;
/** What a run keeps of its time for storing how far it has come, ms. */
const RESERVE_MS = 3_000;
/** Lost races for the lease, each with another writer that has come further. */
const MOST_RACES = 5;
/** Delay before a run is tried again after trouble, ms. */
const AFTER_TROUBLE_MS = 5_000;

export interface EventHookDeps extends Omit<RunDeps, "failing">, LeaseDeps, WakeUpDeps {
  readonly changeLog: ChangeLog;
  readonly runner: EventHookRunner;
  readonly after: After;
  readonly random: () => number;
  /** The root URI of an actor. */
  readonly rootOf: (actorId: string) => string;
  readonly settings: {
    readonly maxAttempts: number;
    readonly timeoutMs: number;
    /** The deployment's `LOG_EPOCH`. */
    readonly epoch: number;
    readonly retentionMs: number;
  };
}

/** What a run is given. */
interface Work {
  readonly actorId: string;
  /** The newest record that is known. */
  readonly newest: number;
  readonly cache: RecordCache;
  readonly deadline: Deadline;
  /** No attempt begins later, ms since 1970. */
  readonly until: number;
}

/** `busy`: another run has the lease, and hears what this one would have. `none`: the actor has no event hooks yet. */
type WorkEnd = "done" | "late" | "busy" | "none";

/**
 * Gives actors' own events to the hooks of the application. It has no state but which hooks were slow in this process: a
 * request does not wait for those again. What lies in the table is described in event-hooks-item.ts.
 */
export class EventHookListener implements Listeners {
  readonly #deps: EventHookDeps;
  readonly #slow = new Set<string>();

  constructor(deps: EventHookDeps) {
    this.#deps = deps;
  }

  hears({ kind }: FoundListener): boolean {
    return kind === "event-hooks";
  }

  /**
   * Runs the hooks that hear a commit; the worker does what does not begin within `waitMs`. A hook that has begun is awaited.
   * No outcome is returned, because hooks are no subscribers. Nothing is read or written where no hook hears the commit.
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
    if (waitMs === 0 || concerned.some(({ id }) => this.#slow.has(id))) {
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

  /** Runs what is due of an actor's event hooks: what there was no time for, and events that are tried again. */
  async runDue(actorId: string, deadline: Deadline): Promise<void> {
    const { changeLog } = this.#deps;
    const newest = await changeLog.newest(actorId);
    await this.#work({ actorId, newest, cache: new RecordCache(changeLog, actorId), deadline, until: Infinity });
  }

  /** Brings an actor's event hooks up to the log's newest record. One read when they are there already. */
  async catchUp(actorId: string, { newest: upTo }: LogHead, deadline: Deadline): Promise<CaughtUp> {
    const { changeLog, runner, settings, table } = this.#deps;
    const item = await table.get(eventHooksKey(actorId));
    const ids = runner.eventHooks.map(({ id }) => id);
    if (item === undefined || isUpToDate(item, ids, positionAfter(settings.epoch, upTo))) return "done";
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
      if (acquired.written) return await this.#run(work, { lease, item: acquired.item });
      if (acquired.item === undefined) return "none";
      const live = all(itemExists, leaseIs.live(now, incarnation));
      const left = await updateIf(table, key, { set: { again: ids.id().slice(0, 16) } }, live);
      if (left.written) return "busy";
    }
    log.warn("others keep changing an actor's event hooks; maintenance runs them", { actorId: work.actorId });
    return "busy";
  }

  async #run(work: Work, acquired: { readonly lease: Lease; readonly item: Item }): Promise<WorkEnd> {
    const { changeLog, clock, log } = this.#deps;
    const { actorId } = work;
    const run = new EventHookRun({ ...this.#deps, failing: this.#failing }, actorId, acquired);
    let newest =
      againIn(acquired.item) === undefined ? work.newest : Math.max(work.newest, await changeLog.newest(actorId));
    const reading = (): LogReading => ({ ...this.#deps.settings, records: work.cache, newest });
    let cursors = this.#cursorsOf(work, run, reading);
    try {
      for (;;) {
        await Promise.all([...cursors.values()].map(async (cursor) => await cursor.advance()));
        const all = [...cursors.values()];
        const late = all.some((cursor) => cursor.late);
        const times = all.flatMap(({ wakeAt }) => wakeAt ?? []);
        const dueAt = late ? clock.now() : times.length === 0 ? undefined : Math.min(...times);
        const end = await run.end(all, dueAt);
        if (end.is === "lost") return "busy";
        if (end.is === "done") {
          if (end.dueAt !== undefined) await this.#handOver(actorId, end.dueAt);
          return late ? "late" : "done";
        }
        newest = Math.max(newest, await changeLog.newest(actorId));
        for (const cursor of all) cursor.grew();
        const more = this.#cursorsOf(work, run, reading);
        cursors = new Map([...more, ...[...cursors].filter(([id]) => more.has(id))]);
      }
    } catch (error) {
      if (!(error instanceof LeaseLost)) throw error;
      log.warn("a run of event hooks has lost its lease", { actorId });
      return "busy";
    }
  }

  /** The cursors of the hooks that have begun and are not stopped. */
  #cursorsOf(work: Work, run: EventHookRun, reading: () => LogReading): ReadonlyMap<string, HookCursor> {
    const { clock, random, settings, runner, changeLog, log } = this.#deps;
    const { actorId, deadline, until } = work;
    const { item } = run;
    const died = startsIn(item) > 1;
    const leastMs = Math.max(settings.timeoutMs + RESERVE_MS, deadline.stopStartingBelowMs ?? 0);
    let alone: Promise<unknown> = Promise.resolve();
    const tools = {
      ...{ now: () => clock.now(), random, maxAttempts: settings.maxAttempts, reading },
      mayStart: () => clock.now() < until && deadline.remaining() > leastMs,
      oldest: async () => (await changeLog.oldest(actorId))?.number ?? reading().newest + 1,
      lost: (id: string, between: object) => {
        log.error("an event hook has lost events, which have expired", { actorId, hook: id, ...between });
      },
      store: async (cursor: HookCursor) => await run.store(cursor),
      attempt: async (id: string, numbered: NumberedEvent<LogEvent>) => {
        if (!died) return await this.#attempt(actorId, id, numbered);
        // An earlier run died: one attempt at a time, each noted first, so that the one that kills the process is known.
        const attempt = alone.then(async () => await this.#carefully(run, actorId, id, numbered));
        alone = attempt.catch(() => undefined);
        return await attempt;
      },
    };
    return new Map(
      runner.eventHooks.flatMap((definition): [string, HookCursor][] => {
        const state = stateIn(item, definition.id);
        if (state === undefined || isPaused(item, definition.id)) return [];
        return [[definition.id, new HookCursor(definition, state, tools)]];
      }),
    );
  }

  async #carefully(
    run: EventHookRun,
    actorId: string,
    id: string,
    numbered: NumberedEvent<LogEvent>,
  ): Promise<Failure | undefined> {
    const deaths = await run.trying(id, numbered.event.position);
    if (deaths < this.#deps.settings.maxAttempts) return await this.#attempt(actorId, id, numbered);
    const error = `The process ended while the hook ran, ${String(deaths)} times.`;
    return { verdict: "park", error, starts: deaths };
  }

  async #attempt(actorId: string, id: string, numbered: NumberedEvent<LogEvent>): Promise<Failure | undefined> {
    const { after, clock, log, runner, settings } = this.#deps;
    const { event } = numbered;
    const envelope = this.#envelopeOf(actorId, numbered);
    const begun = clock.now();
    const failure = await attemptHook({ after, timeoutMs: settings.timeoutMs }, async (signal) => {
      const run = { actorId, event: envelope, attempt: numbered.attempts + 1 };
      const cause = compact({ hops: event.hops + 1, traceparent: event.attributes.traceparent });
      await insideEventHook(cause, async () => await runner.runEventHook(id, run, signal));
    });
    if (clock.now() - begun > SLOW_MS) this.#slow.add(id);
    if (failure === undefined) return undefined;
    const { subject: topic, type, position } = envelope;
    const fields = { actorId, hook: id, eventId: envelope["id"], topic, type, position };
    log.warn("hook failed", { ...fields, error: failure.error.slice(0, 500) });
    return failure;
  }

  #envelopeOf(actorId: string, { event, number }: NumberedEvent<LogEvent>): JsonObject {
    return envelopeOf({
      event,
      source: this.#deps.rootOf(actorId),
      id: eventIdOf({ ...event, actorId }),
      position: event.position,
      sequence: number,
      // In the same process the data is at hand, however large.
      inlineMaxBytes: Infinity,
      dataref: () => "",
    });
  }

  readonly #failing: RunDeps["failing"] = (actorId, id, { numbered }): ListenerEvent => {
    const { event, number } = numbered;
    const envelope = this.#envelopeOf(actorId, numbered);
    return {
      ...{ id: eventIdOf({ ...event, actorId }), actorId, source: `event-hook:${id}`, sequence: number },
      ...{ topic: event.topic, type: event.type, position: event.position, event: envelope },
    };
  };

  /** Leaves the rest to the worker. When the message gets lost, maintenance of the log finds it. */
  async #handOver(actorId: string, dueAt: number): Promise<void> {
    await wakeUp(this.#deps, eventHooksKey(actorId), dueAt);
  }
}

const untilFrom = (clock: Clock, ms: number): Deadline => {
  const end = clock.now() + ms;
  return { remaining: () => Math.max(0, end - clock.now()) };
};
