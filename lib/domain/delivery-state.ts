/** Which numbers of an inbound subscription its peer has taken, and when they leave. Plain JSON. */

/** Numbers from the first to the second, both included. */
export type NumberRange = readonly [number, number];

export interface DeliveryState {
  /** The newest number that was tried; those up to it are not tried again by themselves. */
  readonly tried: number;
  /** Every number up to this one was delivered. */
  readonly to: number;
  /** Delivered numbers beyond, ascending, apart from each other. */
  readonly ranges: readonly NumberRange[];
  /** `[upTo, at]`: delivered numbers up to `upTo` leave at `at` (ms since 1970); both ascending. */
  readonly leaves: readonly (readonly [number, number])[];
}

/** A new subscription's. */
export const NOTHING_DELIVERED: DeliveryState = { tried: 0, to: 0, ranges: [], leaves: [] };

/** The newest number that has left by itself at `now` (ms since 1970); 0 when none has. */
export function effectiveCleared(state: DeliveryState, now: number): number {
  return Math.max(0, ...state.leaves.filter(([, at]) => at <= now).map(([upTo]) => upTo));
}

/** True when the peer has taken the number. */
export function isDelivered(state: DeliveryState, sequence: number): boolean {
  return sequence <= state.to || state.ranges.some(([from, to]) => from <= sequence && sequence <= to);
}
