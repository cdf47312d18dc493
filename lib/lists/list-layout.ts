/** Writes of what nothing refers to yet: pages and index of a wide change, before the transaction that links them. */
import { putIf, refusedReasons } from "../dynamodb/outcomes.ts";
import { itemMissing, MAX_TRANSACTION_WRITES, type Item, type Table, type Write } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import { cutEvenly } from "./list-cuts.ts";

/** Single writes at a time. */
const WRITES_AT_ONCE = 16;
/** Transactions at a time. */
const TRANSACTIONS_AT_ONCE = 4;
/** Most bytes of pages in one transaction. DynamoDB allows 4 MB; this leaves room for what is not counted. */
export const TRANSACTION_BYTES = 2.5 * 1024 * 1024;
/** Attempts to put one item. */
const PUT_ATTEMPTS = 5;

/** An item, and about how many bytes it takes. */
export interface Weighed {
  readonly item: Item;
  readonly bytes: number;
}

/** Puts items one by one, many at a time: for big items, which cost twice in a transaction. */
export async function putEach(table: Table, items: readonly Item[]): Promise<void> {
  await mapConcurrent(items, WRITES_AT_ONCE, (item) => putOnce(table, item));
}

/**
 * Puts items whose keys determine their content: one that is there already is the same item. One request for each 100
 * items, or 2.5 MB.
 */
export async function putAll(table: Table, items: readonly Weighed[]): Promise<void> {
  await mapConcurrent(grouped(items), TRANSACTIONS_AT_ONCE, async (group) => {
    if (group.length === 1) return await putEach(table, group);
    const reasons = await refusedReasons(
      table,
      group.map((put) => ({ put, condition: itemMissing })),
    );
    if (reasons === undefined) return;
    const isStored = (index: number): boolean =>
      reasons[index]?.code === "condition" && reasons[index].item !== undefined;
    await putEach(
      table,
      group.filter((_, index) => !isStored(index)),
    );
  });
}

/**
 * Makes updates that only add strings to sets, so that an update that is repeated, however late, removes nothing. One
 * request for each 100.
 */
export async function joinAll(table: Table, joins: readonly Write[]): Promise<void> {
  await mapConcurrent(cutEvenly(joins, MAX_TRANSACTION_WRITES, false), TRANSACTIONS_AT_ONCE, async (group) => {
    try {
      await table.transact(group);
    } catch {
      // Another writer conflicts, or the sets are too large together: then single updates succeed. Else they fail too.
      await mapConcurrent(group, WRITES_AT_ONCE, async (join) => {
        if ("update" in join) await table.update(join.update, join.change, join.condition);
      });
    }
  });
}

function grouped(items: readonly Weighed[]): Item[][] {
  const groups: Item[][] = [];
  let room = 0;
  for (const { item, bytes } of items) {
    const open = groups.at(-1);
    if (open === undefined || open.length === MAX_TRANSACTION_WRITES || bytes > room) {
      groups.push([item]);
      room = TRANSACTION_BYTES - bytes;
    } else {
      open.push(item);
      room -= bytes;
    }
  }
  return groups;
}

async function putOnce(table: Table, item: Item): Promise<void> {
  for (let attempt = 1; attempt <= PUT_ATTEMPTS; attempt += 1) {
    const outcome = await putIf(table, item, itemMissing);
    // When the put was refused although no item is there, the item still has to be written.
    if (outcome.written || outcome.item !== undefined) return;
  }
  throw new ServiceError("service.unavailable", "A page could not be written.");
}
