/**
 * A limit on a rate by the generic cell rate algorithm: at most `limit` in a period on average, with a burst of `limit`. Its
 * state is one number, the time at which an even sender would send the next one, µs since 1970; 0 at first.
 */

/** So many in so many seconds. */
export interface Rate {
  readonly limit: number;
  readonly periodSeconds: number;
}

/** The state afterwards when one may be sent now, or the time (ms since 1970) at which one may be. */
export type RateResult = { readonly state: number } | { readonly waitUntil: number };

/**
 * Asks for one at a time (ms since 1970). A state that another rate or a clock ahead left behind delays by one period at most.
 */
export function admitOne(state: number, now: number, { limit, periodSeconds }: Rate): RateResult {
  const at = Math.floor(now * 1_000);
  const step = Math.ceil((periodSeconds * 1_000_000) / limit);
  const burst = limit * step;
  const next = Math.max(at, Math.min(state, at + burst)) + step;
  const early = next - burst - at;
  return early <= 0 ? { state: next } : { waitUntil: Math.ceil((at + early) / 1_000) };
}
