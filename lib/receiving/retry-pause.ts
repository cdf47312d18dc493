/** How long a publisher that failed is left alone. */
import { retryAfterSeconds } from "../domain/retry-after.ts";
import type { ReadFailure } from "./ports.ts";

/** The longest `Retry-After` that is heeded, ms. */
const MOST_MS = 3_600_000;

/** What the publisher asked for, ms from `now`; undefined when it did not ask. */
export function pauseWanted(failure: ReadFailure | undefined, now: number): number | undefined {
  const seconds = retryAfterSeconds(failure?.retryAfter, now);
  return seconds === undefined ? undefined : Math.min(MOST_MS, seconds * 1_000);
}
