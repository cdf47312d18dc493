/** The header `Retry-After`: a number of seconds, or a date. */

/** Longer values count as this many seconds. */
const MOST_SECONDS = 7 * 86_400;
/** The beginning of a date of HTTP, in any of the three forms of RFC 9110. */
const HTTP_DATE = /^(mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i;

/** The longest pause of deliveries that a peer's answer to a callback can ask for, seconds. */
export const MOST_PAUSE_SECONDS = 3_600;

/**
 * Seconds to wait from `now` (ms since 1970), 0 for a past date; undefined when the text is neither of the two forms.
 */
export function retryAfterSeconds(text: string | undefined, now: number): number | undefined {
  const said = text?.trim() ?? "";
  if (/^\d{1,10}(\.\d{1,9})?$/.test(said)) return Math.min(MOST_SECONDS, Math.ceil(Number(said)));
  if (!HTTP_DATE.test(said)) return undefined;
  // The two old forms name no zone; all three are in GMT.
  const at = Date.parse(/(GMT|UTC|[+-]\d{4})$/i.test(said) ? said : `${said} GMT`);
  if (Number.isNaN(at)) return undefined;
  return Math.min(MOST_SECONDS, Math.max(0, Math.ceil((at - now) / 1_000)));
}
