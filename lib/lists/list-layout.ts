/** Writing what nothing refers to yet: pages and index of a wide change, before the transaction that links them. */
import { ConditionFailed, itemMissing, MAX_TRANSACTION_WRITES, TransactionRefused } from "../dynamodb/table.ts";
import type { Item, Table, Write } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";

/** Single writes, and transactions, under way at a time. */
const WRITES_AT_ONCE = 16;
const TRANSACTIONS_AT_ONCE = 4;
/** A transaction takes 4 MB; this leaves room for what is not counted. */
const TRANSACTION_BYTES = 2.5 * 1024 * 1024;
const PUT_ATTEMPTS = 5;

/** An item, and about how many bytes it takes. */
export interface Weighed {
  readonly item: Item;
  readonly bytes: number;
}

/** Puts items one by one, many at a time: for big ones, which cost twice in a transaction. */
export async function putEach(table: Table, items: readonly Item[]): Promise<void> {
  await mapConcurrent(items, WRITES_AT_ONCE, (item) => putOnce(table, item));
}

/**
 * Puts items whose keys say what they hold, so that one that is there already is the same item. One request for each
 * 100, or 2.5 MB.
 */
export async function putAll(table: Table, items: readonly Weighed[]): Promise<void> {
  await mapConcurrent(grouped(items), TRANSACTIONS_AT_ONCE, async (group) => {
    if (group.length === 1) return await putEach(table, group);
    try {
      await table.transact(group.map((put) => ({ put, condition: itemMissing })));
    } catch (error) {
      if (!(error instanceof TransactionRefused)) throw error;
      const { reasons } = error;
      await putEach(
        table,
        group.filter((_, index) => reasons[index]?.code !== "condition" || reasons[index].item === undefined),
      );
    }
  });
}

/**
 * Makes updates that only let strings join sets: whoever does it again, however late, takes nothing away. One request
 * for each 100.
 */
export async function joinAll(table: Table, joins: readonly Write[]): Promise<void> {
  const groups = Array.from({ length: Math.ceil(joins.length / MAX_TRANSACTION_WRITES) }, (_, at) =>
    joins.slice(at * MAX_TRANSACTION_WRITES, (at + 1) * MAX_TRANSACTION_WRITES),
  );
  await mapConcurrent(groups, TRANSACTIONS_AT_ONCE, async (group) => {
    try {
      await table.transact(group);
    } catch {
      // Another writer keeps meeting it, or the sets are too large together: apart they are not. Else that fails too.
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
  for (let attempt = 1; ; attempt++) {
    try {
      return await table.put(item, itemMissing);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      // Refused, and yet nothing is there: it was not the condition, so it has to be written still.
      if (error.item !== undefined) return;
      if (attempt === PUT_ATTEMPTS) throw new ServiceError("service.unavailable", "A page could not be written.");
    }
  }
}
