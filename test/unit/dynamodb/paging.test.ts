import { beforeEach, describe, expect, it } from "vitest";
import { deleteRange, itemsOf, pagesOf, queryAll } from "../../../lib/dynamodb/paging.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const KEYS = ["V#a", "V#b", "V#c", "V#d", "W#e"];

describe("a range longer than a page", () => {
  let table: MemoryTable;
  beforeEach(async () => {
    table = new MemoryTable();
    for (const sk of KEYS) await table.put({ pk: "P", sk }, always);
  });
  const sortKeys = (items: readonly { readonly sk: string }[]): readonly string[] => items.map(({ sk }) => sk);

  it("is read whole, in order, a request for each page", async () => {
    expect(sortKeys(await queryAll(table, { pk: "P", prefix: "V#", limit: 3 }))).toEqual(KEYS.slice(0, 4));
  });

  it("comes page by page, each of at most `limit` items", async () => {
    const sizes: number[] = [];
    for await (const items of pagesOf(table, { pk: "P", prefix: "", limit: 2 })) sizes.push(items.length);
    expect(sizes).toEqual([2, 2, 1]);
  });

  it("begins after the key that is given", async () => {
    const found: string[] = [];
    for await (const { sk } of itemsOf(table, { pk: "P", prefix: "V#", after: "V#b", limit: 1 })) found.push(sk);
    expect(found).toEqual(["V#c", "V#d"]);
  });

  it("is deleted whole, and nothing beside it", async () => {
    await deleteRange(table, { pk: "P", prefix: "V#" });
    expect(sortKeys(await queryAll(table, { pk: "P", prefix: "" }))).toEqual(["W#e"]);
  });
});
