/**
 * Runs hooks so that none of them can stop the stream: each start is counted before it runs, a failure parks the event,
 * parked events are retried with growing pauses, and after `maxAttempts` starts they wait for a person.
 */
import { pauseAfter } from "../domain/backoff.ts";
import type { Clock, Log } from "../ports.ts";
import { verdictOf } from "./hook-event.ts";
import type { HookEvent, HookRunner } from "./hook-event.ts";
import type { Parked, ParkedStatus, ParkedStore } from "./parked-store.ts";

export interface HookSettings {
  readonly maxAttempts: number;
  readonly timeoutMs: number;
}

/** Calls back after `ms`, unless the returned function is called before. */
export type Later = (ms: number, callback: () => void) => () => void;

/** Pauses between retries of a parked event: about 15 s at first, at most an hour. The sweep looks once a minute. */
const RETRY_PAUSES = { base: 30_000, most: 3_600_000 };
/** A begun retry is left alone this much longer than its hook may take, ms. */
const RETRY_MARGIN_MS = 5_000;

export class HookRuns {
  readonly #runner: HookRunner;
  readonly #parked: ParkedStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #settings: HookSettings;
  readonly #random: () => number;
  readonly #later: Later;

  constructor(deps: {
    runner: HookRunner;
    parked: ParkedStore;
    clock: Clock;
    log: Log;
    settings: HookSettings;
    random: () => number;
    later: Later;
  }) {
    this.#runner = deps.runner;
    this.#parked = deps.parked;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#settings = deps.settings;
    this.#random = deps.random;
    this.#later = deps.later;
  }

  /**
   * The first attempt of an event, in its stream's turn.
   *
   * @param starts how often this event's processing was begun, this time included (counted by the claim)
   * @param held a stopped event holds the stream's hooks: this one waits behind it
   * @returns whether the stream's hooks are held from now on
   */
  async first(event: HookEvent, starts: number, held: boolean): Promise<{ readonly held: boolean }> {
    if (!this.#runner.handles(event.target)) return { held };
    if (held) {
      await this.#parked.park(event, { status: "held", starts: 0, attempts: [] });
      return { held };
    }
    const at = this.#clock.now();
    if (starts > this.#settings.maxAttempts) {
      const error = `The process ended while this event was processed, ${String(starts - 1)} times.`;
      await this.#parked.park(event, { status: "parked", starts: starts - 1, attempts: [{ at, error }] });
      this.#log.error("event parked: its processing kept ending the process", eventFields(event));
      return { held };
    }
    const failure = await this.#run(event);
    if (failure === undefined) return { held };
    const next = this.#afterFailure(failure.error, starts);
    if (next === "dropped") return { held };
    await this.#parked.park(event, { ...next, starts, attempts: [{ at, error: failure.text }] });
    return { held: next.status === "stopped" };
  }

  /**
   * One more attempt of a parked event, by the sweep, by a person, or when what held it has gone.
   *
   * @returns what became of it; `busy` when another attempt is under way or it is gone
   */
  async again(parked: Parked): Promise<"done" | "dropped" | "busy" | ParkedStatus> {
    const now = this.#clock.now();
    const until = now + this.#settings.timeoutMs + RETRY_MARGIN_MS;
    if (!(await this.#parked.begin(parked, now, until))) return "busy";
    const starts = parked.starts + 1;
    const failure = await this.#run(parked.event);
    const next = failure === undefined ? "dropped" : this.#afterFailure(failure.error, starts);
    if (failure === undefined || next === "dropped") {
      await this.#parked.settle(parked);
      return failure === undefined ? "done" : "dropped";
    }
    await this.#parked.failed({ ...parked, starts }, { at: now, error: failure.text }, next);
    return next.status;
  }

  /** Begun too often without an end (its process died each time): it stays for a person. */
  async giveUp(parked: Parked): Promise<void> {
    const error = `The process ended while this event was processed, ${String(parked.starts)} times in all.`;
    await this.#parked.failed(parked, { at: this.#clock.now(), error }, { status: "parked" });
  }

  /** True when a parked event may not be begun again by itself. */
  exhausted(parked: Parked): boolean {
    return parked.starts >= this.#settings.maxAttempts;
  }

  async #run(event: HookEvent): Promise<{ readonly error: unknown; readonly text: string } | undefined> {
    const limit = new AbortController();
    const seconds = this.#settings.timeoutMs / 1_000;
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = this.#later(this.#settings.timeoutMs, () => {
        const error = new Error(`The hook did not end within ${String(seconds)} s (HOOK_TIMEOUT_SECONDS).`);
        limit.abort(error);
        reject(error);
      });
    });
    try {
      await Promise.race([this.#runner.run(event, limit.signal), late]);
      return undefined;
    } catch (error) {
      const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      this.#log.warn("hook failed", { ...eventFields(event), error: text.slice(0, 500) });
      return { error, text };
    } finally {
      cancel();
    }
  }

  #afterFailure(error: unknown, starts: number): "dropped" | { status: ParkedStatus; dueAt?: number } {
    const verdict = verdictOf(error);
    if (verdict === "skip") return "dropped";
    if (verdict === "stop") return { status: "stopped" };
    if (verdict === "park" || starts >= this.#settings.maxAttempts) return { status: "parked" };
    return { status: "retry", dueAt: this.#clock.now() + pauseAfter(starts, RETRY_PAUSES, this.#random()) };
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
