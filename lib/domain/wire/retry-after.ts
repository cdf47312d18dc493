/** `Retry-After` as a peer may say it: a number of seconds or a date. */

/** The longest that is believed, seconds. */
const MOST_SECONDS = 7 * 86_400;
/** A date of HTTP: of RFC 9110's three forms the one that is sent, and the two that are still read. */
const HTTP_DATE = /^(mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i;

/** The longest pause that a peer's answer to a callback makes, seconds. */
export const MOST_PAUSE_SECONDS = 3_600;

/** Seconds to wait from `now` (ms since 1970), 0 for a date that is past; undefined when the text says neither. */
export function retryAfterSeconds(text: string | undefined, now: number): number | undefined {
  const said = text?.trim() ?? "";
  if (/^\d{1,10}(\.\d{1,9})?$/.test(said)) return Math.min(MOST_SECONDS, Math.ceil(Number(said)));
  if (!HTTP_DATE.test(said)) return undefined;
  // The old forms name no zone; all three are in GMT.
  const at = Date.parse(/(GMT|UTC|[+-]\d{4})$/i.test(said) ? said : `${said} GMT`);
  if (Number.isNaN(at)) return undefined;
  return Math.min(MOST_SECONDS, Math.max(0, Math.ceil((at - now) / 1_000)));
}
