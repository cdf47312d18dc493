import { expect, test } from "vitest";
import { TrustCache } from "../../../../lib/publishing/delivery/trust-cache.ts";
import { trustKey } from "../../../../lib/dynamodb/keys/actors.ts";
import type { Item, Key } from "../../../../lib/dynamodb/table.ts";

/** Peers of a table in which every trust says how often it was read. */
function peers() {
  const asked: string[][] = [];
  const waiting: (() => void)[] = [];
  const world = { now: 0, asked, slow: false, waiting };
  const getMany = async (keys: readonly Key[]): Promise<readonly Item[]> => {
    asked.push(keys.map(({ sk }) => sk));
    const items = keys.map(({ pk, sk }) => ({ pk, sk, reading: asked.length }));
    if (world.slow) await new Promise<void>((resolve) => waiting.push(resolve));
    return items;
  };
  return Object.assign(world, { trustCache: new TrustCache({ table: { getMany }, clock: { now: () => world.now } }) });
}

test("a trust is read once a second at most, with those that are asked for soon", async () => {
  const world = peers();
  const names = Array.from({ length: 150 }, (_, index) => `p${String(index)}`);
  for (const name of names) expect(await world.trustCache.of("a", name, names)).toHaveProperty("reading");
  expect(world.asked.map(({ length }) => length)).toEqual([100, 50]);
  world.now = 1_000;
  await world.trustCache.of("a", "p0", names);
  expect(world.asked).toHaveLength(2);
  world.now = 1_001;
  expect(await world.trustCache.of("a", "p0")).toMatchObject({ reading: 3 });
  expect(world.asked.at(-1)).toEqual([trustKey("a", "p0").sk]);
});

test("what was written while a trust was read is newer than what was read", async () => {
  const world = peers();
  world.slow = true;
  const reading = world.trustCache.read([trustKey("a", "p0")]);
  world.trustCache.put(trustKey("a", "p0"), { ...trustKey("a", "p0"), breakerFailures: 1 });
  world.waiting[0]?.();
  await reading;
  expect(await world.trustCache.of("a", "p0")).toMatchObject({ breakerFailures: 1 });
});

test("a change of a cached trust counts at once, and makes the rest of it no newer", async () => {
  const world = peers();
  const key = trustKey("a", "p0");
  await world.trustCache.read([key]);
  world.now = 900;
  world.trustCache.changed(key, { set: { breakerProbe: "t" }, remove: ["reading"] });
  expect(await world.trustCache.of("a", "p0")).toEqual({ ...key, breakerProbe: "t" });
  world.now = 1_001;
  expect(await world.trustCache.of("a", "p0")).toMatchObject({ reading: 2 });
});

test("a change of a trust that is not cached, or is being read, has it read again", async () => {
  const world = peers();
  const key = trustKey("a", "p0");
  world.slow = true;
  const reading = world.trustCache.of("a", "p0");
  world.trustCache.changed(key, { set: { breakerProbe: "t" } });
  world.slow = false;
  world.waiting[0]?.();
  expect(await reading).toMatchObject({ reading: 2 });
});

test("a commit of this process that names a peer has its trust read before anything more is sent to it", async () => {
  const world = peers();
  await world.trustCache.read([trustKey("a", "p0"), trustKey("a", "p1")]);
  const permissions = { patterns: [], excluded_patterns: [], operations: [] };
  const record = { kind: "permissions", at: "2026-01-01T00:00:00.000001Z", peerId: "p0", permissions } as const;
  world.trustCache.invalidateNamed({ actorId: "a", records: [{ number: 1, record }] });
  expect(await world.trustCache.of("a", "p1")).toMatchObject({ reading: 1 });
  expect(await world.trustCache.of("a", "p0")).toMatchObject({ reading: 2 });
});

test("a trust that changes while it is read is read again", async () => {
  const world = peers();
  world.slow = true;
  const reading = world.trustCache.of("a", "p0");
  world.trustCache.invalidate(trustKey("a", "p0"));
  world.slow = false;
  world.waiting[0]?.();
  expect(await reading).toMatchObject({ reading: 2 });
});

test("a trust whose reading took longer than a second is read again, because a part of it is as old", async () => {
  const world = peers();
  world.slow = true;
  const reading = world.trustCache.read([trustKey("a", "p0"), trustKey("a", "p1")]);
  world.now = 1_001;
  world.slow = false;
  world.waiting[0]?.();
  await reading;
  expect(await world.trustCache.of("a", "p0")).toMatchObject({ reading: 2 });
});

test("deliveries that need trusts at the same time read each of them once", async () => {
  const world = peers();
  world.slow = true;
  const names = Array.from({ length: 20 }, (_, index) => `p${String(index)}`);
  const found = Promise.all(names.map(async (name) => await world.trustCache.of("a", name, names)));
  await Promise.resolve();
  for (const wake of world.waiting) wake();
  expect(await found).toEqual(names.map(() => expect.objectContaining({ reading: 1 })));
  expect(world.asked.map(({ length }) => length)).toEqual([20]);
});
