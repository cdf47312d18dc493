import { beforeAll, describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../../lib/system/ports.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { OwnLists } from "../../support/own-lists.ts";
import { CountingTable } from "../receiving/replica/counting-table.ts";

const SIZES = [10, 1_000, 100_000] as const;

let counted: CountingTable;
let lists: OwnLists;

beforeAll(async () => {
  const memory = new MemoryTable();
  counted = new CountingTable(memory);
  lists = await OwnLists.open(memory, counted);
  for (const size of SIZES) {
    await lists.run(`l${String(size)}`, { operation: "extend", items: Array.from({ length: size }, (_, at) => at) });
  }
});

/** The cost of the operation on the list of each size. */
async function atEverySize(request: (size: number) => JsonObject, returnsRemoved = false) {
  const costs = [];
  for (const size of SIZES) {
    counted.take();
    await lists.run(`l${String(size)}`, request(size), returnsRemoved);
    costs.push(counted.take());
  }
  return costs;
}

// Reads: the heads of log and list, and the last page. Writes: the head of the log, the record, the actor's check, the
// head of the list, the page and its index.
describe("the cost of a change of a list with 10, 1 000 and 100 000 items", () => {
  test.each<[string, JsonObject, { requests: number; read: number; written: number }]>([
    ["pop at the end", { operation: "pop" }, { requests: 3, read: 3, written: 6 }],
    ["append", { operation: "append", item: "new" }, { requests: 3, read: 3, written: 6 }],
    ["extend by three", { operation: "extend", items: ["e1", "e2", "e3"] }, { requests: 3, read: 3, written: 8 }],
    ["metadata", { operation: "metadata", description: "d" }, { requests: 2, read: 2, written: 4 }],
  ])("%s costs the same", async (_name, request, budget) => {
    expect(await atEverySize(() => request)).toEqual([budget, budget, budget]);
  });

  test("pop at the end returns the item at no further cost", async () => {
    const budget = { requests: 3, read: 3, written: 6 };
    expect(await atEverySize(() => ({ operation: "pop" }), true)).toEqual([budget, budget, budget]);
  });

  test("appending to a full last page costs one request more, however many levels there are", async () => {
    const most = { requests: 0, read: 0, written: 0 };
    for (let round = 0; round < 40; round += 1) {
      for (const cost of await atEverySize(() => ({ operation: "append", item: `full ${String(round)}` }))) {
        for (const part of ["requests", "read", "written"] as const) most[part] = Math.max(most[part], cost[part]);
      }
    }
    expect(most).toEqual({ requests: 4, read: 6, written: 10 });
  });

  test("by index the cost grows with the levels only", async () => {
    for (const operation of [
      { operation: "update", item: "u" },
      { operation: "insert", item: "i" },
      { operation: "delete" },
      { operation: "pop" },
    ]) {
      const costs = await atEverySize((size) => ({ ...operation, index: Math.floor(size / 2) }));
      const levels = [3, 3, 4];
      const split = operation.operation === "insert" ? { requests: 1, read: 16 } : { requests: 0, read: 0 };
      costs.forEach((cost, at) => {
        expect(cost.read).toBeLessThanOrEqual(2 + (levels[at] ?? 0) + split.read);
        expect(cost.requests).toBeLessThanOrEqual(2 + (levels[at] ?? 0) + split.requests);
      });
    }
  });

  test("by value the cost is that of the index, the matching page and the pages above it, at any length", async () => {
    for (const cost of await atEverySize(() => ({ operation: "update", old_item: 3, item: "three" }))) {
      expect(cost.requests).toBeLessThanOrEqual(7);
      expect(cost.read).toBeLessThanOrEqual(2 + 8 + 5);
    }
    for (const cost of await atEverySize(() => ({ operation: "remove", item: "three" }))) {
      expect(cost.requests).toBeLessThanOrEqual(7);
    }
  });

  test("clear costs the same, and the sweep finds the pages that were left", async () => {
    const budget = { requests: 2, read: 2, written: 5 };
    expect(await atEverySize(() => ({ operation: "clear" }))).toEqual([budget, budget, budget]);
    expect(await lists.strays()).toEqual([]);
    for (const size of SIZES) expect(await lists.items(`l${String(size)}`)).toEqual([]);
  });

  test("reading one item costs a request for each level", async () => {
    for (const size of SIZES) {
      const name = `read ${String(size)}`;
      await lists.run(name, { operation: "extend", items: Array.from({ length: size }, (_, at): Json => at) });
    }
    for (const [at, size] of SIZES.entries()) {
      counted.take();
      expect(await lists.read(`read ${String(size)}`, Math.floor(size / 2), 1)).toEqual([Math.floor(size / 2)]);
      // The heads, a page for each level, and the head again.
      expect(counted.take().requests).toBe(2 + ([1, 2, 4][at] ?? 0));
    }
  });
});

// The heads, the due work for the sweep, a request for each 100 pages and for each 100 of the 512 buckets, the commit.
test("ten thousand items are added in a dozen requests, and so is a batch that rebuilds the list", async () => {
  const name = "wide";
  const items = Array.from({ length: 10_000 }, (_, at) => `item ${String(at)}`);
  await lists.run(name, { operation: "append", item: "first" });
  counted.take();
  await lists.run(name, { operation: "extend", items });
  expect(counted.take().requests).toBeLessThanOrEqual(15);

  const rows = Array.from({ length: 90 }, (_, at) => ({ index: at * 100, at }));
  await lists.batch(name, rows);
  expect(counted.take().requests).toBeLessThanOrEqual(25);
  const model: Json[] = ["first", ...items];
  for (const { index, at } of rows) model[index] = { at };
  expect(await lists.items(name)).toEqual(model);
  await lists.run(name, { operation: "remove", item: "item 4567" });
  expect(await lists.items(name)).toEqual(model.filter((item) => item !== "item 4567"));
});
