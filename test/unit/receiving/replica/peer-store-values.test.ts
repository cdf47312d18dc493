import { beforeEach, describe, expect, test } from "vitest";
import type { Place } from "../../../../lib/domain/terms/scope.ts";
import { placeKey } from "../../../../lib/dynamodb/keys/replica.ts";
import type { Json } from "../../../../lib/system/ports.ts";
import type { IncomingDiff } from "../../../../lib/receiving/replica/incoming.ts";
import { PeerReader } from "../../../../lib/receiving/replica/peer-reader.ts";
import { PeerStore } from "../../../../lib/receiving/replica/peer-store.ts";
import { MemoryTable } from "../../../support/memory-table.ts";
import { entriesToReread } from "../../../support/entries-to-reread.ts";
import { CountingTable } from "./counting-table.ts";

const ids = { actorId: "a1", peerId: "p1" };
const clock = { now: () => 1_700_000_000_000 };

let memory: MemoryTable;
let counted: CountingTable;
let store: PeerStore;
let reader: PeerReader;

beforeEach(() => {
  memory = new MemoryTable();
  counted = new CountingTable(memory);
  store = new PeerStore({ table: counted, clock, ...ids });
  reader = new PeerReader({ table: memory, ...ids });
});

function diffOf(data: Json, more: Partial<IncomingDiff> = {}): IncomingDiff {
  return { scope: [], excludedScopes: [], data, overwritten: [], nested: "merge", ...more };
}

const at = (sequence: number, stateVersion = 1) => ({ stateVersion, sequence });
const foreign = (data: Json, more: Partial<IncomingDiff> = {}): IncomingDiff => {
  const { overwritten: _field, ...rest } = diffOf(data, more);
  return rest;
};
const value = async (name: string): Promise<Json | undefined> => (await reader.property(name))?.value;

describe("diffs of all properties", () => {
  test.each<[string, Json]>([
    ["nothing", null],
    ["an empty text", ""],
    ["a text", "x"],
    ["an array", [1]],
  ])("that say %s change nothing", async (_, data) => {
    await store.apply(diffOf({ color: "red" }), at(1));
    expect((await store.apply(diffOf(data, { overwritten: [""] }), at(2))).changed).toEqual([]);
    expect((await store.apply(foreign(data), at(3))).changed).toEqual([]);
    expect(await value("color")).toBe("red");
  });

  test("set, merge and delete what they name", async () => {
    await store.apply(diffOf({ color: "red", size: { w: 1, h: 2 } }), at(1));
    await store.apply(diffOf({ size: { w: { deep: 9 } } }), at(2));
    await store.apply(diffOf({ color: "" }), at(3));
    expect(await value("size")).toEqual({ w: { deep: 9 }, h: 2 });
    expect(await value("color")).toBeUndefined();
  });

  test("count once, however often and late they come", async () => {
    await store.apply(diffOf({ color: "red" }), at(1));
    await store.apply(diffOf({ color: "" }), at(2));
    const late = await store.apply(diffOf({ color: "red" }), at(1));
    expect(late).toEqual({ reread: [], changed: [], skipped: [["color"]] });
    expect((await store.apply(diffOf({ color: "" }), at(2))).skipped).toEqual([["color"]]);
    expect(await value("color")).toBeUndefined();
  });

  test("under an older state version do nothing after a newer one", async () => {
    await store.apply(diffOf({ color: "new" }), at(1, 2));
    await store.apply(diffOf({ color: "old" }), at(9, 1));
    expect(await value("color")).toBe("new");
  });

  test("replace a value literally where their overwritten field names it", async () => {
    await store.apply(
      diffOf({ a: { x: 1 }, b: "", c: { list: "c", operation: "clear" } }, { overwritten: ["/a", "/b", "/c"] }),
      at(1),
    );
    await store.apply(diffOf({ a: {} }, { overwritten: ["/a"] }), at(2));
    expect(await value("a")).toEqual({});
    expect(await value("b")).toBe("");
    expect(await value("c")).toEqual({ list: "c", operation: "clear" });
  });

  test("that are the whole remove what they do not name, except what other subscriptions own", async () => {
    await store.apply(diffOf({ a: 1, b: 2, c: 3 }), at(1));
    await store.apply(diffOf({ a: { n: null } }, { overwritten: [""], excludedScopes: [["c"]] }), at(2));
    expect((await reader.page({ limit: 10 })).properties.map(({ name, value: replica }) => [name, replica])).toEqual([
      ["a", { n: null }],
      ["c", 3],
    ]);
  });

  test("leave what narrower subscriptions own", async () => {
    const excludedScopes: Place[] = [["color", "v"], ["mine"]];
    await store.apply(diffOf({ v: 7 }, { scope: ["mine"] }), at(1));
    await store.apply(diffOf("seven", { scope: ["color", "v"] }), at(1));
    await store.apply(diffOf({ mine: 0, color: { v: "other", w: 2 } }, { excludedScopes }), at(5));
    expect(await value("mine")).toEqual({ v: 7 });
    expect(await value("color")).toEqual({ v: "seven", w: 2 });
    expect((await store.apply(diffOf({ color: { v: 1 } }, { excludedScopes }), at(6))).changed).toEqual([]);

    await store.apply(diffOf("", { scope: ["color", "v"] }), at(2));
    expect(await value("color")).toEqual({ w: 2 });
  });
});

