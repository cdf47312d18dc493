/**
 * Runs hooks so that none of them can stop the stream: each start is counted before it runs, a failure parks the event,
 * parked events are retried with growing pauses, and after `maxAttempts` starts they wait for a person.
 */
import { pauseAfter } from "../../domain/backoff.ts";
import type { Key } from "../../dynamodb/table.ts";
import type { Clock, Ids, Json, Log } from "../../system/ports.ts";
import { verdictOf } from "./hook-event.ts";
import type { HookEvent, HookRunner } from "./hook-event.ts";
import type { Fate, Parked, ParkedStatus } from "./parked-item.ts";
import type { ParkedStore } from "./parked-store.ts";
import type { Timers } from "../stream/timers.ts";

export interface HookSettings {
  readonly maxAttempts: number;
  readonly timeoutMs: number;
}

/** Calls back after `ms`, unless the returned function is called before. */
export type Later = (ms: number, callback: () => void) => () => void;

/** Pauses between retries of a parked event: about 15 s at first, at most an hour. The sweep looks once a minute. */
const RETRY_PAUSES = { base: 30_000, most: 3_600_000 };
/** What became of another attempt; `busy`: one is under way already, or the event is gone. */
export type Again = "done" | "dropped" | "busy" | ParkedStatus;

/** A begun retry is left alone this much longer than its hook may take, ms. */
const RETRY_MARGIN_MS = 5_000;

export interface HookRunsDeps {
  readonly runner: HookRunner;
  readonly parked: ParkedStore;
  readonly timers: Pick<Timers, "wake">;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly settings: HookSettings;
  readonly random: () => number;
  readonly later: Later;
  /** The state a resync event is about, as the store has it now. */
  readonly state: (event: HookEvent) => Promise<Json>;
}

/** Runs hooks: first attempts in order, further ones until they are settled, parked or dropped. */
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
    const { runner, parked, clock, log, settings } = this.#deps;
    if (!runner.handles(event.target)) return { hooksPaused };
    if (hooksPaused) {
      await parked.park(event, { status: "held", starts: 0, attempts: [] }, stateStored);
      return { hooksPaused };
    }
    const at = clock.now();
    if (starts > settings.maxAttempts) {
      const error = `The process ended while this event was processed, ${String(starts - 1)} times.`;
      const fate = { status: "parked", starts: starts - 1, attempts: [{ at, error }] } as const;
      await parked.park(event, fate, stateStored);
      log.error("event parked: its processing kept ending the process", eventFields(event));
      return { hooksPaused };
    }
    const failure = await this.#run(event);
    const next = failure === undefined ? "dropped" : this.#afterFailure(failure.error, starts);
    if (failure === undefined || next === "dropped") {
      // A crash after it was parked made this attempt come again: now it is settled.
      const before = starts > 1 ? await parked.of(event) : undefined;
      if (before !== undefined) await this.settle(before);
      return { hooksPaused };
    }
    await parked.park(event, { ...next, starts, attempts: [{ at, error: failure.text }] }, stateStored);
    return { hooksPaused: next.status === "stopped" };
  }

  /**
   * One more attempt of a parked event, by the sweep, by a person, or when what it waited for has gone. Attempts that are used
   * up do not keep it from being run.
   */
  async again(kept: Parked): Promise<Again> {
    const { parked, clock, settings } = this.#deps;
    // Read before the start is counted: it may fail, or take its time.
    const event = kept.stateStored ? { ...kept.event, data: await this.#deps.state(kept.event) } : kept.event;
    const now = clock.now();
    const run = this.#deps.ids.id().slice(0, 16);
    if (!(await parked.begin(kept, now, now + settings.timeoutMs + RETRY_MARGIN_MS, run))) return "busy";
    const starts = kept.starts + 1;
    const failure = await this.#run(event);
    const next = failure === undefined ? "dropped" : this.#afterFailure(failure.error, starts);
    if (failure === undefined || next === "dropped") {
      await this.settle(kept);
      return failure === undefined ? "done" : "dropped";
    }
    const fate = this.#fate(kept, next);
    await parked.failed({ ...kept, starts }, { at: now, error: failure.text }, fate);
    return fate.status;
  }

  /** Drops a parked event; false when an attempt of it is under way. Hooks that it paused resume. */
  async skip(parked: Parked): Promise<boolean> {
    return await this.settle(parked, false);
  }

  /** Begun too often without an end (its process died each time): it stays for a person. */
  async giveUp(parked: Parked): Promise<void> {
    const error = `The process ended while this event was processed; it was begun ${String(parked.starts)} times in all.`;
    const fate = this.#fate(parked, { status: "parked" });
    await this.#deps.parked.failed(parked, { at: this.#deps.clock.now(), error }, fate);
  }

  /** True when a parked event may not be begun again by itself. */
  exhausted(parked: Parked): boolean {
    return parked.starts >= this.#deps.settings.maxAttempts;
  }

  /** The longest one attempt may take, ms, with what is read and written around it. */
  get longestMs(): number {
    return this.#deps.settings.timeoutMs + RETRY_MARGIN_MS;
  }

  async settle(parked: Parked, mayRun = true): Promise<boolean> {
    const now = this.#deps.clock.now();
    const settled = await this.#deps.parked.settle(parked, now, mayRun);
    if (settled === "busy") return false;
    if (settled.release !== undefined) await this.#wake(settled.release, now);
    return true;
  }

  async #wake(key: Key, dueAt: number): Promise<void> {
    await this.#deps.timers.wake({ key, dueAt });
  }

  /** An event that stopped its stream goes on doing so until it is settled, retried or not. */
  #fate(parked: Parked, next: Fate): Fate {
    return parked.stops && next.status === "parked" ? { status: "stopped" } : next;
  }

  async #run(event: HookEvent): Promise<{ readonly error: unknown; readonly text: string } | undefined> {
    const limit = new AbortController();
    const seconds = this.#deps.settings.timeoutMs / 1_000;
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = this.#deps.later(this.#deps.settings.timeoutMs, () => {
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

  #afterFailure(error: unknown, starts: number): "dropped" | { status: ParkedStatus; dueAt?: number } {
    const verdict = verdictOf(error);
    if (verdict === "skip") return "dropped";
    if (verdict === "stop") return { status: "stopped" };
    if (verdict === "park" || starts >= this.#deps.settings.maxAttempts) return { status: "parked" };
    return { status: "retry", dueAt: this.#deps.clock.now() + pauseAfter(starts, RETRY_PAUSES, this.#deps.random()) };
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
