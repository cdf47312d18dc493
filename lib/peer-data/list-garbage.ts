import { LIST_GARBAGE_PREFIX, listGarbageKey } from "../dynamodb/keys-peer-data.ts";
import { actorPartition, dueShardOf } from "../dynamodb/keys.ts";
import { always } from "../dynamodb/table.ts";
import type { Item, Key, Table } from "../dynamodb/table.ts";

/** A generation that was left is deleted after the longest time a frozen instance may still write to it. Milliseconds. */
export const LEFT_DELAY_MS = 2 * 60_000;
/** A generation not linked yet is garbage when whoever builds it must have failed. Milliseconds. */
export const BUILDING_DELAY_MS = 15 * 60_000;

/** One generation of a list: where its pages are, and the head that may refer to it. */
export interface Generation {
  readonly actorId: string;
  readonly pages: string;
  readonly generation: string;
  readonly head: Key;
}

/** The due work for a generation that is, or may become, garbage. */
export function garbageItem({ actorId, pages, generation, head }: Generation, dueAt: number): Item {
  const key = listGarbageKey(actorId, pages);
  return { ...key, pages, generation, headPk: head.pk, headSk: head.sk, dueShard: dueShardOf(key), dueAt };
}

/** Whether a due item's key is that of a list's garbage. */
export const isListGarbage = (key: Key): boolean => key.sk.startsWith(LIST_GARBAGE_PREFIX);

/**
 * Deletes a generation that no head refers to, and then its due work; leaves one that is in use alone. Stops after
 * about `maxItems` items and says `more`: the due work is then still there. Safe at any time, any number of times.
 */
export async function collectGeneration(table: Table, key: Key, maxItems = 5000): Promise<"done" | "more"> {
  const item = await table.get(key);
  if (item === undefined) return "done";
  const head = await table.get({ pk: String(item["headPk"]), sk: String(item["headSk"]) });
  if (head?.["generation"] !== item["generation"]) {
    if (!(await emptyPartition(table, String(item["pages"]), maxItems))) return "more";
  }
  await table.delete(key, always);
  return "done";
}

/** Collects all of one peer's generations that were left, for the deletion of that peer's data; the actor's own for `""`. */
export async function collectPeerGarbage(table: Table, actorId: string, peerId: string): Promise<void> {
  for (;;) {
    const prefix = `${LIST_GARBAGE_PREFIX}L#${actorId}#${peerId}#`;
    const page = await table.query({ pk: actorPartition(actorId), prefix, only: [] });
    for (const key of page.items) while ((await collectGeneration(table, key)) === "more");
    if (page.next === undefined) return;
  }
}

/** Deletes everything in a partition: one request to find and one per 25 to delete. False when it stopped at `maxItems`. */
export async function emptyPartition(table: Table, pk: string, maxItems = Infinity): Promise<boolean> {
  for (let deleted = 0; ;) {
    const page = await table.query({ pk, prefix: "", only: [], limit: 500 });
    if (page.items.length > 0)
      await table.deleteMany(page.items.map(({ pk: partition, sk }) => ({ pk: partition, sk })));
    deleted += page.items.length;
    if (page.next === undefined) return true;
    if (deleted >= maxItems) return false;
  }
}
