/** How long an event waits after each failure that counts. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Those of Standard Webhooks; the last one again for every further failure. */
const PAUSES_MS = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/** The pause of everything after a failure of the endpoint, ms, before it varies. */
export const ENDPOINT_PAUSE_MS = 5 * SECOND;
/** The longest pause that an endpoint can ask for, ms. */
export const LONGEST_RETRY_AFTER_MS = 24 * HOUR;
/** A blocked event is not tried again when its record expires so soon, ms. */
export const EXPIRING_MS = HOUR;

/** A pause of up to 20 % more or less, ms. @param random 0 ≤ random < 1 */
export const varied = (pauseMs: number, random: number): number => Math.round(pauseMs * (0.8 + 0.4 * random));

/** The pause (ms) from the end of an attempt that is the `attempts`-th to fail (1, 2, …) to the next. */
export function schedulePause(attempts: number, random: number): number {
  return varied(PAUSES_MS[Math.min(attempts, PAUSES_MS.length) - 1] ?? 0, random);
}
