/** Writers that meet at one list. Requests to the table take time, on a clock that advances when all writers wait. */
import { beforeEach, describe, expect, it } from "vitest";
import { actorItem } from "../../../lib/actors/actor-record.ts";
import { ActorList } from "../../../lib/application/actor-list.ts";
import { always, type Table } from "../../../lib/dynamodb/table.ts";
import { isServiceError } from "../../../lib/system/errors.ts";
import { randomIds } from "../../../lib/system/ids.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { PropertyStore } from "../../../lib/properties/property-store.ts";
import { ChangeLog } from "../../../lib/change-log/change-log.ts";
import { LogCommits } from "../../../lib/change-log/log-commits.ts";
import { FaultyTable, type Effect, type TableOperation } from "../../support/faulty-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { seeded } from "../../support/simulation/scheduler.ts";
import { sized } from "../../support/sizes.ts";
import { TimedWorld } from "./timed-world.ts";

const ACTOR = "actor";
/** How long a small function waits for one request, ms: for the table, and for its share of a core. */
const TAKES: Partial<Record<TableOperation, number>> = { transact: 35 };
const READ_MS = 18;
const WRITERS = 10;
const ITEMS = Array.from({ length: 1_000 }, (_, index) => index);

let world: TimedWorld;
let stored: MemoryTable;
let random: () => number;
let transactions: number;
let effect: () => Effect;
beforeEach(async () => {
  world = new TimedWorld();
  stored = new MemoryTable();
  effect = () => "ok";
  const actor = { id: ACTOR, creator: "c", passphraseHash: "h", passphraseBits: 160, createdAt: 0 };
  await stored.put(actorItem(actor), always);
  random = seeded(1);
  await world.play(instance().extend(ITEMS));
  transactions = 0;
});

/** The list, as another process uses it. */
function instance(): ActorList {
  const table: Table = new FaultyTable(stored, async (operation) => {
    if (operation === "transact") transactions += 1;
    await world.pause((TAKES[operation] ?? READ_MS) * (0.7 + random() * 0.6));
    return operation === "transact" ? effect() : "ok";
  });
  const { pause: sleep, after } = world;
  const clock = { now: () => world.now };
  const commits = new LogCommits({
    ...{ table, clock, random, sleep, after },
    changeLog: new ChangeLog({ table, clock, retentionDays: 30 }),
  });
  return new ActorList(ACTOR, "memo", new PropertyStore({ table, clock, ids: randomIds, commits }));
}

interface Outcome {
  readonly item: Json;
  readonly ms: number;
  readonly status: number;
  readonly retryAfter?: string | undefined;
}

/** One write, and its outcome. */
async function write(item: Json, run: () => Promise<unknown>): Promise<Outcome> {
  const begun = world.now;
  try {
    await run();
    return { item, ms: world.now - begun, status: 201 };
  } catch (error) {
    if (!isServiceError(error)) throw error;
    return { item, ms: world.now - begun, status: error.status, retryAfter: error.headers["Retry-After"] };
  }
}

/** No item is lost or doubled: the list has its first items, and each item whose writer got a 201. */
async function expectWritten(outcomes: readonly Outcome[]): Promise<void> {
  const items = await world.play(instance().items());
  expect(items.slice(0, ITEMS.length)).toEqual(ITEMS);
  const said = outcomes.filter(({ status }) => status === 201).map(({ item }) => JSON.stringify(item));
  expect(
    items
      .slice(ITEMS.length)
      .map((item) => JSON.stringify(item))
      .toSorted(),
  ).toEqual(said.toSorted());
}

const seeds = Array.from({ length: sized(5, 40) }, (_, seed) => seed + 1);

