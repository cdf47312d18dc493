import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Json } from "../../../lib/system/ports.ts";
import { sized } from "../../support/sizes.ts";
import { CallbackWorld, type Sent, type Stream } from "./callback-world.ts";
import { CostTable } from "./cost-table.ts";

let world: CallbackWorld;
const table = new CostTable();

beforeAll(async () => {
  world = await CallbackWorld.start();
});
afterAll(async () => {
  table.print();
  await world.close();
});

/** The budget of a callback that comes in order, authentication and hook included. */
const IN_ORDER = { requests: 4, steps: 3, readUnits: 1, writeUnits: 4, indexWriteUnits: 0 };

async function processed(stream: Stream, sequence: number, data: Json, overwritten?: string[] | null): Promise<Sent> {
  const sent = await world.send(stream, sequence, data, overwritten);
  expect(sent).toMatchObject({ status: 201, result: "processed" });
  expect(world.hooked.at(-1)).toBe(sequence);
  return sent;
}

describe("a callback in order", () => {
  it.each<[string, Json | undefined, Json, string[]]>([
    ["first of a property", undefined, "red", []],
    ["scalar over a scalar", "red", "green", []],
    ["scalar of 400 bytes", "red", "g".repeat(400), []],
    ["first object, merged", undefined, { a: { b: 1 } }, []],
    ["nested object, merged", { a: { b: 1, c: 2 } }, { a: { b: 3 } }, []],
    ["object in place of another", { a: 1 }, { b: 2 }, ["/color"]],
    ["deletion", "red", "", []],
    ["scalar over a deleted one", "", "blue", []],
  ])("stays within its budget: %s", async (name, before, after, overwritten) => {
    const stream = await world.open();
    if (before !== undefined) await processed(stream, 1, { color: before });
    const { cost } = await processed(stream, before === undefined ? 1 : 2, { color: after }, overwritten);
    table.check(`in order, ${name}`, cost, IN_ORDER);
  });

  it("costs the same after many others, when the head remembers all it can", async () => {
    const stream = await world.open();
    for (let n = 1; n <= 40; n += 1) await processed(stream, n, { color: { a: n } });
    const { cost } = await processed(stream, 41, { color: { a: 41 } });
    table.check("in order, the 41st", cost, IN_ORDER);
  });

  it("is cheap when it is a duplicate", async () => {
    const stream = await world.open();
    await processed(stream, 1, { color: "red" });
    const sent = await world.send(stream, 1, { color: "red" });
    expect(sent).toMatchObject({ status: 200, result: "duplicate" });
    table.check("duplicate, scalar", sent.cost, { requests: 2 });
    await processed(stream, 2, { color: { a: 1 } });
    const nested = await world.send(stream, 2, { color: { a: 1 } });
    expect(nested).toMatchObject({ status: 200, result: "duplicate" });
    table.check("duplicate, nested object", nested.cost, { requests: 2 });
  });
});

describe("a callback out of order", () => {
  it.each<[string, Json]>([
    ["scalar", "red"],
    ["nested object", { a: { b: 1 } }],
  ])("is kept within its budget: %s", async (name, value) => {
    const stream = await world.open();
    const first = await world.send(stream, 3, { color: value });
    expect(first).toMatchObject({ status: 202, result: "pending" });
    table.check(`out of order, first, ${name}`, first.cost, { requests: 4 });
    const second = await world.send(stream, 5, { color: value });
    expect(second).toMatchObject({ status: 202, result: "pending" });
    table.check(`out of order, next, ${name}`, second.cost, { requests: 4 });
    const again = await world.send(stream, 5, { color: value });
    expect(again).toMatchObject({ status: 202, result: "pending" });
    table.check(`pending already, ${name}`, again.cost, { requests: 4 });
  });

  const values: Readonly<Record<string, (n: number) => Json>> = {
    "one scalar": (n) => ({ color: n }),
    "one object": (n) => ({ color: { [`k${String(n)}`]: n } }),
    "each its own": (n) => ({ [`p${String(n)}`]: n }),
    "list appends": (n) => ({ log: { list: "log", operation: "append", item: n } }),
  };
  /** Up to one number more than a run takes for one state of the head. */
  const short = [1, 2, 5, 25, 26].flatMap((k) => Object.keys(values).map((name) => [k, name] as const));
  const long = [50, 100].flatMap((k) => Object.keys(values).map((name) => [k, name] as const));
  const drains = [...short, ...sized([[50, "each its own"]] as const, long)];

  it.each(drains)("is drained by the one that fills the gap: %i pending, %s", async (k, name) => {
    const value = values[name] ?? (() => null);
    const stream = await world.open();
    for (let n = 2; n <= k + 1; n += 1) expect((await world.send(stream, n, value(n))).status).toBe(202);
    const begun = world.hooked.length;
    const { status, result, cost } = await world.send(stream, 1, value(1));
    expect([status, result]).toEqual([201, "processed"]);
    expect(world.hooked.slice(begun)).toEqual(Array.from({ length: k + 1 }, (_, index) => index + 1));
    table.check(`gap filler, ${String(k)} pending, ${name}`, cost, { requests: 6 + 2 * k });
    const head = await world.services.heads.get(stream);
    expect(head).toMatchObject({ lastSeq: k + 1, buffered: new Set() });
  });
});

describe("the sweep", () => {
  it("asks each shard once when nothing is due, however many streams there are", async () => {
    for (let n = 0; n < 5; n += 1) await world.open();
    table.check("sweep, nothing due", await world.sweep(), { requests: world.services.config.dueShards });
  });
});
