/** What is requested of a stream survives whatever else happens on it: leases, gaps, crashes, content that cannot be had. */
import { describe, expect, it } from "vitest";
import { outboundHeadKey } from "../../../lib/dynamodb/keys/streams.ts";
import type { Key, Table } from "../../../lib/dynamodb/table.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { FaultyTable, type Decide, type Effect } from "../../support/faulty-table.ts";
import { ACTOR, PEER, SUB, Subscriber } from "./subscriber.ts";

const KEY = outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB });
const POLL = `GET /subscriptions/${ACTOR}/${SUB}`;

const backlog = (sequence: number, ...diffs: readonly (readonly [number, Json])[]) => ({
  status: 200,
  json: { sequence, data: diffs.map(([n, data]) => ({ sequence: n, data, overwritten: [] })) },
});

function state(us: Subscriber, values: Record<string, Json>): void {
  us.script["GET /properties?metadata=true"] = {
    status: 200,
    json: { simple: { properties: Object.keys(values), total_bytes: 9 }, lists: {} },
  };
  us.script["GET /properties"] = { status: 200, json: values };
}

/** A service before whose table operations something may be done. */
async function watched(): Promise<{
  us: Subscriber;
  before: (run: (operation: string, keys: readonly Key[]) => Promise<void>) => void;
}> {
  let decide: Decide = () => "ok";
  const table = (inner: Table) => new FaultyTable(inner, (operation, keys) => decide(operation, keys));
  const us = await new Subscriber({ table }).subscribed();
  const before = (run: (operation: string, keys: readonly Key[]) => Promise<void>): void => {
    decide = async (operation, keys): Promise<Effect> => {
      await run(operation, keys);
      return "ok";
    };
  };
  return { us, before };
}

describe("a buffered low callback whose content cannot be had", () => {
  const low = (us: Subscriber, sequence: number) =>
    us.callback({
      sequence,
      target: "properties",
      url: `https://peer.example/peer/subscriptions/${ACTOR}/${SUB}/${String(sequence)}`,
    });

  it.each([404, 500])("(%s) does not stop the stream: recovery finds it another way", async (status) => {
    const us = await new Subscriber().subscribed();
    us.script[`GET /subscriptions/${ACTOR}/${SUB}/2`] = { status };
    await low(us, 2);
    expect((await us.diff(1, { a: 1 })).status).toBe(201);
    us.script[POLL] = backlog(2, [2, { b: 2 }]);
    state(us, { a: 1, b: 2 });
    for (let round = 0; round < 3; round += 1) {
      us.now += 60_000;
      await us.sweep();
    }
    expect(await us.state()).toMatchObject({ lastSeq: 2, pendingCount: 0, resyncPending: false });
    expect(await us.stored()).toEqual({ a: 1, b: 2 });
  });
});

describe("a recovery requested while another works on the stream", () => {
  it("is not lost when that one empties the buffer", async () => {
    const { us, before } = await watched();
    await us.diff(2, { b: 2 });
    let once = true;
    before(async (operation, keys) => {
      if (!once || operation !== "update" || keys[0]?.sk !== KEY.sk) return;
      const head = us.table.itemAt(KEY);
      if (head?.["leaseToken"] === undefined) return;
      once = false;
      await us.service.receiving.streams.requestRecovery({ key: KEY }, "resync", us.now);
    });
    expect((await us.diff(1, { a: 1 })).status).toBe(201);
    expect(await us.state()).toMatchObject({ lastSeq: 2, resyncPending: true });
    us.script[POLL] = backlog(2);
    state(us, { fresh: true });
    await us.sweep();
    expect(await us.stored()).toEqual({ fresh: true });
  });

  it("is not completed by the one that runs", async () => {
    const { us, before } = await watched();
    us.script[POLL] = backlog(5);
    state(us, { first: true });
    let once = true;
    before(async (operation, keys) => {
      if (!once || operation === "get" || keys[0]?.pk.startsWith("P#") !== true) return;
      once = false;
      state(us, { second: true });
      await us.service.receiving.streams.requestRecovery({ key: KEY }, "resync", us.now);
    });
    expect((await us.callback({ sequence: 5, target: "properties", type: "resync" })).status).toBe(201);
    expect(await us.stored()).toEqual({ first: true });
    await us.sweep();
    expect(await us.stored()).toEqual({ second: true });
    expect(await us.state()).toMatchObject({ resyncPending: false });
  });

  it("does not wait for a lease that has been given back", async () => {
    const { us, before } = await watched();
    let once = true;
    before(async (operation, keys) => {
      if (!once || operation !== "put" || keys[0]?.pk.startsWith("P#") !== true) return;
      once = false;
      await us.service.receiving.streams.requestRecovery({ key: KEY }, "resync", us.now);
      // Its message arrives while the callback still holds the lease.
      await us.service.runDue(KEY, us.deadline());
      expect(us.table.itemAt(KEY)?.["dueAt"]).toBe(us.table.itemAt(KEY)?.["leaseUntil"]);
    });
    await us.diff(1, { a: 1 });
    expect(us.table.itemAt(KEY)?.["dueAt"]).toBe(us.now);
  });
});

