/** Which numbers of an inbound subscription its peer has taken, and when they leave the backlog. Plain JSON. */
import { compact } from "../../system/compact.ts";

/** Numbers from the first to the second, both included. */
export type NumberRange = readonly [number, number];

/**
 * Which of a subscription's numbers were tried and delivered. Stored with its head; while a lease is live only its holder
 * writes it.
 */
export interface DeliveryState {
  /** The newest number that was tried. Those up to it are tried again only by a replay, a retry or the end of a pause. */
  readonly tried: number;
  /** Every number up to this one was delivered, or is cleared. */
  readonly to: number;
  /** Delivered numbers beyond, ascending, apart from each other. */
  readonly ranges: readonly NumberRange[];
  /** `[upTo, at]`: delivered numbers up to `upTo` leave at `at` (ms since 1970); both ascending, at most `MAX_LEAVES`. */
  readonly leaves: readonly (readonly [number, number])[];
  /** Delivered numbers that leave only when the peer clears them; absent: none. Ascending, apart from each other. */
  readonly stays?: readonly NumberRange[];
}

/** The state of a new subscription. */
export const NOTHING_DELIVERED: DeliveryState = { tried: 0, to: 0, ranges: [], leaves: [] };

/** Most ranges of delivered numbers beyond an undelivered one; with more, one resync stands for all. */
export const MAX_RANGES = 50;
/** Most leaving times that are kept apart. */
export const MAX_LEAVES = 9;

/** The state with one more number tried, whatever the result. */
export function tried(state: DeliveryState, sequence: number): DeliveryState {
  return sequence <= state.tried ? state : { ...state, tried: sequence };
}

/**
 * The state with one more number delivered.
 *
 * @param leavesAt when it leaves the backlog, ms since 1970; undefined: when the peer clears it
 */
export function delivered(state: DeliveryState, sequence: number, leavesAt: number | undefined): DeliveryState {
  if (isDelivered(state, sequence)) return tried(state, sequence);
  const taken = withPrefix({ ...tried(state, sequence), ranges: joined([...state.ranges, [sequence, sequence]]) });
  if (leavesAt !== undefined) return { ...taken, leaves: withLeave(state.leaves, sequence, leavesAt) };
  return { ...taken, stays: fewer(joined([...(state.stays ?? []), [sequence, sequence]])) };
}

/** The state without the numbers up to `cleared`. */
export function withoutCleared(state: DeliveryState, cleared: number): DeliveryState {
  const { stays: old = [], ...rest } = state;
  const stays = above(old, cleared);
  return {
    ...withPrefix({ ...rest, to: Math.max(state.to, cleared), ranges: above(state.ranges, cleared) }),
    tried: Math.max(state.tried, cleared),
    leaves: state.leaves.filter(([upTo]) => upTo > cleared),
    ...compact({ stays: stays.length === 0 ? undefined : stays }),
  };
}

/** True when the peer has taken the number, or it is cleared. */
export function isDelivered(state: DeliveryState, sequence: number): boolean {
  return sequence <= state.to || state.ranges.some(([from, to]) => from <= sequence && sequence <= to);
}

/** The numbers up to `newest` that the peer has not taken, ascending. */
export function undelivered(state: DeliveryState, newest: number): readonly NumberRange[] {
  const open: NumberRange[] = [];
  let from = state.to + 1;
  for (const [first, last] of [...state.ranges, [newest + 1, newest + 1] as const]) {
    const to = Math.min(first - 1, newest);
    if (from <= to) open.push([from, to]);
    from = Math.max(from, last + 1);
  }
  return open;
}

/** How many numbers the ranges have. */
export function countOf(ranges: readonly NumberRange[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
}

/**
 * The newest number that counts as cleared at `now` (ms since 1970): `cleared`, or one whose time to leave has come since.
 * No number leaves before an earlier one that was not delivered, or that waits for the peer to clear it.
 */
export function effectiveCleared(state: DeliveryState, now: number, cleared = 0): number {
  const due = Math.max(0, ...state.leaves.filter(([, at]) => at <= now).map(([upTo]) => upTo));
  return Math.max(cleared, Math.min(due, furthest(state, cleared)));
}

/** When the next number leaves, ms since 1970; undefined when none will before something else happens. */
export function nextLeaving(state: DeliveryState, cleared: number): number | undefined {
  // The earliest time is enough once any number above `cleared` may leave: its bucket covers the first of them.
  return furthest(state, cleared) <= cleared ? undefined : state.leaves.find(([upTo]) => upTo > cleared)?.[1];
}

/** The newest number that may leave when its time comes. */
function furthest(state: DeliveryState, cleared: number): number {
  const [first] = above(state.stays ?? [], cleared);
  const to = withPrefix({ ...state, to: Math.max(state.to, cleared) }).to;
  return first === undefined ? to : Math.min(to, first[0] - 1);
}

/** Ranges that follow the prefix without a gap join it. */
function withPrefix(state: DeliveryState): DeliveryState {
  let { to } = state;
  const ranges = state.ranges.filter(([from, last]) => {
    if (from > to + 1) return true;
    to = Math.max(to, last);
    return false;
  });
  return to === state.to && ranges.length === state.ranges.length ? state : { ...state, to, ranges };
}

function joined(ranges: readonly NumberRange[]): readonly NumberRange[] {
  const result: [number, number][] = [];
  for (const [from, to] of ranges.toSorted(([one], [other]) => one - other)) {
    const last = result.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}

const above = (ranges: readonly NumberRange[], cleared: number): readonly NumberRange[] =>
  ranges.flatMap(([from, to]): NumberRange[] => (to <= cleared ? [] : [[Math.max(from, cleared + 1), to]]));

/** Over `MAX_RANGES`, the two closest ranges become one: the numbers between them stay too, which loses nothing. */
function fewer(ranges: readonly NumberRange[]): readonly NumberRange[] {
  if (ranges.length <= MAX_RANGES) return ranges;
  const gapAfter = (index: number): number => (ranges[index + 1]?.[0] ?? Infinity) - (ranges[index]?.[1] ?? 0);
  const at = closest(ranges.length - 1, gapAfter);
  const [one, next] = [ranges[at], ranges[at + 1]];
  return one === undefined || next === undefined ? ranges : ranges.toSpliced(at, 2, [one[0], next[1]]);
}

/** The time of a later number holds for those before it, so that none leaves early. */
function withLeave(leaves: DeliveryState["leaves"], upTo: number, leavesAt: number): DeliveryState["leaves"] {
  const at = Math.max(leavesAt, ...leaves.filter(([other]) => other < upTo).map(([, time]) => time));
  const before = leaves.filter(([other, time]) => other < upTo && time < at);
  const after = leaves.filter(([other]) => other >= upTo).map(([other, time]) => [other, Math.max(time, at)] as const);
  // Of several with one time the newest number is enough.
  const all = [...before, [upTo, at] as const, ...after].filter(
    ([, time], index, list) => list[index + 1]?.[1] !== time,
  );
  if (all.length <= MAX_LEAVES) return all;
  // Drops the time whose absence delays the fewest numbers, but never the first, so that a steady stream keeps leaving.
  const around = (index: number): number =>
    index === 0 ? Infinity : (all[index + 1]?.[1] ?? Infinity) - (all[index - 1]?.[1] ?? 0);
  return all.toSpliced(closest(all.length - 1, around), 1);
}

function closest(count: number, cost: (index: number) => number): number {
  let best = 0;
  for (let index = 1; index < count; index += 1) if (cost(index) <= cost(best)) best = index;
  return best;
}