describe("a diff without the overwritten field", () => {
  test("that lacks stored keys is merged, marked, and named until the place has been read again", async () => {
    await store.apply(foreign({ size: { w: 1, h: 2 } }), at(1));
    const first = await store.apply(foreign({ size: { w: 5 } }), at(2));
    expect(first).toEqual({ reread: [["size"]], changed: [["size"]], skipped: [] });
    expect(await value("size")).toEqual({ w: 5, h: 2 });
    expect((await store.apply(foreign({ size: { w: 5 } }), at(2))).reread).toEqual([["size"]]);
    expect(entriesToReread(memory)).toEqual([["size"]]);

    await store.putRead({ place: ["size"], kind: "value", value: { w: 5 } }, at(2));
    expect(await value("size")).toEqual({ w: 5 });
    expect((await store.apply(foreign({ size: { w: 5 } }), at(2))).reread).toEqual([]);
    expect(entriesToReread(memory)).toEqual([]);
  });

  test("replaces each property whole where nested diffs replace", async () => {
    await store.apply(foreign({ size: { w: 1, h: 2 } }, { nested: "replace" }), at(1));
    expect((await store.apply(foreign({ size: { w: 5 } }, { nested: "replace" }), at(2))).reread).toEqual([]);
    expect(await value("size")).toEqual({ w: 5 });
  });

  test("in the reference implementation's form for lists requests a read of its place", async () => {
    for (const [sequence, note] of [
      [1, "[Empty list property created]"],
      [2, { action: "add", index: 0, value: { t: "hi" } }],
    ] as const) {
      expect((await store.apply(foreign({ memo: note }), at(sequence))).reread).toEqual([["memo"]]);
      expect(await value("memo")).toBeUndefined();
    }
    await store.putRead({ place: ["memo"], kind: "list", items: [{ t: "hi" }], description: "d" }, at(2));
    expect(await reader.property("memo")).toMatchObject({
      type: "list",
      value: [{ t: "hi" }],
      itemCount: 1,
      description: "d",
    });
  });
});

describe("a subscription to one property or part", () => {
  test("makes its place equal to the bare data", async () => {
    await store.apply(foreign({ v: 1 }, { scope: ["color"] }), at(1));
    expect(await value("color")).toEqual({ v: 1 });
    await store.apply(diffOf("", { scope: ["color"] }), at(2));
    expect(await value("color")).toBeUndefined();
    await store.apply(diffOf([1], { scope: ["deep", "a", "b"] }), at(1));
    expect(await value("deep")).toEqual({ a: { b: [1] } });
  });

  test("applies a list operation that is bare or under the list's name", async () => {
    const operation = { list: "memo", operation: "append", item: 1, length: 1 };
    await store.apply(diffOf(operation, { scope: ["memo"] }), at(1));
    await store.apply(diffOf({ "list:memo": { ...operation, length: 2 } }, { scope: ["memo"] }), at(2));
    expect(await value("memo")).toEqual([1, 1]);
  });
});

