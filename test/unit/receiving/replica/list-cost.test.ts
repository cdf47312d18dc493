import { beforeAll, describe, expect, test } from "vitest";
import { always } from "../../../../lib/dynamodb/table.ts";
import type { Json, JsonObject } from "../../../../lib/system/ports.ts";
import { collectGeneration, isListGarbage } from "../../../../lib/lists/list-garbage.ts";
import { PeerReader } from "../../../../lib/receiving/replica/peer-reader.ts";
import { PeerStore } from "../../../../lib/receiving/replica/peer-store.ts";
import { MemoryTable } from "../../../support/memory-table.ts";
import { CountingTable } from "./counting-table.ts";

const ids = { actorId: "a1", peerId: "p1" };
const clock = { now: () => 1_700_000_000_000 };
const SIZES = [10, 1000, 100_000] as const;

class Lists {
  readonly memory = new MemoryTable();
  readonly counted = new CountingTable(this.memory);
  readonly #store = new PeerStore({ table: this.counted, clock, ...ids });
  #sequence = 0;

  async run(name: string, fields: JsonObject) {
    const diff = {
      scope: [],
      excludedScopes: [],
      data: { [name]: { list: name, ...fields } },
      overwritten: [],
      nested: "merge" as const,
    };
    this.counted.take();
    const applied = await this.#store.apply(diff, { stateVersion: 1, sequence: ++this.#sequence });
    return { applied, cost: this.counted.take(), length: await this.length(name) };
  }

  async length(name: string): Promise<number | undefined> {
    return (await new PeerReader({ table: this.memory, ...ids }).list(name, 0, 0))?.head.count;
  }
}

const lists = new Lists();
beforeAll(async () => {
  for (const size of SIZES) {
    await lists.run(`l${String(size)}`, { operation: "extend", items: Array.from({ length: size }, (_, at) => at) });
  }
});

async function atEverySize(fields: (size: number) => JsonObject) {
  const runs = [];
  for (const size of SIZES) runs.push(await lists.run(`l${String(size)}`, fields(size)));
  expect(runs.flatMap((run) => run.applied.reread)).toEqual([]);
  return runs.map((run) => run.cost);
}

describe("what a list operation costs with 10, 1 000 and 100 000 items", () => {
  test.each<[string, JsonObject, { requests: number; read: number; written: number }]>([
    ["pop at the end", { operation: "pop" }, { requests: 3, read: 2, written: 3 }],
    ["append", { operation: "append", item: "new" }, { requests: 3, read: 2, written: 3 }],
    ["extend by three", { operation: "extend", items: ["e1", "e2", "e3"] }, { requests: 3, read: 2, written: 5 }],
    ["metadata", { operation: "metadata", description: "d" }, { requests: 2, read: 1, written: 1 }],
  ])("%s costs the same", async (_name, fields, budget) => {
    const costs = await atEverySize(() => fields);
    expect(costs).toEqual([budget, budget, budget]);
  });

  test("appending to a full last page costs one request more, however many levels there are", async () => {
    const most = { requests: 0, read: 0, written: 0 };
    for (let round = 0; round < 40; round++) {
      for (const size of SIZES) {
        const { cost } = await lists.run(`l${String(size)}`, { operation: "append", item: `full${String(round)}` });
        for (const part of ["requests", "read", "written"] as const) most[part] = Math.max(most[part], cost[part]);
      }
    }
    expect(most).toEqual({ requests: 4, read: 5, written: 7 });
  });

  test("extending by a thousand items costs the same but for the levels that it adds", async () => {
    const costs = await atEverySize(() => ({
      operation: "extend",
      items: Array.from({ length: 1000 }, (_, at) => `k${String(at)}`),
    }));
    const [small, , large] = costs;
    expect(Math.abs((small?.requests ?? 0) - (large?.requests ?? 0))).toBeLessThan(10);
  });

  test("an operation by index costs more only with the levels", async () => {
    for (const operation of [
      { operation: "update", item: "u" },
      { operation: "insert", item: "i" },
      { operation: "delete" },
    ]) {
      const costs = await atEverySize((size) => ({ ...operation, index: Math.floor(size / 2) }));
      // The head and one page a level, then the write. A page that splits may have to read some of its index.
      const levels = [3, 3, 4];
      const split = operation.operation === "insert" ? { requests: 1, read: 16 } : { requests: 0, read: 0 };
      costs.forEach((cost, at) => {
        expect(cost.read).toBeLessThanOrEqual(1 + (levels[at] ?? 0) + split.read);
        expect(cost.requests).toBeLessThanOrEqual(2 + (levels[at] ?? 0) + split.requests);
      });
    }
  });

  test("an operation by value reads the index, the matching page and its parents, at any length", async () => {
    const costs = await atEverySize(() => ({ operation: "update", old_item: 3, item: "three" }));
    for (const cost of costs) {
      expect(cost.requests).toBeLessThanOrEqual(7);
      expect(cost.read).toBeLessThanOrEqual(1 + 8 + 5);
    }
    for (const cost of await atEverySize(() => ({ operation: "remove", item: "three" }))) {
      expect(cost.requests).toBeLessThanOrEqual(7);
    }
  });

  test("a removal by value that several items equal reads the list again, at the same cost in lists of any size", async () => {
    const own = new Lists();
    for (const size of SIZES) {
      const items = Array.from({ length: size }, (_, at) => (at % 5 === 0 ? "equal" : at));
      await own.run(`l${String(size)}`, { operation: "extend", items });
      const { applied, cost } = await own.run(`l${String(size)}`, { operation: "remove", item: "equal" });
      expect(applied.reread).toEqual([[`l${String(size)}`]]);
      expect(await own.length(`l${String(size)}`)).toBe(size);
      expect(cost.requests).toBeLessThanOrEqual(7);
    }
  });

  test("clear costs the same, and the sweep finds the pages that were left", async () => {
    const costs = await atEverySize(() => ({ operation: "clear" }));
    expect(costs).toEqual(SIZES.map(() => ({ requests: 2, read: 1, written: 2 })));
    for (const size of SIZES) expect(await lists.length(`l${String(size)}`)).toBe(0);

    const due = lists.memory.all().filter(isListGarbage);
    expect(due.map((item) => item["dueShard"])).toHaveLength(SIZES.length);
    for (const key of due) while ((await collectGeneration(lists.memory, key, 1000)) === "more");
    expect(lists.memory.all().map((item) => item.sk)).toEqual(SIZES.map((size) => `V#l${String(size)}`).sort());
  });
});

