/** The traps that reviews of the design found, each sprung on purpose. */
import { describe, expect, it } from "vitest";
import { CLOCK_SKEW_MS } from "../../../lib/dynamodb/lease.ts";
import { outboundHeadKey, bufferedKey } from "../../../lib/dynamodb/keys/streams.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import { FaultyTable, type Decide, type Effect } from "../../support/faulty-table.ts";
import { ACTOR, PEER, SUB, Subscriber } from "./subscriber.ts";

const KEY = outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB });

/** A service whose next write to a partition waits until it is let go. */
async function freezing(): Promise<{
  us: Subscriber;
  freezeNext: (pk: string) => { thaw: () => void; frozen: Promise<void> };
}> {
  let decide: Decide = () => "ok";
  const us = await new Subscriber({
    table: (inner) => new FaultyTable(inner, (operation, keys) => decide(operation, keys)),
  }).subscribed();
  const freezeNext = (pk: string) => {
    let thaw = (): void => undefined;
    let reached = (): void => undefined;
    const frozen = new Promise<void>((resolve) => (reached = resolve));
    const released = new Promise<void>((resolve) => (thaw = resolve));
    decide = async (operation, keys): Promise<Effect> => {
      const write = operation === "put" || operation === "update" || operation === "transact";
      if (!write || keys[0]?.pk.startsWith(pk) !== true) return "ok";
      decide = () => "ok";
      reached();
      await released;
      return "ok";
    };
    return {
      thaw: () => {
        thaw();
      },
      frozen,
    };
  };
  return { us, freezeNext };
}

describe("an instance that froze past its lease", () => {
  it("writes nothing over what came after it", async () => {
    const { us, freezeNext } = await freezing();
    const { thaw, frozen } = freezeNext("P#");
    const late = us.diff(1, { a: "frozen" });
    await frozen;
    us.now += 29_000 + CLOCK_SKEW_MS + 1;
    expect((await us.diff(1, { a: "frozen" })).status).toBe(201);
    expect((await us.diff(2, { a: "newer" })).status).toBe(201);
    thaw();
    await late;
    expect(await us.stored()).toEqual({ a: "newer" });
    expect(await us.state()).toMatchObject({ lastSeq: 2 });
  });

  it("brings nothing back that was deleted after it", async () => {
    const { us, freezeNext } = await freezing();
    const { thaw, frozen } = freezeNext("P#");
    const late = us.diff(1, { a: "frozen" });
    await frozen;
    us.now += 29_000 + CLOCK_SKEW_MS + 1;
    await us.diff(1, { a: "frozen" });
    await us.diff(2, { a: "" });
    thaw();
    await late;
    expect(await us.stored()).toEqual({});
  });

  it("appends nothing twice", async () => {
    const { us, freezeNext } = await freezing();
    const append = (item: number) => ({ l: { list: "l", operation: "append", item } });
    await us.diff(1, append(1));
    const { thaw, frozen } = freezeNext("P#");
    const late = us.diff(2, append(2));
    await frozen;
    us.now += 29_000 + CLOCK_SKEW_MS + 1;
    await us.diff(2, append(2));
    await us.diff(3, append(3));
    thaw();
    await late;
    expect(await us.stored()).toEqual({ l: [1, 2, 3] });
  });

  it("moves no head that another has taken", async () => {
    const { us, freezeNext } = await freezing();
    await us.diff(1, { a: 1 });
    const { thaw, frozen } = freezeNext("P#");
    const late = us.diff(2, { a: 2 });
    await frozen;
    const { thaw: thawCommit, frozen: frozenCommit } = (thaw(), freezeNext("A#"));
    await frozenCommit;
    us.now += 29_000 + CLOCK_SKEW_MS + 1;
    await us.diff(2, { a: 2 });
    await us.diff(3, { a: 3 });
    thawCommit();
    expect((await late).status).not.toBe(201);
    expect(await us.state()).toMatchObject({ lastSeq: 3 });
  });
});

