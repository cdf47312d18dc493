import { pauseAfter } from "../domain/policy/backoff.ts";
import type { After, Clock, DelayQueue, Ids, Json, Log } from "../system/ports.ts";
import { wakeUp } from "../system/wake-up.ts";
import { attemptHook } from "./hook-attempt.ts";
import { isListenerEvent, type FailingEvent, type HookEvent, type HookRunner } from "./hook-event.ts";
import type { FailedAttempt, NextStep, FailedEvent, FailedEventStatus } from "./failed-event.ts";
import type { FailedEventStore } from "./failed-event-store.ts";

export interface HookSettings {
  readonly maxAttempts: number;
  readonly timeoutMs: number;
}

/** Pauses between retries of a failed event, ms: 15 to 30 s at first, at most an hour. The sweep runs once a minute. */
const RETRY_PAUSES = { base: 30_000, most: 3_600_000 };
/** The result of a retry. `dropped`: the hook threw `skip`. `busy`: another attempt runs, or the event was resolved. */
export type Retried = "done" | "dropped" | "busy" | FailedEventStatus;

/** The next retry starts at the earliest this long, ms, after the hook's time limit. */
const RETRY_MARGIN_MS = 5_000;

export interface HookRunsDeps<E extends FailingEvent> {
  readonly runner: HookRunner<E>;
  readonly failedEvents: FailedEventStore<E>;
  readonly queue: DelayQueue;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly settings: HookSettings;
  readonly random: () => number;
  readonly after: After;
  /**
   * The state that a resync event is about, as the replica has it now. Absent where every event is recorded with its data.
   */
  readonly state?: (event: E) => Promise<Json>;
}

/** The state of a stream when the hooks of an event run for the first time. */
export interface FirstRun {
  /** How often the processing of this event has started, this time included; the stream's lease counts that. */
  readonly starts: number;
  /** An earlier event has paused the hooks of the stream, and this event waits behind it. */
  readonly hooksPaused: boolean;
  /** The event's data is a state that the replica has, which may be far larger than an item. */
  readonly stateStored?: boolean;
}

/**
 * Runs hooks so that a failing hook does not block its stream: each start is counted before the hook runs, a failure is
 * recorded as an item of its own, and the stream continues.
 *
 *   first run   `runFirst`, in the order of the stream. A success stores nothing. A failure records the event as
 *               `retrying`, or as its verdict says: `parked`, `stopped`. While hooks are paused, the event is recorded
 *               as `waiting` instead of run; after too many starts it is recorded as `parked` instead of run.
 *   retry       `retry`, called by the sweep, by a person, or after the stop that the event waited for was resolved. A
 *               success deletes the event; a failure gives it its next status. After `maxAttempts` starts (`exhausted`)
 *               the sweep parks the event (`giveUp`) instead of retrying it.
 *   resolved    by a success, a `skip` verdict, or `skip`: the event is deleted, and hooks that it had paused resume.
 *
 * Invariants: at most one attempt of a recorded event runs at a time (`begin` is conditional); an event that stopped its
 * stream keeps the hooks paused until it is resolved, whatever its status is. failed-event.ts defines the statuses.
 */
export class HookRuns<E extends FailingEvent = HookEvent> {
  readonly #deps: HookRunsDeps<E>;

  constructor(deps: HookRunsDeps<E>) {
    this.#deps = deps;
  }

  /** True when a hook is registered for the event. */
  handles(event: E): boolean {
    return this.#deps.runner.handles(event);
  }

  /**
   * Runs the hooks of an event for the first time, in the order of its stream.
   * @returns whether the stream's hooks are paused now
   */
  async runFirst(
    event: E,
    { starts, hooksPaused, stateStored = false }: FirstRun,
  ): Promise<{ readonly hooksPaused: boolean }> {
    const { failedEvents, clock, log, settings } = this.#deps;
    if (!this.handles(event)) return { hooksPaused };
    if (hooksPaused) {
      await failedEvents.record(event, { status: "waiting", starts: 0, attempts: [] }, stateStored);
      return { hooksPaused };
    }
    if (starts > settings.maxAttempts) {
      const error = `The process ended while this event was processed, ${String(starts - 1)} times.`;
      const attempts = [{ at: clock.now(), error }];
      await failedEvents.record(event, { status: "parked", starts: starts - 1, attempts }, stateStored);
      log.error("event parked: its processing kept ending the process", eventFields(event));
      return { hooksPaused };
    }
    const run = await this.#run(event, starts);
    if (run.is !== "failed") {
      // An earlier run was recorded as failed before a crash repeated it, and the repetition succeeded.
      const before = starts > 1 ? await failedEvents.of(event) : undefined;
      if (before !== undefined) await this.#resolve(before);
      return { hooksPaused };
    }
    await failedEvents.record(event, { ...run.next, starts, attempts: [run.attempt] }, stateStored);
    return { hooksPaused: run.next.status === "stopped" };
  }

