/** A time (ms since 1970) as records and callbacks say it: ISO 8601 with microseconds and `Z`. */
export const recordTime = (now: number): string => new Date(now).toISOString().replace("Z", "000Z");
