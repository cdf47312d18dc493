import { beforeEach, describe, expect, test } from "vitest";
import { PeerStore } from "../../../../lib/receiving/replica/peer-store.ts";
import { RemotePeerStore } from "../../../../lib/receiving/replica/remote-peer-store.ts";
import { FaultyTable } from "../../../support/faulty-table.ts";
import { MemoryTable } from "../../../support/memory-table.ts";

let table: MemoryTable;
let mine: RemotePeerStore;
let minted = 0;
const clock = { now: () => 1_700_000_000_000 };
const ids = { id: () => (minted++ % 4096).toString(16).padStart(3, "0").padEnd(32, "0"), secret: () => "" };

beforeEach(() => {
  table = new MemoryTable();
  mine = new RemotePeerStore({ id: "a1", table, clock, ids }, "p1");
});

const sent = (data: Parameters<RemotePeerStore["setValue"]>[1], sequence: number) =>
  new PeerStore({ table, clock, actorId: "a1", peerId: "p1" }).apply(
    { scope: [], excludedScopes: [], data, overwritten: [], nested: "merge" },
    { stateVersion: 1, sequence },
  );

test("values are set, read and deleted", async () => {
  await mine.setValue("a", { b: [1, "", null] });
  expect(await mine.getValue("a")).toEqual({ b: [1, "", null] });
  await mine.setValue("a", "");
  expect(await mine.getValue("a")).toBeUndefined();
  await mine.setValue("a", false);
  await mine.deleteValue("a");
  expect(await mine.listAllScalars()).toEqual([]);
});

test("lists are set, changed, read in part and deleted", async () => {
  await mine.setList("memo", [1, 2, 3], { description: "d" });
  expect(await mine.applyListOperation("memo", { operation: "append", item: 4 })).toBe(true);
  expect(await mine.applyListOperation("memo", { operation: "append", item: 4 })).toBe(true);
  expect(await mine.applyListOperation("memo", { operation: "pop" })).toBe(true);
  expect(await mine.getList("memo")).toEqual([1, 2, 3, 4]);
  expect(await mine.getList("memo", 1, 2)).toEqual([2, 3]);
  expect(await mine.itemAt("memo", -1)).toBe(4);
  expect(await mine.itemAt("memo", 4)).toBeUndefined();
  expect(await mine.getValue("memo")).toBeUndefined();
  await mine.deleteList("memo");
  expect(await mine.getList("memo")).toBeUndefined();
});

test("an inapplicable operation changes nothing and returns false; anything but an operation is refused", async () => {
  await mine.setList("memo", [1]);
  expect(await mine.applyListOperation("memo", { operation: "delete", index: 5 })).toBe(false);
  expect(await mine.getList("memo")).toEqual([1]);
  await expect(mine.applyListOperation("memo", { operation: "sort" })).rejects.toMatchObject({
    code: "request.invalid",
  });
});

test("the next diff of the peer replaces a change by hand", async () => {
  await sent({ a: "theirs", memo: { list: "memo", operation: "append", item: 1 } }, 1);
  await mine.setValue("a", "ours");
  await mine.applyListOperation("memo", { operation: "append", item: "ours" });
  expect(await mine.getValue("a")).toBe("ours");
  await sent({ a: "theirs again", memo: { list: "memo", operation: "append", item: 2 } }, 2);
  expect(await mine.getValue("a")).toBe("theirs again");
  expect(await mine.getList("memo")).toEqual([1, "ours", 2]);
});

test("concurrent changes by hand are all kept, each once, though answers get lost", async () => {
  let round = 0;
  const faulty = new FaultyTable(table, (operation) =>
    operation === "transact" || operation === "put" ? (round++ % 3 === 0 ? "repeat" : "ok") : "ok",
  );
  const stores = [1, 2, 3, 4].map(() => new RemotePeerStore({ id: "a1", table: faulty, clock, ids }, "p1"));
  for (let round = 0; round < 5; round++) {
    await Promise.all(stores.map((store, at) => store.applyListOperation("memo", { operation: "append", item: at })));
  }
  expect([...((await mine.getList("memo")) ?? [])].sort()).toEqual([0, 1, 2, 3].flatMap((at) => [at, at, at, at, at]));
});

