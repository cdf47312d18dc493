/**
 * The rules of failures: whether the endpoint or the event is at fault. The status of an answer does not always show that,
 * so the rules compare: the event is at fault when the endpoint takes other events meanwhile, and the endpoint is when it
 * takes none. docs/listener-state.md has the table.
 */
import { LONGEST_COOLDOWN_MS, nextCooldown, type BreakerPolicy } from "../policy/breaker.ts";
import { compact } from "../../system/compact.ts";
import { ENDPOINT_PAUSE_MS, LONGEST_RETRY_AFTER_MS, schedulePause, varied } from "./keeper-schedule.ts";
import type { EndpointHealth, Failing, OrderedEvent } from "./keeper-state.ts";
import type { KeeperRules, Outcome } from "./keeper-steps.ts";

/**
 * An attempt that has begun. `why`: `probe` when the breaker was open and a probe was due; `early` when it was open and
 * none was due, but the key had not failed; `pace` when all keys with events were blocked; `plain` otherwise.
 */
export interface BegunAttempt {
  readonly why: "plain" | "probe" | "early" | "pace";
  /**
   * All keys with events were blocked, and few keys had failed: it is not known whether the endpoint or the event is at
   * fault.
   */
  readonly inDoubt: boolean;
  /** Ms since 1970. */
  readonly beganAt: number;
}

/** An attempt that failed, and when it ended (ms since 1970). */
export interface NotTaken {
  readonly outcome: Outcome;
  readonly attempt: BegunAttempt;
  readonly now: number;
}

/** An attempt that failed, with what was known before. */
export interface Failed extends NotTaken {
  readonly health: EndpointHealth;
  /** Earlier failures of the event. */
  readonly prior: Failing | undefined;
  readonly event: OrderedEvent;
}

/** The state after a failure. */
export interface FailureResult {
  readonly health: EndpointHealth;
  readonly failing: Failing;
  /** The breaker opens: the caller subtracts the attempts of this run from all entries (`givenBack`). */
  readonly opens: boolean;
}

/** While fewer keys than this have failed, a key that has not failed is tried although the breaker is open. */
export const fewKeys = ({ threshold }: BreakerPolicy): number => Math.max(2, threshold);

/** The state after a failure. `random`: 0 ≤ random() < 1. */
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

/** A failed probe opens the breaker for twice as long; an attempt that began before it opened changes nothing. */
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
  attempt: BegunAttempt,
  { now, breaker }: { readonly now: number; readonly breaker: BreakerPolicy },
): EndpointHealth["pace"] {
  if (pace === undefined) return { at: now + breaker.recoveryMs, every: breaker.recoveryMs };
  if (attempt.why !== "pace") return pace;
  const every = Math.max(breaker.recoveryMs, Math.min(pace.every * 2, LONGEST_COOLDOWN_MS));
  return { at: now + every, every };
}

/** The failures without those of the present run, which were the endpoint's: the breaker has opened. */
export function givenBack(failing: Failing, now: number): Failing {
  if (!failing.run || failing.evidence === "shown" || failing.inRun === 0) return failing;
  return { ...failing, attempts: failing.attempts - failing.inRun, inRun: 0, countsAt: now };
}

/**
 * The endpoint's health after it took an event; undefined: nothing changes, because the breaker stays open.
 *
 * @param closes it was a probe, or an early attempt of a key that had not failed
 * @param wasBlocked the event had failed before
 */
export function healthAfterTaken(
  { openUntil, pausedUntil, pace }: EndpointHealth,
  { closes, wasBlocked }: { readonly closes: boolean; readonly wasBlocked: boolean },
): EndpointHealth | undefined {
  if (openUntil !== undefined && !closes) return undefined;
  return compact({ failures: 0, pausedUntil, pace: closes || wasBlocked ? undefined : pace });
}

/**
 * The failures of an event after the endpoint took another one. `atOnce`: the event may be tried at once, though a failure
 * may not count yet.
 */
export function afterTaken(
  failing: Failing,
  { now, atOnce }: { readonly now: number; readonly atOnce: boolean },
): Failing {
  const tryAt = atOnce ? Math.max(now, failing.retryAfter ?? 0) : failing.tryAt;
  const evidence = failing.evidence === "none" ? "taken" : failing.evidence;
  return { ...failing, run: false, inRun: 0, evidence, tryAt };
}
