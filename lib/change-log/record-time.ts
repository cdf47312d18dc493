/**
 * A time (ms since 1970) as records and callbacks have it: ISO 8601 with microseconds and `Z`. The clock has no
 * microseconds; `micros` distinguishes records of one millisecond.
 */
export const recordTime = (now: number, micros = 0): string =>
  new Date(now).toISOString().replace("Z", `${String(micros).padStart(3, "0")}Z`);

/** The time of a record, ms since 1970. */
export const readTime = (at: string): number => Date.parse(`${at.slice(0, 23)}Z`);
