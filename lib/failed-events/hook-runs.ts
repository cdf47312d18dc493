import { pauseAfter } from "../domain/policy/backoff.ts";
import type { After, Clock, DelayQueue, Ids, Json, Log } from "../system/ports.ts";
import { wakeUp } from "../system/wake-up.ts";
import { attemptHook } from "./hook-attempt.ts";
import { isListenerEvent, type FailingEvent, type HookEvent, type HookRunner } from "./hook-event.ts";
import type { Attempt, NextStep, FailedEvent, FailedEventStatus } from "./failed-event.ts";
import type { FailedEventStore } from "./failed-event-store.ts";

export interface HookSettings {
  readonly maxAttempts: number;
  readonly timeoutMs: number;
}

/** Pauses between retries of a failed event, ms: 15 to 30 s at first, at most an hour. The sweep runs once a minute. */
const RETRY_PAUSES = { base: 30_000, most: 3_600_000 };
/** The result of another attempt; `busy`: one is under way already, or the event is gone. */
export type Retried = "done" | "dropped" | "busy" | FailedEventStatus;

/** No retry begins before the hook's time limit and this, ms, have passed since another began. */
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
  /** The state that a resync event is about, as the replica has it now; none where no event is recorded without its data. */
  readonly state?: (event: E) => Promise<Json>;
}

/** How a stream stands when the hooks of an event run for the first time. */
export interface FirstRun {
  /** How often the processing of this event was begun, this time included; the lease counts them. */
  readonly starts: number;
  /** A stopped event has paused the stream's hooks: this event waits behind it. */
  readonly hooksPaused: boolean;
  /** The event's data is a state that the replica has, which may be far larger than an item. */
  readonly stateStored?: boolean;
}

/**
 * Runs hooks so that none of them can stop the stream: each start is counted before it runs, and a failure is recorded
 * beside the stream, which continues.
 *
 *   first run   `runFirst`, in the order of the stream. A success leaves nothing behind. A failure records the event
 *               as `retrying`, or as its verdict says: `parked`, `stopped`. With the hooks paused nothing runs and the
 *               event is recorded as `waiting`; after too many starts nothing runs and it is `parked`.
 *   retry       `retry`, for the sweep, a person, or when the stop that the event waited for has been resolved. A success
 *               deletes the event, a failure gives it its next status. After `maxAttempts` starts (`exhausted`) the sweep
 *               gives it up (`giveUp`) instead: it is parked.
 *   resolved    by a success, a `skip` verdict, or `skip`: the event is deleted, and hooks that it paused resume.
 *
 * Invariants: at most one attempt of a recorded event runs at a time (`begin` is conditional); an event that stopped its
 * stream pauses its hooks until it is resolved, whatever its status becomes. failed-event.ts defines the statuses.
 */
export class HookRuns<E extends FailingEvent = HookEvent> {
  readonly #deps: HookRunsDeps<E>;

  constructor(deps: HookRunsDeps<E>) {
    this.#deps = deps;
  }

  /** True when some hook would run for the event. */
  handles(event: E): boolean {
    return this.#deps.runner.handles(event);
  }

  /** The first run of an event, in the order of its stream. @returns whether the stream's hooks are paused from now on */
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
      // A crash after it was recorded made this run come again: now it has succeeded.
      const before = starts > 1 ? await failedEvents.of(event) : undefined;
      if (before !== undefined) await this.#resolve(before);
      return { hooksPaused };
    }
    await failedEvents.record(event, { ...run.next, starts, attempts: [run.attempt] }, stateStored);
    return { hooksPaused: run.next.status === "stopped" };
  }

  /** One more attempt of a failed event, even when its attempts are used up. */
  async retry(failed: FailedEvent<E>): Promise<Retried> {
    const { failedEvents, clock, ids } = this.#deps;
    // The state is read before the start is counted: reading may fail, or take its time.
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

  /** Drops a failed event; false when an attempt of it is under way. Hooks that it paused resume. */
  async skip(failed: FailedEvent<E>): Promise<boolean> {
    return await this.#resolve(failed, { unlessBusy: true });
  }

  /** Parks an event whose process died at every start. */
  async giveUp(failed: FailedEvent<E>): Promise<void> {
    const error = `The process ended while this event was processed; it was begun ${String(failed.starts)} times in all.`;
    const attempt = { at: this.#deps.clock.now(), error };
    await this.#deps.failedEvents.failed(failed, attempt, nextOf(failed, { status: "parked" }));
  }

  /** True when only a person may begin a failed event again. */
  exhausted(failed: FailedEvent<E>): boolean {
    return failed.starts >= this.#deps.settings.maxAttempts;
  }

  /** The longest one attempt may take, ms, with what is read and written around it. */
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
  | { readonly is: "failed"; readonly attempt: Attempt; readonly next: NextStep };

/** An event that stopped its stream is stopped again where another is parked. */
const nextOf = (failed: Pick<FailedEvent, "stops">, next: NextStep): NextStep =>
  failed.stops && next.status === "parked" ? { status: "stopped" } : next;

function eventFields(event: FailingEvent): Readonly<Record<string, unknown>> {
  const { id: eventId, actorId, sequence } = event;
  if (isListenerEvent(event)) return { eventId, actorId, sequence, source: event.source, topic: event.topic };
  const { peerId, subscriptionId, callbackType } = event;
  return { eventId, actorId, peerId, subscriptionId, sequence, callbackType };
}
