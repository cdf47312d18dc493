/**
 * A time (ms since 1970) as records and callbacks say it: ISO 8601 with microseconds and `Z`. The microseconds, which the
 * clock does not have, tell records of one millisecond apart where their order must show: pass the record's number.
 */
export const recordTime = (now: number, record = 0): string =>
  new Date(now).toISOString().replace("Z", `${String(record % 1_000).padStart(3, "0")}Z`);