describe("lists among properties", () => {
  const append = (item: Json): Json => ({ list: "memo", operation: "append", item });

  test("are read again after a diff that is no operation, and are deleted by a deletion", async () => {
    await store.apply(diffOf({ memo: append(1) }), at(1));
    expect((await store.apply(diffOf({ memo: "text" }), at(2))).reread).toEqual([["memo"]]);
    expect((await store.apply(diffOf({ memo: append(2) }), at(3))).reread).toEqual([["memo"]]);
    expect(await value("memo")).toEqual([1]);
    await store.apply(diffOf({ memo: "" }), at(4));
    expect(await value("memo")).toBeUndefined();
    await store.apply(diffOf({ memo: append("again") }), at(5));
    expect(await value("memo")).toEqual(["again"]);
  });

  test("are read again for operations up to the number that their read may contain", async () => {
    await store.putRead({ place: ["memo"], kind: "list", items: [1] }, at(3), 5);
    expect((await store.apply(diffOf({ memo: append(2) }), at(5))).reread).toEqual([["memo"]]);
    await store.putRead({ place: ["memo"], kind: "list", items: [1, 2] }, at(5), 5);
    expect((await store.apply(diffOf({ memo: append(3) }), at(6))).reread).toEqual([]);
    expect(await value("memo")).toEqual([1, 2, 3]);
  });

  test("are not appended to twice by a later write after a crash", async () => {
    await store.apply(diffOf({ memo: append(1) }), at(1));
    await store.apply(diffOf({ memo: append(2) }), at(2));
    expect((await store.apply(diffOf({ memo: append(2) }), at(2, 2))).skipped).toEqual([["memo"]]);
    expect((await store.apply(diffOf({ memo: append(1) }), at(1, 2))).reread).toEqual([["memo"]]);
    expect(await value("memo")).toEqual([1, 2]);
  });

  test("are read again after two operations in one diff", async () => {
    const both = { memo: append(1), "list:memo": append(2) };
    expect((await store.apply(diffOf(both), at(1))).reread).toEqual([["memo"]]);
  });

  test("are read again when a value is stored in their place", async () => {
    await store.apply(diffOf({ memo: { x: 1 } }), at(1));
    expect((await store.apply(diffOf({ memo: append(1) }), at(2))).reread).toEqual([["memo"]]);
    expect(await value("memo")).toEqual({ x: 1 });
  });
});

describe("a whole state", () => {
  test("replaces what the scope contains, and may be put again by a later write", async () => {
    await store.apply(diffOf({ a: 1, gone: 2, owned: 3 }), at(7));
    const state = {
      scope: [],
      excludedScopes: [["owned"], ["a", "part"]],
      parts: [
        { place: ["a"], kind: "value" as const, value: { b: 1, part: 2 } },
        { place: ["memo"], kind: "list" as const, items: [1, 2] },
        { place: ["owned"], kind: "value" as const, value: "not ours" },
      ],
      sequence: 9,
    };
    for (const stateVersion of [2, 2, 3]) {
      await store.replace({ ...state, stateVersion });
      expect(await value("a")).toEqual({ b: 1 });
      expect(await value("gone")).toBeUndefined();
      expect(await value("owned")).toBe(3);
      expect(await value("memo")).toEqual([1, 2]);
    }
    await store.apply(diffOf({ gone: "back", a: { b: 2 } }), at(8, 1));
    expect(await value("gone")).toBeUndefined();
    await store.apply(diffOf({ a: { b: 2 } }), at(10, 3));
    expect(await value("a")).toEqual({ b: 2 });
  });

  test("does not undo what parts already contain", async () => {
    await store.replace({
      scope: [],
      excludedScopes: [],
      parts: [{ place: ["a"], kind: "value", value: "of 12", sequence: 12 }],
      stateVersion: 1,
      sequence: 10,
    });
    await store.apply(diffOf({ a: "of 11" }), at(11));
    expect(await value("a")).toBe("of 12");
    await store.apply(diffOf({ a: "of 13" }), at(13));
    expect(await value("a")).toBe("of 13");
  });

  test("of one part hides what the broader place contains there", async () => {
    await store.apply(diffOf({ a: { b: 1, c: 2 } }), at(1));
    await store.replace({ scope: ["a", "b"], excludedScopes: [], parts: [], stateVersion: 2, sequence: 0 });
    expect(await value("a")).toEqual({ c: 2 });
    await store.removeScope({ scope: ["a", "b"], excludedScopes: [] }, at(0, 3));
    expect(await value("a")).toEqual({ b: 1, c: 2 });
  });
});

