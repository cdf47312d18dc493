/**
 * The feed index: the log's head of each actor stands in it once, at the end of the interval of its newest change. Several
 * changes of one interval do not move it, so that it costs at most one move for each actor and interval.
 */
import { hash } from "node:crypto";
import type { Change, Key } from "../table.ts";
import { logHeadKey } from "./publishing.ts";

/** Length of an interval, ms. */
export const FEED_INTERVAL_MS = 5_000;
/**
 * How long a change of the log can be under way, its entry in the index unseen, or clocks apart, ms: a span ends so long ago
 * that everything of it can be seen. A commit takes at most 5 s.
 */
const SETTLED_AFTER_MS = 15_000;
/** A shard takes 500 moves a second. */
const SHARDS = 8;

const shard = (at: number): string => `feed#${String(at)}`;

export const feedShards: readonly string[] = Array.from({ length: SHARDS }, (_, at) => shard(at));

const hashOf = ({ pk }: Key): number => hash("sha256", pk, "buffer").readUInt32BE();

/** What puts an item that changes at `ms` into the index, or moves it there. */
export function feedEntry(key: Key, ms: number): NonNullable<Change["set"]> {
  return { feedShard: shard(hashOf(key) % SHARDS), feedAt: Math.ceil(ms / FEED_INTERVAL_MS) * FEED_INTERVAL_MS };
}

/** The end of the last interval at or before a time, ms since 1970. */
export const feedIntervalBefore = (ms: number): number => Math.floor(ms / FEED_INTERVAL_MS) * FEED_INTERVAL_MS;

/** Up to when everything that changed can be seen in the index, ms since 1970. */
export const settledAt = (now: number): number => feedIntervalBefore(now - SETTLED_AFTER_MS);

/** Before this, records may have expired, ms since 1970. */
export const oldestFeedTime = (now: number, retentionMs: number): number =>
  feedIntervalBefore(now - retentionMs) + 2 * FEED_INTERVAL_MS;

/** The lane of an actor in a group over all actors. */
export const laneOfActor = (actorId: string, lanes: number): number => hashOf(logHeadKey(actorId)) % lanes;

/** The shards in which actors of a lane can stand: all of them where the number of lanes is odd. */
export function shardsOfLane(lane: number, lanes: number): readonly string[] {
  const common = [8, 4, 2].find((each) => lanes % each === 0) ?? 1;
  return feedShards.filter((_, at) => at % common === lane % common);
}
