/** Which number of a subscription stands for a record of the log. */
import type { InboundHead } from "../subscribers/inbound-head.ts";
import type { CursorStore } from "../subscribers/cursor-store.ts";

/**
 * The newest number that a state of `record` contains. `before` and `after` are the subscription's head at the log's end
 * before and after the state was read. Undefined when the record is not between them, or when records that expired between
 * them were skipped by a resync, which shifts all numbers that come after it.
 */
export async function numberAt(
  cursors: Pick<CursorStore, "sequenceAt">,
  before: InboundHead,
  after: InboundHead,
  record: number,
): Promise<number | undefined> {
  const { cursor, sequence } = after.state;
  if (record === before.state.cursor) return before.state.sequence;
  if (record < before.state.cursor || cursor < record) return undefined;
  if ((await cursors.sequenceAt(before, cursor)) !== sequence) return undefined;
  return cursor === record ? sequence : await cursors.sequenceAt(before, record);
}