describe("a lease", () => {
  it("lives as long as its function may run, and is void after it", async () => {
    const us = await new Subscriber().subscribed();
    const acquired = await us.service.receiving.streams.acquireLease(KEY, { leaseMs: 29_000 });
    expect(acquired.won).toBe(true);
    us.now += 29_000 + CLOCK_SKEW_MS - 1;
    expect((await us.diff(1, { a: 1 })).status).toBe(202);
    us.now += 1;
    expect((await us.diff(1, { a: 1 })).status).toBe(201);
    expect(await us.state()).toMatchObject({ lastSeq: 1, pendingCount: 0 });
  });

  it("of an earlier start of a local server is void at once", async () => {
    const us = await new Subscriber({ environment: { INCARNATION: "this start" } }).subscribed();
    await us.table.update(
      KEY,
      { set: { leaseToken: "old", leaseUntil: us.now + 900_000, incarnation: "last start" } },
      always,
    );
    expect((await us.diff(1, { a: 1 })).status).toBe(201);
  });

  it("is the same for callbacks, recovery, resync and the deletion of state", async () => {
    const us = await new Subscriber().subscribed();
    await us.service.receiving.streams.acquireLease(KEY, { leaseMs: 29_000 });
    const route = (method: string, tail: string) =>
      us.owner(`${method} /{actorId}/subscriptions/{peerId}/{subscriptionId}/${tail}`, {
        params: { peerId: PEER, subscriptionId: SUB },
      });
    expect((await route("POST", "resync")).status).toBe(503);
    expect((await route("DELETE", "state")).status).toBe(503);
    expect((await us.callback({ sequence: 7, type: "resync", target: "properties" })).status).toBe(202);
    us.now += 29_000 + CLOCK_SKEW_MS;
    us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = { status: 200, json: { sequence: 7, data: [] } };
    await us.sweep();
    expect(await us.state()).toMatchObject({ lastSeq: 7, pendingCount: 0 });
  });
});

it("a crash while the state is replaced leaves a stream that only a recovery advances", async () => {
  const { us, freezeNext } = await freezing();
  await us.diff(1, { a: 1, b: 1 });
  us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = { status: 200, json: { sequence: 5, data: [] } };
  us.script["GET /properties?metadata=true"] = {
    status: 200,
    json: { simple: { properties: ["a", "b"], total_bytes: 9 }, lists: {} },
  };
  us.script["GET /properties"] = { status: 200, json: { a: 5, b: 5 } };
  const { frozen } = freezeNext("P#");
  void us.callback({ sequence: 5, type: "resync", target: "properties" });
  await frozen;
  // That instance never continues.
  us.now += 29_000 + CLOCK_SKEW_MS + 1;
  expect((await us.diff(2, { a: "not now" })).status).toBe(202);
  await us.sweep();
  expect(await us.stored()).toEqual({ a: 5, b: 5 });
  expect(await us.state()).toMatchObject({ lastSeq: 5, pendingCount: 0, resyncPending: false });
  expect((await us.diff(6, { a: 6 })).status).toBe(201);
  expect(await us.stored()).toEqual({ a: 6, b: 5 });
});

it("state deletion starts a new epoch at 0 whose numbers count again", async () => {
  const us = await new Subscriber().subscribed();
  await us.diff(1, { a: "old life" });
  await us.diff(3, { a: "kept" });
  const before = await us.state();
  const reply = await us.owner("DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}/state", {
    params: { peerId: PEER, subscriptionId: SUB },
  });
  expect(reply.status).toBe(204);
  expect(await us.state()).toMatchObject({ lastSeq: 0, pendingCount: 0, epoch: (before["epoch"] as number) + 1 });
  expect((await us.diff(1, { a: "new life" })).status).toBe(201);
  expect(await us.stored()).toEqual({ a: "new life" });
});

it("state deletion between a callback's body and the buffer leaves the new epoch no number of the old", async () => {
  const { us, freezeNext } = await freezing();
  await us.diff(1, { a: "old life" });
  const body = freezeNext("Q#");
  const late = us.diff(3, { a: "kept" });
  await body.frozen;
  const buffered = freezeNext("A#");
  body.thaw();
  await buffered.frozen;
  const reply = await us.owner("DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}/state", {
    params: { peerId: PEER, subscriptionId: SUB },
  });
  expect(reply.status).toBe(204);
  buffered.thaw();
  expect((await late).status).toBe(202);
  const { epoch, pendingSequences } = await us.state();
  // The callback was decided again: its number is of the new epoch, and so is its body.
  expect(pendingSequences).toEqual([3]);
  expect(await us.table.get(bufferedKey(KEY, epoch as number, 3))).toBeDefined();
  await us.diff(1, { b: 1 });
  expect((await us.diff(2, { b: 2 })).status).toBe(201);
  expect(await us.state()).toMatchObject({ lastSeq: 3, pendingCount: 0 });
  expect(await us.stored()).toEqual({ a: "kept", b: 2 });
});