describe("ten writers of one process", () => {
  it("take ten transactions for ten writes, in order of arrival", async () => {
    const memo = instance();
    const all = Array.from(
      { length: WRITERS },
      async (_, n) => await write({ n }, async () => await memo.append({ n })),
    );
    const outcomes = await world.play(Promise.all(all));
    expect(outcomes.map(({ status }) => status)).toEqual(new Array(WRITERS).fill(201));
    expect(transactions).toBe(WRITERS);
    expect(outcomes.map(({ ms }) => ms)).toEqual(outcomes.map(({ ms }) => ms).toSorted((a, b) => a - b));
    await expectWritten(outcomes);
    const items = await world.play(memo.items());
    expect(items.slice(ITEMS.length)).toEqual(Array.from({ length: WRITERS }, (_, n) => ({ n })));
  });

  it.each(seeds)("that keep writing are each answered within 5 s: seed %i", async (seed) => {
    random = seeded(seed);
    const memo = instance();
    const lane = async (lane: number): Promise<Outcome[]> => {
      const outcomes: Outcome[] = [];
      for (let n = 0; n < 10; n += 1) outcomes.push(await write([lane, n], async () => await memo.append([lane, n])));
      return outcomes;
    };
    const outcomes = (
      await world.play(Promise.all(Array.from({ length: WRITERS }, async (_, n) => await lane(n))))
    ).flat();
    expect(outcomes.map(({ status }) => status)).toEqual(new Array(outcomes.length).fill(201));
    expect(Math.max(...outcomes.map(({ ms }) => ms))).toBeLessThan(5_000);
    await expectWritten(outcomes);
  });
});

describe("ten writers of ten processes", () => {
  it.each(seeds)("that write once are each answered within 5 s, and no item is lost: seed %i", async (seed) => {
    random = seeded(seed);
    const all = Array.from({ length: WRITERS }, async (_, n) => {
      const memo = instance();
      // At the end, in the middle, and over an existing item.
      const run = async (): Promise<unknown> =>
        n % 2 === 0 ? await memo.append({ n }) : await memo.insert(1_000, { n });
      return await write({ n }, run);
    });
    const outcomes = await world.play(Promise.all(all));
    expect(outcomes.map(({ status }) => status)).toEqual(new Array(WRITERS).fill(201));
    expect(Math.max(...outcomes.map(({ ms }) => ms))).toBeLessThan(5_000);
    await expectWritten(outcomes);
  });

  it.each(seeds)("that keep writing are answered 2xx or 503 within 5 s: seed %i", async (seed) => {
    random = seeded(seed);
    const lane = async (lane: number): Promise<Outcome[]> => {
      const memo = instance();
      const outcomes: Outcome[] = [];
      for (let n = 0; n < 10; n += 1) outcomes.push(await write([lane, n], async () => await memo.append([lane, n])));
      return outcomes;
    };
    const outcomes = (
      await world.play(Promise.all(Array.from({ length: WRITERS }, async (_, n) => await lane(n))))
    ).flat();
    for (const { ms, status, retryAfter } of outcomes) {
      expect(ms).toBeLessThan(5_000);
      if (status !== 201) expect([status, retryAfter]).toEqual([503, "1"]);
    }
    await expectWritten(outcomes);
  });
});

describe("a writer that loses every race", () => {
  it.each(["condition", "conflict"] as const)("gets 503 within 5 s, with Retry-After: %s", async (lost) => {
    const memo = instance();
    effect = () => lost;
    const outcomes = await world.play(
      Promise.all(Array.from({ length: WRITERS }, async (_, n) => await write(n, async () => await memo.append(n)))),
    );
    for (const { ms, status, retryAfter } of outcomes) {
      expect([status, retryAfter]).toEqual([503, "1"]);
      expect(ms).toBeLessThan(5_000);
    }
    effect = () => "ok";
    await expectWritten(outcomes);
  });
});

describe("a writer whose request to the table hangs", () => {
  it("delays the others for a second at most", async () => {
    const memo = instance();
    let first = true;
    effect = () => {
      const hangs = first;
      first = false;
      return hangs ? "crash" : "ok";
    };
    void memo.append("never answered");
    const outcomes = await world.play(
      Promise.all(Array.from({ length: WRITERS }, async (_, n) => await write(n, async () => await memo.append(n)))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(new Array(WRITERS).fill(201));
    expect(Math.max(...outcomes.map(({ ms }) => ms))).toBeLessThan(5_000);
    await expectWritten(outcomes);
  });
});
