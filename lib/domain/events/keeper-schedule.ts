/** The pauses after failures. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/**
 * The pauses of an event after each failure that counts: the schedule that Standard Webhooks recommends. The last one
 * repeats.
 */
const PAUSES_MS = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/** How long all events of the listener pause after a failure of the endpoint, ms, before `varied`. */
export const ENDPOINT_PAUSE_MS = 5 * SECOND;
/** The longest `Retry-After` of an endpoint that is obeyed, ms. */
export const LONGEST_RETRY_AFTER_MS = 24 * HOUR;
/**
 * A blocked event is given up when its record expires within this time, ms, so that its data can still be kept for a
 * person.
 */
export const EXPIRING_MS = HOUR;

/** The pause (ms), randomly up to 20 % longer or shorter. @param random 0 ≤ random < 1 */
export const varied = (pauseMs: number, random: number): number => Math.round(pauseMs * (0.8 + 0.4 * random));

/**
 * The pause (ms) between the end of the `attempts`-th failed attempt (1, 2, …) and the next attempt.
 * @param random as `varied`
 */
export function schedulePause(attempts: number, random: number): number {
  return varied(PAUSES_MS[Math.min(attempts, PAUSES_MS.length) - 1] ?? 0, random);
}
