/**
 * A lane of a consumer group over all actors: up to when it has met every actor that changed, which of them may have work, and
 * who has the lane. Plain JSON, bounded by how many actors it may have met. What was lent of an actor, and how far the lane has come along its log,
 * stands in the actor's member, a `GroupState` with one lane.
 */
import { laneFloor, isLeased, type GroupState, type LaneLease, type NamedFetch } from "./group-state.ts";
import { parsePosition } from "./position.ts";

/** An actor that has, or may have, work. */
export interface MetActor {
  readonly id: string;
  /** What it changed up to this time is done, or in its member, ms since 1970. */
  readonly after: number;
}

/** Where a span of time that is being met was left. */
export interface WithinSpan {
  /** Its end, ms since 1970. */
  readonly until: number;
  /** Index of the shard of the feed index. */
  readonly shard: number;
  /** Of this shard's actors, in order of their ids, the last one that was met; absent: none was. */
  readonly actorId?: string;
}

/** The lease of a lane: the events of some actors, by which a consumer has them. */
export interface RootLease extends LaneLease {
  /** In the order in which their events were lent. */
  readonly actors: readonly string[];
  /** Those of which an event has no verdict yet. */
  readonly left: readonly string[];
}

/**
 * States: free (no lease, or one that has run out), leased. A lane is leased by the fetch that lends, and freed by the last
 * verdict, by the consumer, by a reset, or by time.
 *
 * Invariant: an actor that changed up to `after` is in `met`, or its member has done all of it. So an actor leaves `met` only
 * in a write on the lane as it was when the actor's log and member were read, and only when these say that it is done.
 */
export interface RootLane {
  /** Every actor that changed up to this time was met, ms since 1970. */
  readonly after: number;
  readonly within?: WithinSpan;
  readonly met: readonly MetActor[];
  readonly lease?: RootLease;
}

/** A lane that met no actor is stored only when it is this much behind, ms: looking at an idle feed costs no write. */
const LAZY_MS = 60_000;

export const newRootLane = (after: number): RootLane => ({ after, met: [] });

/** A span of time whose changed actors are to be met. */
export interface Span {
  /** Actors that changed after this, ms since 1970, also those that changed once more since. */
  readonly after: number;
  readonly until: number;
  /** The index of the first shard that is left. */
  readonly shard: number;
}

/**
 * The span to meet next; undefined: the lane has enough.
 *
 * @param settled everything that changed up to this time can be seen in the feed indexes, ms since 1970
 * @param most while it has met so many actors that may have work, it meets no further one
 */
export function spanOf({ after, within, met }: RootLane, settled: number, most: number): Span | undefined {
  if (met.length >= most) return undefined;
  if (within !== undefined) return { after, until: within.until, shard: within.shard };
  // What is later than `settled` may be seen in part: it is met, and met again with the next span.
  return settled > after || met.length === 0 ? { after, until: Math.max(settled, after), shard: 0 } : undefined;
}

/**
 * Meets the changed actors of one shard, as many as there is room for.
 *
 * @param actorIds all of the shard that changed since the span began
 */
export function withShardMet(
  lane: RootLane,
  { until, shard }: Span,
  { actorIds, most }: { readonly actorIds: readonly string[]; readonly most: number },
): RootLane {
  const last = lane.within?.shard === shard ? lane.within.actorId : undefined;
  const known = new Set(lane.met.map(({ id }) => id));
  const met = [...lane.met];
  let at = last;
  for (const id of [...new Set(actorIds)].toSorted()) {
    if (last !== undefined && id <= last) continue;
    if (!known.has(id)) {
      if (met.length >= most)
        return { ...lane, met, within: { until, shard, ...(at !== undefined && { actorId: at }) } };
      met.push({ id, after: lane.after });
    }
    at = id;
  }
  return { ...lane, met, within: { until, shard: shard + 1 } };
}

/** The span was met to its end. */
export const withSpanMet = ({ within: _, ...lane }: RootLane, { until }: Pick<Span, "until">): RootLane => ({
  ...lane,
  after: until,
});

/** What a fetch found of the actors of a lane. */
export interface FetchFindings {
  /** Those of which the member has done everything up to the newest record. */
  readonly done: ReadonlySet<string>;
  /** Those of which events are lent, in order. */
  readonly lent: readonly string[];
}

/** The lane without actors of which everything is done. */
export const withoutDone = (lane: RootLane, done: ReadonlySet<string>): RootLane => ({
  ...lane,
  met: lane.met.filter(({ id }) => !done.has(id)),
});

