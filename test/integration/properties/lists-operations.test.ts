import { beforeEach, describe, expect, it } from "vitest";
import type { Json, JsonObject } from "../../../lib/ports.ts";
import { memoList } from "./memo-list.ts";
import { PropertyWorld } from "./world.ts";

let world: PropertyWorld;
beforeEach(async () => {
  world = await PropertyWorld.open();
});
const { told, memo, operate, items } = memoList(() => world);

describe("the operations on a list", () => {
  it.each<[string, Json, number | null, readonly Json[], JsonObject]>([
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
      1,
      ["a", 0, "c"],
      { operation: "update", index: 1, item: 0 },
    ],
    [
      "update, the other form",
      { action: "update", item_index: 1, item_value: 0 },
      1,
      ["a", 0, "c"],
      { operation: "update", index: 1, item: 0 },
    ],
    [
      "update by value",
      { operation: "update", old_item: "c", item: 0 },
      2,
      ["a", "b", 0],
      { operation: "update", index: 2, item: 0, old_item: "c" },
    ],
    [
      "update by a value that is not there, and index",
      { operation: "update", old_item: "x", index: 0, item: 0 },
      0,
      [0, "b", "c"],
      { operation: "update", index: 0, item: 0, old_item: "x" },
    ],
    ["delete", { operation: "delete", index: 0 }, 0, ["b", "c"], { operation: "delete", index: 0 }],
    ["delete, the other form", { action: "delete", item_index: 0 }, 0, ["b", "c"], { operation: "delete", index: 0 }],
    ["pop", { operation: "pop" }, 2, ["a", "b"], { operation: "pop" }],
    ["pop −1", { operation: "pop", index: -1 }, 2, ["a", "b"], { operation: "pop" }],
    ["pop by index", { operation: "pop", index: 0 }, 0, ["b", "c"], { operation: "pop", index: 0 }],
    ["remove", { operation: "remove", item: "b" }, 1, ["a", "c"], { operation: "remove", index: 1, item: "b" }],
    ["remove by index", { operation: "remove", index: 1 }, 1, ["a", "c"], { operation: "delete", index: 1 }],
    ["clear", { operation: "clear" }, null, [], { operation: "clear" }],
    [
      "metadata",
      { operation: "metadata", explanation: "why" },
      null,
      ["a", "b", "c"],
      { operation: "metadata", description: "", explanation: "why" },
    ],
  ])("%s", async (_, request, index, left, diff) => {
    const before = await memo("a", "b", "c");
    expect(await operate(request)).toEqual([201, index]);
    expect(await items("memo")).toEqual(left);
    expect(await told(before)).toEqual([{ list: "memo", ...diff, length: left.length }]);
  });

  it("remove takes the first of equal items, and tells subscribers which one by its index", async () => {
    const before = await memo("a", "b", "a");
    await operate({ operation: "remove", item: "a" });
    expect(await items("memo")).toEqual(["b", "a"]);
    expect(await told(before)).toEqual([{ list: "memo", operation: "delete", index: 0, length: 2 }]);
  });

  it("delete_all takes the list away", async () => {
    const before = await memo("a");
    expect(await operate({ operation: "delete_all" })).toEqual([201, null]);
    expect(await world.state()).toEqual({});
    expect(await world.status("GET", "memo")).toBe(404);
    expect(await told(before)).toEqual([{ list: "memo", operation: "delete_all", length: 0 }]);
    await memo("b");
    expect(await items("memo")).toEqual(["b"]);
  });

  it("change nothing when there is nothing to change", async () => {
    const before = await memo();
    expect(await operate({ operation: "extend", items: [] })).toEqual([201, null]);
    expect(await operate({ operation: "clear" })).toEqual([201, null]);
    expect(await operate({ operation: "metadata", description: "" })).toEqual([201, null]);
    expect(await told(before)).toEqual([]);
  });

  it("are refused when they make no sense, and change nothing", async () => {
    const before = await memo("a", "b", "a");
    for (const [json, status] of [
      [{}, 400],
      [[1], 400],
      [{ operation: "shuffle" }, 400],
      [{ action: "pop" }, 400],
      [{ operation: "append" }, 400],
      [{ action: "add" }, 400],
      [{ operation: "insert", index: -1, item: 1 }, 400],
      [{ operation: "insert", index: 4, item: 1 }, 404],
      [{ operation: "insert", index: "0", item: 1 }, 400],
      [{ operation: "update", index: 3, item: 1 }, 404],
      [{ operation: "update", old_item: "a", item: 1 }, 409],
      [{ operation: "update", old_item: "x", item: 1 }, 404],
      [{ operation: "delete", index: 9_007_199_254_740_993 }, 400],
      [{ operation: "delete", index: 3 }, 404],
      [{ operation: "pop", index: 3 }, 404],
      [{ operation: "remove", item: "x" }, 404],
      [{ operation: "metadata" }, 400],
      [{ operation: "metadata", description: "x".repeat(8_193) }, 413],
      [{ operation: "append", item: "x".repeat(262_143) }, 413],
      [{ operation: "extend", items: Array.from({ length: 10_001 }, () => 0) }, 413],
      [{ operation: "append", item: JSON.parse("[".repeat(59) + "]".repeat(59)) }, 400],
    ] as const) {
      expect((await operate(json))[0], JSON.stringify(json).slice(0, 60)).toBe(status);
    }
    expect(await items("memo")).toEqual(["a", "b", "a"]);
    expect(await told(before)).toEqual([]);
    expect(await world.status("POST", "memo/items", { type: "text/plain", body: "x" })).toBe(415);
    expect(await world.status("POST", "memo/items", { body: "{" })).toBe(400);
    expect(await world.status("POST", "memo/0", { json: {} })).toBe(405);
  });

  it("take literally what deletes elsewhere", async () => {
    await memo();
    for (const item of ["", null, {}, [], { list: "x", operation: "clear" }])
      await operate({ operation: "append", item });
    expect(await world.status("POST", "memo", { json: "" })).toBe(201);
    expect(await items("memo")).toEqual(["", null, {}, [], { list: "x", operation: "clear" }, ""]);
    expect(await world.status("POST", "memo", { body: "" })).toBe(400);
  });
});