  /** Runs the hooks of a failed event once more, even when its attempts are used up. */
  async retry(failed: FailedEvent<E>): Promise<Retried> {
    const { failedEvents, clock, ids } = this.#deps;
    // Before the start is counted, because reading the state may fail or take long.
    const event = failed.stateStored ? { ...failed.event, data: await this.#deps.state?.(failed.event) } : failed.event;
    const now = clock.now();
    const attemptId = ids.id().slice(0, 16);
    if (!(await failedEvents.begin(failed, { now, until: now + this.longestMs, attemptId }))) return "busy";
    const starts = failed.starts + 1;
    const run = await this.#run(event, starts);
    if (run.is !== "failed") {
      await this.#resolve(failed);
      return run.is;
    }
    const next = nextOf(failed, run.next);
    await failedEvents.failed({ ...failed, starts }, run.attempt, next);
    return next.status;
  }

  /**
   * Deletes a failed event; hooks that it had paused resume.
   * @returns false when an attempt runs, and nothing was deleted
   */
  async skip(failed: FailedEvent<E>): Promise<boolean> {
    return await this.#resolve(failed, { unlessBusy: true });
  }

  /** Parks an event that is due although its attempts are used up: the process of the last one died. */
  async giveUp(failed: FailedEvent<E>): Promise<void> {
    const error = `The process ended while this event was processed; it was begun ${String(failed.starts)} times in all.`;
    const attempt = { at: this.#deps.clock.now(), error };
    await this.#deps.failedEvents.failed(failed, attempt, nextOf(failed, { status: "parked" }));
  }

  /** True when the attempts of a failed event are used up, so that only a person may retry it. */
  exhausted(failed: FailedEvent<E>): boolean {
    return failed.starts >= this.#deps.settings.maxAttempts;
  }

  /** The longest that one attempt takes, ms, with its reads and writes. */
  get longestMs(): number {
    return this.#deps.settings.timeoutMs + RETRY_MARGIN_MS;
  }

  /** @returns false when an attempt is under way and `unlessBusy` is set */
  async #resolve(failed: FailedEvent<E>, options: { readonly unlessBusy?: boolean } = {}): Promise<boolean> {
    const now = this.#deps.clock.now();
    const resolved = await this.#deps.failedEvents.resolve(failed, { now, ...options });
    if (resolved === "busy") return false;
    if (resolved.due !== undefined) await wakeUp(this.#deps, resolved.due, now);
    return true;
  }

  /** Runs the hooks within their time limit. */
  async #run(event: E, starts: number): Promise<Run> {
    const { after, clock, log, random, runner, settings } = this.#deps;
    const at = clock.now();
    const limits = { after, timeoutMs: settings.timeoutMs };
    const failure = await attemptHook(limits, async (signal) => await runner.run(event, signal, starts));
    if (failure === undefined) return { is: "done" };
    const { verdict, error } = failure;
    log.warn("hook failed", { ...eventFields(event), error: error.slice(0, 500) });
    if (verdict === "skip") return { is: "dropped" };
    const attempt = { at, error };
    if (verdict === "stop") return { is: "failed", attempt, next: { status: "stopped" } };
    if (verdict === "park" || starts >= settings.maxAttempts) {
      return { is: "failed", attempt, next: { status: "parked" } };
    }
    const dueAt = clock.now() + pauseAfter(starts, RETRY_PAUSES, random());
    return { is: "failed", attempt, next: { status: "retrying", dueAt } };
  }
}

/** The result of one run of an event's hooks. */
type Run =
  | { readonly is: "done" | "dropped" }
  | { readonly is: "failed"; readonly attempt: FailedAttempt; readonly next: NextStep };

/**
 * The next status of a failed event. Where another event would be parked, one that had stopped its stream stops it again.
 */
const nextOf = (failed: Pick<FailedEvent, "stops">, next: NextStep): NextStep =>
  failed.stops && next.status === "parked" ? { status: "stopped" } : next;

function eventFields(event: FailingEvent): Readonly<Record<string, unknown>> {
  const { id: eventId, actorId, sequence } = event;
  if (isListenerEvent(event)) return { eventId, actorId, sequence, source: event.source, topic: event.topic };
  const { peerId, subscriptionId, callbackType } = event;
  return { eventId, actorId, peerId, subscriptionId, sequence, callbackType };
}