/** The lane after a fetch, which leases it when it lends something. Actors of which events were lent come last from now on. */
export function afterFetch({ lease: _, ...lane }: RootLane, { done, lent }: FetchFindings, lease: LaneLease): RootLane {
  const lending = new Set(lent);
  const { met: stay } = withoutDone(lane, done);
  const met = [...stay.filter(({ id }) => !lending.has(id)), ...stay.filter(({ id }) => lending.has(id))];
  return { ...lane, met, ...(lent.length > 0 && { lease: { ...lease, actors: lent, left: lent } }) };
}

/** True when the lane has to be stored. */
export function isWorthStoring(before: RootLane, after: RootLane): boolean {
  if (after.lease !== undefined || before.lease !== undefined) return true;
  const placeOf = ({ met, within }: RootLane): string => JSON.stringify([met.map(({ id }) => id), within]);
  return placeOf(before) !== placeOf(after) || after.after - before.after >= LAZY_MS;
}

/** An actor may have work that no change of its log says. */
export function withMet(lane: RootLane, id: string): RootLane {
  return lane.met.some((each) => each.id === id) ? lane : { ...lane, met: [...lane.met, { id, after: lane.after }] };
}

/** What an acknowledgement says of a lane. */
export interface LaneAnswer {
  /** Actors whose members have no event with the consumer any more. */
  readonly ended: ReadonlySet<string>;
  readonly done: boolean;
  /** The lease ends then, ms since 1970; absent: as before. */
  readonly until?: number;
}

/** The lane after an acknowledgement: free when every event has a verdict, or the consumer is done. */
export function answeredLane(lane: RootLane, { ended, done, until }: LaneAnswer): RootLane {
  const { lease, ...free } = lane;
  if (lease === undefined) return lane;
  const left = lease.left.filter((id) => !ended.has(id));
  return done || left.length === 0 ? free : { ...free, lease: { ...lease, left, until: until ?? lease.until } };
}

/** A position in an actor's log, as consumers see it. */
export interface RootPosition {
  readonly actorId: string;
  readonly position: string;
}

/** As text of `[A-Za-z0-9._~-]`. */
export const printRootPosition = ({ actorId, position }: RootPosition): string => `${actorId}.${position}`;

/** Reads a position; undefined for a text that is none. */
export function parseRootPosition(text: string): RootPosition | undefined {
  const dot = text.lastIndexOf(".");
  const [actorId, position] = [text.slice(0, Math.max(0, dot)), text.slice(dot + 1)];
  return actorId === "" || parsePosition(position) === undefined ? undefined : { actorId, position };
}

/** Sorts after every position. */
const EVERYTHING = "~";

/**
 * Up to which position of the actor's own log `upTo` acknowledges: everything of the actors before the one that it names, in
 * the order of the lease, and nothing of those behind; undefined: nothing.
 */
export function upToOf({ actors }: RootLease, upTo: RootPosition, actorId: string): string | undefined {
  const [named, own] = [actors.indexOf(upTo.actorId), actors.indexOf(actorId)];
  if (named < 0 || own > named) return undefined;
  return own < named ? EVERYTHING : upTo.position;
}

/** True when nothing of the member is left up to the position after the log's newest record. */
export function isCaughtUp({ lanes }: GroupState, newest: string): boolean {
  return lanes.every((lane) => {
    const { after, open, behind, replayed } = lane;
    return after >= newest && open.length === 0 && behind.length === 0 && replayed.length === 0;
  });
}

/**
 * The member without what cannot be read any more: everything up to `from`.
 *
 * @param number the group's number there
 * @returns `isUndone`: events were among it that had been read and were not done
 */
export function withoutLost(
  state: GroupState,
  { from, number }: { readonly from: string; readonly number: number },
): { readonly state: GroupState; readonly isUndone: boolean } {
  let isUndone = false;
  const lanes = state.lanes.map((lane) => {
    const open = lane.open.filter(({ position }) => position > from);
    const behind = lane.behind.map((each) => (each.after < from ? { key: each.key, after: from, number } : each));
    isUndone ||= laneFloor(lane) < lane.after && laneFloor(lane) < from;
    return { ...lane, open, behind, ...(lane.after < from && { after: from, number }) };
  });
  return { state: { ...state, lanes }, isUndone };
}

/**
 * True when the fetch that leased the lane is repeated: what it had lent, its consumer has never seen. A request that came
 * before the one that lent takes nothing: its consumer has stopped waiting for it.
 */
export const isRepeated = ({ lease }: RootLane, consumer: string, asked: NamedFetch | undefined): boolean =>
  asked !== undefined && lease?.consumer === consumer && lease.asked?.key === asked.key && lease.asked.at < asked.at;

/** The lanes that a fetch may lease, the first one first. */
export function freeRootLanes(
  lanes: readonly RootLane[],
  { now, first }: { readonly now: number; readonly first: number },
): readonly number[] {
  const all = lanes.map((_, index) => (index + first) % lanes.length);
  return all.filter((index) => !isLeased(lanes[index] ?? {}, now));
}
