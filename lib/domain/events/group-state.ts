/**
 * The stored state of a consumer group: how far each of its lanes has advanced along the log, which events were lent to
 * consumers and are not done, and which consumer has which lane. It is plain JSON, bounded by `MAX_OPEN` and `MAX_BEHIND`
 * for each lane. An event is done when a consumer acknowledged or skipped it, or a person has it.
 */
import type { Selection } from "./selection.ts";
import { MAX_SELECTIONS, type NumberedPosition, type SelectionFrom } from "./keeper-state.ts";

/** An event of a lane that was lent to a consumer at least once and is not done. */
export interface OpenEvent {
  /** The position right after the event. */
  readonly position: string;
  /** The event's number in the group. */
  readonly number: number;
  readonly key: string;
  readonly barrier: boolean;
  /** When its record expires, ms since 1970. */
  readonly expiresAt: number;
  /** Failed deliveries that count against `maxAttempts`. */
  readonly attempts: number;
  /** The event may be lent again from this time on, ms since 1970; 0: at once. */
  readonly tryAt: number;
  /** A consumer has the event under the lease of the lane. */
  readonly lent: boolean;
  /** A person has resumed the group with `skip`: the event is not lent again, and goes to a person. */
  readonly skipped?: true;
}

/**
 * A key that is behind its lane: the lane has read past events of the key without lending them, because an earlier one of
 * the key was not done. All of these events lie beyond `after`.
 */
export interface Behind {
  readonly key: string;
  readonly after: string;
  /** The group's newest number up to `after`. */
  readonly number: number;
}

/** A fetch with an idempotency key, so that its consumer can repeat it when the answer is lost. */
export interface NamedFetch {
  /** The same for every repetition. */
  readonly key: string;
  /** When this request arrived, ms since 1970. */
  readonly at: number;
}

/**
 * The lease of a lane. All lanes that one fetch leased have one token. It is not the `Lease` of lib/dynamodb, which protects an
 * item while a process of ours works on it: a consumer outside has this one, for as long as it asked, and a group has many.
 */
export interface LaneLease {
  readonly token: string;
  readonly consumer: string;
  /** The fetch that leased the lane, if it can be repeated. */
  readonly asked?: NamedFetch;
  /** The end of the lease, ms since 1970; after that another consumer may lease the lane. */
  readonly until: number;
}

/** A parked event that a person sends again. It is lent before all other events of its lane. */
export interface Replayed {
  /** The id of the failed event. */
  readonly id: string;
  readonly position: string;
  readonly lent: boolean;
  /** Deliveries whose lease ended without a verdict [0]. */
  readonly unanswered?: number;
  /** A consumer has acknowledged or skipped it, and the parked event is still to be deleted. */
  readonly taken?: true;
}

/**
 * One lane. Every event of the lane up to `after` is done, open, or of a key that is behind.
 *
 *   free     no lease, or one whose time is over
 *   leased   by a fetch that lends at least one event; ended by the consumer, by the last verdict, by a reset, or by time
 */
export interface LaneState {
  readonly after: string;
  /** The group's newest number up to `after`. */
  readonly number: number;
  /** Ascending by position. */
  readonly open: readonly OpenEvent[];
  readonly behind: readonly Behind[];
  readonly replayed: readonly Replayed[];
  readonly lease?: LaneLease;
}

export interface GroupStopped {
  /**
   * `exhausted`: the attempts at an event are used up, or a consumer said `stop`. `position_gone`: unread records have
   * expired.
   */
  readonly reason: "exhausted" | "position_gone";
  readonly position?: string;
  readonly key?: string;
}

/** The selection that applies beyond a position, and the group's newest number up to there. */
export interface GroupSelection extends SelectionFrom<Selection>, NumberedPosition {}

export interface GroupState {
  readonly lanes: readonly LaneState[];
  /** The position of the newest barrier that is done; `""`: none is. No lane advances past a later barrier. */
  readonly cleared: string;
  /**
   * Ascending by position. The first one applies to earlier events too. Numbers begin after its position: an earlier event,
   * which only a reset can reach, has no number.
   */
  readonly selections: readonly GroupSelection[];
  /** The furthest point that had numbers at the last reset; absent: there was no reset. */
  readonly numbered?: NumberedPosition;
  /** Counts fetches. Modulo the number of lanes it is the lane with which the next fetch begins. */
  readonly next: number;
  /**
   * When the group was checked last, an event that was not done was older than half of the time for which records are kept.
   */
  readonly lagging?: true;
  readonly stopped?: GroupStopped;
}