test("the places of an ended subscription are removed, and nothing older brings them back", async () => {
  await store.apply(diffOf({ a: 1, b: { list: "b", operation: "append", item: 1 }, kept: 1 }), at(4));
  await store.removeScope({ scope: [], excludedScopes: [["kept"]] }, at(4, 2));
  expect((await reader.page({ limit: 10 })).properties.map(({ name }) => name)).toEqual(["kept"]);
  await store.apply(diffOf({ a: 2 }), at(5, 1));
  expect(await value("a")).toBeUndefined();
  expect(memory.itemAt(placeKey("a1", "p1", ["a"]))).toMatchObject({ tombstone: true, ttl: 1_700_003_600 });
});

test("after everything was deleted nothing is left, pages and big values included", async () => {
  await store.apply(diffOf({ big: "x".repeat(700_000), a: 1 }), at(1));
  await store.apply(
    diffOf({ memo: { list: "memo", operation: "extend", items: Array.from({ length: 500 }, (_, n) => n) } }),
    at(2),
  );
  await store.apply(diffOf({ memo: { list: "memo", operation: "clear" } }), at(3));
  await store.deleteAll();
  expect(memory.all()).toEqual([]);
});

test("values of any size, names of any kind and keys of any name are stored as they were sent", async () => {
  const strange = JSON.parse('{"__proto__":{"x":1},"constructor":"c","a/b":1,"":2,"\\u0001":3,"list:q":4}') as Json;
  const big = { text: "é𝄞".repeat(200_000) };
  await store.apply(diffOf(strange), at(1));
  await store.apply(diffOf({ [`n${"o".repeat(2000)}`]: 5, big }), at(2));
  for (const [name, expected] of Object.entries(strange as Record<string, Json>))
    expect(await value(name)).toEqual(expected);
  expect(await value(`n${"o".repeat(2000)}`)).toBe(5);
  expect(await value("big")).toEqual(big);
  await store.apply(diffOf({ big: { more: 1 } }), at(3));
  expect(await value("big")).toEqual({ ...big, more: 1 });
  await store.apply(diffOf({ big: "small" }), at(4));
  expect(await value("big")).toBe("small");
  expect(memory.all().filter((item) => item.sk.startsWith("W#"))).toEqual([]);
});

describe("the cost of a diff", () => {
  test("of a scalar is one write without a read", async () => {
    const diff = diffOf({ color: "red" });
    await store.apply(diff, at(1));
    counted.take();
    const prepared = await store.prepare([diff]);
    expect(counted.take()).toEqual({ requests: 0, read: 0, written: 0 });
    await store.apply(diffOf({ color: "blue" }), at(2), prepared);
    expect(counted.take()).toEqual({ requests: 1, read: 0, written: 1 });
  });

  test("of an object has one read, beforehand, for a whole run of diffs", async () => {
    const run = [1, 2, 3].map((n) => diffOf({ size: { [`k${String(n)}`]: n } }));
    const prepared = await store.prepare(run);
    expect(counted.take()).toEqual({ requests: 1, read: 1, written: 0 });
    for (const [n, diff] of run.entries()) await store.apply(diff, at(n + 1), prepared);
    expect(counted.take()).toEqual({ requests: 3, read: 0, written: 3 });
    expect(await value("size")).toEqual({ k1: 1, k2: 2, k3: 3 });
  });

  test("grows by one write and no read when the place changes between read and write", async () => {
    await store.apply(diffOf({ size: { a: 1 } }), at(1));
    const prepared = await store.prepare([diffOf({ size: { c: 3 } })]);
    await new PeerStore({ table: memory, clock, ...ids }).apply(diffOf({ size: { b: 2 } }), at(2));
    counted.take();
    await store.apply(diffOf({ size: { c: 3 } }), at(3), prepared);
    expect(counted.take()).toEqual({ requests: 2, read: 0, written: 2 });
    expect(await value("size")).toEqual({ a: 1, b: 2, c: 3 });
  });

  test("of a small property is one write unit", async () => {
    await store.apply(diffOf({ color: { v: "x".repeat(700) } }), at(1));
    const item = memory.itemAt(placeKey("a1", "p1", ["color"]));
    expect(JSON.stringify(item).length).toBeLessThan(1024);
  });
});
