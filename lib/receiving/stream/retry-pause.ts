/** How long a publisher that failed is left alone. */
import { MOST_PAUSE_SECONDS, retryAfterSeconds } from "../../domain/wire/retry-after.ts";
import type { ReadFailure } from "../../peers/publisher.ts";

/** What the publisher asked for, ms from `now`, at most an hour; undefined when it did not ask. */
export function requestedPause(failure: ReadFailure | undefined, now: number): number | undefined {
  const seconds = retryAfterSeconds(failure?.retryAfter, now);
  return seconds === undefined ? undefined : Math.min(MOST_PAUSE_SECONDS, seconds) * 1_000;
}
