/** What became of the callbacks of one change. */

/** A callback that did not arrive. */
export interface DeliveryFailure {
  readonly peerId: string;
  readonly subscriptionId: string;
  /** The peer's, when it answered. */
  readonly statusCode?: number;
  /** One sentence, safe to show. */
  readonly error: string;
  /** Seconds, when the peer said so; at most an hour. This number and all others of the peer are sent then. */
  readonly retryAfter?: number;
}

/** Counts subscriptions that got a number, and listeners that heard an event: `totalCount` is the sum of the other five. */
export interface FanOutResult {
  readonly totalCount: number;
  /** The peer took it. */
  readonly successCount: number;
  readonly failureCount: number;
  /** A listener may have taken it: the request went out, and no answer came. Absent: none. */
  readonly ambiguousCount?: number;
  /**
   * Not sent: the peer's breaker is open, the peer is not approved (any more), it only polls, or it has answered lately
   * that it does not know the subscription.
   */
  readonly skippedCount: number;
  /**
   * Left to another delivery of the subscription that is under way, or to the worker behind the queue: now, or at the end
   * of the pause that the peer asked for.
   */
  readonly deferredCount: number;
  readonly failures: readonly DeliveryFailure[];
}

/**
 * What became of one subscription's numbers, or of the events of one listener; `nothing`: it got none; `ambiguous`: the
 * listener may have taken them.
 */
export type DeliveryOutcome =
  | { readonly kind: "delivered" | "skipped" | "deferred" | "nothing" }
  | { readonly kind: "failed" | "ambiguous"; readonly failure: DeliveryFailure };

/** The result for no subscription. */
export const NO_FAN_OUT: FanOutResult = sumOf([]);

/** Counts outcomes. */
export function sumOf(outcomes: readonly DeliveryOutcome[]): FanOutResult {
  const count = (kind: DeliveryOutcome["kind"]): number => outcomes.filter((outcome) => outcome.kind === kind).length;
  return {
    totalCount: outcomes.length - count("nothing"),
    successCount: count("delivered"),
    failureCount: count("failed"),
    ...(count("ambiguous") > 0 && { ambiguousCount: count("ambiguous") }),
    skippedCount: count("skipped"),
    deferredCount: count("deferred"),
    failures: outcomes.flatMap((outcome) => ("failure" in outcome ? [outcome.failure] : [])),
  };
}
