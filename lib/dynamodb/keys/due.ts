/** The due index: its shards, and the item that says how many there are. */
import { hash } from "node:crypto";
import type { Key } from "../table.ts";

/** The shards that items may stand in when there are `count` of them. */
export const dueShards = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => shard(at));

/** The shard of an item that becomes due while there are `count` shards: fixed by its key, spread evenly. */
export function dueShardOf({ pk, sk }: Key, count: number): string {
  return shard(hash("sha256", `${pk}\n${sk}`, "buffer").readUInt32BE() % count);
}

/**
 * The item that holds, as `shards`, the largest number of shards that any item has been put into. It stands in the first
 * shard, before everything that is due, with that number below zero as its due time: the sweep reads it with the shard.
 */
export const dueShardsKey: Key = { pk: "DUE", sk: "SHARDS" };

const shard = (at: number): string => `due#${String(at)}`;
