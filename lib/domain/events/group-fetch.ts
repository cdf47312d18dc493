/** What a fetch lends: which lanes are free, what is to be read of the log, and which events of it go to the consumer. */
import { MOST_GIVEN_UP, selectionAt, type Exhaustion, type OrderedEvent } from "./keeper-state.ts";
import { EXPIRING_MS } from "./keeper-schedule.ts";
import type { Selection } from "./selection.ts";
import {
  allNotedBytes,
  before,
  isLeased,
  laneOf,
  MAX_BEHIND,
  MAX_NOTED_BYTES,
  MAX_OPEN,
  notedBytes,
  type Behind,
  type GroupRules,
  type GroupState,
  type LaneLease,
  type LaneState,
  type NamedFetch,
  type OpenEvent,
} from "./group-state.ts";

/** A stretch of the log, every event of it in order, selected or not. */
export interface GroupStretch<E extends OrderedEvent> {
  readonly after: string;
  readonly upTo: string;
  readonly events: readonly E[];
}

/** An event that a consumer is lent, or that a person has from now on. */
export interface LentEvent<E extends OrderedEvent> {
  readonly lane: number;
  readonly event: E;
  readonly number: number;
  /** Failed deliveries before this one. */
  readonly attempts: number;
}

export interface Fetched<E extends OrderedEvent> {
  readonly state: GroupState;
  readonly lent: readonly LentEvent<E>[];
  readonly exhausted: readonly (LentEvent<E> & { readonly because: Exhaustion })[];
  /** What was lent takes about this much. */
  readonly bytes: number;
}

/** The lanes that a fetch may lease, the first one first. */
export function freeLanes({ lanes, next }: GroupState, now: number): readonly number[] {
  const all = lanes.map((_, index) => (index + next) % lanes.length);
  return all.filter((index) => !isLeased(lanes[index] as LaneState, now));
}

/** Leases that have run out end: what was lent comes again, and its delivery counts as a failure. */
export function withoutExpired(state: GroupState, now: number): GroupState {
  const lanes = state.lanes.map((lane) => (lane.lease === undefined || isLeased(lane, now) ? lane : ended(lane, 1)));
  return { ...state, lanes };
}

/**
 * A fetch is repeated: what it had lent, its consumer has never seen. It is given back as by `release`, and the lease ends. A
 * request that came before the one that lent takes nothing: its consumer has stopped waiting for it.
 */
export function withoutRepeated(state: GroupState, consumer: string, asked: NamedFetch): GroupState {
  const isRepeated = ({ lease }: LaneState): boolean =>
    lease?.consumer === consumer && lease.asked?.key === asked.key && lease.asked.at < asked.at;
  if (!state.lanes.some(isRepeated)) return state;
  const lanes = state.lanes.map((lane) => (isRepeated(lane) ? ended(lane, 0) : lane));
  // What the fetch had lent comes before what is new.
  const next = state.next - 1;
  return { ...state, lanes, next: beginsWithNew({ lanes, next }) ? next + lanes.length : next };
}

/** What was lent under the token is given back, as by `release`. */
export function withoutLease(state: GroupState, token: string): GroupState {
  return { ...state, lanes: state.lanes.map((lane) => (lane.lease?.token === token ? ended(lane, 0) : lane)) };
}

/** The lane without its lease. `failures`: what an unanswered delivery counts. */
export function ended({ lease: _, ...lane }: LaneState, failures: 0 | 1): LaneState {
  const open = lane.open.map((each) =>
    each.lent ? { ...each, lent: false, tryAt: 0, attempts: each.attempts + failures } : each,
  );
  const replayed = lane.replayed.map((each) => {
    return each.lent ? { ...each, lent: false, unanswered: (each.unanswered ?? 0) + failures } : each;
  });
  return { ...lane, open, replayed };
}

/** Why an open event is not lent again, if that is so. */
function exhaustionOf(one: OpenEvent, rules: GroupRules, now: number): Exhaustion | undefined {
  const { attempts, expiresAt, lent, skipped } = one;
  if (lent) return undefined;
  if (skipped === true) return "skipped";
  if (attempts >= rules.maxAttempts) return "attempts";
  return attempts > 0 && expiresAt - EXPIRING_MS <= now ? "expiring" : undefined;
}

/**
 * After which position the log is read for a fetch at `now`; undefined: no free lane has anything to lend. Every second round
 * begins with what is new, so that a key with a long backlog holds up no other.
 *
 * @param newest the position after the log's newest record
 */
export function readFrom(
  state: GroupState,
  rules: GroupRules,
  { now, newest }: { readonly now: number; readonly newest: string },
): string | undefined {
  const newFirst = beginsWithNew(state);
  const isFull = allNotedBytes(state) >= MAX_NOTED_BYTES;
  for (const index of freeLanes(state, now)) {
    const lane = state.lanes[index] as LaneState;
    const old = oldestDue(lane, rules, { now, mayOpen: !isFull && lane.open.length < MAX_OPEN });
    const fresh = !isFull && hasRoom(lane) && lane.after < newest ? lane.after : undefined;
    const from = newFirst ? (fresh ?? old) : (old ?? fresh);
    if (from !== undefined) return from;
  }
  return undefined;
}