test("everything that is stored is shown with its type, counted and listed", async () => {
  await mine.setValue("a", { x: 1 });
  await mine.setList("memo", ["one", "two"]);
  await mine.applyCallbackData({ target: "properties", subtarget: "b", resource: "c/d", data: 5 });
  expect(await mine.getAllProperties()).toEqual({
    a: { type: "scalar", value: { x: 1 } },
    b: { type: "scalar", value: { c: { d: 5 } } },
    memo: { type: "list", value: ["one", "two"], itemCount: 2 },
  });
  expect(await mine.listAllScalars()).toEqual(["a", "b"]);
  expect(await mine.listAllLists()).toEqual(["memo"]);
  expect(await mine.getStorageStats()).toEqual({ scalarCount: 2, listCount: 1, bytes: 7 + 1 + 10 });
});

describe("callback data and whole states", () => {
  test("are stored as automatic storage stores them", async () => {
    await mine.applyCallbackData({ target: "properties", data: { size: { w: 1, h: 2 } } });
    const { reread } = await mine.applyCallbackData({ target: "properties", data: { size: { w: 5 } } });
    expect(reread).toEqual([["size"]]);
    await mine.applyCallbackData({
      target: "properties",
      data: { "list:memo": { list: "memo", operation: "append", item: 1 } },
    });
    expect(await mine.getAllProperties()).toEqual({
      size: { type: "scalar", value: { w: 5, h: 2 } },
      memo: { type: "list", value: [1], itemCount: 1 },
    });
  });

  test("a state replaces everything", async () => {
    await mine.setValue("old", 1);
    await mine.setValue("kept", 1);
    const memo = { _list: true, count: 2, items: [1, 2], description: "d" };
    await mine.applyResyncData({ target: "properties", data: { kept: 2, memo } });
    expect(await mine.getAllProperties()).toEqual({
      kept: { type: "scalar", value: 2 },
      memo: { type: "list", value: [1, 2], itemCount: 2 },
    });
    await mine.applyResyncData({ target: "properties", subtarget: "kept", data: { v: 1 } });
    expect(await mine.getValue("kept")).toEqual({ v: 1 });
    expect(await mine.getList("memo")).toEqual([1, 2]);
  });

  test("of another target are refused", async () => {
    await expect(mine.applyCallbackData({ target: "resources", data: {} })).rejects.toMatchObject({
      code: "request.invalid",
    });
  });
});

test("a page stays below its size, and a longer list is cut and marked as truncated", async () => {
  for (const name of ["a", "b", "c"]) await mine.setValue(name, "x".repeat(2_000_000));
  const first = await mine.page({ limit: 10 });
  expect(Object.keys(first.data)).toEqual(["a", "b"]);
  expect(first.next).toBe("b");
  expect(Object.keys((await mine.page({ limit: 10, after: "b" })).data)).toEqual(["c"]);

  await mine.setList(
    "long",
    Array.from({ length: 60 }, () => "y".repeat(100_000)),
  );
  const last = (await mine.page({ limit: 10, after: "c" })).data["long"];
  expect(last).toMatchObject({ itemCount: 60, truncated: true });
  expect(JSON.stringify(last).length).toBeLessThan(5 * 1024 * 1024);
  expect(await mine.one("a")).toMatchObject({ type: "scalar", sequence: 0, updatedAt: clock.now() });
});

test("deleting everything of one peer leaves that of another", async () => {
  await mine.setValue("a", 1);
  const other = new RemotePeerStore({ id: "a1", table, clock, ids }, "p2");
  await other.setValue("a", 2);
  await mine.deleteAll();
  expect(await mine.getAllProperties()).toEqual({});
  expect(await other.getValue("a")).toBe(2);
});
