import { beforeEach, describe, expect, it } from "vitest";
import type { Json, JsonObject } from "../../../lib/system/ports.ts";
import { memoList } from "./memo-list.ts";
import { PropertyWorld } from "./world.ts";

let world: PropertyWorld;
beforeEach(async () => {
  world = await PropertyWorld.open();
});
const { logged, memo, operate, items } = memoList(() => world);

describe("the operations on a list", () => {
  it.each<[string, Json, number | undefined, readonly Json[], JsonObject]>([
    ["append", { operation: "append", item: "d" }, 3, ["a", "b", "c", "d"], { operation: "append", item: "d" }],
    ["add", { action: "add", item_value: "d" }, 3, ["a", "b", "c", "d"], { operation: "append", item: "d" }],
    [
      "extend",
      { operation: "extend", items: [1, 2] },
      3,
      ["a", "b", "c", 1, 2],
      { operation: "extend", items: [1, 2] },
    ],
    [
      "insert",
      { operation: "insert", index: 1, item: 0 },
      1,
      ["a", 0, "b", "c"],
      { operation: "insert", index: 1, item: 0 },
    ],
    [
      "insert at the end",
      { operation: "insert", index: 3, item: 0 },
      3,
      ["a", "b", "c", 0],
      { operation: "insert", index: 3, item: 0 },
    ],
    [
      "update",
      { operation: "update", index: 1, item: 0 },
      undefined,
      ["a", 0, "c"],
      { operation: "update", index: 1, item: 0 },
    ],
    [
      "update, as an action",
      { action: "update", item_index: 1, item_value: 0 },
      undefined,
      ["a", 0, "c"],
      { operation: "update", index: 1, item: 0 },
    ],
    [
      "update by value",
      { operation: "update", old_item: "c", item: 0 },
      undefined,
      ["a", "b", 0],
      { operation: "update", index: 2, item: 0, old_item: "c" },
    ],
    ["delete", { operation: "delete", index: 0 }, undefined, ["b", "c"], { operation: "delete", index: 0 }],
    [
      "delete, as an action",
      { action: "delete", item_index: 0 },
      undefined,
      ["b", "c"],
      { operation: "delete", index: 0 },
    ],
    ["pop", { operation: "pop" }, undefined, ["a", "b"], { operation: "pop" }],
    ["pop −1", { operation: "pop", index: -1 }, undefined, ["a", "b"], { operation: "pop" }],
    ["pop by index", { operation: "pop", index: 0 }, undefined, ["b", "c"], { operation: "pop", index: 0 }],
    ["remove", { operation: "remove", item: "b" }, undefined, ["a", "c"], { operation: "remove", index: 1, item: "b" }],
    ["remove by index", { operation: "remove", index: 1 }, undefined, ["a", "c"], { operation: "delete", index: 1 }],
    ["clear", { operation: "clear" }, undefined, [], { operation: "clear" }],
    [
      "metadata",
      { operation: "metadata", explanation: "why" },
      undefined,
      ["a", "b", "c"],
      { operation: "metadata", description: "", explanation: "why" },
    ],
  ])("%s", async (_, request, index, left, diff) => {
    const before = await memo("a", "b", "c");
    expect(await operate(request)).toEqual([index === undefined ? 204 : 201, index]);
    expect(await items("memo")).toEqual(left);
    expect(await logged(before)).toEqual([{ list: "memo", ...diff, length: left.length }]);
  });

  it("remove removes the first of equal items, and its diff names the item by its index", async () => {
    const before = await memo("a", "b", "a");
    await operate({ operation: "remove", item: "a" });
    expect(await items("memo")).toEqual(["b", "a"]);
    expect(await logged(before)).toEqual([{ list: "memo", operation: "delete", index: 0, length: 2 }]);
  });

  it("delete_all deletes the list", async () => {
    const before = await memo("a");
    expect(await operate({ operation: "delete_all" })).toEqual([204, undefined]);
    expect(await world.state()).toEqual({});
    expect(await world.status("GET", "memo")).toBe(404);
    expect(await logged(before)).toEqual([{ list: "memo", operation: "delete_all", length: 0 }]);
    await memo("b");
    expect(await items("memo")).toEqual(["b"]);
  });

  it("change nothing when there is nothing to change", async () => {
    const before = await memo();
    expect(await operate({ operation: "extend", items: [] })).toEqual([201, null]);
    expect(await operate({ operation: "clear" })).toEqual([204, undefined]);
    expect(await operate({ operation: "metadata", description: "" })).toEqual([204, undefined]);
    expect(await logged(before)).toEqual([]);
  });

  it("are refused when they do not fit the list, and change nothing", async () => {
    const before = await memo("a", "b", "a");
    for (const [json, status, field] of [
      [{}, 400, "operation"],
      [[1], 400],
      [{ operation: "shuffle" }, 400, "operation"],
      [{ action: "pop" }, 400, "action"],
      [{ operation: "append" }, 400, "item"],
      [{ action: "add" }, 400, "item_value"],
      [{ action: "update", item_value: 1 }, 400, "item_index"],
      [{ action: "update", item_index: 3, item_value: 1 }, 400, "item_index"],
      [{ action: "delete", item_index: "0" }, 400, "item_index"],
      [{ action: "delete", item_index: 3 }, 400, "item_index"],
      [{ operation: "insert", index: -1, item: 1 }, 400, "index"],
      [{ operation: "insert", index: 4, item: 1 }, 400, "index"],
      [{ operation: "insert", index: "0", item: 1 }, 400, "index"],
      [{ operation: "insert", item: 1 }, 400, "index"],
      [{ operation: "update", index: 3, item: 1 }, 400, "index"],
      [{ operation: "update", index: 0 }, 400, "item"],
      [{ operation: "update", old_item: "a", item: 1 }, 400, "old_item"],
      [{ operation: "update", old_item: "a", index: 0, item: 1 }, 400, "old_item"],
      [{ operation: "update", old_item: "x", item: 1 }, 400, "old_item"],
      [{ operation: "update", old_item: "x", index: 0, item: 1 }, 400, "old_item"],
      [{ operation: "update", old_item: "b", index: 3, item: 1 }, 400, "index"],
      [{ operation: "update", old_item: "b", index: "1", item: 1 }, 400, "index"],
      [{ operation: "delete", index: 9_007_199_254_740_993 }, 400, "index"],
      [{ operation: "delete", index: 3 }, 400, "index"],
      [{ operation: "pop", index: 3 }, 400, "index"],
      [{ operation: "pop", index: -2 }, 400, "index"],
      [{ operation: "remove", item: "x" }, 400, "item"],
      [{ operation: "metadata" }, 400, "description"],
      [{ operation: "metadata", description: "x".repeat(8_193) }, 413, "description"],
      [{ operation: "append", item: "x".repeat(262_143) }, 413],
      [{ operation: "extend", items: Array.from({ length: 10_001 }, () => 0) }, 413, "items"],
      [{ operation: "append", item: JSON.parse("[".repeat(59) + "]".repeat(59)) }, 400],
    ] as const) {
      const answer = await world.ask("POST", "memo/items", { json });
      const label = JSON.stringify(json).slice(0, 60);
      expect(answer.status, label).toBe(status);
      expect(answer.json.error.field, label).toBe(field);
      expect(answer.json.error.message, label).toContain(field ?? "");
    }
    expect(await items("memo")).toEqual(["a", "b", "a"]);
    expect(await logged(before)).toEqual([]);
    expect(await world.status("POST", "memo/items", { type: "text/plain", body: "x" })).toBe(415);
    expect(await world.status("POST", "memo/items", { body: "{" })).toBe(400);
    expect(await world.status("POST", "memo/0", { json: {} })).toBe(405);
    await operate({ operation: "clear" });
    expect((await operate({ operation: "pop" }))[0]).toBe(400);
  });

  it("remove the first of several equal items, and name its index", async () => {
    const before = await memo("a", "b", "a");
    expect(await operate({ operation: "remove", item: "a" })).toEqual([204, undefined]);
    expect(await items("memo")).toEqual(["b", "a"]);
    // By the value a subscriber could not identify the item.
    expect(await logged(before)).toEqual([{ list: "memo", operation: "delete", index: 0, length: 2 }]);
  });

  it("store empty texts and null as items, which delete elsewhere", async () => {
    await memo();
    for (const item of ["", null, {}, [], { list: "x", operation: "clear" }])
      await operate({ operation: "append", item });
    expect(await world.status("POST", "memo", { json: "" })).toBe(201);
    expect(await items("memo")).toEqual(["", null, {}, [], { list: "x", operation: "clear" }, ""]);
    expect(await world.status("POST", "memo", { body: "" })).toBe(400);
  });
});

