import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { applyToArray, readListOperation } from "../../lib/domain/diff/list-operations.ts";
import type { Table } from "../../lib/dynamodb/table.ts";
import type { Json, JsonObject } from "../../lib/system/ports.ts";
import { compact } from "../../lib/system/compact.ts";
import { collectPeerGarbage } from "../../lib/lists/list-garbage.ts";
import { PeerReader } from "../../lib/receiving/replica/peer-reader.ts";
import { PeerStore } from "../../lib/receiving/replica/peer-store.ts";
import { startEmulatedTable } from "../support/emulated-table.ts";
import { MemoryTable } from "../support/memory-table.ts";

const clock = { now: () => 1_700_000_000_000 };
let peers = 0;

const tables: readonly [name: string, start: () => Promise<{ table: Table; close: () => Promise<void> }>][] = [
  ["in memory", async () => ({ table: new MemoryTable(), close: async () => undefined })],
  ["in the emulator", startEmulatedTable],
];

describe.each(tables)("a peer's data, stored %s", (_name, start) => {
  let table: Table;
  let close = async (): Promise<void> => undefined;

  beforeAll(async () => {
    const started = await start();
    ({ table } = started);
    close = () => started.close();
  });
  afterAll(() => close());

  function peer() {
    const ids = { table, actorId: "a1", peerId: `p${String(++peers)}` };
    const store = new PeerStore({ ...ids, clock });
    let sequence = 0;
    const apply = (data: Json, overwritten: readonly string[] = [], stateVersion = 1, number = ++sequence) =>
      store.apply(
        { scope: [], excludedScopes: [], data, overwritten, nested: "merge" },
        { stateVersion, sequence: number },
      );
    return { ids, store, apply, reader: new PeerReader(ids) };
  }

  test("values are set, merged, deleted and stay deleted", async () => {
    const { apply, reader } = peer();
    await apply({ color: "red", size: { w: 1, h: 2 }, list: [1, "", null] });
    await apply({ color: "", size: { w: "", d: { e: 1 } } });
    await apply({ color: "red" }, [], 1, 1);
    const page = await reader.page({ limit: 10 });
    expect(page.properties.map(({ name, value }) => [name, value])).toEqual([
      ["list", [1, "", null]],
      ["size", { h: 2, d: { e: 1 } }],
    ]);
  });

  test("a value larger than an item is read as it was sent", async () => {
    const { apply, reader, store } = peer();
    const big = { text: "ü".repeat(400_000), n: [1, 2, 3] };
    await apply({ big });
    expect((await reader.property("big"))?.value).toEqual(big);
    await apply({ big: { n: "" } });
    expect((await reader.property("big"))?.value).toEqual({ text: big.text });
    await store.deleteAll();
    expect(await reader.stats()).toEqual({ scalarCount: 0, listCount: 0, bytes: 0 });
  });

  test("a list equals an array after every operation, each applied twice", async () => {
    const { apply, reader, ids } = peer();
    const steps: JsonObject[] = [
      { operation: "append", item: { id: 1 } },
      { operation: "extend", items: Array.from({ length: 300 }, (_, n) => ({ n: n % 150 })) },
      { operation: "insert", index: 20, item: "in" },
      ...Array.from({ length: 20 }, (_, n): JsonObject => ({ operation: "insert", index: 40, item: `i${String(n)}` })),
      { operation: "update", old_item: "in", item: "out" },
      { operation: "update", old_item: { n: 3 }, index: 5, item: "by index" },
      { operation: "delete", index: 100 },
      { operation: "pop" },
      { operation: "pop", index: 0 },
      { operation: "remove", item: "out" },
      { operation: "append", item: "b".repeat(50_000) },
      { operation: "append", item: "B".repeat(400_000) },
      { operation: "metadata", description: "d", explanation: "e" },
    ];
    let model: readonly Json[] = [];
    for (const [at, fields] of steps.entries()) {
      const operation = readListOperation({ list: "memo", ...fields }, "memo");
      const outcome = operation && applyToArray(model, operation);
      if (outcome === undefined || outcome === "inapplicable") throw new Error("The step does not apply.");
      model = outcome.items ?? [];
      const data = { memo: { list: "memo", ...fields, length: model.length } };
      expect((await apply(data, [], 1, at + 1)).reread).toEqual([]);
      expect((await apply(data, [], 1, at + 1)).skipped).toEqual([["memo"]]);
    }
    const replica = await reader.list("memo", 0, Infinity);
    expect(replica?.items).toEqual(model);
    expect(replica?.head).toMatchObject({ count: model.length, description: "d", explanation: "e" });
    expect((await reader.list("memo", 31, 3))?.items).toEqual(model.slice(31, 34));

    await apply({ memo: { list: "memo", operation: "clear" } }, [], 1, 100);
    expect((await reader.list("memo", 0, 5))?.items).toEqual([]);
    await apply({ memo: { list: "memo", operation: "delete_all" } }, [], 1, 101);
    expect(await reader.list("memo", 0, 5)).toBeUndefined();
    await collectPeerGarbage(table, ids.actorId, ids.peerId);
    expect(await reader.stats()).toEqual({ scalarCount: 0, listCount: 0, bytes: 0 });
  });

  test("a state replaces what was stored, with lists longer than one transaction", async () => {
    const { apply, store, reader } = peer();
    await apply({ a: 1, b: 2 });
    const items = Array.from({ length: 250 }, (_, n) => `item ${String(n)}`);
    const parts = [
      { place: ["b"], kind: "value" as const, value: { of: "state" } },
      { place: ["memo"], kind: "list" as const, items },
    ];
    await store.replace({ scope: [], excludedScopes: [], parts, stateVersion: 2, sequence: 5 });
    await store.replace({ scope: [], excludedScopes: [], parts, stateVersion: 3, sequence: 5 });
    expect(await reader.names()).toEqual([
      { name: "b", type: "scalar" },
      { name: "memo", type: "list" },
    ]);
    expect((await reader.list("memo", 0, Infinity))?.items).toEqual(items);
  });

  test("a diff that several instances apply at the same time counts once", async () => {
    const { ids, reader } = peer();
    const stores = [1, 2, 3].map(() => new PeerStore({ ...ids, clock }));
    for (let sequence = 1; sequence <= 10; sequence++) {
      const data = {
        memo: { list: "memo", operation: "append", item: sequence, length: sequence },
        size: { [`k${String(sequence)}`]: 1 },
      };
      const diff = { scope: [], excludedScopes: [], data, overwritten: [], nested: "merge" as const };
      const outcomes = await Promise.all(stores.map((store) => store.apply(diff, { stateVersion: 1, sequence })));
      expect(outcomes.flatMap((outcome) => outcome.reread)).toEqual([]);
    }
    expect((await reader.list("memo", 0, Infinity))?.items).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(Object.keys((await reader.property("size"))?.value as JsonObject)).toHaveLength(10);
  });

  test("pages contain every property once, whatever their size", async () => {
    const { apply, store, reader } = peer();
    const names = Array.from({ length: 25 }, (_, n) => `n${String(n).padStart(2, "0")}`);
    await apply(Object.fromEntries(names.map((name) => [name, name])));
    await apply({ n03: "", n04: "" });
    await store.apply(
      { scope: ["n05", "part"], excludedScopes: [], data: 1, overwritten: [""], nested: "merge" },
      { stateVersion: 1, sequence: 1 },
    );
    const seen: string[] = [];
    for (let after: string | undefined; ;) {
      const page = await reader.page(compact({ limit: 4, after }));
      seen.push(...page.properties.map((property) => property.name));
      after = page.next;
      if (after === undefined) break;
    }
    expect(seen).toEqual(names.filter((name) => name !== "n03" && name !== "n04"));
  });
});
