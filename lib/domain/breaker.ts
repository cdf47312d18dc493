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

/** True when one delivery may try now: it is open, its time has come, and who tried before has not come back in time. */
export function mayProbe(breaker: Breaker, now: number): boolean {
  return breaker.openUntil !== undefined && breaker.openUntil <= now;
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
