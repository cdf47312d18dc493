/** Numbers that were made, told again from the log's records: for callbacks, polls and single diffs. */
import type { LogRecord } from "./change-record.ts";
import type { Json } from "../ports.ts";
import { isExact, slicesAfter } from "./subscription-backlog.ts";
import type { Slice } from "./subscription-backlog.ts";
import { contentOf } from "./subscription-log.ts";
import type { Subscriber, SubscriptionState, SubscriptionView } from "./subscription-log.ts";
import type { Reads } from "./visibility.ts";

/** One number as it is told. */
export interface Told {
  readonly sequence: number;
  readonly recordNumber: number;
  /** When the change was made, as the record says. */
  readonly at: string;
  readonly content: { readonly data: Json; readonly overwritten: readonly string[] } | "resync";
}

/** The numbers above `after` that can still be told, at most `limit`, and where in the log they are found. */
export function backlogAfter(state: SubscriptionState, after: number, limit: number): readonly Slice[] {
  return slicesAfter(state.runs, Math.max(after, state.cleared), limit);
}

/** Where one number is found; undefined when it is cleared, expired or was never made. */
export function locate(state: SubscriptionState, sequence: number): Slice | undefined {
  const [slice] = backlogAfter(state, sequence - 1, 1);
  return slice?.from === sequence ? slice : undefined;
}

/** The records to read for a slice, both ends included. */
export function recordsFor({ run, from, to }: Slice): { readonly first: number; readonly last: number } {
  if (!isExact(run)) return { first: run.first, last: run.last };
  return { first: run.first + from - run.sequence, last: run.first + to - run.sequence };
}

/**
 * What the numbers of a slice say. `records` holds those of `recordsFor` that are still there; a number whose record is
 * not is left out. `now` is what the peer may read today: what it hides since is left out, a diff of which nothing is
 * left is `{}`; what it shows since stays out, so that the answer is otherwise the same every time.
 */
export function renderSlice(
  state: SubscriptionState,
  who: Subscriber,
  slice: Slice,
  records: ReadonlyMap<number, LogRecord>,
  now: Reads,
): readonly Told[] {
  const { run } = slice;
  if (run.resync === true) {
    const record = records.get(run.first);
    return record === undefined
      ? []
      : [{ sequence: run.sequence, recordNumber: run.first, at: record.at, content: "resync" }];
  }
  const view = state.views.find(({ id }) => id === run.view);
  if (view === undefined) throw new RangeError("a run of the backlog names a view that is not kept");
  return numbersOf(slice, records, who, view).flatMap(({ sequence, recordNumber }): Told[] => {
    const record = records.get(recordNumber);
    if (record?.kind !== "change") return [];
    const content = contentOf(record.changes, who, view, now) ?? { data: {}, overwritten: [] };
    return [{ sequence, recordNumber, at: record.at, content }];
  });
}

function numbersOf(
  { run, from, to }: Slice,
  records: ReadonlyMap<number, LogRecord>,
  who: Subscriber,
  view: SubscriptionView,
): readonly { readonly sequence: number; readonly recordNumber: number }[] {
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  if (isExact(run)) {
    return numbers.map((sequence) => ({ sequence, recordNumber: run.first + sequence - run.sequence }));
  }
  const made: number[] = [];
  for (let number = run.first; number <= run.last; number += 1) {
    const record = records.get(number);
    if (record?.kind === "change" && contentOf(record.changes, who, view) !== undefined) made.push(number);
  }
  // Counted from the end: the oldest records may have expired.
  const newest = run.sequence + run.count - 1;
  return numbers.flatMap((sequence) => {
    const recordNumber = made.at(sequence - newest - 1);
    return recordNumber === undefined ? [] : [{ sequence, recordNumber }];
  });
}
