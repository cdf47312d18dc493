/** The lanes of a group before a fetch: which of them are free, how leases end, and where reading the log begins. */
import { EXPIRING_MS } from "./keeper-schedule.ts";
import type { Exhaustion } from "./keeper-state.ts";
import {
  allNotedBytes,
  before,
  isLeased,
  MAX_BEHIND,
  MAX_NOTED_BYTES,
  MAX_OPEN,
  type GroupRules,
  type GroupState,
  type LaneState,
  type NamedFetch,
  type OpenEvent,
} from "./group-state.ts";

/** The indexes of the lanes that a fetch may lease, in the order in which it prefers them. */
export function freeLanes({ lanes, next }: GroupState, now: number): readonly number[] {
  const all = lanes.map((_, index) => (index + next) % lanes.length);
  return all.filter((index) => !isLeased(lanes[index] as LaneState, now));
}

/** Ends the leases whose time is over. Their events are lent again, and their deliveries count as failed. */
export function withoutExpired(state: GroupState, now: number): GroupState {
  const lanes = state.lanes.map((lane) => (lane.lease === undefined || isLeased(lane, now) ? lane : ended(lane, 1)));
  return { ...state, lanes };
}

/**
 * Ends the lease of a fetch that `asked` repeats, because the consumer never got the answer. Its events are lent again as
 * after the verdict `release`. A request that arrived before the one that lent ends nothing: its consumer no longer waits
 * for it.
 */
export function withoutRepeated(state: GroupState, consumer: string, asked: NamedFetch): GroupState {
  const isRepeated = ({ lease }: LaneState): boolean =>
    lease?.consumer === consumer && lease.asked?.key === asked.key && lease.asked.at < asked.at;
  if (!state.lanes.some(isRepeated)) return state;
  const lanes = state.lanes.map((lane) => (isRepeated(lane) ? ended(lane, 0) : lane));
  // The events of the fetch come before new ones. A fetch that lent only replayed events has not moved `next`, which may be
  // 0.
  const next = Math.max(0, state.next - 1);
  return { ...state, lanes, next: beginsWithNew({ lanes, next }) ? next + lanes.length : next };
}

/** Ends the leases with this token. Their events are lent again as after the verdict `release`. */
export function withoutLease(state: GroupState, token: string): GroupState {
  return { ...state, lanes: state.lanes.map((lane) => (lane.lease?.token === token ? ended(lane, 0) : lane)) };
}

/** The lane without its lease. `failures`: 1 when a delivery without a verdict counts as failed. */
export function ended({ lease: _, ...lane }: LaneState, failures: 0 | 1): LaneState {
  const open = lane.open.map((each) =>
    each.lent ? { ...each, lent: false, tryAt: 0, attempts: each.attempts + failures } : each,
  );
  const replayed = lane.replayed.map((each) => {
    return each.lent ? { ...each, lent: false, unanswered: (each.unanswered ?? 0) + failures } : each;
  });
  return { ...lane, open, replayed };
}

/** Why an open event is not lent again; undefined: it may be. */
export function exhaustionOf(one: OpenEvent, rules: GroupRules, now: number): Exhaustion | undefined {
  const { attempts, expiresAt, lent, skipped } = one;
  if (lent) return undefined;
  if (skipped === true) return "skipped";
  if (attempts >= rules.maxAttempts) return "attempts";
  return attempts > 0 && expiresAt - EXPIRING_MS <= now ? "expiring" : undefined;
}

/**
 * The position after which a fetch at `now` reads the log; undefined: no free lane has anything to lend. In every second
 * round over the lanes new events come first, so that a key with a long backlog does not delay the other keys.
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

/** The position before the oldest event that the lane has read past and may lend now. */
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

/** True when the time of the event has come, and no consumer has it. */
export const isDue = ({ lent, tryAt }: OpenEvent, now: number): boolean => !lent && tryAt <= now;

/** True when an earlier event of the key is open and not with a consumer: that one is lent first. */
export const isBlocked = (
  open: readonly OpenEvent[],
  { key, position }: Pick<OpenEvent, "key" | "position">,
): boolean => open.some((each) => each.key === key && each.position < position && !each.lent);
