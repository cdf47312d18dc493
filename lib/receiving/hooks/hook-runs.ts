/**
 * Runs hooks so that none of them can stop the stream: each start is counted before it runs, a failure records the event,
 * failed events are retried with growing pauses, and after `maxAttempts` starts they wait for a person.
 */
import { pauseAfter } from "../../domain/policy/backoff.ts";
import type { Key } from "../../dynamodb/table.ts";
import type { After, Clock, Ids, Json, Log } from "../../system/ports.ts";
import { verdictOf } from "./hook-event.ts";
import type { HookEvent, HookRunner } from "./hook-event.ts";
import type { NextStep, FailedEvent, FailedEventStatus } from "./failed-event-item.ts";
import type { FailedEventStore } from "./failed-event-store.ts";
import type { WakeUps } from "../stream/wake-ups.ts";

export interface HookSettings {
  readonly maxAttempts: number;
  readonly timeoutMs: number;
}

/** Pauses between retries of a failed event: about 15 s at first, at most an hour. The sweep looks once a minute. */
const RETRY_PAUSES = { base: 30_000, most: 3_600_000 };
/** What became of another attempt; `busy`: one is under way already, or the event is gone. */
export type Again = "done" | "dropped" | "busy" | FailedEventStatus;

/** A begun retry is left alone this much longer than its hook may take, ms. */
const RETRY_MARGIN_MS = 5_000;

export interface HookRunsDeps {
  readonly runner: HookRunner;
  readonly failedEvents: FailedEventStore;
  readonly wakeUps: Pick<WakeUps, "schedule">;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly settings: HookSettings;
  readonly random: () => number;
  readonly after: After;
  /** The state a resync event is about, as the store has it now. */
  readonly state: (event: HookEvent) => Promise<Json>;
}

/** Runs hooks: first attempts in order, further ones until they have succeeded, are parked or dropped. */
export class HookRuns {
  readonly #deps: HookRunsDeps;

  constructor(deps: HookRunsDeps) {
    this.#deps = deps;
  }

  /** True when some hook would run for the event. */
  handles(event: HookEvent): boolean {
    return this.#deps.runner.handles(event.target);
  }

  /**
   * The first attempt of an event, in the order of its stream.
   *
   * @param starts how often this event's processing was begun, this time included (counted by the lease)
   * @param hooksPaused a stopped event has paused the stream's hooks: this one waits behind it
   * @param stateStored the event's data is a state that the store holds, which may be far larger than an item
   * @returns whether the stream's hooks are paused from now on
   */
  async first(
    event: HookEvent,
    starts: number,
    hooksPaused: boolean,
    stateStored = false,
  ): Promise<{ readonly hooksPaused: boolean }> {
    const { runner, failedEvents, clock, log, settings } = this.#deps;
    if (!runner.handles(event.target)) return { hooksPaused };
    if (hooksPaused) {
      await failedEvents.record(event, { status: "waiting", starts: 0, attempts: [] }, stateStored);
      return { hooksPaused };
    }
    const at = clock.now();
    if (starts > settings.maxAttempts) {
      const error = `The process ended while this event was processed, ${String(starts - 1)} times.`;
      const nextStep = { status: "parked", starts: starts - 1, attempts: [{ at, error }] } as const;
      await failedEvents.record(event, nextStep, stateStored);
      log.error("event parked: its processing kept ending the process", eventFields(event));
      return { hooksPaused };
    }
    const failure = await this.#run(event);
    const next = failure === undefined ? "dropped" : this.#afterFailure(failure.error, starts);
    if (failure === undefined || next === "dropped") {
      // A crash after it was recorded made this attempt come again: now it has succeeded.
      const before = starts > 1 ? await failedEvents.of(event) : undefined;
      if (before !== undefined) await this.resolve(before);
      return { hooksPaused };
    }
    await failedEvents.record(event, { ...next, starts, attempts: [{ at, error: failure.text }] }, stateStored);
    return { hooksPaused: next.status === "stopped" };
  }