it("a re-read that failed during catching up is repeated later", async () => {
  const us = await new Subscriber().subscribed();
  await us.diff(1, { o: { x: 1, y: 2 } });
  await us.diff(3, { z: 3 });
  us.script[POLL] = { status: 200, json: { sequence: 3, data: [{ sequence: 2, data: { o: { x: 5 } } }] } };
  us.script["GET /properties/o"] = { status: 503 };
  us.now += 5_000;
  await us.arriveMessages();
  expect(await us.state()).toMatchObject({ lastSeq: 3, resyncPending: false });
  us.script[POLL] = backlog(3);
  us.script["GET /properties/o"] = { status: 200, json: { x: 5 } };
  us.now += 60_000;
  await us.sweep();
  expect(await us.stored()).toEqual({ o: { x: 5 }, z: 3 });
});

describe("a gap's clock", () => {
  it("runs on while what comes in order does not reach the gap", async () => {
    const us = await new Subscriber().subscribed();
    await us.diff(30, { late: 30 });
    for (let n = 1; n <= 4; n += 1) {
      us.now += 1_000;
      await us.diff(n, { n });
    }
    us.now += 1_000;
    us.script[POLL] = backlog(4);
    const before = us.asked.length;
    await us.arriveMessages();
    expect(us.asked.length).toBeGreaterThan(before);
  });

  it("does not wait for a lease of an earlier start of a local server", async () => {
    const us = await new Subscriber({ environment: { INCARNATION: "this start" } }).subscribed();
    const old = { leaseToken: "old", leaseUntil: us.now + 900_000, incarnation: "last start" };
    await us.table.update(KEY, { set: old }, { is: "always" });
    await us.diff(2, { b: 2 });
    expect(us.table.itemAt(KEY)?.["dueAt"]).toBe(us.now + 5_000);
  });
});

it("an idle stream leaves no message circling", async () => {
  const us = await new Subscriber().subscribed();
  for (let n = 1; n <= 9; n += 2) {
    await us.diff(n + 1, {});
    await us.diff(n, {});
  }
  for (let minute = 0; minute < 30; minute += 1) {
    us.now += 60_000;
    await us.arriveMessages();
  }
  expect(us.messages).toEqual([]);
});

it("the hook of a resync that begins again after a crash gets the same event", async () => {
  const ids: string[] = [];
  const { us, before } = await watched();
  us.app.subscriptionDataHook("properties", ({ event }) => {
    ids.push(event.id);
  });
  us.script[POLL] = backlog(5);
  state(us, { a: 5 });
  let crashed = false;
  let isStopped = false;
  before(async (operation, keys) => {
    if (isStopped || ids.length === 0 || operation !== "update" || keys[0]?.sk !== KEY.sk) return;
    isStopped = true;
    crashed = true;
    await new Promise(() => undefined);
  });
  void us.callback({ sequence: 5, target: "properties", type: "resync" });
  await expect.poll(() => crashed).toBe(true);
  us.now += 60_000;
  await us.sweep();
  expect(ids).toHaveLength(2);
  expect(ids[0]).toBe(ids[1]);
  expect(await us.state()).toMatchObject({ lastSeq: 5, resyncPending: false });
});

