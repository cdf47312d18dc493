/** Growing pauses with jitter, so that callers that failed together do not come back together. */
export interface Backoff {
  /** The longest first pause, ms; each further one may be twice as long. */
  readonly base: number;
  /** The longest pause, ms. */
  readonly most: number;
}

/**
 * The pause (ms) after `attempt` failures (1, 2, …): between half of `base × 2^(attempt − 1)` and all of it, so that a
 * retry is never immediate; never over `most`.
 *
 * @param random 0 ≤ random < 1
 */
export function pauseAfter(attempt: number, { base, most }: Backoff, random: number): number {
  const ceiling = Math.min(most, base * 2 ** Math.min(attempt - 1, 40));
  return Math.round(ceiling / 2 + (random * ceiling) / 2);
}

/**
 * The pause (ms) after `attempt` failures with full jitter: between 0 and `base × 2^(attempt − 1)`, never over `most`.
 *
 * @param random 0 ≤ random < 1
 */
export function fullJitter(attempt: number, { base, most }: Backoff, random: number): number {
  return Math.round(random * Math.min(most, base * 2 ** Math.min(attempt - 1, 40)));
}
