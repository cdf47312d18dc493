/** Growing pauses with full jitter: a random part of `base × 2^attempt`, never over `most`. */
export interface Backoff {
  /** ms before the first retry, on average twice the pause that results. */
  readonly base: number;
  /** The longest pause, ms. */
  readonly most: number;
}

/**
 * The pause (ms) after `attempt` failures (1, 2, …).
 *
 * @param random 0 ≤ random < 1; half of the ceiling is always kept, so that a retry is never immediate
 */
export function pauseAfter(attempt: number, { base, most }: Backoff, random: number): number {
  const ceiling = Math.min(most, base * 2 ** Math.min(attempt - 1, 40));
  return Math.round(ceiling / 2 + (random * ceiling) / 2);
}

/**
 * The pause (ms) after `attempt` failures with full jitter: anything from 0 to the ceiling, so that callers that failed
 * together do not come back together.
 *
 * @param random 0 ≤ random < 1
 */
export function fullJitter(attempt: number, { base, most }: Backoff, random: number): number {
  return Math.round(random * Math.min(most, base * 2 ** Math.min(attempt - 1, 40)));
}
