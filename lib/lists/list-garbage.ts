import { LIST_GARBAGE_PREFIX, laidGarbageKey, listGarbageKey } from "../dynamodb/keys/replica.ts";
import { actorPartition } from "../dynamodb/keys/partition.ts";
import { dueShardOf } from "../dynamodb/keys/due.ts";
import { all, always, any, ConditionFailed, equals, itemExists, missing } from "../dynamodb/table.ts";
import type { Item, Key, Table, Write } from "../dynamodb/table.ts";

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

/** What one change lays out is decided once: linked by its transaction, or collected by the sweep. */
const UNDECIDED = missing("outcome");
/** So long is it remembered that it was linked, seconds: longer than a write may be on its way. */
const LINKED_SECONDS = 86_400;

/**
 * Tells the sweep of what a change is about to lay out in a generation that is in use: pages and parts whose ids begin
 * with `change` and a dot. The write that it answers belongs into the change's transaction. One request.
 *
 * @throws ConditionFailed when the sweep is at it already
 */
export async function announceLaid(table: Table, of: Generation, change: string, now: number): Promise<Write> {
  const key = laidGarbageKey(of.actorId, of.pages, change);
  const dueAt = now + BUILDING_DELAY_MS;
  const item = { ...garbageItem(of, dueAt), ...key, laid: change, dueShard: dueShardOf(key) };
  // A copy of this put that arrives late meets the mark of the transaction, and tells the sweep nothing.
  await table.put(item, UNDECIDED);
  const ttl = Math.ceil(now / 1_000) + LINKED_SECONDS;
  return {
    update: key,
    change: { set: { outcome: "linked", ttl }, remove: ["dueShard", "dueAt"] },
    condition: all(itemExists, UNDECIDED),
  };
}

/** Whether a due item's key is that of a list's garbage. */
export const isListGarbage = (key: Key): boolean => key.sk.startsWith(LIST_GARBAGE_PREFIX);

/**
 * Deletes a generation that no head refers to, and then its due work; of one that is in use only what a change laid out
 * in vain. Stops after
 * about `maxItems` items and says `more`: the due work is then still there. Safe at any time, any number of times.
 */
export async function collectGeneration(table: Table, key: Key, maxItems = 5000): Promise<"done" | "more"> {
  const item = await table.get(key);
  if (item === undefined) return "done";
  const { laid } = item;
  if (laid !== undefined && !(await isStillLaid(table, key))) return "done";
  const head = await table.get({ pk: String(item["headPk"]), sk: String(item["headSk"]) });
  const isUsed = head?.["generation"] === item["generation"];
  const prefixes = !isUsed ? [""] : laid === undefined ? [] : [`N#${String(laid)}.`, `E#${String(laid)}.`];
  for (const prefix of prefixes) {
    if (!(await emptyPartition(table, String(item["pages"]), maxItems, prefix))) return "more";
  }
  await table.delete(key, always);
  return "done";
}

/** From here on whoever laid it out cannot link it any more. False when it has been linked. */
async function isStillLaid(table: Table, key: Key): Promise<boolean> {
  try {
    await table.update(
      key,
      { set: { outcome: "collected" } },
      all(itemExists, any(UNDECIDED, equals("outcome", "collected"))),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionFailed) return false;
    throw error;
  }
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

/** Deletes what is in a partition, under a prefix: one request to find and one per 25 to delete. False when it stopped at `maxItems`. */
export async function emptyPartition(table: Table, pk: string, maxItems = Infinity, prefix = ""): Promise<boolean> {
  for (let deleted = 0; ;) {
    const page = await table.query({ pk, prefix, only: [], limit: 500 });
    if (page.items.length > 0)
      await table.deleteMany(page.items.map(({ pk: partition, sk }) => ({ pk: partition, sk })));
    deleted += page.items.length;
    if (page.next === undefined) return true;
    if (deleted >= maxItems) return false;
  }
}
