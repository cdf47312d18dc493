import { beforeEach, describe, expect, it } from "vitest";
import type { Json } from "../../../lib/system/ports.ts";
import { memoList } from "./memo-list.ts";
import { PropertyWorld } from "./world.ts";

let world: PropertyWorld;
beforeEach(async () => {
  world = await PropertyWorld.open();
});
const { logged, memo, operate, items } = memoList(() => world);

describe("a list property", () => {
  it("is created empty and appended to, each with a record", async () => {
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
    expect(await logged()).toEqual([
      { list: "memo", operation: "metadata", description: "what to do", explanation: "", length: 0 },
      { list: "memo", operation: "append", item: { t: "hi" }, length: 1 },
      { list: "memo", operation: "append", item: "plain", length: 2 },
    ]);
  });
});

describe("one item", () => {
  it("is read, replaced, appended by a PUT at the length, and deleted", async () => {
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
    expect(await logged(before)).toHaveLength(4);
  });

  it("is not found where the list takes only other methods", async () => {
    await memo("a");
    const asked = [
      ["DELETE", "memo/metadata"],
      ["PUT", "memo/items"],
      ["DELETE", "memo/items"],
    ] as const;
    const answers = await Promise.all(asked.map(async ([method, path]) => await world.ask(method, path, { json: 1 })));
    const said = answers.map(({ status, headers, json }) => [status, headers["allow"], json.error.code]);
    const code = "method_not_allowed";
    const items405 = [405, "GET, HEAD, POST", code];
    expect(said).toEqual([[405, "GET, HEAD, PUT", code], items405, items405]);
    expect(await items("memo")).toEqual(["a"]);
    // In a value they are keys like others.
    await world.ask("PUT", "plain", { json: { items: 1, metadata: 2 } });
    expect(await world.status("DELETE", "plain/metadata")).toBe(204);
    expect((await world.ask("GET", "plain")).json).toEqual({ items: 1 });
  });

  it("that is not there gives 404, and a text that is no index 400", async () => {
    const before = await memo("a");
    for (const path of ["memo/1", "memo/2", "memo/9007199254740991", "memo/0/b"]) {
      expect(await world.status("GET", path), path).toBe(404);
      expect(await world.status("DELETE", path), path).toBe(404);
      if (path !== "memo/1") expect(await world.status("PUT", path, { json: 1 }), path).toBe(404);
    }
    for (const path of ["memo/01", "memo/-1", "memo/x", "memo/1.0", "memo/9007199254740992", "memo/%20"]) {
      for (const method of ["GET", "PUT", "DELETE"]) {
        const { status, json } = await world.ask(method, path, { json: 1 });
        expect([status, json.error.field], `${method} ${path}`).toEqual([400, "index"]);
      }
    }
    expect(await logged(before)).toEqual([]);
  });

  it("can be named by a query as well as by a path", async () => {
    const before = await memo("a", { b: 1 });
    const at = async (method: string, index: string, sent: object = {}) =>
      await world.ask(method, "memo", { query: `index=${index}`, ...sent });
    const first = await at("GET", "0");
    expect([first.status, first.text, first.headers["content-type"]]).toEqual([200, "a", "text/plain; charset=utf-8"]);
    expect((await at("GET", "1")).json).toEqual({ b: 1 });
    expect((await at("PUT", "0", { json: "first" })).status).toBe(204);
    expect((await at("PUT", "2", { json: "appended" })).status).toBe(204);
    expect((await at("DELETE", "1")).status).toBe(204);
    expect(await items("memo")).toEqual(["first", "appended"]);
    expect((await at("PUT", "1")).status).toBe(204);
    expect(await items("memo")).toEqual(["first"]);
    expect(await logged(before)).toEqual([
      { list: "memo", operation: "update", index: 0, item: "first", length: 2 },
      { list: "memo", operation: "append", item: "appended", length: 3 },
      { list: "memo", operation: "delete", index: 1, length: 2 },
      { list: "memo", operation: "delete", index: 1, length: 1 },
    ]);
  });

  it("beyond the list, or without an index, is refused when a query names it", async () => {
    const before = await memo("a");
    for (const [index, get, put, remove] of [
      ["1", 404, 204, 404],
      ["3", 404, 404, 404],
      ["9007199254740992", 400, 400, 400],
      ["-1", 400, 400, 400],
      ["", 400, 400, 400],
      ["x", 400, 400, 400],
      ["metadata", 400, 400, 400],
      ["0/0", 400, 400, 400],
    ] as const) {
      const query = `index=${encodeURIComponent(index)}`;
      expect(await world.status("GET", "memo", { query }), index).toBe(get);
      expect(await world.status("DELETE", "memo", { query }), index).toBe(remove);
      expect(await world.status("PUT", "memo", { query, json: "b" }), index).toBe(put);
    }
    expect(await items("memo")).toEqual(["a", "b"]);
    expect(await logged(before)).toHaveLength(1);
  });

  it("of a property that is no list is refused, and the property stays as it is", async () => {
    await world.ask("PUT", "plain", { json: [1, 2] });
    const before = (await world.records()).length;
    const query = "index=0";
    expect(await world.status("GET", "plain", { query })).toBe(404);
    expect(await world.status("PUT", "plain", { query, json: 3 })).toBe(409);
    expect(await world.status("DELETE", "plain", { query })).toBe(409);
    expect(await world.status("GET", "none", { query })).toBe(404);
    expect(await world.status("GET", "none", { query: "index=x" })).toBe(404);
    expect(await world.status("PUT", "none", { query, json: 3 })).toBe(404);
    expect(await world.status("DELETE", "none", { query })).toBe(204);
    expect(await world.records()).toHaveLength(before);
    expect(await world.state()).toEqual({ plain: [1, 2] });
  });
});

