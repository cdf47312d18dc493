/**
 * A lane of a consumer group over all actors: the time up to which it knows every actor that changed, which of those actors
 * may have events to lend, and which consumer has the lane. It is plain JSON, bounded by the number of such actors. The
 * events lent of an actor, and how far the group has advanced along its log, are in the actor's member: a `GroupState` of
 * one lane.
 */
import { laneFloor, isLeased, type GroupState, type LaneLease, type NamedFetch } from "./group-state.ts";
import { parsePosition } from "./position.ts";

/** An actor that may have events to lend. The lane has met it: it knows that the actor has changed. */
export interface MetActor {
  readonly id: string;
  /** Changes up to this time are done, or the actor's member knows them, ms since 1970. */
  readonly after: number;
}

/** How far the lane has come within a span of time whose actors it is meeting. */
export interface WithinSpan {
  /** The end of the span, ms since 1970. */
  readonly until: number;
  /** The index of the shard of the feed index that is being read. */
  readonly shard: number;
  /** The last actor of this shard that was met, in the order of ids; absent: none was. */
  readonly actorId?: string;
}

/** The lease of a lane: a consumer has events of some actors. */
export interface RootLease extends LaneLease {
  /** In the order in which their events were lent. */
  readonly actors: readonly string[];
  /** Those with an event that has no verdict yet. */
  readonly left: readonly string[];
}

/**
 *   free     no lease, or one whose time is over
 *   leased   by a fetch that lends an event; ended by the last verdict, by the consumer, by a reset, or by time
 *
 * Invariant: an actor that changed up to `after` is in `met`, or everything it changed is done. So the write that removes an
 * actor from `met` is conditional on the lane as it was before the actor's log and member were read, and follows only when
 * these show that everything is done.
 */
export interface RootLane {
  /** The lane has met every actor that changed up to this time, ms since 1970. */
  readonly after: number;
  readonly within?: WithinSpan;
  readonly met: readonly MetActor[];
  readonly lease?: RootLease;
}

/**
 * A lane that met no actor is stored only after `after` has moved by this much, ms, so that fetches without changes cost no
 * write.
 */
const LAZY_MS = 60_000;

export const newRootLane = (after: number): RootLane => ({ after, met: [] });

/** A span of time: the lane has to meet the actors that changed in it. */
export interface Span {
  /** Actors that changed after this time, ms since 1970, also those that changed again later. */
  readonly after: number;
  readonly until: number;
  /** The index of the first shard that is not read yet. */
  readonly shard: number;
}

/**
 * The span to meet next; undefined: the lane has met enough actors, or nothing is new.
 *
 * @param settled the feed indexes show every change up to this time, ms since 1970
 * @param most the lane meets no further actors while it has met this many
 */
export function spanOf({ after, within, met }: RootLane, settled: number, most: number): Span | undefined {
  if (met.length >= most) return undefined;
  if (within !== undefined) return { after, until: within.until, shard: within.shard };
  // The indexes may show some changes after `settled` already: these actors are met now, and again with the next span.
  return settled > after || met.length === 0 ? { after, until: Math.max(settled, after), shard: 0 } : undefined;
}

/**
 * The lane after it has met the changed actors of one shard, as many as there is room for.
 *
 * @param actorIds all actors of the shard that changed after the beginning of the span
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

/** The lane after all shards of the span were read. */
export const withSpanMet = ({ within: _, ...lane }: RootLane, { until }: Pick<Span, "until">): RootLane => ({
  ...lane,
  after: until,
});

/** What a fetch learned about the actors of a lane. */
export interface FetchFindings {
  /** Actors whose events are all done, up to the newest record. */
  readonly done: ReadonlySet<string>;
  /** Actors whose events the fetch lends, in that order. */
  readonly lent: readonly string[];
}

/** The lane without the actors whose events are all done. */
export const withoutDone = (lane: RootLane, done: ReadonlySet<string>): RootLane => ({
  ...lane,
  met: lane.met.filter(({ id }) => !done.has(id)),
});

/**
 * The lane after a fetch: leased when events are lent. Actors whose events are lent move to the end, so that others come
 * next.
 */
