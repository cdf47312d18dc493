import { beforeEach, describe, expect, it } from "vitest";
import type { Json, JsonObject } from "../../../lib/ports.ts";
import { PropertyWorld } from "./world.ts";

let world: PropertyWorld;
beforeEach(async () => {
  world = await PropertyWorld.open();
});

/** The list operations in the log from a record on. */
async function told(after = 0): Promise<readonly Json[]> {
  const records = (await world.records()).filter(({ number }) => number > after);
  return records.flatMap(({ record }) =>
    record.kind === "change"
      ? record.changes.map((change) => (change.do === "list" ? change.operation : change.do))
      : [],
  );
}

/** Makes the list `memo` with these items; the number of the last record. */
async function memo(...content: readonly Json[]): Promise<number> {
  expect(await world.status("POST", "", { json: { memo: { _type: "list" } } })).toBe(201);
  if (content.length > 0) await operate({ operation: "extend", items: content });
  return (await world.records()).length;
}

/** An operation on `memo`: its status, and its answer's index. */
async function operate(json: unknown): Promise<readonly [number, unknown]> {
  const { status, json: answer } = await world.ask("POST", "memo/items", { json });
  if (status === 201) expect(answer).toEqual({ success: true, index: answer.index });
  return [status, answer.index];
}

const items = async (name: string): Promise<Json> => (await world.ask("GET", name)).json;

describe("a list property", () => {
  it("is made empty, and appended to, each with its record", async () => {
    const made = await world.ask("POST", "", { json: { memo: { _type: "list", description: "what to do" } } });
    expect([made.status, made.json]).toEqual([201, { memo: { _list: true, count: 0 } }]);
    expect(await items("memo")).toEqual([]);
    const first = await world.ask("POST", "memo", { json: { t: "hi" } });
    expect([first.status, first.headers["location"]]).toEqual([
      201,
      `https://us.example/${world.actorId}/properties/memo/0`,
    ]);
    expect((await world.ask("POST", "memo", { body: "plain" })).headers["location"]).toMatch(/memo\/1$/);
    expect(await items("memo")).toEqual([{ t: "hi" }, "plain"]);
    expect(await world.state()).toEqual({ memo: { _list: true, count: 2 } });
    expect(await told()).toEqual([
      { list: "memo", operation: "metadata", description: "what to do", explanation: "", length: 0 },
      { list: "memo", operation: "append", item: { t: "hi" }, length: 1 },
      { list: "memo", operation: "append", item: "plain", length: 2 },
    ]);
  });
});

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

describe("one item", () => {
  it("is read, put, appended by a put at the length, and deleted", async () => {
    const before = await memo("a", { b: 1 });
    const item = await world.ask("GET", "memo/0");
    expect([item.status, item.text, item.headers["content-type"]]).toEqual([200, "a", "text/plain; charset=utf-8"]);
    expect((await world.ask("GET", "memo/1")).json).toEqual({ b: 1 });
    expect(await world.status("PUT", "memo/0", { json: [1] })).toBe(204);
    expect(await world.status("PUT", "memo/2", { body: "c" })).toBe(204);
    expect(await world.status("DELETE", "memo/1")).toBe(204);
    expect(await items("memo")).toEqual([[1], "c"]);
    expect(await world.status("PUT", "memo/1")).toBe(204);
    expect(await world.status("PUT", "memo/1")).toBe(204);
    expect(await items("memo")).toEqual([[1]]);
    expect(await told(before)).toHaveLength(4);
  });

  it("that is not there is 404", async () => {
    const before = await memo("a");
    for (const path of ["memo/1", "memo/01", "memo/-1", "memo/x", "memo/0/b", "memo/9007199254740993", "memo/items"]) {
      expect(await world.status("GET", path), path).toBe(404);
      expect(await world.status("DELETE", path), path).toBe(404);
      if (path !== "memo/1") expect(await world.status("PUT", path, { json: 1 }), path).toBe(404);
    }
    expect(await world.status("PUT", "memo/2", { json: 1 })).toBe(404);
    expect(await told(before)).toEqual([]);
  });
});

