/** When callbacks to a failing peer stop, and when one goes through to find out whether the peer answers again. */

/** What is known of a peer's failures. */
export interface Breaker {
  /** Consecutive failed deliveries. */
  readonly failures: number;
  /** Open until then, ms since 1970; from then on one delivery may probe. Absent: closed. */
  readonly openUntil?: number;
  /** How long the breaker opened the last time, ms. */
  readonly cooldown?: number;
  /** The token of the probe that is under way, while `openUntil` is ahead. */
  readonly probe?: string;
  /** The subscription that was probed last: the next probe begins after it. */
  readonly probed?: string;
  /** The peer's `Retry-After`: nothing goes to it before then, ms since 1970. It stays until what waited has gone out. */
  readonly pausedUntil?: number;
  /** The subscription whose number was refused with it. */
  readonly pausedBy?: string;
}

export interface BreakerPolicy {
  /** This many consecutive failures open the breaker. */
  readonly threshold: number;
  /** How long the breaker opens at first, ms. */
  readonly recoveryMs: number;
}

/** As every answer names it. */
export type BreakerState = "closed" | "open" | "half_open";

/** The longest time that the breaker opens for, ms, unless the first one is longer. */
export const LONGEST_COOLDOWN_MS = 15 * 60_000;

/** Of a peer that has not failed. */
export const CLOSED: Breaker = { failures: 0 };

/** `half_open`: a probe may begin, or is under way. */
export function breakerState(breaker: Breaker, now: number): BreakerState {
  if (breaker.openUntil === undefined) return "closed";
  return breaker.probe !== undefined || breaker.openUntil <= now ? "half_open" : "open";
}

/** True while the pause lasts that the peer asked for. */
export function isPaused(breaker: Breaker, now: number): boolean {
  return breaker.pausedUntil !== undefined && breaker.pausedUntil > now;
}

/**
 * True when one delivery may probe now: the breaker is open, its time has come, the peer has not asked for a pause, and no
 * other probe is within its time.
 */
export function mayProbe(breaker: Breaker, now: number): boolean {
  return breaker.openUntil !== undefined && breaker.openUntil <= now && !isPaused(breaker, now);
}

/** Members in order, beginning after the one of that id; from the first when there is none. */
export function roundAfter<T extends { readonly id: string }>(all: readonly T[], id: string | undefined): readonly T[] {
  const next = all.findIndex((each) => each.id === id) + 1;
  return [...all.slice(next), ...all.slice(0, next)];
}

/** True when a closed breaker opens after this many failures. */
export function isToOpen(breaker: Breaker, policy: BreakerPolicy): boolean {
  return breaker.openUntil === undefined && breaker.failures >= policy.threshold;
}

/** How long the breaker opens next, ms: at first the policy's time, after a failed probe twice the last one. */
export function nextCooldown(breaker: Breaker, policy: BreakerPolicy): number {
  if (breaker.cooldown === undefined) return policy.recoveryMs;
  return Math.max(policy.recoveryMs, Math.min(breaker.cooldown * 2, LONGEST_COOLDOWN_MS));
}