/** The settings that decide what is lent. */
export interface GroupRules {
  readonly order: "key" | "strict";
  readonly leaseMs: number;
  readonly maxAttempts: number;
  readonly onExhausted: "park" | "stop";
}

/** Most open events of a lane. */
export const MAX_OPEN = 200;
/** Most keys of a lane that are behind. While there are this many, the lane reads no further. */
export const MAX_BEHIND = 64;
/**
 * Most bytes of the open events and of the keys behind of all lanes, as JSON: an item has at most 400 KB. At this size no
 * lane reads further.
 */
export const MAX_NOTED_BYTES = 200_000;
/** Most bytes of an open event, or of a key that is behind, without the key itself. */
const NOTE_BYTES = 200;

/** Most bytes that an open event of the key, or the key behind, takes in the stored state. */
export const notedBytes = ({ key }: Pick<OpenEvent, "key">): number => NOTE_BYTES + 3 * key.length;

/** Most bytes that all open events and keys behind take in the stored state. */
export const allNotedBytes = ({ lanes }: Pick<GroupState, "lanes">): number =>
  lanes.flatMap(({ open, behind }) => [...open, ...behind]).reduce((sum, each) => sum + notedBytes(each), 0);

const beginning = (after: string, number: number): LaneState => ({
  after,
  number,
  open: [],
  behind: [],
  replayed: [],
});

/** The state of a group that begins after a position. The first event after it has number 1. */
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

/** The furthest point up to which events have numbers. They keep these for ever. */
export function numberedTo({ lanes, numbered }: Pick<GroupState, "lanes" | "numbered">): NumberedPosition {
  const points = [
    ...lanes.map(({ after, number }) => ({ after, number })),
    ...(numbered === undefined ? [] : [numbered]),
  ];
  return points.reduce((furthest, each) => (each.after > furthest.after ? each : furthest));
}

/**
 * The number that consumers see; undefined for an event from before the group's first position, which was never counted.
 */
export const shownNumber = ({ selections }: Pick<GroupState, "selections">, number: number): number | undefined =>
  number > (selections[0]?.number ?? 0) ? number : undefined;

/**
 * The state of a group that begins again after a position. All leases end, no event is open, and events keep their numbers.
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
 * Another selection for every event that has no number yet. The newest `MAX_SELECTIONS` are kept; events before these can
 * no longer be numbered.
 *
 * @returns undefined while events that are not done need too many earlier selections
 */
export function withSelection(state: GroupState, selection: Selection): GroupState | undefined {
  const point = numberedTo(state);
  const floor = groupFloor(state);
  // A reset can put lanes before the first position: there the first selection still applies.
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

/** The lane of a key: FNV-1a over UTF-16 code units. In strict order one lane has all events. */
export function laneOf(key: string, { order, lanes }: { readonly order: GroupRules["order"]; readonly lanes: number }) {
  if (order === "strict") return 0;
  let hash = 0x81_1c_9d_c5;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01_00_01_93);
  return (hash >>> 0) % lanes;
}

/** The position up to which every event of the lane is done. */
export function laneFloor({ after, open, behind }: LaneState): string {
  // The floor lies right before the first open event, not at its position.
  return [...open.slice(0, 1).map(({ position }) => before(position)), ...behind.map((each) => each.after)].reduce(
    (least, each) => (each < least ? each : least),
    after,
  );
}

/** A position right before the event at `position`: the event lies after it, and every earlier event before it. */
export function before(position: string): string {
  const [epoch = "", record = "", index = ""] = position.split("-");
  const pad = (value: number, width: number): string => String(value).padStart(width, "0");
  if (index !== "z" && Number(index) > 0) return `${epoch}-${record}-${pad(Number(index) - 1, 6)}`;
  return `${epoch}-${pad(Number(record) - 1, 16)}-z`;
}

/** The position up to which every event of the group is done. */
export const groupFloor = ({ lanes }: GroupState): string =>
  lanes.map(laneFloor).reduce((least, each) => (each < least ? each : least));

/** True while a consumer has the lane at `now`, ms since 1970. */
export const isLeased = ({ lease }: Pick<LaneState, "lease">, now: number): boolean =>
  lease !== undefined && lease.until > now;

/** True when the event is done; false when it is open, of a key behind, or beyond its lane. */
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
