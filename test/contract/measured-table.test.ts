import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { measure, type Measurement } from "../support/measured-table.ts";
import { always, equals, itemExists, itemMissing } from "../../lib/dynamodb/table.ts";
import { startEmulatedTable, type EmulatedTable } from "../support/emulated-table.ts";
import { freshPartition } from "./table-source.ts";

describe("measure", () => {
  let emulated: EmulatedTable;
  let cost: Measurement;
  let key: { pk: string; sk: string };
  beforeAll(async () => {
    emulated = await startEmulatedTable();
    cost = measure(emulated.client);
  });
  afterAll(() => emulated.close());
  beforeEach(() => {
    key = { pk: freshPartition(), sk: "one" };
    cost.reset();
  });

  it("counts nothing when nothing is sent", () => {
    const nothing = { requests: 0, byOperation: {}, steps: 0, readUnits: 0, writeUnits: 0, indexWriteUnits: 0 };
    expect(cost.report()).toEqual(nothing);
  });

  it("counts requests by operation, steps and units", async () => {
    const { table } = emulated;
    await table.put({ ...key, n: 1 }, itemMissing);
    await table.get(key);
    await table.get(key, { consistent: false });
    await table.update(key, { add: { n: 1 } }, always);
    await table.query({ pk: key.pk, prefix: "" });
    await table.deleteMany([key, { pk: key.pk, sk: "two" }]);
    expect(cost.report()).toEqual({
      requests: 6,
      byOperation: { PutItem: 1, GetItem: 2, UpdateItem: 1, Query: 1, BatchWriteItem: 1 },
      steps: 6,
      readUnits: 1 + 0.5 + 1,
      writeUnits: 1 + 1 + 2,
      indexWriteUnits: 0,
    });
  });

  it("counts commands that overlap as one step", async () => {
    const { table } = emulated;
    const keys = Array.from({ length: 8 }, (_, at) => ({ pk: key.pk, sk: String(at) }));
    await Promise.all(keys.map((one) => table.put({ ...one, dueShard: "s", dueAt: 1 }, always)));
    await Promise.all([table.get(key).then(() => table.get(key)), table.get(key)]);
    expect(cost.report()).toMatchObject({ requests: 11, steps: 3 });
  });

  it("counts capacity by size, and that of refused writes", async () => {
    const { table } = emulated;
    await table.put({ ...key, text: "x".repeat(2500) }, always);
    expect(cost.report().writeUnits).toBe(3);
    await table.update(key, { set: { n: 1 } }, equals("n", 5)).catch(() => undefined);
    expect(cost.report().writeUnits).toBe(6);
    await table.put({ ...key, sk: "two" }, equals("n", 5)).catch(() => undefined);
    expect(cost.report()).toMatchObject({ writeUnits: 7, requests: 3, readUnits: 0 });
  });

  it("counts an index write for each entry that appears or disappears", async () => {
    const { table } = emulated;
    const indexWrites = async (write: Promise<unknown>) => {
      await write;
      const { indexWriteUnits } = cost.report();
      cost.reset();
      return indexWriteUnits;
    };
    expect(await indexWrites(table.put({ ...key, dueShard: "s" }, always))).toBe(0);
    expect(await indexWrites(table.update(key, { set: { dueAt: 1 } }, always))).toBe(1);
    expect(await indexWrites(table.update(key, { set: { dueAt: 2 } }, always))).toBe(2);
    expect(await indexWrites(table.update(key, { set: { dueAt: 2, n: 1 } }, always))).toBe(0);
    expect(await indexWrites(table.update(key, { remove: ["dueAt", "dueShard"] }, always))).toBe(1);
    expect(await indexWrites(table.put({ ...key, dueShard: "s", dueAt: 1 }, always))).toBe(1);
    expect(await indexWrites(table.put({ ...key }, always))).toBe(1);
    expect(await indexWrites(table.put({ ...key, dueShard: "s", dueAt: 1 }, always))).toBe(1);
    expect(await indexWrites(table.delete(key, always))).toBe(1);
    expect(await indexWrites(table.put({ ...key, dueShard: "s", dueAt: 1 }, always))).toBe(1);
    expect(await indexWrites(table.deleteMany([key, { ...key, sk: "two" }]))).toBe(1);
  });

  it("counts a transaction as one request at twice the capacity", async () => {
    const { table } = emulated;
    const other = { pk: key.pk, sk: "two" };
    await table.put({ ...other, text: "x".repeat(1500) }, always);
    cost.reset();
    await table.transact([
      { put: { ...key, n: 1 }, condition: itemMissing },
      { update: other, change: { set: { n: 1 } }, condition: itemExists },
      { check: { pk: key.pk, sk: "three" }, condition: always },
    ]);
    expect(cost.report()).toEqual({
      requests: 1,
      byOperation: { TransactWriteItems: 1 },
      steps: 1,
      readUnits: 0,
      writeUnits: 2 + 4 + 2,
      indexWriteUnits: 0,
    });
    await table.transact([{ put: key, condition: itemMissing }]).catch(() => undefined);
    expect(cost.report()).toMatchObject({ requests: 2, writeUnits: 10 });
  });
});
