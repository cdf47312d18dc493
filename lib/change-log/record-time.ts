/**
 * A time (ms since 1970) as records and callbacks say it: ISO 8601 with microseconds and `Z`. The clock does not
 * have `micros`; they tell records of one millisecond apart.
 */
export const recordTime = (now: number, micros = 0): string =>
  new Date(now).toISOString().replace("Z", `${String(micros).padStart(3, "0")}Z`);