const beginsWithNew = ({ lanes, next }: Pick<GroupState, "lanes" | "next">): boolean =>
  Math.floor(next / lanes.length) % 2 === 1;

const hasRoom = ({ open, behind }: LaneState): boolean =>
  open.length < MAX_OPEN && behind.length < MAX_BEHIND && !open.some(({ barrier }) => barrier);

/** The point before the oldest event that the lane has read past and may lend. */
function oldestDue(
  lane: LaneState,
  rules: GroupRules,
  { now, mayOpen }: { readonly now: number; readonly mayOpen: boolean },
): string | undefined {
  const opens = lane.open.filter((each) => {
    return exhaustionOf(each, rules, now) !== undefined || (isDue(each, now) && !isBlocked(lane.open, each));
  });
  const behinds = lane.behind.filter(({ key }) => mayOpen && !lane.open.some((each) => each.key === key));
  const points = [...opens.slice(0, 1).map(({ position }) => before(position)), ...behinds.map(({ after }) => after)];
  return points.length === 0 ? undefined : points.reduce((least, each) => (each < least ? each : least));
}

const isDue = ({ lent, tryAt }: OpenEvent, now: number): boolean => !lent && tryAt <= now;

/** True when an earlier event of the key is not done, and no consumer has it. */
const isBlocked = (open: readonly OpenEvent[], { key, position }: Pick<OpenEvent, "key" | "position">): boolean =>
  open.some((each) => each.key === key && each.position < position && !each.lent);

/** A lane while a stretch goes by. */
interface Pass {
  readonly index: number;
  /** Up to where the lane had come before. */
  readonly was: string;
  after: string;
  number: number;
  open: OpenEvent[];
  behind: Behind[];
  /** Keys behind of which an event could not be lent. */
  readonly stalled: Set<string>;
  /** It goes no further along the log. */
  halted: boolean;
  lends: boolean;
}

/**
 * Lends the events of a stretch that was read as `readFrom` said.
 *
 * @param state without leases that have run out
 * @param selects whether a selection lets an event through
 */
