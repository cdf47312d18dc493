import { beforeEach, describe, expect, it } from "vitest";
import { DueIndexTable, readDuePage } from "../../../../lib/dynamodb/keys/due-index.ts";
import { dueShardOf, dueShards, dueShardsKey } from "../../../../lib/dynamodb/keys/due.ts";
import { always, itemExists, type Key } from "../../../../lib/dynamodb/table.ts";
import { FaultyTable } from "../../../support/faulty-table.ts";
import { MemoryTable } from "../../../support/memory-table.ts";

const key: Key = { pk: "A#1", sk: "LOG" };
let memory: MemoryTable;
let table: DueIndexTable;

beforeEach(() => {
  memory = new MemoryTable();
  table = new DueIndexTable(memory, 16);
});

const stored = () => memory.itemAt(key);

describe("an item with dueAt", () => {
  it("goes into the shard of its key, however it is written, and leaves the index with it", async () => {
    const dueShard = dueShardOf(key, 16);
    await table.put({ ...key, dueAt: 5 }, always);
    expect(stored()).toEqual({ ...key, dueAt: 5, dueShard });
    await table.update(key, { remove: ["dueAt"], set: { n: 1 } }, itemExists);
    expect(stored()).toEqual({ ...key, n: 1 });
    expect(await table.update(key, { set: { dueAt: 6 } }, itemExists)).toEqual({ ...key, n: 1, dueAt: 6, dueShard });
    await table.transact([{ update: key, change: { remove: ["n", "dueAt"] }, condition: itemExists }]);
    expect(stored()).toEqual(key);
    await table.transact([{ update: key, change: { set: { dueAt: 7 } }, condition: itemExists }]);
    expect(stored()).toEqual({ ...key, dueAt: 7, dueShard });
    await table.transact([{ put: { ...key, dueAt: 8 }, condition: always }]);
    expect(stored()).toEqual({ ...key, dueAt: 8, dueShard });
  });

  it("changes its shard with its next due time once the number of shards is another", async () => {
    await table.put({ ...key, dueAt: 5 }, always);
    await new DueIndexTable(memory, 3).update(key, { set: { dueAt: 6 } }, itemExists);
    expect(stored()?.["dueShard"]).toBe(dueShardOf(key, 3));
  });

  it("is one of few in its shard: keys spread evenly", () => {
    const counts = new Map<string, number>();
    for (let at = 0; at < 25_600; at += 1) {
      const shard = dueShardOf({ pk: `A#${String(at)}`, sk: "LOG" }, 256);
      counts.set(shard, (counts.get(shard) ?? 0) + 1);
    }
    expect(counts.size).toBe(256);
    expect(Math.max(...counts.values())).toBeLessThan(160);
  });
});

describe("the number of shards", () => {
  const read = async () => readDuePage(await memory.queryDue("due#0", Date.now(), 1)).shards;

  it("stands in the first shard before the first item is due, grows, and never falls", async () => {
    await table.put({ ...key, n: 1 }, always);
    expect(await read()).toBe(0);
    await new DueIndexTable(memory, 4).put({ ...key, dueAt: 1 }, always);
    expect(await read()).toBe(4);
    await table.update(key, { set: { dueAt: 2 } }, itemExists);
    expect(await read()).toBe(16);
    await new DueIndexTable(memory, 8).put({ ...key, dueAt: 3 }, always);
    expect(await read()).toBe(16);
  });

  it("is read apart from what is due", async () => {
    const one = new DueIndexTable(memory, 1);
    await one.put({ ...key, dueAt: 1 }, always);
    const page = await memory.queryDue("due#0", 10, 10);
    expect(readDuePage(page)).toEqual({ shards: 1, due: [{ ...key, dueAt: 1 }] });
    expect(readDuePage(page.slice(1))).toEqual({ shards: 0, due: [{ ...key, dueAt: 1 }] });
    expect(readDuePage([])).toEqual({ shards: 0, due: [] });
  });

  it("is looked at once by an instance, and written only when it grows", async () => {
    const operations: string[] = [];
    const counted = (): DueIndexTable =>
      new DueIndexTable(
        new FaultyTable(memory, (operation, keys) => {
          if (keys[0]?.pk === dueShardsKey.pk) operations.push(operation);
          return "ok";
        }),
        16,
      );
    const first = counted();
    for (let at = 0; at < 3; at += 1) await first.put({ ...key, dueAt: at }, always);
    expect(operations).toEqual(["get", "update"]);
    await counted().put({ ...key, dueAt: 9 }, always);
    expect(operations).toEqual(["get", "update", "get"]);
  });

  it("keeps an item out of the index while it cannot be raised, and is tried again with the next", async () => {
    let fails = true;
    const faulty = new DueIndexTable(
      new FaultyTable(memory, (_, keys) => (fails && keys[0]?.pk === dueShardsKey.pk ? "throttle" : "ok")),
      16,
    );
    await expect(faulty.put({ ...key, dueAt: 1 }, always)).rejects.toThrow();
    expect(stored()).toBeUndefined();
    fails = false;
    await faulty.put({ ...key, dueAt: 1 }, always);
    expect(await read()).toBe(16);
  });

  it("is the largest of all instances, in whatever order they come", async () => {
    const counts = [4, 256, 1, 16];
    await Promise.all(
      counts.map((count) =>
        new DueIndexTable(memory, count).put({ pk: `A#${String(count)}`, sk: "LOG", dueAt: 1 }, always),
      ),
    );
    expect(await read()).toBe(256);
    expect(dueShards(256)).toContain(memory.itemAt({ pk: "A#256", sk: "LOG" })?.["dueShard"]);
  });
});
