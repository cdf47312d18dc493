/** A point in time as a peer wrote it. */
export interface Timestamp {
  /** The text as it was sent. */
  readonly text: string;
  /** Milliseconds since 1970; finer parts are cut off. */
  readonly ms: number;
  /** `YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ` in UTC: the order of texts is the order of times, to the nanosecond. */
  readonly sortable: string;
}

const ISO = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)? ?([Zz]|[+-]\d{2}(?::?\d{2})?)?$/;

/**
 * Reads ISO 8601 with a space or `T`, seconds and fraction optional, with or without a zone (none means UTC). Undefined
 * for any other text, and for dates that do not exist.
 */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, date = "", time = "", seconds = "00", fraction = "", zone = "Z"] = match;
  const local = `${date}T${time}:${seconds}`;
  const localMs = Date.parse(`${local}Z`);
  // Date.parse rolls a 30th of February over, and 24:00 too: a date that does not print as it was written does not exist.
  if (Number.isNaN(localMs) || new Date(localMs).toISOString().slice(0, 19) !== local) return undefined;
  const offset = zoneMinutes(zone);
  if (offset === undefined) return undefined;
  const whole = new Date(localMs - offset * 60_000);
  const utc = whole.toISOString();
  // Years outside 0000 to 9999 print with a sign and six digits, whose texts do not sort.
  if (utc.length !== 24) return undefined;
  const nanos = fraction.padEnd(9, "0");
  return { text, ms: whole.getTime() + Number(nanos.slice(0, 3)), sortable: `${utc.slice(0, 19)}.${nanos}Z` };
}

function zoneMinutes(zone: string): number | undefined {
  if (zone.toUpperCase() === "Z") return 0;
  const digits = zone.slice(1).replace(":", "");
  const hours = Number(digits.slice(0, 2));
  const minutes = Number(digits.slice(2) || "0");
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}
