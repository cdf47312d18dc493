import { expect, it } from "vitest";
import { itemExists } from "../../../lib/dynamodb/table.ts";
import { headKey, type InboundHead } from "../../../lib/publishing/subscribers/inbound-head.ts";
import { RecordCache } from "../../../lib/change-log/record-cache.ts";
import { PublisherWorld } from "./publisher-world.ts";

/** An actor whose callbacks are never sent, with one subscription, and the changes of its property `a`. */
async function standing(requested: Record<string, unknown> = {}) {
  const world = await PublisherWorld.open();
  const bob = await world.peer("bob");
  const id = await bob.subscribe({ granularity: "none", ...requested });
  const { cursors, inboundHeads, changeLog } = world.host.service;
  const head = async (): Promise<InboundHead> => {
    const found = await inboundHeads.get({ actorId: world.actor.id, peerId: "bob", id });
    if (found === undefined) throw new Error("there is no such head");
    return found;
  };
  const newest = async (): Promise<number> => await changeLog.newest(world.actor.id);
  return { world, bob, id, cursors, head, newest };
}

/** As `standing`, but it wants callbacks: made so after its changes, so that none was sent for them. */
async function waiting(changes: number) {
  const all = await standing();
  for (let n = 1; n <= changes; n += 1) await all.world.set("a", n);
  await all.bob.subscribe({ granularity: "high" });
  return all;
}

const lease = (token: string, until: number) => ({ token, until, incarnation: "aws", always: true });

it("makes each number once, however many move a head at the same time", async () => {
  const { world, cursors, head, newest } = await standing();
  for (let n = 1; n <= 5; n += 1) await world.set("a", n);
  const [from, end] = [await head(), await newest()];
  const moves = await Promise.all(Array.from({ length: 6 }, async () => await cursors.advance(from, { newest: end })));
  expect(moves.flatMap((advanced) => advanced?.made.map(({ sequence }) => sequence) ?? [])).toEqual([1, 2, 3, 4, 5]);
  expect(moves.map((advanced) => advanced?.head.state.sequence)).toEqual([5, 5, 5, 5, 5, 5]);
  expect(await head()).toMatchObject({ version: 2, state: { cursor: end, sequence: 5 } });
});

it("writes nothing for records that make no number, until they are many", async () => {
  const { world, cursors, head, newest } = await standing({ subtarget: "a" });
  await world.set("b", 1);
  const advanced = await cursors.advance(await head(), { newest: await newest() });
  expect(advanced).toMatchObject({ made: [], leased: false, head: { state: { cursor: await newest() } } });
  expect((await head()).version).toBe(1);
  for (let n = 0; n < 100; n += 1) await world.set("b", n);
  await cursors.advance(await head(), { newest: await newest() });
  expect(await head()).toMatchObject({ version: 2, state: { cursor: await newest() } });
});

it("gives the lease to one of concurrent callers, until it runs out", async () => {
  const { world, cursors, head, newest } = await waiting(3);
  const [from, end, until] = [await head(), await newest(), world.host.now + 1_000];
  const moves = await Promise.all(
    ["x", "y", "z"].map(async (token) => await cursors.advance(from, { newest: end, lease: lease(token, until) })),
  );
  const taken = moves.filter((advanced) => advanced?.leased === true);
  expect(taken).toHaveLength(1);
  expect((await head()).lease).toEqual(taken[0]?.head.lease);
  world.host.now = until - 1;
  const again = { newest: end, lease: lease("late", until + 1_000) };
  expect((await cursors.advance(await head(), again))?.leased).toBe(false);
  world.host.now = until;
  expect((await cursors.advance(await head(), again))?.leased).toBe(true);
  expect((await head()).lease?.token).toBe("late");
});

it("acquires a lease that its holder released while the numbers were written", async () => {
  const { world, cursors, head, newest } = await waiting(1);
  const until = world.host.now + 1_000;
  await cursors.advance(await head(), { newest: await newest(), lease: lease("old", until) });
  const before = await head();
  // Its holder releases it after this call has read the head.
  await world.inner.update(headKey(before), { remove: ["leaseToken", "leaseUntil"] }, itemExists);
  await world.ask("PUT", "properties/private", 1);
  await world.set("a", 2);
  const advanced = await cursors.advance(before, { newest: await newest(), lease: lease("new", until) });
  expect([advanced?.leased, (await head()).lease?.token]).toEqual([true, "new"]);
});

it("acquires the lease of a dead process, however long it would last", async () => {
  const { world, cursors, head, newest } = await waiting(1);
  const until = world.host.now + 60_000;
  await cursors.advance(await head(), { newest: await newest(), lease: lease("old", until) });
  const living = await cursors.advance(await head(), { newest: await newest(), lease: lease("new", until) });
  expect([living?.leased, living?.head.lease?.token]).toEqual([false, "old"]);
  await world.inner.update(headKey(await head()), { set: { incarnation: "before the restart" } }, itemExists);
  const advanced = await cursors.advance(await head(), { newest: await newest(), lease: lease("new", until) });
  expect([advanced?.leased, (await head()).lease?.token]).toEqual([true, "new"]);
});

