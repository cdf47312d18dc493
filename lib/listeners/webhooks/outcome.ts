/** What the answer to an attempt says: of the event, of the endpoint, of the webhook. */
import type { Outcome } from "../../domain/events/keeper-steps.ts";
import { retryAfterSeconds } from "../../domain/wire/retry-after.ts";
import { compact } from "../../system/compact.ts";
import type { PeerFailure } from "../../system/ports.ts";

/** Statuses by which a server says that it takes nothing now. */
const UNAVAILABLE = new Set([408, 425, 429, 502, 503, 504]);
/** Statuses by which a proxy says that no server stands behind it. */
const NOBODY_THERE = new Set([502, 503, 504]);
const LONGEST_PAUSE_SECONDS = 86_400;

/** The outcome of an answer that came at `now`, ms since 1970. */
export function outcomeOfStatus(status: number, retryAfter: string | undefined, now: number): Outcome {
  if (status >= 200 && status < 300) return { is: "taken" };
  if (status === 410) return { is: "ended" };
  const seconds = retryAfterSeconds(retryAfter, now);
  const retryAfterMs = seconds === undefined ? undefined : Math.min(seconds, LONGEST_PAUSE_SECONDS) * 1_000;
  return compact({ is: UNAVAILABLE.has(status) ? "unavailable" : "failed", retryAfterMs });
}

/** The outcome without an answer. */
export const outcomeOfFailure = ({ sent }: Pick<PeerFailure, "sent">): Outcome => ({
  is: sent ? "ambiguous" : "unavailable",
});

/** True when another url of the webhook may be tried in the same attempt. */
export function mayTryNext(answer: { readonly status: number } | PeerFailure): boolean {
  return "status" in answer ? NOBODY_THERE.has(answer.status) : !answer.sent;
}