export function lend<E extends OrderedEvent>(
  state: GroupState,
  stretch: GroupStretch<E>,
  {
    rules,
    selects,
    lease,
    now,
    max,
    most = Infinity,
    sizeOf = () => 0,
  }: {
    readonly rules: GroupRules;
    readonly selects: (selection: Selection, event: E) => boolean;
    readonly lease: LaneLease;
    readonly now: number;
    /** Most events. */
    readonly max: number;
    /** No event is lent beyond so many bytes [no limit]. */
    readonly most?: number;
    readonly sizeOf?: (event: E) => number;
  },
): Fetched<E> {
  const lanes = state.lanes.length;
  const free = new Set(freeLanes(state, now));
  const passes = state.lanes.map((lane, index): Pass | undefined => {
    // Numbers are counted from the stretch's beginning, so a lane that stands before it has no part.
    if (!free.has(index) || lane.after < stretch.after) return undefined;
    const { after, number } = lane;
    const halted = lane.open.some(({ barrier }) => barrier);
    const unread = lane.behind.filter((each) => each.after < stretch.after).map(({ key }) => key);
    return {
      ...{ index, was: after, after, number, open: [...lane.open], behind: [...lane.behind] },
      ...{ stalled: new Set(unread), halted, lends: false },
    };
  });
  // The rest of the free lanes is for the next consumer, who has no other chance while there is enough for this one.
  let leasable = Math.ceil(free.size / 2);
  const lent: LentEvent<E>[] = [];
  const exhausted: (LentEvent<E> & { because: Exhaustion })[] = [];
  const known = numbersIn(state);
  let number = known.get(stretch.after) ?? 0;
  let reached = stretch.after;
  let isFull = false;
  let bytes = 0;
  let noted = allNotedBytes(state);
  const mayOpen = (pass: Pass): boolean => mayLend(pass) && pass.open.length < MAX_OPEN && noted < MAX_NOTED_BYTES;
  const mayLend = ({ lends }: Pass): boolean => lends || leasable > 0;
  const lendOne = (pass: Pass, event: E, one: OpenEvent): void => {
    lent.push({ lane: pass.index, event, number: one.number, attempts: one.attempts });
    if (!pass.lends) leasable -= 1;
    pass.lends = true;
    bytes += sizeOf(event);
  };
  const opened = (event: E, key: string): OpenEvent => {
    const { position, barrier, expiresAt } = event;
    noted += notedBytes({ key });
    return {
      position,
      number,
      key,
      barrier: barrier && rules.order === "key",
      expiresAt,
      attempts: 0,
      tryAt: 0,
      lent: true,
    };
  };
  const halt = (pass: Pass, at: string, atNumber: number): void => {
    pass.halted = true;
    if (at > pass.after) [pass.after, pass.number] = [at, atNumber];
  };
  /** An event that the lane has read past. */
  const again = (pass: Pass, event: E, key: string): void => {
    const at = pass.open.findIndex(({ position }) => position === event.position);
    const one = pass.open[at];
    if (one !== undefined) {
      const because = exhaustionOf(one, rules, now);
      if (because !== undefined) {
        if (exhausted.length < MOST_GIVEN_UP) exhausted.push({ lane: pass.index, event, ...one, because });
      } else if (isDue(one, now) && !isBlocked(pass.open, one) && mayLend(pass)) {
        pass.open[at] = { ...one, lent: true };
        lendOne(pass, event, one);
      }
      return;
    }
    const behind = pass.behind.findIndex((each) => each.key === key && each.after < event.position);
    if (behind >= 0) lendBehind(pass, event, { key, behind });
  };
  const lendBehind = (pass: Pass, event: E, { key, behind }: { key: string; behind: number }): void => {
    if (pass.stalled.has(key)) return;
    if (isBlocked(pass.open, { key, position: event.position }) || !mayOpen(pass)) {
      pass.stalled.add(key);
      return;
    }
    const one = opened(event, key);
    pass.open = [...pass.open, one].toSorted((a, b) => (a.position < b.position ? -1 : 1));
    pass.behind[behind] = { key, after: event.position, number };
    lendOne(pass, event, one);
  };
  /** The next event of the lane. */
  const next = (pass: Pass, event: E, key: string): void => {
    const isBarrier = event.barrier && rules.order === "key" && event.position > state.cleared;
    const point = previousOf(event.position, reached);
    if (isBarrier && !isAlone(event, point)) return halt(pass, point, number - 1);
    const behind = pass.behind.findIndex((each) => each.key === key);
    if (behind >= 0) lendBehind(pass, event, { key, behind });
    else if (isBlocked(pass.open, { key, position: event.position })) {
      if (pass.behind.length >= MAX_BEHIND || noted >= MAX_NOTED_BYTES) return halt(pass, point, number - 1);
      noted += notedBytes({ key });
      pass.behind.push({ key, after: point, number: number - 1 });
      pass.stalled.add(key);
    } else if (!mayOpen(pass)) return halt(pass, point, number - 1);
    else {
      const one = opened(event, key);
      pass.open.push(one);
      lendOne(pass, event, one);
    }
    if (isBarrier) halt(pass, event.position, number);
  };
  /** True when every lane has come to the barrier, and nothing below it is left. */
  const isAlone = ({ key }: E, point: string): boolean =>
    state.lanes.every((lane, index) => {
      const pass = passes[index];
      const { open, behind } = pass ?? lane;
      const after = pass === undefined || pass.halted ? (pass ?? lane).after : point;
      return after >= point && [...open, ...behind].every((each) => !each.key.startsWith(`${key}.`));
    });

  for (const event of stretch.events) {
    const isSelected = selects(selectionAt(state.selections, event), event);
    if (isSelected) number += 1;
    number = known.get(event.position) ?? number;
    if (isSelected) {
      const key = rules.order === "strict" ? "" : event.key;
      const owner = passes[laneOf(event.key, { order: rules.order, lanes })];
      if (event.barrier && rules.order === "key" && event.position > state.cleared) {
        const point = previousOf(event.position, reached);
        for (const pass of passes) {
          if (pass !== undefined && pass !== owner && !pass.halted && event.position > pass.was) {
            halt(pass, point, number - 1);
          }
        }
      }
      if (owner !== undefined && event.position <= owner.was) again(owner, event, key);
      else if (owner?.halted === false) next(owner, event, key);
    }
    reached = event.position;
    if (lent.length >= max || bytes >= most) {
      isFull = true;
      break;
    }
  }
  const end = isFull ? reached : stretch.upTo;
  const after = state.lanes.map((lane, index): LaneState => {
    const pass = passes[index];
    if (pass === undefined) return lane;
    if (!pass.halted && end > pass.after) [pass.after, pass.number] = [end, number];
    const isWhole = end >= pass.was;
    const { open, stalled, lends } = pass;
    const behind = pass.behind.flatMap((each): Behind[] => {
      if (stalled.has(each.key) || (each.after >= end && !isWhole)) return [each];
      return isWhole ? [] : [{ key: each.key, after: end, number }];
    });
    const moved = { ...lane, after: pass.after, number: pass.number, open, behind };
    return lends ? { ...moved, lease } : moved;
  });
  return { state: { ...state, lanes: after, next: state.next + 1 }, lent, exhausted, bytes };
}

/** The point right before an event of which `reached` is the point that was read to before: the same for all who read. */
function previousOf(position: string, reached: string): string {
  const recordOf = (text: string): string => text.slice(0, text.lastIndexOf("-"));
  const isSame = recordOf(position) === recordOf(reached);
  return isSame ? reached : before(`${recordOf(position)}-000000`);
}

/** Numbers that are known, by the positions up to which they count. */
function numbersIn({ lanes }: GroupState): ReadonlyMap<string, number> {
  return new Map(
    lanes.flatMap(({ after, number, open, behind }) => [
      [after, number] as const,
      ...open.map((each) => [each.position, each.number] as const),
      ...behind.map((each) => [each.after, each.number] as const),
    ]),
  );
}