it("gives nothing for a head that has ended", async () => {
  const { world, bob, id, cursors, head, newest } = await standing();
  await world.set("a", 1);
  const [from, end] = [await head(), await newest()];
  await bob.ask("DELETE", id);
  expect(await cursors.advance(from, { newest: end })).toBeUndefined();
  expect(await cursors.makeResync(from)).toEqual({ is: "ended" });
  expect(await cursors.toEnd({ actorId: world.actor.id, peerId: "bob", id })).toBeUndefined();
});

it("says which number stood at a record, without noting anything", async () => {
  const { world, cursors, head, newest } = await standing();
  const start = await newest();
  await world.set("a", 1);
  await world.set("private", 1);
  await world.set("a", 2);
  const from = await head();
  const numbers = await Promise.all([0, 1, 2, 3].map(async (more) => await cursors.sequenceAt(from, start + more)));
  expect(numbers).toEqual([0, 1, 1, 2]);
  await expect(cursors.sequenceAt(from, start - 1)).rejects.toThrow(RangeError);
  expect((await head()).version).toBe(1);
});

it("makes one resync stand for a backlog, and no second one", async () => {
  const { world, bob, id, cursors, head } = await waiting(4);
  expect(await cursors.makeResync(await head())).toMatchObject({ is: "made", rendered: { sequence: 5 } });
  expect((await bob.poll(id)).data).toMatchObject([{ sequence: 5, type: "resync", data: { a: 4 } }]);
  expect(await cursors.makeResync(await head())).toMatchObject({ is: "unneeded" });
  await bob.subscribe({ granularity: "none" });
  await world.set("a", 5);
  expect((await bob.poll(id)).data).toMatchObject([{ sequence: 5 }, { sequence: 6, data: { a: 5 } }]);
});

it("makes one resync of several that are made at the same time, whose number follows from the log", async () => {
  const { world, cursors, head, newest } = await waiting(3);
  const before = await head();
  const made = await Promise.all([1, 2, 3].map(async () => await cursors.makeResync(before)));
  expect(made.map(({ is }) => is).sort()).toEqual(["made", "unneeded", "unneeded"]);
  await world.set("a", 4);
  const after = await head();
  // From before it as from behind it.
  const [old, stored] = await cursors.preview([before, after], await newest());
  expect(old?.state).toEqual(stored?.state);
  expect(stored?.state).toMatchObject({ sequence: 5, cleared: 3 });
});

it("makes no resync beside the delivery that another has leased, and one under its own lease", async () => {
  const { world, cursors, head, newest } = await waiting(3);
  const until = world.host.now + 1_000;
  await cursors.advance(await head(), { newest: await newest(), lease: lease("x", until) });
  const end = await newest();
  expect(await cursors.makeResync(await head())).toMatchObject({ is: "leased" });
  expect(await newest()).toBe(end);
  expect(await cursors.makeResync(await head(), { token: "x" })).toMatchObject({
    is: "made",
    rendered: { sequence: 4 },
  });
  expect(await head()).toMatchObject({ state: { cursor: end + 1, cleared: 3 }, lease: { token: "x" } });
  expect(await newest()).toBe(end + 1);
});

it("keeps a head writable whose peer names its places in characters of several bytes", async () => {
  const { world, bob, id, cursors, head, newest } = await standing({ granularity: "low" });
  const name = (index: number): string => `${"漢".repeat(81)}${String(index)}`;
  for (let from = 0; from < 160; from += 40) {
    const places = Array.from({ length: 40 }, (_, index) => ({ target: "properties", subtarget: name(from + index) }));
    const made = await bob.ask("POST", "", {
      subscriptions: places.map((place) => ({ ...place, granularity: "high" })),
    });
    expect(made.status).toBe(207);
  }
  for (let n = 1; n <= 8; n += 1) {
    await world.set("a", n);
    expect((await bob.poll(id)).sequence).toBeGreaterThanOrEqual(n);
    await cursors.advance(await head(), { newest: await newest() });
    expect(Buffer.byteLength(JSON.stringify((await head()).state))).toBeLessThan(210_000);
    // Each of these is another context of what the broad subscription leaves to narrower ones.
    await bob.subscribe({ subtarget: name(0), granularity: n % 2 === 1 ? "none" : "high" });
  }
  const { data } = await bob.poll(id);
  expect([data[0]?.type, data.at(-1)?.data]).toEqual(["resync", { a: 8 }]);
});

it("reads the log once for many heads that are behind", async () => {
  const { world, bob, newest } = await standing();
  const { changeLog, cursors } = world.host.service;
  for (let n = 0; n < 10; n += 1) await bob.subscribe({ subtarget: `n${String(n)}` });
  for (let n = 0; n < 10; n += 1) await world.set(`n${String(n)}`, n);
  let reads = 0;
  world.decide = (operation, [key]) => {
    if (operation === "query" && key?.pk.startsWith("R#") === true) reads += 1;
    return "ok";
  };
  const heads = (await world.heads()).toReversed();
  const records = new RecordCache(changeLog, world.actor.id);
  const end = await newest();
  const advanced = await Promise.all(heads.map(async (head) => await cursors.advance(head, { newest: end, records })));
  expect(advanced.map((each) => each?.made.length)).toEqual([...Array.from({ length: 10 }, () => 1), 10]);
  expect(reads).toBeLessThanOrEqual(11);
});
