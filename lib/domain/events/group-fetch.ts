/** What a fetch lends: which events of a stretch of the log go to the consumer. */
import { MOST_GIVEN_UP, selectionAt, type Exhaustion, type OrderedEvent } from "./keeper-state.ts";
import type { Selection } from "./selection.ts";
import {
  allNotedBytes,
  before,
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
  type OpenEvent,
} from "./group-state.ts";
import { exhaustionOf, freeLanes, isBlocked, isDue } from "./group-lanes.ts";

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
      index,
      was: after,
      after,
      number,
      open: [...lane.open],
      behind: [...lane.behind],
      stalled: new Set(unread),
      halted,
      lends: false,
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