// The head, a request for each 100 pages and for each 100 of the 512 buckets of the index, the commit.
test("ten thousand items are stored with a dozen requests, as a diff and as a state", async () => {
  const own = new Lists();
  const items = Array.from({ length: 10_000 }, (_, at) => `item ${String(at)}`);
  const { cost } = await own.run("wide", { operation: "extend", items });
  expect(cost.requests).toBeLessThanOrEqual(15);
  const store = new PeerStore({ table: own.counted, clock, ...ids });
  const parts = [{ place: ["whole"], kind: "list" as const, items }];
  own.counted.take();
  await store.replace({ scope: [], excludedScopes: [], parts, stateVersion: 2, sequence: 1 });
  expect(own.counted.take().requests).toBeLessThanOrEqual(20);
  expect(await own.length("whole")).toBe(10_000);
});

test("a list that grows and shrinks at random in all its parts equals an array", async () => {
  const own = new Lists();
  const model: Json[] = Array.from({ length: 4000 }, (_, at) => at);
  await own.run("big", { operation: "extend", items: model });
  let state = 7;
  const random = (below: number): number => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
  // One place grows until inner nodes split; then everything shrinks until the inner nodes are gone.
  for (let round = 0; round < 5000; round++) {
    if (round < 1500) {
      const index = 1200 + random(3);
      model.splice(index, 0, `n${String(round)}`);
      await own.run("big", { operation: "insert", index, item: `n${String(round)}`, length: model.length });
    } else {
      const index = random(Math.min(model.length, 300));
      model.splice(index, 1);
      await own.run("big", { operation: "delete", index, length: model.length });
    }
    if (round % 500 === 0 || round === 4999) {
      const replica = await new PeerReader({ table: own.memory, ...ids }).list("big", 0, Infinity);
      expect(replica?.items).toEqual(model);
    }
  }
  // The index still finds every item.
  const sought = model[170] ?? null;
  model.splice(model.indexOf(sought), 1);
  const { applied } = await own.run("big", { operation: "remove", item: sought, length: model.length });
  expect(applied.reread).toEqual([]);
  expect((await new PeerReader({ table: own.memory, ...ids }).list("big", 0, Infinity))?.items).toEqual(model);
});

test("entries that a crash left in the index, and pages that nothing refers to, are not taken for rows", async () => {
  const own = new Lists();
  await own.run("memo", { operation: "extend", items: Array.from({ length: 100 }, (_, at) => at) });
  const page = own.memory.all().find((item) => Array.isArray(item["elements"]) && item["elements"].includes("40"));
  const bucket = own.memory.all().find((item) => {
    const entries = item["entries"];
    return (
      entries instanceof Set && [...entries].some((entry) => String(entry).endsWith(`~${page?.sk.slice(2) ?? ""}`))
    );
  });
  if (page === undefined || bucket === undefined) throw new Error("The list has no such page.");
  // A copy of the page under another id, listed in every entry that lists the page.
  await own.memory.put({ ...page, sk: "N#stray" }, always);
  for (const item of own.memory.all()) {
    if (!(item["entries"] instanceof Set)) continue;
    const entries = [...item["entries"]].map(String);
    const stray = entries
      .filter((entry) => entry.endsWith(`~${page.sk.slice(2)}`))
      .map((entry) => `${entry.split("~")[0] ?? ""}~stray`);
    await own.memory.put({ ...item, entries: new Set([...entries, ...stray]) }, always);
  }
  const { applied } = await own.run("memo", { operation: "update", old_item: 40, item: "forty" });
  expect(applied.reread).toEqual([]);
  const replica = await new PeerReader({ table: own.memory, ...ids }).list("memo", 40, 1);
  expect(replica?.items).toEqual(["forty"]);
});
