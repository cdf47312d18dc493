import { beforeEach, expect, it } from "vitest";
import { PropertyWorld } from "./world.ts";

let world: PropertyWorld;
beforeEach(async () => {
  world = await PropertyWorld.open();
  await world.ask("POST", "", { json: { memo: { _type: "list" } } });
  for (const item of ["a", "b"]) await world.ask("POST", "memo", { json: item });
});

it.each([
  ["memo/items", { operation: "append", item: 1, index: 0 }, "index"],
  ["memo/items", { operation: "append", item: 1, items: [2] }, "item"],
  ["memo/items", { operation: "delete", index: 0, old_item: "b" }, "old_item"],
  ["memo/items", { operation: "pop", item: "a" }, "item"],
  ["memo/items", { operation: "remove", item: "a", index: 1 }, "index"],
  ["memo/items", { operation: "clear", index: 1 }, "index"],
  ["memo/items", { operation: "delete_all", items: ["a"] }, "items"],
  ["memo/items", { action: "add", item_value: 1, item_index: 0 }, "item_index"],
  ["memo/items", { action: "delete", item_index: 0, item_value: "b" }, "item_value"],
  ["memo/items", { action: "add", item_value: 1, items: [2] }, "items"],
  ["memo/items", { action: "update", item_index: 0, item_value: 1, old_item: "b" }, "old_item"],
  ["memo/items", { operation: "delete", index: 0, item_index: 1 }, "item_index"],
  ["memo/items", { operation: "append", item: 1, item_value: 2 }, "item_value"],
  ["memo/items", { operation: "clear", action: "add" }, "action"],
  ["memo/items", { item_value: 1 }, "operation"],
  ["", { other: { _type: "list", items: [1, 2] } }, "items"],
  ["", { memo: { _type: "list", items: [1, 2] } }, "items"],
])("POST %s refuses a field that it would ignore: %j", async (path, json, field) => {
  const [before, records] = [await world.state(), (await world.records()).length];
  const answer = await world.ask("POST", path, { json });
  expect([answer.status, answer.json.error.field]).toEqual([400, field]);
  expect(await world.state()).toEqual(before);
  expect(await world.records()).toHaveLength(records);
});

it("takes null for an absent field", async () => {
  const json = { operation: "pop", index: null, item: null, old_item: null };
  expect(await world.status("POST", "memo/items", { json })).toBeLessThan(300);
  const add = { action: "add", item_value: "c", item_index: null };
  expect(await world.status("POST", "memo/items", { json: add })).toBe(201);
  expect((await world.ask("GET", "memo")).json).toEqual(["a", "c"]);
  const remove = { action: "delete", item_index: 0, item_value: null, operation: null, index: null };
  expect(await world.status("POST", "memo/items", { json: remove })).toBe(204);
  const append = { operation: "append", item: null, action: null, item_value: null, item_index: null };
  expect(await world.status("POST", "memo/items", { json: append })).toBe(201);
  expect((await world.ask("GET", "memo")).json).toEqual(["c", null]);
});

it("renames no list by its metadata, which can be put back as it was read", async () => {
  const { json } = await world.ask("GET", "memo/metadata");
  const renamed = await world.ask("PUT", "memo/metadata", { json: { ...json, name: "other", description: "x" } });
  expect([renamed.status, renamed.json.error.field]).toEqual([400, "name"]);
  expect(await world.status("PUT", "memo/metadata", { json: { ...json, description: "x" } })).toBe(204);
  expect((await world.ask("GET", "memo/metadata")).json).toEqual({ ...json, description: "x" });
});
