import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json, JsonObject } from "../../lib/system/ports.ts";
import { startEmulatedTable, type EmulatedTable } from "../support/emulated-table.ts";
import { OwnLists } from "../support/own-lists.ts";

let stored: EmulatedTable;
let lists: OwnLists;
beforeAll(async () => {
  stored = await startEmulatedTable();
  lists = await OwnLists.open(stored.table);
});
afterAll(async () => {
  await stored.close();
});

/** Applies the operation to the list and to an array. */
async function both(name: string, model: Json[], request: JsonObject, change: (items: Json[]) => void): Promise<void> {
  await lists.run(name, request);
  change(model);
  expect(await lists.items(name)).toEqual(model);
}

test("an actor's own list in the emulator changes by every operation as an array does", async () => {
  const model: Json[] = [];
  const step = both.bind(undefined, "memo", model);
  await step({ operation: "append", item: "a" }, (items) => items.push("a"));
  const many = Array.from({ length: 200 }, (_, at) => ({ at }));
  await step({ operation: "extend", items: many }, (items) => items.push(...many));
  await step({ operation: "insert", index: 7, item: "" }, (items) => items.splice(7, 0, ""));
  const large = "x".repeat(200_000);
  await step({ operation: "update", index: 50, item: large }, (items) => (items[50] = large));
  await step({ operation: "update", old_item: { at: 20 }, item: 20 }, (items) => {
    items[items.findIndex((item) => JSON.stringify(item) === '{"at":20}')] = 20;
  });
  await step({ operation: "delete", index: 50 }, (items) => items.splice(50, 1));
  await step({ operation: "pop" }, (items) => items.pop());
  await step({ operation: "pop", index: 0 }, (items) => items.shift());
  await step({ operation: "remove", item: "" }, (items) => items.splice(items.indexOf(""), 1));
  await step({ operation: "metadata", description: "what" }, () => undefined);
  expect(await lists.notified("memo")).toEqual(model);
  await step({ operation: "clear" }, (items) => (items.length = 0));
  await lists.run("memo", { operation: "delete_all" });
  expect(await lists.items("memo")).toBeUndefined();
});

test("a change of more items than fit into one transaction is still one change", async () => {
  const content = Array.from({ length: 400 }, (_, at) => `item ${String(at)} `.padEnd(200, "x"));
  await lists.run("wide", { operation: "extend", items: content });
  const batch = Array.from({ length: 60 }, (_, at) => ({ index: at * 6, ...(at % 2 === 0 ? {} : { at }) }));
  await lists.batch("wide", batch);
  const model: (Json | undefined)[] = [...content];
  for (const { index, ...item } of batch) model[index] = "at" in item ? item : undefined;
  expect(await lists.items("wide")).toEqual(model.filter((item) => item !== undefined));
  expect(await lists.notified("wide")).toEqual(await lists.items("wide"));
});