describe("a list as a whole", () => {
  it("has metadata, which can be set", async () => {
    await memo("a", "b");
    const empty = { name: "memo", _list: true, count: 2, description: "", explanation: "" };
    expect((await world.ask("GET", "memo/metadata")).json).toEqual(empty);
    expect(await world.status("PUT", "memo/metadata", { json: { description: "what", count: 7 } })).toBe(204);
    expect(await world.status("PUT", "memo/metadata", { json: { explanation: "why" } })).toBe(204);
    const said = { ...empty, description: "what", explanation: "why" };
    expect((await world.ask("GET", "memo", { query: "format=short" })).json).toEqual(said);
    expect(await items("memo")).toEqual(["a", "b"]);
    for (const json of [{}, [], "x", { description: 1 }]) {
      expect(await world.status("PUT", "memo/metadata", { json }), JSON.stringify(json)).toBe(400);
    }
    expect(await world.status("DELETE", "memo/metadata")).toBe(404);
  });

  it("stands among all properties by its length, with its items, or by what it takes", async () => {
    await memo("é", { a: 1 });
    await world.ask("PUT", "color", { body: "red" });
    expect(await world.state()).toEqual({ color: "red", memo: { _list: true, count: 2 } });
    const full = { _list: true, count: 2, items: ["é", { a: 1 }], description: "", explanation: "" };
    expect((await world.ask("GET", "", { query: "format=full" })).json).toEqual({ color: "red", memo: full });
    const bytes = Buffer.byteLength('["é",{"a":1}]');
    const about = { count: 2, total_bytes: bytes, description: "", explanation: "" };
    expect((await world.ask("GET", "", { query: "metadata=true" })).json).toEqual({
      ...{ simple: { properties: ["color"], total_bytes: 5 }, lists: { memo: about } },
    });
    expect(await world.status("GET", "", { query: "metadata=true&format=full" })).toBe(400);
    expect(await world.status("GET", "", { query: "format=full&metadata=true" })).toBe(400);
  });

  it("is deleted, by an empty value too, or with everything", async () => {
    for (const [method, path, sent] of [
      ["DELETE", "memo", {}],
      ["PUT", "memo", {}],
      ["PUT", "memo", { type: "application/json", body: '""' }],
      ["POST", "", { json: { memo: "" } }],
      ["DELETE", "", {}],
    ] as const) {
      await memo("a");
      expect(await world.status(method, path, sent)).toBeLessThan(300);
      expect(await world.state()).toEqual({});
      expect(await world.status("DELETE", "memo")).toBe(404);
      expect(await world.status("GET", "memo/0")).toBe(404);
    }
    await memo("b");
    expect(await items("memo")).toEqual(["b"]);
  });

  it("and a value never have one name", async () => {
    await memo("a");
    await world.ask("PUT", "color", { json: { red: 1 } });
    const before = (await world.records()).length;
    for (const [method, path, sent] of [
      ["PUT", "memo", { json: [1] }],
      ["POST", "", { json: { memo: 1 } }],
      ["POST", "", { json: { color: { _type: "list" } } }],
      ["POST", "color", { json: 1 }],
      ["POST", "color/items", { json: { operation: "append", item: 1 } }],
    ] as const) {
      expect(await world.status(method, path, sent), `${method} ${path}`).toBe(409);
    }
    expect(await world.status("POST", "none", { json: 1 })).toBe(404);
    expect(await world.status("POST", "none/items", { json: { operation: "pop" } })).toBe(404);
    expect(await world.status("POST", "none/items", { json: "x" })).toBe(404);
    expect(await told(before)).toEqual([]);
    await world.ask("DELETE", "memo");
    expect(await world.status("PUT", "memo", { json: [1] })).toBe(204);
    expect(await world.state()).toEqual({ color: { red: 1 }, memo: [1] });
  });

  it("cannot have a name that begins as a diff's prefix does", async () => {
    expect(await world.status("POST", "", { json: { "list:memo": { _type: "list" } } })).toBe(400);
    expect(await world.status("PUT", "list:memo", { body: "x" })).toBe(400);
    expect(await world.status("PUT", "lists", { body: "x" })).toBe(204);
  });

  it("made again is left as it is, but for what is said of it", async () => {
    const before = await memo("a");
    expect((await world.ask("POST", "", { json: { memo: { _type: "list" } } })).json).toEqual({
      memo: { _list: true, count: 1 },
    });
    expect(await told(before)).toEqual([]);
    await world.ask("POST", "", { json: { memo: { _type: "list", description: "what" } } });
    expect(await told(before)).toMatchObject([{ operation: "metadata", description: "what", length: 1 }]);
    expect(await items("memo")).toEqual(["a"]);
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

describe("a long list", () => {
  const long = Array.from({ length: 1_200 }, (_, index) => index);

  it("is read page by page, of one version", async () => {
    await memo(...long);
    const page = async (query: string) => await world.ask("GET", "memo", { query });
    const first = await page("limit=500");
    expect(first.json.items).toEqual(long.slice(0, 500));
    const second = await page(`after=${encodeURIComponent(first.json.next)}&limit=500`);
    expect(second.json.items).toEqual(long.slice(500, 1_000));
    const third = await page(`after=${second.json.next}&limit=500`);
    expect(third.json).toEqual({ items: long.slice(1_000) });
    expect((await page("after=1197")).json).toEqual({ items: [1_198, 1_199] });
    expect((await page("after=5000&limit=1")).json).toEqual({ items: [] });
    await operate({ operation: "append", item: "new" });
    expect((await page(`after=${second.json.next}&limit=500`)).status).toBe(409);
    for (const query of ["limit=0", "limit=-1", "limit=x", "limit=1.5", "after=x", "after=-1", "after=1.2.3"]) {
      expect((await page(query)).status, query).toBe(400);
    }
  });

  it("ends its pages where they get large, and is not read as a whole", async () => {
    await memo();
    const item = "x".repeat(200_000);
    for (let turn = 0; turn < 9; turn += 1) await operate({ operation: "extend", items: [item, item, item] });
    expect(await world.status("GET", "memo")).toBe(413);
    expect(await world.status("GET", "", { query: "format=full" })).toBe(413);
    expect(await world.status("GET")).toBe(200);
    let read = 0;
    let query = "limit=500";
    for (;;) {
      const { text, json } = await world.ask("GET", "memo", { query });
      expect(text.length).toBeLessThan(5_000_000);
      read += (json.items as Json[]).length;
      if (json.next === undefined) break;
      query = `after=${json.next}&limit=500`;
    }
    expect(read).toBe(27);
  });

  it("is extended at once, however many diffs that takes", async () => {
    const before = await memo("first");
    const content = Array.from({ length: 30 }, (_, index) => String(index).padEnd(30_000, "x"));
    expect(await operate({ operation: "extend", items: content })).toEqual([201, 1]);
    expect(await items("memo")).toEqual(["first", ...content]);
    const diffs = (await told(before)) as readonly { items: Json[]; length: number }[];
    expect(diffs.flatMap((diff) => diff.items)).toEqual(content);
    expect(diffs.at(-1)?.length).toBe(31);
    expect(diffs.length).toBeGreaterThan(15);
    for (const diff of diffs) expect(JSON.stringify(diff).length).toBeLessThan(65_536);
  });
});
