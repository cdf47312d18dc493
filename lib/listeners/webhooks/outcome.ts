/** What the answer to an attempt says: of the event, of the endpoint, of the webhook. */
import { retryAfterSeconds } from "../../domain/wire/retry-after.ts";
import { compact } from "../../system/compact.ts";
import type { PeerFailure } from "../../system/ports.ts";

/**
 * `taken`: the receiver has the event. `gone`: it wants no more events. `endpoint`: it took nothing because of itself, so the
 * whole webhook waits. `event`: it did not take this event, which may be the event's fault. `ambiguous`: the request went out,
 * and whether it was taken is unknown.
 */
export interface Outcome {
  readonly is: "taken" | "gone" | "endpoint" | "event" | "ambiguous";
  /** The receiver asks for a pause of so long, ms. */
  readonly retryAfterMs?: number;
}

/** Statuses by which a server says that it takes nothing now. */
const OF_THE_ENDPOINT = new Set([408, 425, 429, 502, 503, 504]);
/** Statuses by which a proxy says that there is nobody behind it. */
const NOBODY_THERE = new Set([502, 503, 504]);
const LONGEST_PAUSE_SECONDS = 86_400;

/** The outcome of an answer that came at `now`, ms since 1970. */
export function outcomeOfStatus(status: number, retryAfter: string | undefined, now: number): Outcome {
  if (status >= 200 && status < 300) return { is: "taken" };
  if (status === 410) return { is: "gone" };
  const seconds = retryAfterSeconds(retryAfter, now);
  const retryAfterMs = seconds === undefined ? undefined : Math.min(seconds, LONGEST_PAUSE_SECONDS) * 1_000;
  return compact({ is: OF_THE_ENDPOINT.has(status) ? "endpoint" : "event", retryAfterMs });
}

/** The outcome without an answer. */
export const outcomeOfFailure = ({ sent }: Pick<PeerFailure, "sent">): Outcome => ({
  is: sent ? "ambiguous" : "endpoint",
});

/** True when another url of the webhook may be tried in the same attempt. */
export function mayTryNext(answer: { readonly status: number } | PeerFailure): boolean {
  return "status" in answer ? NOBODY_THERE.has(answer.status) : !answer.sent;
}
