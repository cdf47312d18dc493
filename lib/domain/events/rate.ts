/**
 * Limits a rate by the generic cell rate algorithm: at most `limit` sends in a period on average, and `limit` in a burst.
 * The state is one number: the time at which a perfectly even sender would send next, µs since 1970; 0 at first.
 */

/** At most `limit` sends in `periodSeconds`. */
export interface Rate {
  readonly limit: number;
  readonly periodSeconds: number;
}

/**
 * `state`: the send is admitted, and this is the state after it. `waitUntil`: when the next send is admitted, ms since
 * 1970.
 */
export type RateResult = { readonly state: number } | { readonly waitUntil: number };

/**
 * Decides about one send at `now` (ms since 1970). A state that was computed for another rate, or with a fast clock, delays
 * a send by one period at most.
 */
export function admitOne(state: number, now: number, { limit, periodSeconds }: Rate): RateResult {
  const at = Math.floor(now * 1_000);
  const step = Math.ceil((periodSeconds * 1_000_000) / limit);
  const burst = limit * step;
  const next = Math.max(at, Math.min(state, at + burst)) + step;
  const early = next - burst - at;
  return early <= 0 ? { state: next } : { waitUntil: Math.ceil((at + early) / 1_000) };
}
