/**
 * What a consumer group stores: how far each of its lanes has come along the log, what was lent to consumers and is not done,
 * and who has which lane. Plain JSON, bounded by `MAX_OPEN` and `MAX_BEHIND` for each lane.
 */
import type { Selection } from "./selection.ts";
import { MAX_SELECTIONS, type NumberedPosition, type SelectionFrom } from "./keeper-state.ts";

/** An event of a lane that was lent to a consumer at least once and is not done. */
export interface OpenEvent {
  /** It stands after the event. */
  readonly position: string;
  /** The event's number in the group. */
  readonly number: number;
  readonly key: string;
  readonly barrier: boolean;
  /** When its record expires, ms since 1970. */
  readonly expiresAt: number;
  /** Deliveries that failed and count. */
  readonly attempts: number;
  /** It is lent no sooner, ms since 1970; 0: at once. */
  readonly tryAt: number;
  /** A consumer has it under the lease of the lane. */
  readonly lent: boolean;
  /** A person wants it handed over: it is lent no more. */
  readonly skipped?: true;
}

/** A key of which events wait that the lane has read past: all of them lie beyond `after`. */
export interface Behind {
  readonly key: string;
  readonly after: string;
  /** The newest number up to `after`. */
  readonly number: number;
}

/** A fetch that its consumer repeats when the answer is lost. */
export interface NamedFetch {
  /** Its own; that of a repetition is the same. */
  readonly key: string;
  /** When the request came, ms since 1970. */
  readonly at: number;
}

/**
 * The lease of a lane. All lanes that one fetch leased have one token. It is not the `Lease` of lib/dynamodb, which protects an
 * item while a process of ours works on it: a consumer outside has this one, for as long as it asked, and a group has many.
 */
export interface LaneLease {
  readonly token: string;
  readonly consumer: string;
  /** The fetch, if it was given a name by which it can be repeated. */
  readonly asked?: NamedFetch;
  /** Ms since 1970; later another consumer may have the lane. */
  readonly until: number;
}

/** A parked event that a person sends again: it is lent before all others of its lane. */
export interface Replayed {
  /** The id of the failed event. */
  readonly id: string;
  readonly position: string;
  readonly lent: boolean;
  /** Deliveries that no consumer answered in time [0]. */
  readonly unanswered?: number;
  /** A consumer took it: what is kept of it is still to be deleted. */
  readonly taken?: true;
}

/**
 * One lane. Every event of the lane up to `after` is done, open, or behind.
 *
 *   free     no lease, or one that has run out
 *   leased   by a fetch that lends at least one event; ended by the consumer, by the last verdict, by a reset, or by time
 */
export interface LaneState {
  readonly after: string;
  /** The group's newest number up to `after`. */
  readonly number: number;
  /** In order of positions. */
  readonly open: readonly OpenEvent[];
  readonly behind: readonly Behind[];
  readonly replayed: readonly Replayed[];
  readonly lease?: LaneLease;
}

export interface GroupStopped {
  /** `exhausted`: an event that no consumer took, or a verdict. `position_gone`: records have expired unread. */
  readonly reason: "exhausted" | "position_gone";
  readonly position?: string;
  readonly key?: string;
}

/** What the group hears beyond a position, and the number of the newest event up to there. */
export interface GroupSelection extends SelectionFrom<Selection>, NumberedPosition {}

export interface GroupState {
  readonly lanes: readonly LaneState[];
  /** The newest barrier that is done; `""`: none. No lane goes beyond a later one. */
  readonly cleared: string;
  /**
   * By position, the first one for what lies before too. Numbers begin beyond the first: an event that a reset reaches before
   * it has none.
   */
  readonly selections: readonly GroupSelection[];
  /** The furthest point that had numbers at the last reset; absent: there was none. */
  readonly numbered?: NumberedPosition;
  /** The lane that a fetch looks at first. */
  readonly next: number;
  /** An event that is not done was older than half of the time that records stay, when that was looked at. */
  readonly lagging?: true;
  readonly stopped?: GroupStopped;
}

/** The settings that the rules need. */
export interface GroupRules {
  readonly order: "key" | "strict";
  readonly leaseMs: number;
  readonly maxAttempts: number;
  readonly onExhausted: "park" | "stop";
}

/** Most open events of a lane. */
export const MAX_OPEN = 200;
/** Most keys of a lane that are behind; the lane waits while there are so many. */
export const MAX_BEHIND = 64;
/** Most bytes of the open events and of the keys behind of all lanes, as JSON: an item has 400 KB. The lanes wait then. */
export const MAX_NOTED_BYTES = 200_000;
/** The bytes of an open event, or of a key that is behind, besides its key, at most. */
const NOTE_BYTES = 200;

/** The bytes that an open event of a key takes in the stored state, or the key behind, at most. */
export const notedBytes = ({ key }: Pick<OpenEvent, "key">): number => NOTE_BYTES + 3 * key.length;

/** The bytes of all that is noted of events, at most. */
export const allNotedBytes = ({ lanes }: Pick<GroupState, "lanes">): number =>
  lanes.flatMap(({ open, behind }) => [...open, ...behind]).reduce((sum, each) => sum + notedBytes(each), 0);

