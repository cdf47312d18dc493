/** When calls to a peer that keeps failing stop, and when one is let through to see whether it answers again. */

/** What is known of a peer's failures. Nothing: all is well. */
export interface Breaker {
  /** Failed deliveries one after the other. */
  readonly failures: number;
  /** Open until then, ms since 1970; from then on one delivery may try. Absent: closed. */
  readonly openUntil?: number;
  /** How long it opened last, ms. */
  readonly cooldown?: number;
  /** Who tries at the moment, while `openUntil` is ahead. */
  readonly probe?: string;
  /** The subscription that was tried last: the next try is one of those after it. */
  readonly probed?: string;
  /** By the peer's `Retry-After` nothing goes to it before then, ms since 1970. It stays until what waited has gone out. */
  readonly pausedUntil?: number;
  /** The subscription whose number was refused with it. */
  readonly pausedBy?: string;
}

export interface BreakerPolicy {
  /** So many failures one after the other open it. */
  readonly threshold: number;
  /** How long it opens first, ms. */
  readonly recoveryMs: number;
}

/** As `FanOutManager` and the peers' overview name it. */
export type BreakerState = "CLOSED" | "OPEN" | "HALF_OPEN";

/** The longest time it opens for, ms, unless the first one is longer already. */
export const LONGEST_COOLDOWN_MS = 15 * 60_000;

/** Of a peer that has not failed. */
export const CLOSED: Breaker = { failures: 0 };

/** `HALF_OPEN`: its time has come, or one delivery is trying. */
export function breakerState(breaker: Breaker, now: number): BreakerState {
  if (breaker.openUntil === undefined) return "CLOSED";
  return breaker.probe !== undefined || breaker.openUntil <= now ? "HALF_OPEN" : "OPEN";
}

/** True while nothing may go to the peer, by its own word. */
export function isPaused(breaker: Breaker, now: number): boolean {
  return breaker.pausedUntil !== undefined && breaker.pausedUntil > now;
}

/**
 * True when one delivery may try now: it is open, its time has come, the peer has not asked for a pause, and who tried
 * before has not come back in time.
 */
export function mayProbe(breaker: Breaker, now: number): boolean {
  return breaker.openUntil !== undefined && breaker.openUntil <= now && !isPaused(breaker, now);
}

/** Members in order, beginning after the one of that id; from the first when there is none. */
export function roundAfter<T extends { readonly id: string }>(all: readonly T[], id: string | undefined): readonly T[] {
  const next = all.findIndex((each) => each.id === id) + 1;
  return [...all.slice(next), ...all.slice(0, next)];
}

/** True when a closed breaker with so many failures is to open. */
export function isToOpen(breaker: Breaker, policy: BreakerPolicy): boolean {
  return breaker.openUntil === undefined && breaker.failures >= policy.threshold;
}

/** How long it opens next, ms: at first the policy's time, twice the last one after a try that failed. */
export function nextCooldown(breaker: Breaker, policy: BreakerPolicy): number {
  if (breaker.cooldown === undefined) return policy.recoveryMs;
  return Math.max(policy.recoveryMs, Math.min(breaker.cooldown * 2, LONGEST_COOLDOWN_MS));
}
