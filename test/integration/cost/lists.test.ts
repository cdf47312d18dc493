import { afterAll, beforeAll, expect, it } from "vitest";
import type { Cost } from "../../support/measured-table.ts";
import type { JsonObject } from "../../../lib/system/ports.ts";
import { CallbackWorld, type Stream } from "./callback-world.ts";
import { CostTable } from "./cost-table.ts";

// 100 000 items take the emulator too long; the store's own test has them on the memory table.
const SIZES = [10, 1000, 10_000] as const;
/** Items a callback carries when the lists are made: its body stays under 256 KB. */
const CHUNK = 2500;

let world: CallbackWorld;
const table = new CostTable();
/** One list in a stream of its own for each size, and the number of its next callback. */
const lists: { size: number; stream: Stream; next: number }[] = [];

beforeAll(async () => {
  world = await CallbackWorld.start();
  for (const size of SIZES) {
    const list = { size, stream: await world.open(), next: 1 };
    lists.push(list);
    for (let from = 0; from < size; from += CHUNK) {
      const items = Array.from({ length: Math.min(CHUNK, size - from) }, (_, at) => `item ${String(from + at)}`);
      await operate(list, { operation: "extend", items });
    }
  }
});
afterAll(async () => {
  table.print();
  await world.close();
});

async function operate(list: (typeof lists)[number], operation: JsonObject): Promise<Cost> {
  const sent = await world.send(list.stream, list.next, { log: { list: "log", ...operation } });
  expect(sent).toMatchObject({ status: 201, result: "processed" });
  list.next += 1;
  return sent.cost;
}

/** The operation on the list of each size; the figures that must not differ between sizes. */
async function atEverySize(name: string, operation: (size: number) => JsonObject, budget: { requests: number }) {
  const costs: Cost[] = [];
  for (const list of lists) {
    const cost = await operate(list, operation(list.size));
    table.check(`${name}, ${String(list.size)} items`, cost, { ...budget, indexWriteUnits: 1 });
    costs.push(cost);
  }
  return costs;
}

it.each<[string, JsonObject]>([
  ["pop at the end", { operation: "pop" }],
  ["append", { operation: "append", item: "new" }],
  ["extend by three", { operation: "extend", items: ["one", "two", "three"] }],
  ["metadata", { operation: "metadata", description: "what it is" }],
])("%s costs the same at any length", async (name, operation) => {
  const costs = await atEverySize(name, () => operation, { requests: 5 });
  const figures = costs.map(({ requests, steps, indexWriteUnits }) => ({ requests, steps, indexWriteUnits }));
  expect(new Set(figures.map((each) => JSON.stringify(each))).size, JSON.stringify(figures)).toBe(1);
});

it("by index it grows with the levels of the list only", async () => {
  const middle = (size: number): number => Math.floor(size / 2);
  const update = await atEverySize(
    "update by index",
    (size) => ({ operation: "update", index: middle(size), item: "u" }),
    {
      requests: 7,
    },
  );
  await atEverySize("insert by index", (size) => ({ operation: "insert", index: middle(size), item: "i" }), {
    requests: 9,
  });
  await atEverySize("delete by index", (size) => ({ operation: "delete", index: middle(size) }), { requests: 8 });
  // 10 000 items are three levels of pages, 10 are one.
  expect((update.at(-1)?.requests ?? 0) - (update[0]?.requests ?? 0)).toBeLessThanOrEqual(2);
});

it("by value it costs the same at any length, bounded by its matches", async () => {
  await atEverySize("update by value", () => ({ operation: "update", old_item: "item 3", item: "third" }), {
    requests: 9,
  });
  await atEverySize("remove by value", () => ({ operation: "remove", item: "item 4" }), { requests: 9 });
});

it("clear costs the same at any length", async () => {
  const costs = await atEverySize("clear", () => ({ operation: "clear" }), { requests: 4 });
  expect(new Set(costs.map((cost) => JSON.stringify({ ...cost, readUnits: 0, writeUnits: 0 }))).size).toBe(1);
});