describe("a batch", () => {
  it("updates first, then deletes from the end, by the indices before the batch", async () => {
    const before = await memo("a", "b", "c", "d");
    const batch = [{ index: 0 }, { index: 2 }, { index: 3, t: "D" }, { index: 1, t: "B" }, { index: 4, t: "E" }];
    const answer = await world.ask("POST", "", { json: { memo: { items: batch }, n: 1 } });
    expect([answer.status, answer.json]).toEqual([201, { memo: { _list: true, count: 3 }, n: 1 }]);
    expect(await items("memo")).toEqual([{ t: "B" }, { t: "D" }, { t: "E" }]);
    expect(
      (await logged(before)).filter((each) => each !== "set").map((each) => (each as JsonObject)["operation"]),
    ).toEqual([...["update", "update", "append", "delete", "delete"]]);
  });

  it("is all or nothing", async () => {
    const before = await memo("a", "b");
    for (const [json, status, field] of [
      [{ memo: { items: [{ index: 0, t: 1 }, { index: 2 }] } }, 400, "memo.items"],
      [{ n: 1, memo: { items: [{ index: 3, t: 1 }] } }, 400, "memo.items"],
      [{ memo: { items: [{ index: -1, t: 1 }] } }, 400, "memo.items"],
      [{ memo: { items: [{ index: 1e20 }] } }, 400, "memo.items"],
      [{ memo: { items: Array.from({ length: 91 }, (_, index) => ({ index, t: 1 })) } }, 413],
      [{ memo: { items: [{ index: 0 }] }, "a/b": 1 }, 400],
      [{ memo: { items: [{ index: 0 }] }, big: "x".repeat(262_144) }, 413],
    ] as const) {
      const answer = await world.ask("POST", "", { json });
      expect(answer.status, JSON.stringify(json).slice(0, 60)).toBe(status);
      if (field !== undefined) expect(answer.json.error.field).toBe(field);
    }
    expect(await items("memo")).toEqual(["a", "b"]);
    expect(await logged(before)).toEqual([]);
    expect(await world.status("POST", "", { json: { memo: { items: [] } } })).toBe(201);
    expect(await logged(before)).toEqual([]);
  });

  it("prefers an update to a deletion of the same index, and the later of two updates", async () => {
    const before = await memo("a", "b", "c");
    const batch = [
      { index: 0, t: 1 },
      { index: 0 },
      { index: 1 },
      { index: 1 },
      { index: 2, t: "no" },
      { index: 2, t: "yes" },
      { index: 3 },
      { index: 3, t: "new" },
    ];
    const answer = await world.ask("POST", "", { json: { memo: { items: batch } } });
    expect([answer.status, answer.json]).toEqual([201, { memo: { _list: true, count: 3 } }]);
    expect(await items("memo")).toEqual([{ t: 1 }, { t: "yes" }, { t: "new" }]);
    expect(await logged(before)).toEqual([
      { list: "memo", operation: "update", index: 0, item: { t: 1 }, length: 3 },
      { list: "memo", operation: "update", index: 2, item: { t: "yes" }, length: 3 },
      { list: "memo", operation: "append", item: { t: "new" }, length: 4 },
      { list: "memo", operation: "delete", index: 1, length: 3 },
    ]);
  });

  it("fills an empty list, whatever the order of its entries", async () => {
    await memo();
    const batch = [2, 0, 1].map((index) => ({ index, task: index }));
    expect(await world.status("POST", "", { json: { memo: { items: batch } } })).toBe(201);
    expect(await items("memo")).toEqual([{ task: 0 }, { task: 1 }, { task: 2 }]);
  });

  it("for a name that is no list is refused, and changes nothing", async () => {
    await world.ask("PUT", "color", { body: "red" });
    const before = (await world.records()).length;
    for (const name of ["bag", "color"]) {
      for (const entries of [[], [{ index: 0 }], [{ index: 0, t: 1 }, { index: 1 }]]) {
        const answer = await world.ask("POST", "", { json: { ok: 1, [name]: { items: entries } } });
        expect([answer.status, answer.json.error?.field]).toEqual([400, name]);
        expect(answer.json.error.message).toContain("PUT");
      }
    }
    expect(await world.records()).toHaveLength(before);
    // By a PUT it is the value of a property like others.
    expect(await world.status("PUT", "bag", { json: { items: [{ index: 0 }] } })).toBe(204);
    expect(await world.state()).toEqual({ color: "red", bag: { items: [{ index: 0 }] } });
  });

  it("is only a value of exactly its form", async () => {
    await memo("a");
    for (const value of [
      { items: [{ t: 1 }] },
      { items: [{ index: 0, t: 1 }, { t: 1 }] },
      { items: [{ index: "0" }] },
      { items: [{ index: 0.5 }] },
      { items: [{ index: null }] },
      { items: [5] },
      { items: [[0]] },
      { items: { index: 0 } },
      { items: [{ index: 0 }], note: "x" },
      { Items: [{ index: 0 }] },
    ]) {
      const said = JSON.stringify(value);
      expect(await world.status("POST", "", { json: { memo: value } }), said).toBe(409);
      expect((await world.ask("POST", "", { json: { bag: value } })).json, said).toEqual({ bag: value });
      expect((await world.ask("GET", "bag")).json, said).toEqual(value);
    }
    expect(await items("memo")).toEqual(["a"]);
  });

  it("that touches more pages than fit into one transaction is still one change", async () => {
    const content = Array.from({ length: 5_000 }, (_, index) => `item ${String(index)} `.padEnd(60, "x"));
    await memo(...content);
    const batch = Array.from({ length: 90 }, (_, at) => ({ index: at * 50, ...(at % 3 === 0 ? {} : { t: at }) }));
    const before = (await world.records()).length;
    expect(await world.status("POST", "", { json: { memo: { items: batch } } })).toBe(201);
    const expected: (Json | undefined)[] = [...content];
    for (const { index, ...item } of batch) expected[index] = Object.keys(item).length === 0 ? undefined : item;
    expect(await items("memo")).toEqual(expected.filter((item) => item !== undefined));
    expect(await logged(before)).toHaveLength(90);
    expect(await operate({ operation: "remove", item: content[4_999] })).toEqual([204, undefined]);
  });

  it("with new lists and values is one record where possible", async () => {
    const json = { a: { _type: "list" }, b: { _type: "list", description: "b" }, c: 1 };
    expect((await world.ask("POST", "", { json })).json).toEqual({
      ...{ a: { _list: true, count: 0 }, b: { _list: true, count: 0 }, c: 1 },
    });
    expect(await world.records()).toHaveLength(1);
  });
});
