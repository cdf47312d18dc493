/** The due index: in which of its partitions an item of due work stands. */
import { hash } from "node:crypto";
import type { Key } from "../table.ts";

/** Number of partitions of the due index. The sweep asks each once; more shards spread more simultaneous due work. */
export const DUE_SHARDS = 4;

/** Every shard of the due index, in the order the sweep visits them. */
export const dueShards: readonly string[] = Array.from({ length: DUE_SHARDS }, (_, shard) => `due#${String(shard)}`);

/** The due-index shard of an item: fixed by its key, spread evenly. */
export function dueShardOf(key: Key): string {
  const first = hash("sha256", `${key.pk}\n${key.sk}`, "buffer")[0] ?? 0;
  return `due#${String(first % DUE_SHARDS)}`;
}
