/** Ranges of one partition that are longer than a page: read whole, or deleted. Sort keys ascend. */
import type { Item, Key, QueryRange, Table } from "./table.ts";

/** A range without a direction: reading page by page ascends. */
export type Range = Omit<QueryRange, "descending">;

/** The pages of a range, one request each; `limit` is the size of a page. A page may be empty. */
export async function* pagesOf(table: Pick<Table, "query">, range: Range): AsyncGenerator<readonly Item[]> {
  let after = range.after;
  do {
    const page = await table.query(after === undefined ? range : { ...range, after });
    yield page.items;
    after = page.next;
  } while (after !== undefined);
}

/** The items of a range, in the order of their sort keys. One request for each page. */
export async function* itemsOf(table: Pick<Table, "query">, range: Range): AsyncGenerator<Item> {
  for await (const items of pagesOf(table, range)) yield* items;
}

/** All items of a range. One request for each page. */
export async function queryAll(table: Pick<Table, "query">, range: Range): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const items of pagesOf(table, range)) all.push(...items);
  return all;
}

/**
 * Deletes every item of a range without a condition: for data that nothing refers to any more. One request for each
 * page of keys, and one for every 25 of them.
 */
export async function deleteRange(
  table: Pick<Table, "query" | "deleteMany">,
  range: Pick<Range, "pk" | "prefix" | "after" | "until">,
): Promise<void> {
  for await (const items of pagesOf(table, { ...range, only: [], limit: KEYS_AT_ONCE })) {
    if (items.length > 0) await table.deleteMany(items.map(keyOf));
  }
}

/** Keys of one page while a range is deleted. */
const KEYS_AT_ONCE = 500;

const keyOf = ({ pk, sk }: Key): Key => ({ pk, sk });
