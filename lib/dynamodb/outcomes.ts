/** Conditional writes whose refusal is an outcome and not an exception. Each is one request. */
import {
  ConditionFailed,
  TransactionRefused,
  type Change,
  type Condition,
  type Item,
  type Key,
  type Table,
  type Write,
} from "./table.ts";

/** The outcome of a conditional write. */
export type Outcome =
  /** `item`: the item afterwards; for a deletion, the item before. */
  | { readonly written: true; readonly item: Item | undefined }
  /** The condition did not hold. `item`: the stored item; undefined when there is none. */
  | { readonly written: false; readonly item: Item | undefined };

/** Changes one item when the condition holds. */
export async function updateIf(
  table: Pick<Table, "update">,
  key: Key,
  change: Change,
  condition: Condition,
): Promise<{ readonly written: true; readonly item: Item } | Extract<Outcome, { written: false }>> {
  return await outcomeOf(async () => ({ written: true as const, item: await table.update(key, change, condition) }));
}

/** Writes the whole item when the condition holds. */
export async function putIf(table: Pick<Table, "put">, item: Item, condition: Condition): Promise<Outcome> {
  return await outcomeOf(async () => {
    await table.put(item, condition);
    return { written: true as const, item };
  });
}

/** Deletes one item when the condition holds. */
export async function deleteIf(table: Pick<Table, "delete">, key: Key, condition: Condition): Promise<Outcome> {
  return await outcomeOf(async () => ({ written: true as const, item: await table.delete(key, condition) }));
}

/** Runs a transaction. @returns why it was refused, one reason for each write; undefined when it went through */
export async function refusedReasons(
  table: Pick<Table, "transact">,
  writes: readonly Write[],
): Promise<TransactionRefused["reasons"] | undefined> {
  try {
    await table.transact(writes);
    return undefined;
  } catch (error) {
    if (error instanceof TransactionRefused) return error.reasons;
    throw error;
  }
}

async function outcomeOf<T>(write: () => Promise<T>): Promise<T | Extract<Outcome, { written: false }>> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof ConditionFailed) return { written: false, item: error.item };
    throw error;
  }
}
