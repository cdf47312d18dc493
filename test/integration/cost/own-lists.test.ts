import { afterAll, beforeAll, expect, it } from "vitest";
import type { Cost } from "../../support/measured-table.ts";
import type { JsonObject } from "../../../lib/system/ports.ts";
import { CostTable } from "./cost-table.ts";
import { PublishingCosts } from "./publishing-world.ts";

const SIZES = [10, 1_000, 100_000] as const;
/** Items that one request brings when the lists are made. */
const CHUNK = 10_000;
const ROWS = "/{actorId}/properties/{name}";

let world: PublishingCosts;
const table = new CostTable();
/** One list of an actor without subscribers for each size. */
const lists: { readonly size: number; readonly actorId: string }[] = [];

beforeAll(async () => {
  world = await PublishingCosts.start();
  for (const size of SIZES) {
    const { actorId } = await world.actor(0);
    const made = await world.owner("POST /{actorId}/properties", actorId, { json: { rows: { _type: "list" } } });
    expect(made.status).toBe(201);
    for (let from = 0; from < size; from += CHUNK) {
      const items = Array.from({ length: Math.min(CHUNK, size - from) }, (_, at) => `item ${String(from + at)}`);
      await operate(actorId, { operation: "extend", items });
    }
    lists.push({ size, actorId });
  }
});
afterAll(async () => {
  table.print();
  await world.close();
});

async function operate(actorId: string, json: JsonObject): Promise<Cost> {
  return await world.costOf(async () => {
    const params = { name: "rows", path: "items" };
    const reply = await world.owner(`POST ${ROWS}/{path+}`, actorId, { json, params });
    const adds = ["append", "extend", "insert"].includes(String(json["operation"]));
    expect(reply.status, String(reply.body)).toBe(adds ? 201 : 204);
  });
}

/** The operation on the list of each size; what it cost, smallest list first. */
async function atEverySize(name: string, operation: (size: number) => JsonObject, budget: { requests: number }) {
  const costs: Cost[] = [];
  for (const { size, actorId } of lists) {
    const cost = await operate(actorId, operation(size));
    table.check(`own list: ${name}, ${String(size)} items`, cost, { ...budget, indexWriteUnits: 1 });
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
    { requests: 8 },
  );
  await atEverySize("insert by index", (size) => ({ operation: "insert", index: middle(size), item: "i" }), {
    requests: 10,
  });
  await atEverySize("delete by index", (size) => ({ operation: "delete", index: middle(size) }), { requests: 9 });
  // 100 000 items are three levels of pages, 10 are one.
  expect((update.at(-1)?.requests ?? 0) - (update[0]?.requests ?? 0)).toBeLessThanOrEqual(3);
});

it("by value it costs the same at any length, bounded by its matches", async () => {
  await atEverySize("remove by value", () => ({ operation: "remove", item: "item 4" }), { requests: 10 });
});

it("clear costs the same at any length", async () => {
  const costs = await atEverySize("clear", () => ({ operation: "clear" }), { requests: 5 });
  expect(new Set(costs.map((cost) => JSON.stringify({ ...cost, readUnits: 0, writeUnits: 0 }))).size).toBe(1);
});
