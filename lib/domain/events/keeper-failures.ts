/**
 * The rules of failures: what a failure says of the endpoint and of its event. A status alone does not tell the two apart,
 * so the rules compare: a failure is the event's own when other events are taken meanwhile, and the endpoint's when nothing
 * is. docs/listener-state.md has the table.
 */
import { LONGEST_COOLDOWN_MS, nextCooldown, type BreakerPolicy } from "../policy/breaker.ts";
import { compact } from "../../system/compact.ts";
import { ENDPOINT_PAUSE_MS, LONGEST_RETRY_AFTER_MS, schedulePause, varied } from "./keeper-schedule.ts";
import type { EndpointHealth, Failing, OrderedEvent } from "./keeper-state.ts";
import type { KeeperRules, Outcome } from "./keeper-steps.ts";

/**
 * Why an attempt began. `probe`: the breaker was open. `early`: it was open before its time, for a key that no failure
 * accuses. `pace`: every key that waited was blocked. `plain`: none of these.
 */
export interface Attempt {
  readonly why: "plain" | "probe" | "early" | "pace";
  /** Every key that waited was blocked, and few had failed: which of the endpoint and the event fails is not known. */
  readonly inDoubt: boolean;
  readonly beganAt: number;
}

/** What an attempt that was not taken failed at. */
export interface Failed {
  readonly health: EndpointHealth;
  /** Earlier failures of the event. */
  readonly prior: Failing | undefined;
  readonly event: OrderedEvent;
  readonly outcome: Outcome;
  readonly attempt: Attempt;
  readonly now: number;
}

/** What follows from a failure. */
export interface FailureResult {
  readonly health: EndpointHealth;
  readonly failing: Failing;
  /** The breaker opens: attempts counted in the run are given back (`givenBack`). */
  readonly opens: boolean;
}

/** A new key is tried although the breaker is open while fewer keys than this have failed. */
export const fewKeys = ({ threshold }: BreakerPolicy): number => Math.max(2, threshold);

/** After a failure. `random`: gives 0 ≤ random < 1. */
export function afterFailure(
  failed: Failed,
  { breaker }: Pick<KeeperRules, "breaker">,
  random: () => number,
): FailureResult {
  const { health, prior, event, outcome, attempt, now } = failed;
  const shown = prior !== undefined && prior.evidence !== "none";
  const isOwn = outcome.is !== "unavailable" || shown;
  const isOpen = health.openUntil !== undefined;
  const retryAfterMs = Math.min(outcome.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
  const counts =
    isOwn &&
    attempt.beganAt >= (prior?.countsAt ?? 0) &&
    (!isOpen || shown || (attempt.why !== "plain" && attempt.inDoubt));
  const attempts = (prior?.attempts ?? 0) + (counts ? 1 : 0);
  const countsAt = counts ? now + schedulePause(attempts, random()) : (prior?.countsAt ?? now);
  const pauseMs = varied(ENDPOINT_PAUSE_MS, random());
  const failing: Failing = compact({
    position: event.position,
    expiresAt: event.expiresAt,
    attempts,
    inRun: (prior?.run === true ? prior.inRun : 0) + (counts ? 1 : 0),
    run: true,
    evidence: shown ? "shown" : "none",
    endpoint: !isOwn,
    triedAt: now,
    tryAt: counts ? countsAt : Math.max(isOwn ? countsAt : 0, now + pauseMs),
    countsAt,
    retryAfter: isOwn && retryAfterMs > 0 ? now + retryAfterMs : undefined,
  });
  const pausesAll = outcome.is === "unavailable" && (!isOwn || retryAfterMs > 0);
  const pausedUntil = pausesAll ? now + Math.max(isOwn ? 0 : pauseMs, retryAfterMs) : health.pausedUntil;
  if (isOpen) return { health: compact({ ...stillOpen(health, failed, breaker), pausedUntil }), failing, opens: false };
  const isNew = !isOwn || attempt.why === "pace" || prior?.run !== true;
  const failures = health.failures + (isNew ? 1 : 0);
  const pace = isOwn ? paceAfter(health, attempt, { now, breaker }) : health.pace;
  if (failures < breaker.threshold) return { health: compact({ failures, pausedUntil, pace }), failing, opens: false };
  const cooldown = nextCooldown({ failures }, breaker);
  const opened = compact({ failures, openUntil: now + cooldown, cooldown, pausedUntil, pace });
  return { health: opened, failing, opens: true };
}

/** A probe that fails opens the breaker for twice as long; what began before it opened says nothing new. */
function stillOpen(
  health: EndpointHealth,
  { attempt, now }: Pick<Failed, "attempt" | "now">,
  breaker: BreakerPolicy,
): EndpointHealth {
  if (attempt.why !== "probe") return health;
  const cooldown = nextCooldown(health, breaker);
  return { ...health, failures: health.failures + 1, openUntil: now + cooldown, cooldown };
}

function paceAfter(
  { pace }: EndpointHealth,
  attempt: Attempt,
  { now, breaker }: { readonly now: number; readonly breaker: BreakerPolicy },
): EndpointHealth["pace"] {
  if (pace === undefined) return { at: now + breaker.recoveryMs, every: breaker.recoveryMs };
  if (attempt.why !== "pace") return pace;
  const every = Math.max(breaker.recoveryMs, Math.min(pace.every * 2, LONGEST_COOLDOWN_MS));
  return { at: now + every, every };
}

/** The failures of the run were the endpoint's after all. */
export function givenBack(failing: Failing, now: number): Failing {
  if (!failing.run || failing.evidence === "shown" || failing.inRun === 0) return failing;
  return { ...failing, attempts: failing.attempts - failing.inRun, inRun: 0, countsAt: now };
}

/** What of an event's failures stays when something else was taken. `atOnce`: it may be tried at once, if that counts or not. */
export function afterTaken(
  failing: Failing,
  { now, atOnce }: { readonly now: number; readonly atOnce: boolean },
): Failing {
  const tryAt = atOnce ? Math.max(now, failing.retryAfter ?? 0) : failing.tryAt;
  const evidence = failing.evidence === "none" ? "taken" : failing.evidence;
  return { ...failing, run: false, inRun: 0, evidence, tryAt };
}