const beginning = (after: string, number: number): LaneState => ({
  after,
  number,
  open: [],
  behind: [],
  replayed: [],
});

/** A group that begins after a position: its first event beyond has number 1. */
export function newGroupState(
  after: string,
  { lanes, selection }: { readonly lanes: number; readonly selection: Selection },
): GroupState {
  return {
    lanes: Array.from({ length: lanes }, () => beginning(after, 0)),
    cleared: "",
    selections: [{ after, number: 0, selection }],
    next: 0,
  };
}

/** The furthest point up to which events have numbers: they keep them for ever. */
export function numberedTo({ lanes, numbered }: Pick<GroupState, "lanes" | "numbered">): NumberedPosition {
  const points = [
    ...lanes.map(({ after, number }) => ({ after, number })),
    ...(numbered === undefined ? [] : [numbered]),
  ];
  return points.reduce((furthest, each) => (each.after > furthest.after ? each : furthest));
}

/** The number as it is shown; undefined for an event from before the group's first position: it was never counted. */
export const shownNumber = ({ selections }: Pick<GroupState, "selections">, number: number): number | undefined =>
  number > (selections[0]?.number ?? 0) ? number : undefined;

/**
 * The group begins again after a position. Leases end, and all that was open; events keep their numbers.
 *
 * @param count how many events the group hears between the position and `numberedTo(state)`
 */
export function resetGroup(
  state: GroupState,
  { after, lanes, count }: { readonly after: string; readonly lanes: number; readonly count: number },
): GroupState {
  const numbered = numberedTo(state);
  const number = numbered.number + (after > numbered.after ? count : -count);
  const { selections } = state;
  // Their deletion is still to be done, before they are lent once more.
  const taken = state.lanes.flatMap(({ replayed }) => replayed.filter((each) => each.taken === true));
  return {
    lanes: Array.from({ length: lanes }, (_, at) => ({
      ...beginning(after, number),
      ...(at === 0 && { replayed: taken }),
    })),
    cleared: "",
    selections,
    next: 0,
    numbered,
  };
}

/**
 * Another selection for every event that has no number yet. With more than `MAX_SELECTIONS` the earliest ones are forgotten,
 * and the numbers by them.
 *
 * @returns undefined while events that are not done need too many earlier ones
 */
export function withSelection(state: GroupState, selection: Selection): GroupState | undefined {
  const point = numberedTo(state);
  const floor = groupFloor(state);
  // Lanes that a reset has brought before the first position count on by what they began with.
  const isNeeded = ({ after }: GroupSelection, index: number): boolean =>
    after < point.after || (index === 0 && floor < after);
  const all = [...state.selections.filter(isNeeded), { ...point, selection }];
  const needed =
    all.length -
    Math.max(
      0,
      all.findLastIndex(({ after }) => after <= floor),
    );
  return needed > MAX_SELECTIONS ? undefined : { ...state, selections: all.slice(-MAX_SELECTIONS) };
}

/** The lane of a key: FNV-1a over UTF-16 code units. Strict order is that of one key, so that one lane has everything. */
export function laneOf(key: string, { order, lanes }: { readonly order: GroupRules["order"]; readonly lanes: number }) {
  if (order === "strict") return 0;
  let hash = 0x81_1c_9d_c5;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01_00_01_93);
  return (hash >>> 0) % lanes;
}

/** Up to where everything of the lane is done. */
export function laneFloor({ after, open, behind }: LaneState): string {
  // An open event lies before its position, and nothing of its lane between the two.
  return [...open.slice(0, 1).map(({ position }) => before(position)), ...behind.map((each) => each.after)].reduce(
    (least, each) => (each < least ? each : least),
    after,
  );
}

/** A position with the event at `position`, and nothing that precedes it, beyond. */
export function before(position: string): string {
  const [epoch = "", record = "", index = ""] = position.split("-");
  const pad = (value: number, width: number): string => String(value).padStart(width, "0");
  if (index !== "z" && Number(index) > 0) return `${epoch}-${record}-${pad(Number(index) - 1, 6)}`;
  return `${epoch}-${pad(Number(record) - 1, 16)}-z`;
}

/** Up to where everything of the group is done, parked or skipped. */
export const groupFloor = ({ lanes }: GroupState): string =>
  lanes.map(laneFloor).reduce((least, each) => (each < least ? each : least));

/** True while a consumer has the lane. */
export const isLeased = ({ lease }: Pick<LaneState, "lease">, now: number): boolean =>
  lease !== undefined && lease.until > now;

/** True when the event is done, parked or skipped; false when it is open, behind, or beyond its lane. */
export function isDoneIn(
  { lanes }: GroupState,
  order: GroupRules["order"],
  { key, position }: { readonly key: string; readonly position: string },
): boolean {
  const lane = lanes[laneOf(key, { order, lanes: lanes.length })];
  if (lane === undefined || position > lane.after) return false;
  const own = order === "strict" ? "" : key;
  if (lane.open.some((each) => each.position === position)) return false;
  return !lane.behind.some((each) => each.key === own && each.after < position);
}
