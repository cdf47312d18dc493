/** What the answer to an attempt means: for the event, for the endpoint, for the webhook. */
import type { Outcome } from "../../domain/events/keeper-steps.ts";
import { retryAfterSeconds } from "../../domain/wire/retry-after.ts";
import { compact } from "../../system/compact.ts";
import type { PeerFailure } from "../../system/ports.ts";

/** Statuses of a server that takes no events at the moment. */
const UNAVAILABLE = new Set([408, 425, 429, 502, 503, 504]);
/** Statuses of a proxy that does not reach its server. */
const NO_SERVER = new Set([502, 503, 504]);
const LONGEST_PAUSE_SECONDS = 86_400;

/** The outcome of an answer that arrived at `now`, ms since 1970. */
export function outcomeOfStatus(status: number, retryAfter: string | undefined, now: number): Outcome {
  if (status >= 200 && status < 300) return { is: "taken" };
  if (status === 410) return { is: "ended" };
  const seconds = retryAfterSeconds(retryAfter, now);
  const retryAfterMs = seconds === undefined ? undefined : Math.min(seconds, LONGEST_PAUSE_SECONDS) * 1_000;
  return compact({ is: UNAVAILABLE.has(status) ? "unavailable" : "failed", retryAfterMs });
}

/** The outcome of an attempt that got no answer. */
export const outcomeOfFailure = ({ sent }: Pick<PeerFailure, "sent">): Outcome => ({
  is: sent ? "ambiguous" : "unavailable",
});

/** True when the same attempt may try the next url of the webhook: the event has certainly not reached a server. */
export function mayTryNext(answer: { readonly status: number } | PeerFailure): boolean {
  return "status" in answer ? NO_SERVER.has(answer.status) : !answer.sent;
}