describe("a list as a whole", () => {
  it("has a description and an explanation, which can be set", async () => {
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
    expect(await world.status("DELETE", "memo/metadata")).toBe(405);
  });

  it("is shown among all properties by its length, with its items, or by its size", async () => {
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
    for (const format of ["full", "short"]) {
      expect(await world.status("GET", "", { query: `metadata=true&format=${format}` }), format).toBe(400);
      expect(await world.status("GET", "", { query: `format=${format}&metadata=true` }), format).toBe(400);
    }
    expect((await world.ask("GET", "", { query: "format=short" })).json).toEqual(await world.state());
  });

  it("shows its items with their indices", async () => {
    await memo("é", { a: 1 }, null);
    const answer = await world.ask("GET", "memo/items");
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/json"]);
    expect(answer.json).toEqual({
      items: [
        { index: 0, item: "é" },
        { index: 1, item: { a: 1 } },
        { index: 2, item: null },
      ],
      count: 3,
    });
    await operate({ operation: "clear" });
    expect((await world.ask("GET", "memo/items")).json).toEqual({ items: [], count: 0 });
    await world.ask("PUT", "plain", { json: { a: 1 } });
    for (const name of ["plain", "none"]) expect(await world.status("GET", `${name}/items`), name).toBe(404);
  });

  it("is deleted by DELETE, by an empty value, and with all properties", async () => {
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
      expect(await world.status("DELETE", "memo")).toBe(204);
      expect(await world.status("GET", "memo/0")).toBe(404);
    }
    await memo("b");
    expect(await items("memo")).toEqual(["b"]);
  });

  it("and a value never have the same name", async () => {
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
    expect(await logged(before)).toEqual([]);
    await world.ask("DELETE", "memo");
    expect(await world.status("PUT", "memo", { json: [1] })).toBe(204);
    expect(await world.state()).toEqual({ color: { red: 1 }, memo: [1] });
  });

  it("cannot have a name that begins with the prefix of diffs", async () => {
    expect(await world.status("POST", "", { json: { "list:memo": { _type: "list" } } })).toBe(400);
    expect(await world.status("PUT", "list:memo", { body: "x" })).toBe(400);
    expect(await world.status("PUT", "lists", { body: "x" })).toBe(204);
  });

  it("that is created again stays as it is, but for its description and explanation", async () => {
    const before = await memo("a");
    expect((await world.ask("POST", "", { json: { memo: { _type: "list" } } })).json).toEqual({
      memo: { _list: true, count: 1 },
    });
    expect(await logged(before)).toEqual([]);
    await world.ask("POST", "", { json: { memo: { _type: "list", description: "what" } } });
    expect(await logged(before)).toMatchObject([{ operation: "metadata", description: "what", length: 1 }]);
    expect(await items("memo")).toEqual(["a"]);
  });
});

describe("a long list", () => {
  const long = Array.from({ length: 1_200 }, (_, index) => index);

  it("is read page by page, all of one version", async () => {
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
    expect((await page("after=1197&limit=9007199254740991")).json).toEqual({ items: [1_198, 1_199, "new"] });
    for (const query of [
      "limit=0",
      "limit=-1",
      "limit=9007199254740992",
      "limit=x",
      "limit=1.5",
      "after=x",
      "after=-1",
      "after=1.2.3",
    ]) {
      expect((await page(query)).status, query).toBe(400);
    }
  });

  it("that was replaced by a value has no next page", async () => {
    await memo(1, 2, 3);
    const { next } = (await world.ask("GET", "memo", { query: "limit=2" })).json as { next: string };
    const query = `after=${next}&limit=2`;
    expect((await world.ask("GET", "memo", { query })).json).toEqual({ items: [3] });
    await world.ask("DELETE", "memo");
    expect(await world.status("GET", "memo", { query })).toBe(404);
    await memo(1, 2, 3);
    expect(await world.status("GET", "memo", { query })).toBe(409);
    await world.ask("DELETE", "memo");
    await world.ask("PUT", "memo", { json: [3] });
    expect(await world.status("GET", "memo", { query })).toBe(409);
    expect((await world.ask("GET", "memo", { query: "after=1" })).json).toEqual([3]);
  });

  it("has pages of limited size, and cannot be read as a whole", async () => {
    await memo();
    const item = "x".repeat(200_000);
    for (let round = 0; round < 9; round += 1) await operate({ operation: "extend", items: [item, item, item] });
    expect(await world.status("GET", "memo")).toBe(413);
    expect(await world.status("GET", "memo/items")).toBe(413);
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

  it("is extended in one request, however many diffs that takes", async () => {
    const before = await memo("first");
    const content = Array.from({ length: 30 }, (_, index) => String(index).padEnd(30_000, "x"));
    expect(await operate({ operation: "extend", items: content })).toEqual([201, 1]);
    expect(await items("memo")).toEqual(["first", ...content]);
    const diffs = (await logged(before)) as readonly { items: Json[]; length: number }[];
    expect(diffs.flatMap((diff) => diff.items)).toEqual(content);
    expect(diffs.at(-1)?.length).toBe(31);
    expect(diffs.length).toBeGreaterThan(15);
    for (const diff of diffs) expect(JSON.stringify(diff).length).toBeLessThan(65_536);
  });
});