  /**
   * One more attempt of a failed event, by the sweep, by a person, or when what it waited for has gone. Attempts that are used
   * up do not keep it from being run.
   */
  async again(kept: FailedEvent): Promise<Again> {
    const { failedEvents, clock, settings } = this.#deps;
    // Read before the start is counted: it may fail, or take its time.
    const event = kept.stateStored ? { ...kept.event, data: await this.#deps.state(kept.event) } : kept.event;
    const now = clock.now();
    const run = this.#deps.ids.id().slice(0, 16);
    if (!(await failedEvents.begin(kept, now, now + settings.timeoutMs + RETRY_MARGIN_MS, run))) return "busy";
    const starts = kept.starts + 1;
    const failure = await this.#run(event);
    const next = failure === undefined ? "dropped" : this.#afterFailure(failure.error, starts);
    if (failure === undefined || next === "dropped") {
      await this.resolve(kept);
      return failure === undefined ? "done" : "dropped";
    }
    const nextStep = this.#nextStep(kept, next);
    await failedEvents.failed({ ...kept, starts }, { at: now, error: failure.text }, nextStep);
    return nextStep.status;
  }

  /** Drops a failed event; false when an attempt of it is under way. Hooks that it paused resume. */
  async skip(failedEvent: FailedEvent): Promise<boolean> {
    return await this.resolve(failedEvent, false);
  }

  /** Begun too often without an end (its process died each time): it stays for a person. */
  async giveUp(failedEvent: FailedEvent): Promise<void> {
    const error = `The process ended while this event was processed; it was begun ${String(failedEvent.starts)} times in all.`;
    const nextStep = this.#nextStep(failedEvent, { status: "parked" });
    await this.#deps.failedEvents.failed(failedEvent, { at: this.#deps.clock.now(), error }, nextStep);
  }

  /** True when a failed event may not be begun again by itself. */
  exhausted(failedEvent: FailedEvent): boolean {
    return failedEvent.starts >= this.#deps.settings.maxAttempts;
  }

  /** The longest one attempt may take, ms, with what is read and written around it. */
  get longestMs(): number {
    return this.#deps.settings.timeoutMs + RETRY_MARGIN_MS;
  }

  async resolve(failedEvent: FailedEvent, mayRun = true): Promise<boolean> {
    const now = this.#deps.clock.now();
    const settled = await this.#deps.failedEvents.resolve(failedEvent, now, mayRun);
    if (settled === "busy") return false;
    if (settled.release !== undefined) await this.#wake(settled.release, now);
    return true;
  }

  async #wake(key: Key, dueAt: number): Promise<void> {
    await this.#deps.wakeUps.schedule({ key, dueAt });
  }

  /** An event that stopped its stream goes on doing so until it is settled, retried or not. */
  #nextStep(failedEvent: FailedEvent, next: NextStep): NextStep {
    return failedEvent.stops && next.status === "parked" ? { status: "stopped" } : next;
  }

  async #run(event: HookEvent): Promise<{ readonly error: unknown; readonly text: string } | undefined> {
    const limit = new AbortController();
    const seconds = this.#deps.settings.timeoutMs / 1_000;
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = this.#deps.after(this.#deps.settings.timeoutMs, () => {
        const error = new Error(`The hook did not end within ${String(seconds)} s (HOOK_TIMEOUT_SECONDS).`);
        limit.abort(error);
        reject(error);
      });
    });
    try {
      await Promise.race([this.#deps.runner.run(event, limit.signal), late]);
      return undefined;
    } catch (error) {
      const text = textOf(error);
      this.#deps.log.warn("hook failed", { ...eventFields(event), error: text.slice(0, 500) });
      return { error, text };
    } finally {
      cancel();
    }
  }

  #afterFailure(error: unknown, starts: number): "dropped" | { status: FailedEventStatus; dueAt?: number } {
    const verdict = verdictOf(error);
    if (verdict === "skip") return "dropped";
    if (verdict === "stop") return { status: "stopped" };
    if (verdict === "park" || starts >= this.#deps.settings.maxAttempts) return { status: "parked" };
    return {
      status: "retrying",
      dueAt: this.#deps.clock.now() + pauseAfter(starts, RETRY_PAUSES, this.#deps.random()),
    };
  }
}

/** What an error says. Hooks may throw anything, also what cannot be made a text. */
function textOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return "The hook threw something that cannot be shown.";
  }
}

const eventFields = (event: HookEvent): Record<string, unknown> => ({
  eventId: event.id,
  actorId: event.actorId,
  peerId: event.peerId,
  subscriptionId: event.subscriptionId,
  sequence: event.sequence,
  callbackType: event.callbackType,
});