export function afterFetch({ lease: _, ...lane }: RootLane, { done, lent }: FetchFindings, lease: LaneLease): RootLane {
  const lending = new Set(lent);
  const { met: stay } = withoutDone(lane, done);
  const met = [...stay.filter(({ id }) => !lending.has(id)), ...stay.filter(({ id }) => lending.has(id))];
  return { ...lane, met, ...(lent.length > 0 && { lease: { ...lease, actors: lent, left: lent } }) };
}

/** True when the change of the lane is worth a write. */
export function isWorthStoring(before: RootLane, after: RootLane): boolean {
  if (after.lease !== undefined || before.lease !== undefined) return true;
  const placeOf = ({ met, within }: RootLane): string => JSON.stringify([met.map(({ id }) => id), within]);
  return placeOf(before) !== placeOf(after) || after.after - before.after >= LAZY_MS;
}

/** The lane with an actor that has events to lend although its log did not change: a person sends one again. */
export function withMet(lane: RootLane, id: string): RootLane {
  return lane.met.some((each) => each.id === id) ? lane : { ...lane, met: [...lane.met, { id, after: lane.after }] };
}

/** What an acknowledgement changes in a lane. */
export interface LaneAnswer {
  /** Actors of whose events the consumer has none any more. */
  readonly ended: ReadonlySet<string>;
  readonly done: boolean;
  /** The new end of the lease, ms since 1970; absent: it stays. */
  readonly until?: number;
}

/** The lane after an acknowledgement: free when every event has a verdict, or the consumer has ended the lease. */
export function answeredLane(lane: RootLane, { ended, done, until }: LaneAnswer): RootLane {
  const { lease, ...free } = lane;
  if (lease === undefined) return lane;
  const left = lease.left.filter((id) => !ended.has(id));
  return done || left.length === 0 ? free : { ...free, lease: { ...lease, left, until: until ?? lease.until } };
}

/** A position in an actor's log, as consumers of a group over all actors get it. */
export interface RootPosition {
  readonly actorId: string;
  readonly position: string;
}

/** The position as text of `[A-Za-z0-9._~-]`. */
export const printRootPosition = ({ actorId, position }: RootPosition): string => `${actorId}.${position}`;

/** Reads a position; undefined for a text that is not one. */
export function parseRootPosition(text: string): RootPosition | undefined {
  const dot = text.lastIndexOf(".");
  const [actorId, position] = [text.slice(0, Math.max(0, dot)), text.slice(dot + 1)];
  return actorId === "" || parsePosition(position) === undefined ? undefined : { actorId, position };
}

/** Sorts after every position. */
const EVERYTHING = "~";

/**
 * The position in an actor's own log up to which `upTo` acknowledges its events: all events of the actors before the one
 * that `upTo` names, in the order of the lease, and none (undefined) of the actors after it.
 */
export function upToOf({ actors }: RootLease, upTo: RootPosition, actorId: string): string | undefined {
  const [named, own] = [actors.indexOf(upTo.actorId), actors.indexOf(actorId)];
  if (named < 0 || own > named) return undefined;
  return own < named ? EVERYTHING : upTo.position;
}

/** True when every event of the member is done up to `newest`, the position after the log's newest record. */
export function isCaughtUp({ lanes }: GroupState, newest: string): boolean {
  return lanes.every((lane) => {
    const { after, open, behind, replayed } = lane;
    return after >= newest && open.length === 0 && behind.length === 0 && replayed.length === 0;
  });
}

/**
 * The member without events up to `from`, whose records have expired.
 *
 * @param number the group's number at `from`
 * @returns `isUndone`: some of those events had been read and were not done
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
 * True when a request repeats the fetch that leased the lane: its consumer never got the answer. False for a request that
 * arrived before the one that lent, because the consumer no longer waits for it.
 */
export const isRepeated = ({ lease }: RootLane, consumer: string, asked: NamedFetch | undefined): boolean =>
  asked !== undefined && lease?.consumer === consumer && lease.asked?.key === asked.key && lease.asked.at < asked.at;

/** The indexes of the lanes that a fetch may lease, beginning with `first`. */
export function freeRootLanes(
  lanes: readonly RootLane[],
  { now, first }: { readonly now: number; readonly first: number },
): readonly number[] {
  const all = lanes.map((_, index) => (index + first) % lanes.length);
  return all.filter((index) => !isLeased(lanes[index] ?? {}, now));
}