it("a backlog whose diffs the subscription cannot have is not applied: the state is read", async () => {
  const us = await new Subscriber().subscribed();
  await us.diff(1, { a: 1 });
  await us.diff(3, { c: 3 });
  us.script[POLL] = { status: 200, json: { sequence: 3, data: [{ sequence: 2, data: "nonsense" }] } };
  state(us, { a: 1, c: 3 });
  us.now += 5_000;
  await us.arriveMessages();
  expect(await us.stored()).toEqual({ a: 1, c: 3 });
  expect(us.hookRuns.at(-1)).toMatchObject({ callbackType: "resync" });
});

it("the repetition of a resync callback is no sign of a publisher that counts again", async () => {
  const us = await new Subscriber().subscribed();
  await us.diff(1, { a: 1 }, { timestamp: "2026-01-01T00:00:00Z" });
  const body = { sequence: 2, target: "properties", type: "resync", timestamp: "2026-01-02T00:00:00Z", data: { b: 2 } };
  expect((await us.callback(body)).status).toBe(201);
  us.messages.length = 0;
  expect((await us.callback(body)).status).toBe(200);
  expect(us.messages).toEqual([]);
});

describe("a recovery that is under way", () => {
  it("is not asked for again by every callback that waits for it", async () => {
    const { us, before } = await watched();
    await us.diff(2, { b: 2 });
    us.script[POLL] = backlog(9);
    state(us, { fresh: true });
    let arrived = false;
    before(async (operation, keys) => {
      if (arrived || operation === "get" || keys[0]?.pk.startsWith("P#") !== true) return;
      arrived = true;
      us.now += 6_000;
      expect(await us.diff(11, { c: 11 })).toMatchObject({ status: 202 });
    });
    us.now += 5_000;
    await us.arriveMessages();
    expect(arrived).toBe(true);
    expect(await us.state()).toMatchObject({ lastSeq: 9, resyncPending: false });
  });

  it("and failed is tried again after its pause, however many callbacks arrive", async () => {
    const us = await new Subscriber().subscribed();
    us.script[POLL] = { status: 503 };
    await us.diff(2, {});
    us.asked.length = 0;
    for (let second = 0; second < 300; second += 2) {
      us.now += 2_000;
      await us.diff(3 + second, {});
      await us.arriveMessages();
    }
    expect(us.asked.length).toBeLessThan(12);
    expect(us.messages.length).toBeLessThan(3);
  });
});

it("a lease ends with the catching up it was taken for, whatever arrives in between", async () => {
  const { us, before } = await watched();
  await us.diff(2, { b: 2 });
  us.script[POLL] = backlog(2, [1, { a: 1 }]);
  let moves = 0;
  before(async (operation, keys) => {
    if (operation !== "update" || keys[0]?.sk !== KEY.sk || us.table.itemAt(KEY)?.["leaseToken"] === undefined) return;
    moves += 1;
    // Just before the last write of the catching up.
    if (moves === 3) await us.service.receiving.streams.requestRecovery({ key: KEY }, "catch_up", us.now);
  });
  us.now += 5_000;
  await us.arriveMessages();
  before(() => Promise.resolve());
  expect(moves).toBeGreaterThanOrEqual(3);
  expect(us.table.itemAt(KEY)?.["leaseToken"]).toBeUndefined();
  expect((await us.diff(3, { c: 3 })).status).toBe(201);
});

it("a requested state stays requested when the numbering starts from zero", async () => {
  const us = await new Subscriber().subscribed();
  us.script[POLL] = { status: 503 };
  await us.service.receiving.streams.requestRecovery({ key: KEY }, "resync", us.now);
  const params = { peerId: PEER, subscriptionId: SUB };
  const reply = await us.owner("DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}/state", { params });
  expect(reply.status).toBe(204);
  us.script[POLL] = backlog(0);
  state(us, { fresh: true });
  us.now += 60_000;
  await us.sweep();
  expect(await us.stored()).toEqual({ fresh: true });
});
