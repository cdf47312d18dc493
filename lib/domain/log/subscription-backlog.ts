/**
 * Which record made which number, for the numbers that are still kept. Stored as runs, because a subscription far behind
 * has thousands of numbers and its head is written with every change.
 */
import { compact } from "../../system/compact.ts";

/**
 * Numbers made one after the other in the same context. Number `sequence + count - 1` is of record `last`. With as many
 * records from `first` to `last` as numbers, each record made one. Otherwise the records themselves show which of them made
 * numbers, and `anchors` where to look.
 */
export interface Run {
  readonly sequence: number;
  readonly count: number;
  readonly first: number;
  readonly last: number;
  /** Numbers in between, each with the record that made it, ascending. */
  readonly anchors?: readonly Anchor[];
  /** The id of the context that made them. */
  readonly context: number;
  /** The one number of the run is a resync of this time (ISO 8601): it needs no record to be rendered. */
  readonly resync?: string;
}

type Anchor = readonly [sequence: number, record: number];

/** Most anchors in all runs: to find a number, about one part in this many of the records is read. */
export const MAX_ANCHORS = 100;
/** Most runs that are stored. */
export const MAX_RUNS = 50;
/** Most contexts that stored runs may refer to: each has a set of permissions. */
export const MAX_CONTEXTS = 16;

export interface Entry {
  readonly sequence: number;
  readonly record: number;
  readonly context: number;
  /** When it was made, ISO 8601 with microseconds and `Z`. */
  readonly at: string;
  readonly resync: boolean;
}

/**
 * The runs with one more number. Over `MAX_RUNS`, neighbours of the same context become one run with anchors, as far as
 * there are any.
 */
export function withNumber(runs: readonly Run[], entry: Entry): readonly Run[] {
  const { sequence, record, context, resync, at } = entry;
  const single: Run = compact({
    sequence,
    count: 1,
    first: record,
    last: record,
    context,
    resync: resync ? at : undefined,
  });
  const last = runs.at(-1);
  const continues = last !== undefined && isExact(last) && last.last + 1 === record && fits(last, single);
  const longer = continues ? [...runs.slice(0, -1), joined(last, single)] : [...runs, single];
  return withFewAnchors(longer.length > MAX_RUNS ? (withOneLess(longer) ?? longer) : longer);
}

/** True when each record of the run made a number. */
export function isExact(run: Run): boolean {
  return run.count === run.last - run.first + 1;
}

const fits = (one: Run, next: Run): boolean =>
  one.context === next.context &&
  one.resync === undefined &&
  next.resync === undefined &&
  one.sequence + one.count === next.sequence;

function joined(one: Run, next: Run): Run {
  const both = { ...one, count: one.count + next.count, last: next.last };
  if (isExact(both)) return both;
  return { ...both, anchors: [...(one.anchors ?? []), [next.sequence, next.first], ...(next.anchors ?? [])] };
}

/** Drops the anchor without which the fewest records have to be read, the oldest of equals. */
function withFewAnchors(runs: readonly Run[]): readonly Run[] {
  if (runs.reduce((sum, { anchors = [] }) => sum + anchors.length, 0) <= MAX_ANCHORS) return runs;
  let best: { run: Run; index: number; span: number } | undefined;
  for (const run of runs) {
    const anchors = run.anchors ?? [];
    for (const index of anchors.keys()) {
      const span = (anchors[index + 1]?.[1] ?? run.last + 1) - (anchors[index - 1]?.[1] ?? run.first);
      if (best === undefined || span < best.span) best = { run, index, span };
    }
  }
  return runs.map((run) =>
    run === best?.run ? { ...run, anchors: run.anchors?.toSpliced(best.index, 1) ?? [] } : run,
  );
}

/** The part of a run between anchors that has the numbers from one to another; its record `last` may have made none. */
function partOf(run: Run, from: number, to: number): Run {
  const { anchors = [], ...whole } = run;
  const [sequence, first] = anchors.findLast((anchor) => anchor[0] <= from) ?? [run.sequence, run.first];
  const [end, after] = anchors.find((anchor) => anchor[0] > to) ?? [run.sequence + run.count, run.last + 1];
  return { ...whole, sequence, count: end - sequence, first, last: after - 1 };
}

/** Joins the two neighbours with the fewest records between them, the oldest of equals. */
function withOneLess(runs: readonly Run[]): readonly Run[] | undefined {
  let best: { index: number; gap: number } | undefined;
  for (const [index, run] of runs.entries()) {
    const next = runs[index + 1];
    if (next === undefined || !fits(run, next)) continue;
    const gap = next.first - run.last;
    if (best === undefined || gap < best.gap) best = { index, gap };
  }
  if (best === undefined) return undefined;
  const { index } = best;
  const [one, next] = [runs[index], runs[index + 1]];
  if (one === undefined || next === undefined) return undefined;
  return runs.toSpliced(index, 2, joined(one, next));
}

/** The runs without the numbers up to one. A run with anchors is cut at an anchor, or goes as a whole. */
export function withoutNumbers(runs: readonly Run[], upTo: number): readonly Run[] {
  return runs.flatMap((run) => {
    const removedCount = upTo - run.sequence + 1;
    if (removedCount <= 0) return [run];
    if (removedCount >= run.count) return [];
    if (isExact(run))
      return [{ ...run, sequence: upTo + 1, count: run.count - removedCount, first: run.first + removedCount }];
    const begin = run.anchors?.findLast(([sequence]) => sequence <= upTo + 1);
    if (begin === undefined) return [run];
    const [sequence, first] = begin;
    const { anchors = [], ...rest } = { ...run, sequence, count: run.count - (sequence - run.sequence), first };
    const left = anchors.filter((anchor) => anchor[0] > sequence);
    return [isExact(rest) ? rest : { ...rest, anchors: left }];
  });
}

/** Numbers of one run, or of a part of it, both ends included. */
export interface Slice {
  readonly from: number;
  readonly to: number;
  readonly run: Run;
}

/** The kept numbers above `after`, at most `limit`, ascending. */
export function slicesAfter(runs: readonly Run[], after: number, limit: number): readonly Slice[] {
  const slices: Slice[] = [];
  let room = limit;
  for (const run of runs) {
    const from = Math.max(run.sequence, after + 1);
    const to = Math.min(run.sequence + run.count - 1, from + room - 1);
    if (from > to) continue;
    slices.push({ from, to, run: partOf(run, from, to) });
    room -= to - from + 1;
  }
  return slices;
}
