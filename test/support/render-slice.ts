import type { LogRecord } from "../../lib/domain/diff/change-record.ts";
import { madeNumber, numbersByRecord, render, resyncOf } from "../../lib/domain/log/render-backlog.ts";
import type { Slice } from "../../lib/domain/log/subscription-backlog.ts";
import type { RenderedDiff, Subscriber, SubscriptionState } from "../../lib/domain/log/subscription-log.ts";
import type { Reads } from "../../lib/domain/policy/visibility.ts";

/**
 * Renders the numbers of a slice by the records of `recordsFor`, without those whose record is not there. For records in
 * memory; a long backlog is rendered record by record.
 */
export function renderSlice(
  state: SubscriptionState,
  who: Subscriber,
  slice: Slice,
  records: ReadonlyMap<number, LogRecord>,
  now: Reads,
): readonly RenderedDiff[] {
  const resync = resyncOf(slice);
  if (resync !== undefined) return [resync];
  const ascending = [...records].sort(([one], [other]) => one - other);
  const made = ascending.flatMap(([number, record]) => (madeNumber(state, who, slice, record) ? [number] : []));
  return [...numbersByRecord(slice, made)].flatMap(([recordNumber, sequence]): RenderedDiff[] => {
    const record = records.get(recordNumber);
    const rendered =
      record === undefined ? undefined : render(state, who, slice, { sequence, recordNumber, record }, now);
    return rendered === undefined ? [] : [rendered];
  });
}
