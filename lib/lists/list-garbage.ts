/** Pages of lists that no head refers to any more, or not yet: the sweep deletes them. */
import { LIST_GARBAGE_PREFIX, laidGarbageKey, listGarbageKey } from "../dynamodb/keys/replica.ts";
import { actorPartition } from "../dynamodb/keys/partition.ts";
import { updateIf } from "../dynamodb/outcomes.ts";
import { itemsOf } from "../dynamodb/paging.ts";
import {
  all,
  always,
  any,
  equals,
  itemExists,
  missing,
  type Item,
  type Key,
  type Table,
  type Write,
} from "../dynamodb/table.ts";

/**
 * A generation that was left is deleted this much later, ms: the longest time a frozen instance may still write to it.
 */
export const LEFT_DELAY_MS = 2 * 60_000;
/** A generation that is not linked after this long, ms, is garbage: the change that builds it must have failed. */
export const BUILDING_DELAY_MS = 15 * 60_000;

/** One generation of a list: where its pages are, and the head that may refer to it. */
export interface Generation {
  readonly actorId: string;
  readonly pages: string;
  readonly generation: string;
  readonly head: Key;
}

/** The due work for a generation that is, or may become, garbage. `dueAt` is in ms since 1970. */
export function garbageItem({ actorId, pages, generation, head }: Generation, dueAt: number): Item {
  const key = listGarbageKey(actorId, pages);
  return { ...key, pages, generation, headPk: head.pk, headSk: head.sk, dueAt };
}

/** The outcome of what one change lays out is decided once: its transaction links it, or the sweep collects it. */
const UNDECIDED = missing("outcome");
/** The outcome `linked` is remembered for this long, seconds: longer than a write may be on its way. */
const LINKED_SECONDS = 86_400;

/**
 * Announces to the sweep what a change is about to lay out in a generation that is in use: pages and parts whose ids
 * begin with `change` and a dot. One request.
 *
 * @returns a write that belongs into the change's transaction
 * @throws ConditionFailed when the sweep has begun to collect it
 */
export async function announceLaid(table: Table, of: Generation, change: string, now: number): Promise<Write> {
  const key = laidGarbageKey(of.actorId, { partition: of.pages, change });
  const dueAt = now + BUILDING_DELAY_MS;
  const item = { ...garbageItem(of, dueAt), ...key, laid: change };
  // A copy of this put that arrives after the transaction finds an outcome, and changes nothing.
  await table.put(item, UNDECIDED);
  const ttl = Math.ceil(now / 1_000) + LINKED_SECONDS;
  return {
    update: key,
    change: { set: { outcome: "linked", ttl }, remove: ["dueAt"] },
    condition: all(itemExists, UNDECIDED),
  };
}

/** Whether a due item's key is that of a list's garbage. */
export const isListGarbage = (key: Key): boolean => key.sk.startsWith(LIST_GARBAGE_PREFIX);

/**
 * Deletes a generation that no head refers to, and then its due work; of a generation that is in use only what a failed
 * change laid out. Safe at any time, any number of times.
 *
 * @returns `more` when it stopped after about `maxItems` items: the due work is still there then
 */
export async function collectGeneration(table: Table, key: Key, maxItems = 5000): Promise<"done" | "more"> {
  const item = await table.get(key);
  if (item === undefined) return "done";
  const { laid } = item;
  if (laid !== undefined && !(await decideToCollect(table, key))) return "done";
  const head = await table.get({ pk: String(item["headPk"]), sk: String(item["headSk"]) });
  const isUsed = head?.["generation"] === item["generation"];
  const prefixes = !isUsed ? [""] : laid === undefined ? [] : [`N#${String(laid)}.`, `E#${String(laid)}.`];
  for (const prefix of prefixes) {
    if (!(await emptyPartition(table, String(item["pages"]), prefix, maxItems))) return "more";
  }
  await table.delete(key, always);
  return "done";
}

/** From here on the change that laid it out cannot link it any more. False when it has been linked. */
async function decideToCollect(table: Table, key: Key): Promise<boolean> {
  const undecided = any(UNDECIDED, equals("outcome", "collected"));
  return (await updateIf(table, key, { set: { outcome: "collected" } }, all(itemExists, undecided))).written;
}

/** Collects all generations that were left of one peer's data, which is being deleted; the actor's own for `""`. */
export async function collectPeerGarbage(table: Table, actorId: string, peerId: string): Promise<void> {
  const prefix = `${LIST_GARBAGE_PREFIX}L#${actorId}#${peerId}#`;
  for await (const key of itemsOf(table, { pk: actorPartition(actorId), prefix, only: [] })) {
    while ((await collectGeneration(table, key)) === "more");
  }
}

/** Deletes what is under a prefix: one request to find, and one for every 25. False when it stopped at `maxItems`. */
async function emptyPartition(table: Table, pk: string, prefix: string, maxItems: number): Promise<boolean> {
  for (let deleted = 0; ;) {
    const page = await table.query({ pk, prefix, only: [], limit: 500 });
    if (page.items.length > 0)
      await table.deleteMany(page.items.map(({ pk: partition, sk }) => ({ pk: partition, sk })));
    deleted += page.items.length;
    if (page.next === undefined) return true;
    if (deleted >= maxItems) return false;
  }
}
