/**
 * The feed index: the log's head of each actor stands in it once, at the end of the interval of its newest change. Several
 * changes of one interval do not move it, so that it costs at most one move for each actor and interval.
 */
import { hash } from "node:crypto";
import type { Change, Key } from "../table.ts";

/** Length of an interval, ms. */
export const FEED_INTERVAL_MS = 5_000;
/** A shard takes 500 moves a second. */
const SHARDS = 8;

const shard = (at: number): string => `feed#${String(at)}`;

export const feedShards: readonly string[] = Array.from({ length: SHARDS }, (_, at) => shard(at));

/** What puts an item that changes at `ms` into the index, or moves it there. */
export function feedEntry({ pk }: Key, ms: number): NonNullable<Change["set"]> {
  const feedShard = shard(hash("sha256", pk, "buffer").readUInt32BE() % SHARDS);
  return { feedShard, feedAt: Math.ceil(ms / FEED_INTERVAL_MS) * FEED_INTERVAL_MS };
}
