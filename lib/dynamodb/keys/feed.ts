/**
 * The feed indexes: the log's head of each actor stands in each of two once, up to the time until which it covers the actor's
 * changes. They move by turns, so that one entry stands still while the other moves.
 */
import { hash } from "node:crypto";
import { entriesAfter, type FeedEntries } from "../../domain/events/feed-time.ts";
import { feedTimes, type Change, type Item, type Key } from "../table.ts";
import { logHeadKey } from "./publishing.ts";

/** Each takes 500 moves a second in each of the two indexes. Who divides shards among others divides by what divides this. */
const SHARDS = 4;

const shard = (at: number): string => `feed#${String(at)}`;

export const feedShards: readonly string[] = Array.from({ length: SHARDS }, (_, at) => shard(at));

const hashOf = ({ pk }: Key): number => hash("sha256", pk, "buffer").readUInt32BE();

/** The entries of an item. */
export const readFeedEntries = (item: Item | undefined): FeedEntries => [
  Number(item?.[feedTimes.feed1] ?? 0),
  Number(item?.[feedTimes.feed2] ?? 0),
];

/** What puts an item with these entries, which changes at `ms`, into an index, or moves it there; nothing while one covers it. */
export function feedMove(key: Key, entries: FeedEntries, ms: number): NonNullable<Change["set"]> {
  const [first, second] = entriesAfter(entries, ms);
  const moved = {
    ...(first !== entries[0] && { [feedTimes.feed1]: first }),
    ...(second !== entries[1] && { [feedTimes.feed2]: second }),
  };
  if (Object.keys(moved).length === 0) return moved;
  return { feedShard: shard(hashOf(key) % SHARDS), ...moved };
}

/** The lane of an actor in a group over all actors. */
export const laneOfActor = (actorId: string, lanes: number): number => hashOf(logHeadKey(actorId)) % lanes;

/** The shards in which actors of a lane can stand: all of them where the number of lanes is odd. */
export function shardsOfLane(lane: number, lanes: number): readonly string[] {
  const common = [4, 2].find((each) => lanes % each === 0) ?? 1;
  return feedShards.filter((_, at) => at % common === lane % common);
}
