/** What became of the records of one round for one of its subscriptions. */
import { shapeDiff } from "../../domain/diff/shape-diff.ts";
import { currentContext, diffContext } from "../../domain/log/subscription-log.ts";
import type { NumberedRecord } from "../../change-log/change-log.ts";
import type { AdvanceResult } from "../subscribers/cursor-store.ts";
import type { DeliveryOutcome } from "../../engine/fan-out-result.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";

/** What became of one subscription in a round. */
export type RoundOutcome = DeliveryOutcome & {
  /** Unfinished and unleased: log maintenance retries after this many seconds. */
  readonly unfinished?: number;
};

/** The outcome for a subscription that got a number of the round's records, `nothing` for one that did not. */
export function outcomeOf<T extends DeliveryOutcome>(
  { head, records }: { readonly head: InboundHead; readonly records: readonly NumberedRecord[] },
  advanced: AdvanceResult | undefined,
  outcome: T,
): T | { readonly kind: "nothing" } {
  if (advanced === undefined || advanced.head.state.ended) return { kind: "nothing" };
  if (advanced.made.length > 0 || advanced.head.state.sequence > head.state.sequence) return outcome;
  // Another writer has advanced it over these records already: whether they concern it follows from the context.
  const context = diffContext(currentContext(advanced.head.state));
  const concerned = records.some(
    ({ number, record }) =>
      number <= head.state.cursor && record.kind === "change" && shapeDiff(record.changes, head, context) !== undefined,
  );
  return concerned ? outcome : { kind: "nothing" };
}
