/** When a request to the table is repeated: how often, after which pauses, and until when. */
import { fullJitter } from "../domain/policy/backoff.ts";
import { compact } from "../system/compact.ts";
import { causeOf, refusal, type RetryCause } from "./refusals.ts";
import { TableBusy } from "./table.ts";

/** Pauses before another attempt, ms. */
const PAUSE = { base: 50, most: 1_000 };
/**
 * Most retries for each cause. Only time limits those of throttling, which ends when others ask for less; their number
 * ends a loop whose jitter is always near 0.
 */
const MOST_RETRIES: Readonly<Record<RetryCause, number>> = { throttled: 200, conflict: 7, unknown: 3 };
/** With less time left than this, ms, nothing is retried, so that the request can still be answered. */
const LEAST_LEFT_MS = 1_000;
/** Time for the pauses of one request that belongs to no deadline, ms. */
const WITHOUT_DEADLINE_MS = 10_000;

export interface RetryDeps {
  /** 0 ≤ random < 1, for the jitter. */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Milliseconds that the work which this request belongs to may still take; undefined when nothing limits it. */
  readonly remaining?: () => number | undefined;
}

/**
 * The retries of one request, or of one batch and its unprocessed rest.
 *
 *   going on    a failure pauses and allows one more attempt
 *   used up     too many failures of one cause, or no time for the pause: the request fails
 *
 * Invariants: the pauses together never exceed the time that was left at the first failure; none ends with less than
 * `LEAST_LEFT_MS` left.
 */
export class Retries {
  readonly #deps: RetryDeps;
  readonly #made: Record<RetryCause, number> = { throttled: 0, conflict: 0, unknown: 0 };
  #pausesMs: number | undefined;

  constructor(deps: RetryDeps) {
    this.#deps = deps;
  }

  /**
   * Sends a request until it is answered otherwise than by a failure of the moment.
   *
   * @param send gets whether an earlier attempt may have been carried out, because its answer is lost
   * @throws TableBusy when the table throttled it until the retries were used up, and it certainly did nothing; else the
   *   table port's error for that of the last attempt, or of one that may have been carried out
   */
  async untilAnswered<T>(send: (inDoubt: boolean) => Promise<T>): Promise<T> {
    let doubt: { readonly error: unknown } | undefined;
    for (;;) {
      try {
        return await send(doubt !== undefined);
      } catch (error) {
        const refused = refusal(error);
        const cause = causeOf(refused);
        if (cause === undefined) throw refused;
        if (cause === "unknown") doubt = { error };
        if (await this.#pause(cause)) continue;
        if (doubt !== undefined) throw doubt.error;
        throw cause === "throttled" ? busy(error) : refused;
      }
    }
  }

  /** Waits before the next request for the rest of a batch. @throws TableBusy when the retries are used up */
  async beforeRest(): Promise<void> {
    if (!(await this.#pause("throttled"))) throw busy();
  }

  /** A part of the batch was done: the rest begins with short pauses again. */
  progressed(): void {
    this.#made.throttled = 0;
  }

  /** Waits before the next attempt; false, at once, when there is none. */
  async #pause(cause: RetryCause): Promise<boolean> {
    const left = (this.#deps.remaining?.() ?? WITHOUT_DEADLINE_MS + LEAST_LEFT_MS) - LEAST_LEFT_MS;
    this.#pausesMs ??= left;
    this.#made[cause] += 1;
    const ms = fullJitter(this.#made[cause], PAUSE, this.#deps.random());
    if (this.#made[cause] > MOST_RETRIES[cause] || ms > Math.min(left, this.#pausesMs)) return false;
    this.#pausesMs -= ms;
    await this.#deps.sleep(ms);
    // A function that was frozen meanwhile must not write what was planned long ago.
    return (this.#deps.remaining?.() ?? Infinity) > 0;
  }
}

const busy = (cause?: unknown): TableBusy => new TableBusy("The table throttles this request.", compact({ cause }));
