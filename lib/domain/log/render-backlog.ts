/** Numbers that were made, rendered again from the log's records: for callbacks, polls and single diffs. */
import type { LogRecord } from "../diff/change-record.ts";
import { shapeDiff } from "../diff/shape-diff.ts";
import { isExact, slicesAfter, type Run, type Slice } from "./subscription-backlog.ts";
import {
  diffContext,
  type ContextVersion,
  type RenderedDiff,
  type Subscriber,
  type SubscriptionState,
} from "./subscription-log.ts";
import type { Reads } from "../policy/visibility.ts";

/** The kept numbers above `after`, at most `limit`, and where in the log they are found. */
export function backlogAfter(state: SubscriptionState, after: number, limit: number): readonly Slice[] {
  return slicesAfter(state.runs, Math.max(after, state.cleared), limit);
}

/** Where one number is found; undefined when it is cleared, has expired or was never made. */
export function locate(state: SubscriptionState, sequence: number): Slice | undefined {
  const [slice] = backlogAfter(state, sequence - 1, 1);
  return slice?.from === sequence ? slice : undefined;
}

/** The record that made a kept number; undefined where only the records themselves show it. */
export function recordOf(state: SubscriptionState, sequence: number): number | undefined {
  const run = locate(state, sequence)?.run;
  if (run === undefined) return undefined;
  if (run.resync !== undefined) return run.first;
  return isExact(run) ? run.first + sequence - run.sequence : undefined;
}

/**
 * The records to read for a slice, both ends included; undefined when it needs none. For a run that has only anchors they
 * are all of its records.
 */
export function recordsFor({ run, from, to }: Slice): { readonly first: number; readonly last: number } | undefined {
  if (run.resync !== undefined) return undefined;
  if (!isExact(run)) return { first: run.first, last: run.last };
  return { first: run.first + from - run.sequence, last: run.first + to - run.sequence };
}

/** The number of a slice that is a resync; undefined for any other slice. */
export function resyncOf({ run }: Slice): RenderedDiff | undefined {
  if (run.resync === undefined) return undefined;
  return { sequence: run.sequence, recordNumber: run.first, at: run.resync, content: "resync" };
}

/** True when a record of a slice's run made one of its numbers. */
export function madeNumber(state: SubscriptionState, who: Subscriber, { run }: Slice, record: LogRecord): boolean {
  if (record.kind !== "change") return false;
  return shapeDiff(record.changes, who, diffContext(contextOfRun(state, run))) !== undefined;
}

/**
 * The slice's numbers by the records they are of. For a run that only says where to look `made` are those of its records
 * that made numbers (`madeNumber`), ascending; the oldest may have expired.
 */
export function numbersByRecord({ run, from, to }: Slice, made: readonly number[]): ReadonlyMap<number, number> {
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  // Counted from the end, where nothing has expired.
  const newest = run.sequence + run.count - 1;
  const pairs = numbers.flatMap((sequence): [number, number][] => {
    const recordNumber = isExact(run) ? run.first + sequence - run.sequence : made.at(sequence - newest - 1);
    return recordNumber === undefined ? [] : [[recordNumber, sequence]];
  });
  return new Map(pairs);
}

/**
 * Renders one number of a slice. `now` is what the peer may read today. Places hidden since then are left out, and a
 * diff of which nothing is left is `{}`; places opened since then stay out, so that the answer is otherwise the same
 * every time.
 */
export function render(
  state: SubscriptionState,
  who: Subscriber,
  { run }: Slice,
  { sequence, recordNumber, record }: { sequence: number; recordNumber: number; record: LogRecord },
  now: Reads,
): RenderedDiff | undefined {
  if (record.kind !== "change") return undefined;
  const context = diffContext(contextOfRun(state, run), now);
  const content = shapeDiff(record.changes, who, context) ?? { data: {}, overwritten: [] };
  return { sequence, recordNumber, at: record.at, content };
}

function contextOfRun(state: SubscriptionState, run: Run): ContextVersion {
  const context = state.contexts.find(({ id }) => id === run.context);
  if (context === undefined) throw new RangeError("a run of the backlog names a context that is not kept");
  return context;
}
