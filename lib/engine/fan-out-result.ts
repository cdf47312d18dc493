/** What became of the callbacks of one change. */

/** A callback that did not arrive. */
export interface DeliveryFailure {
  readonly peerId: string;
  readonly subscriptionId: string;
  /** The status of the peer's answer; absent: the peer did not answer. */
  readonly statusCode?: number;
  /** One sentence, safe to show. */
  readonly error: string;
  /** The peer's `Retry-After` in seconds, at most an hour. All numbers for the peer are sent after that. */
  readonly retryAfter?: number;
}

/**
 * How many subscriptions got a number from a commit, and how many listeners hear an event of it. `totalCount` is the sum of
 * the other five counts.
 */
export interface FanOutResult {
  readonly totalCount: number;
  /** The peer, or the listener, answered that it has it. */
  readonly successCount: number;
  readonly failureCount: number;
  /** Listeners that may have it: the request was sent, and no answer came. Absent: none. */
  readonly ambiguousCount?: number;
  /**
   * Nothing was sent: the peer's breaker is open, the peer is not or no longer approved, the peer only polls, or it has
   * recently answered that it does not know the subscription.
   */
  readonly skippedCount: number;
  /**
   * Left to another delivery of the same subscription that runs already, or to the worker behind the queue: now, or after
   * the pause that the peer asked for.
   */
  readonly deferredCount: number;
  readonly failures: readonly DeliveryFailure[];
}

/**
 * The result for one subscription's numbers, or for one listener's events. `nothing`: there were none. `ambiguous`: the
 * listener may have them.
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