describe("a batch", () => {
  it("updates first, then deletes from the end, by the indices before it", async () => {
    const before = await memo("a", "b", "c", "d");
    const batch = [{ index: 0 }, { index: 2 }, { index: 3, t: "D" }, { index: 1, t: "B" }, { index: 4, t: "E" }];
    const answer = await world.ask("POST", "", { json: { memo: { items: batch }, n: 1 } });
    expect([answer.status, answer.json]).toEqual([201, { memo: { _list: true, count: 3 }, n: 1 }]);
    expect(await items("memo")).toEqual([{ t: "B" }, { t: "D" }, { t: "E" }]);
    expect(
      (await told(before)).filter((each) => each !== "set").map((each) => (each as JsonObject)["operation"]),
    ).toEqual([...["update", "update", "append", "delete", "delete"]]);
  });

  it("is all or nothing", async () => {
    const before = await memo("a", "b");
    for (const [json, status] of [
      [{ memo: { items: [{ index: 0, t: 1 }, { index: 2 }] } }, 404],
      [
        {
          memo: {
            items: [
              { index: 0, t: 1 },
              { index: 3, t: 1 },
            ],
          },
        },
        404,
      ],
      [{ memo: { items: [{ index: 0, t: 1 }, { index: 0 }] } }, 400],
      [{ memo: { items: [{ t: 1 }] } }, 400],
      [{ memo: { items: [5] } }, 400],
      [{ memo: { items: Array.from({ length: 91 }, (_, index) => ({ index, t: 1 })) } }, 413],
      [{ memo: { items: [{ index: 0 }] }, "a/b": 1 }, 400],
      [{ memo: { items: [{ index: 0 }] }, big: "x".repeat(262_144) }, 413],
    ] as const) {
      expect(await world.status("POST", "", { json }), JSON.stringify(json).slice(0, 60)).toBe(status);
    }
    expect(await items("memo")).toEqual(["a", "b"]);
    expect(await told(before)).toEqual([]);
    expect(await world.status("POST", "", { json: { memo: { items: [] } } })).toBe(201);
    expect(await told(before)).toEqual([]);
  });

  it("of something that is no list is a value", async () => {
    expect(await world.status("POST", "", { json: { bag: { items: [{ index: 0 }] } } })).toBe(201);
    expect(await world.state()).toEqual({ bag: { items: [{ index: 0 }] } });
  });

  it("that touches more pages than one transaction takes is still one change", async () => {
    const content = Array.from({ length: 5_000 }, (_, index) => `item ${String(index)} `.padEnd(60, "x"));
    await memo(...content);
    const batch = Array.from({ length: 90 }, (_, at) => ({ index: at * 50, ...(at % 3 === 0 ? {} : { t: at }) }));
    const before = (await world.records()).length;
    expect(await world.status("POST", "", { json: { memo: { items: batch } } })).toBe(201);
    const expected: (Json | undefined)[] = [...content];
    for (const { index, ...item } of batch) expected[index] = Object.keys(item).length === 0 ? undefined : item;
    expect(await items("memo")).toEqual(expected.filter((item) => item !== undefined));
    expect(await told(before)).toHaveLength(90);
    expect(await operate({ operation: "remove", item: content[4_999] })).toEqual([201, 4_969]);
  });

  it("with new lists and values is one record where it can be", async () => {
    const json = { a: { _type: "list" }, b: { _type: "list", description: "b" }, c: 1 };
    expect((await world.ask("POST", "", { json })).json).toEqual({
      ...{ a: { _list: true, count: 0 }, b: { _list: true, count: 0 }, c: 1 },
    });
    expect(await world.records()).toHaveLength(1);
  });
});
