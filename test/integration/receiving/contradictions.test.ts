/** A publisher that gives two contents to one number: whatever it lost on the way, its state is what counts. */
import { beforeEach, describe, expect, it } from "vitest";
import { outboundHeadKey } from "../../../lib/dynamodb/keys/streams.ts";
import type { Table } from "../../../lib/dynamodb/table.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { FaultyTable, type Decide, type Effect } from "../../support/faulty-table.ts";
import { ACTOR, bodyOf, PEER, SUB, Subscriber } from "./subscriber.ts";

const KEY = outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB });
const POLL = `GET /subscriptions/${ACTOR}/${SUB}`;
let us: Subscriber;
let decide: Decide;

beforeEach(async () => {
  decide = () => "ok";
  const table = (inner: Table) => new FaultyTable(inner, (operation, keys) => decide(operation, keys));
  us = await new Subscriber({ table }).subscribed();
  us.hookRuns.length = 0;
  us.asked.length = 0;
});

function publisherHas(
  sequence: number,
  state: Record<string, Json>,
  backlog: readonly (readonly [number, Json])[] = [],
) {
  const data = backlog.map(([n, diff]) => ({ sequence: n, data: diff }));
  us.script[POLL] = { status: 200, json: { sequence, data } };
  us.script["GET /properties"] = { status: 200, json: state };
}

const reads = (): number => us.asked.filter(({ url }) => url.endsWith("/properties")).length;

async function pass(minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute += 1) {
    us.now += 60_000;
    await us.sweep();
  }
}

describe("two contents under one number", () => {
  it("that is pending: the first is drained as usual, then the state is read", async () => {
    publisherHas(2, { g: 1, x: 1, y: 1 });
    await us.diff(2, { x: 1 });
    expect(bodyOf(await us.diff(2, { y: 1 }))).toEqual({ result: "pending", expected: 1 });
    expect(await us.state()).toMatchObject({ contradicted: true, pendingSequences: [2] });
    await us.arriveMessages();
    expect(reads()).toBe(0);
    expect(bodyOf(await us.diff(1, { g: 1 }))).toEqual({ result: "processed", sequence: 2 });
    expect(await us.state()).toMatchObject({ lastSeq: 2, contradicted: true });
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ g: 1, x: 1, y: 1 });
    expect(await us.state()).not.toHaveProperty("contradicted");
    expect(us.hookRuns.map(({ sequence, callbackType }) => [sequence, callbackType])).toEqual([
      [1, "diff"],
      [2, "diff"],
      [2, "resync"],
    ]);
  });

  it("that is pending: the same again, written otherwise or at another time, is none", async () => {
    await us.diff(2, { x: { a: 1, b: 2 } }, { timestamp: "2026-01-01T00:00:00Z" });
    await us.diff(2, { x: { b: 2, a: 1 } }, { timestamp: "2026-01-01T00:00:09Z" });
    expect(await us.state()).not.toHaveProperty("contradicted");
  });

  it("at the same moment: the copy that is dropped at the commit is compared", async () => {
    publisherHas(1, { x: 1, y: 1 });
    let second: Promise<unknown> | undefined;
    decide = async (operation, keys): Promise<Effect> => {
      if (operation === "put" && keys[0]?.pk.startsWith("P#") === true && second === undefined) {
        second = us.diff(1, { y: 1 });
        expect(await second).toMatchObject({ status: 202 });
      }
      return "ok";
    };
    expect((await us.diff(1, { x: 1 })).status).toBe(201);
    expect(await us.state()).toMatchObject({ lastSeq: 1, pendingCount: 0, contradicted: true });
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ x: 1, y: 1 });
  });

  it("at the same moment, with others pending behind a gap", async () => {
    publisherHas(9, { x: 1, y: 1, z: 9 }, [...[2, 3, 4, 5, 6, 7, 8].map((n) => [n, { z: n }] as const), [9, { z: 9 }]]);
    await us.diff(9, { z: 9 });
    let done = false;
    decide = async (operation, keys): Promise<Effect> => {
      if (operation === "put" && keys[0]?.pk.startsWith("P#") === true && !done) {
        done = true;
        await us.diff(1, { y: 1 });
      }
      return "ok";
    };
    expect((await us.diff(1, { x: 1 })).status).toBe(201);
    expect(await us.state()).toMatchObject({ lastSeq: 1, pendingSequences: [9], contradicted: true });
    await us.arriveMessages();
    expect(reads()).toBe(0);
    us.now += 5_000;
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ x: 1, y: 1, z: 9 });
    expect(await us.state()).toMatchObject({ lastSeq: 9, pendingCount: 0 });
    expect(await us.state()).not.toHaveProperty("contradicted");
  });

  it("of which one was begun by an attempt that died", async () => {
    publisherHas(1, { y: 1 });
    decide = (operation, keys) =>
      operation === "update" && keys[0]?.sk === KEY.sk && us.table.itemAt(KEY)?.["leaseToken"] !== undefined
        ? "crash"
        : "ok";
    void us.diff(1, { x: 1 });
    await expect.poll(() => us.hookRuns.length).toBe(1);
    decide = () => "ok";
    us.now += 60_000;
    expect((await us.diff(1, { y: 1 })).status).toBe(201);
    expect(await us.state()).toMatchObject({ contradicted: true });
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ y: 1 });
  });

  it("that is applied: the state is read, at most once a minute, and a sign within it is kept", async () => {
    publisherHas(3, { first: true });
    for (let n = 1; n <= 3; n += 1) await us.diff(n, { a: n });
    expect(bodyOf(await us.diff(3, { other: 1 }))).toEqual({ result: "duplicate", sequence: 3 });
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ first: true });
    expect(reads()).toBe(1);

    publisherHas(3, { second: true });
    us.now += 10_000;
    await us.diff(3, { other: 2 });
    expect(await us.state()).toMatchObject({ contradicted: true });
    await us.arriveMessages();
    await us.sweep();
    expect(reads()).toBe(1);
    us.now += 50_000;
    await us.arriveMessages();
    expect(reads()).toBe(2);
    expect(await us.stored()).toEqual({ second: true });
    expect(await us.state()).not.toHaveProperty("contradicted");
  });

  it("that come while the state is being read for it lead to another read", async () => {
    for (let n = 1; n <= 3; n += 1) await us.diff(n, { a: n });
    publisherHas(3, { first: true });
    await us.diff(3, { other: 1 });
    let done = false;
    decide = async (operation, keys): Promise<Effect> => {
      if (operation === "put" && keys[0]?.pk.startsWith("P#") === true && !done) {
        done = true;
        publisherHas(3, { second: true });
        await us.diff(2, { other: 2 });
      }
      return "ok";
    };
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ first: true });
    expect(await us.state()).toMatchObject({ contradicted: true });
    us.now += 60_000;
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ second: true });
    expect(await us.state()).not.toHaveProperty("contradicted");
  });

  it("of which one is pending and only announced: their times distinguish them", async () => {
    const url = `https://peer.example/peer/subscriptions/${ACTOR}/${SUB}/2`;
    us.script[`${POLL}/2`] = { status: 200, json: { sequence: 2, data: { x: 1 } } };
    publisherHas(2, { g: 1, x: 1, y: 1 });
    const low = { sequence: 2, target: "properties", granularity: "low", url, timestamp: "2026-01-01T00:00:01Z" };
    await us.callback(low);
    await us.diff(2, { x: 1 }, { timestamp: "2026-01-01T00:00:01Z" });
    await us.callback(low);
    expect(await us.state()).not.toHaveProperty("contradicted");
    await us.callback({ ...low, timestamp: "2026-01-01T00:00:02Z" });
    expect(await us.state()).toMatchObject({ contradicted: true });
    await us.diff(1, { g: 1 });
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ g: 1, x: 1, y: 1 });
  });

  it("of which the copy that is dropped at the commit was only announced", async () => {
    publisherHas(1, { x: 1, y: 1 });
    const url = `https://peer.example/peer/subscriptions/${ACTOR}/${SUB}/1`;
    const low = { sequence: 1, target: "properties", granularity: "low", url, timestamp: "2026-01-01T00:00:02Z" };
    let done = false;
    decide = async (operation, keys): Promise<Effect> => {
      if (operation === "put" && keys[0]?.pk.startsWith("P#") === true && !done) {
        done = true;
        await us.callback(low);
      }
      return "ok";
    };
    expect((await us.diff(1, { x: 1 }, { timestamp: "2026-01-01T00:00:01Z" })).status).toBe(201);
    expect(await us.state()).toMatchObject({ contradicted: true });
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ x: 1, y: 1 });
  });

  it("of which one is a resync of a place, whose content is not known", async () => {
    us.script["GET /properties/a"] = { status: 200, json: { v: 1 } };
    us.script[POLL] = { status: 200, json: { sequence: 1, data: [] } };
    const resync = { sequence: 1, target: "properties", subtarget: "a", type: "resync" };
    expect((await us.callback(resync)).status).toBe(201);
    await us.callback(resync);
    expect(await us.state()).not.toHaveProperty("contradicted");
    publisherHas(1, { a: { v: 1 }, y: 1 });
    await us.diff(1, { y: 1 });
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ a: { v: 1 }, y: 1 });
  });

  it("are no activity of the subscription", async () => {
    publisherHas(3, { a: 3 });
    for (let n = 1; n <= 3; n += 1) await us.diff(n, { a: n });
    const activeAt = us.table.itemAt(KEY)?.["activeAt"];
    us.now += 1_000;
    await us.diff(3, { other: 1 });
    expect(us.table.itemAt(KEY)?.["activeAt"]).toBe(activeAt);
  });

  it("of a contentless kind are none", async () => {
    await us.diff(1, { a: 1 });
    await us.diff(1, {});
    expect(await us.state()).not.toHaveProperty("contradicted");
  });
});

describe("a publisher that was restored from a backup and has counted past us", () => {
  beforeEach(async () => {
    for (let n = 1; n <= 5; n += 1) await us.diff(n, { a: n });
  });

  it("is noticed by its backlog, whose diffs are applied before the state is read", async () => {
    publisherHas(7, { a: 7, b: 4 }, [
      [4, { b: 4 }],
      [5, { b: 5 }],
      [6, { a: 6 }],
      [7, { a: 7 }],
    ]);
    us.hookRuns.length = 0;
    us.now += 3_600_000;
    await us.sweep();
    expect(await us.stored()).toEqual({ a: 7, b: 4 });
    expect(await us.state()).toMatchObject({ lastSeq: 7 });
    expect(us.hookRuns.map(({ sequence, callbackType }) => [sequence, callbackType])).toEqual([
      [6, "diff"],
      [7, "diff"],
      [7, "resync"],
    ]);
  });

  it("is noticed by a duplicate that is newer than the newest applied diff", async () => {
    us = await new Subscriber().subscribed();
    for (let n = 1; n <= 20; n += 1) {
      await us.diff(n, { a: n }, { timestamp: `2026-01-01T00:00:${String(n).padStart(2, "0")}Z` });
    }
    publisherHas(21, { fresh: true });
    us.asked.length = 0;
    await us.diff(2, { a: 2 }, { timestamp: "2026-01-02T00:00:00Z" });
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ fresh: true });
  });

  it.each(["in order", "the newest first", "only to who asks"])(
    "is noticed by what it makes long after a state read, under numbers that the read has covered, sent %s",
    async (how) => {
      publisherHas(9, { a: 9 });
      const headers = { "x-actingweb-sequence": "9" };
      us.script["GET /properties"] = { status: 200, json: { a: 9 }, headers };
      await us.callback({ sequence: 9, target: "properties", type: "resync" });
      us.now += 10 * 60_000;
      const made = [6, 7, 8, 9, 10].map((n) => {
        return { sequence: n, timestamp: `2026-01-01T00:10:0${String(n - 6)}Z`, data: { [`b${String(n)}`]: n } };
      });
      const state = Object.assign({ a: 5 }, ...made.map(({ data }) => data)) as Record<string, Json>;
      us.script[POLL] = { status: 200, json: { sequence: 10, data: made } };
      us.script["GET /properties"] = { status: 200, json: state, headers: { "x-actingweb-sequence": "10" } };
      const sent = how === "in order" ? made : how === "the newest first" ? made.toReversed() : [];
      for (const { sequence, data, timestamp } of sent) await us.diff(sequence, data, { timestamp });
      us.now += 3_600_000;
      await us.sweep();
      expect(await us.stored()).toEqual(state);
      expect(await us.state()).not.toHaveProperty("contradicted");
      us.asked.length = 0;
      us.now += 3_600_000;
      await us.sweep();
      expect(reads()).toBe(0);
    },
  );

  it("is not taken for one when what a state read has covered arrives late", async () => {
    publisherHas(9, { a: 9 });
    us.script["GET /properties"] = { status: 200, json: { a: 9 }, headers: { "x-actingweb-sequence": "9" } };
    await us.callback({ sequence: 9, target: "properties", type: "resync" });
    for (const n of [6, 7, 8]) await us.diff(n, { a: n }, { timestamp: `2026-01-01T00:00:0${String(n)}Z` });
    expect(await us.state()).not.toHaveProperty("contradicted");
  });
});

it("a backlog with one number twice contradicts itself", async () => {
  publisherHas(2, { x: 1, y: 1, z: 2 }, [
    [1, { x: 1 }],
    [1, { y: 1 }],
    [2, { z: 2 }],
  ]);
  us.now += 3_600_000;
  await us.sweep();
  expect(await us.stored()).toEqual({ x: 1, y: 1, z: 2 });
});

describe("POST …/resync", () => {
  beforeEach(async () => {
    await us.diff(1, { a: 1 });
    us.hookRuns.length = 0;
  });

  it("applies what the backlog has, hooks included, then reads the state whatever the numbers say", async () => {
    publisherHas(3, { other: true }, [
      [2, { b: 2 }],
      [3, { c: 3 }],
    ]);
    const reply = await us.resync();
    expect([reply.status, bodyOf(reply)]).toEqual([
      200,
      { subscriptionid: SUB, result: "resynced", sequence: 3, applied: 2 },
    ]);
    expect(us.hookRuns.map(({ sequence, callbackType }) => [sequence, callbackType])).toEqual([
      [2, "diff"],
      [3, "diff"],
      [3, "resync"],
    ]);
    expect(await us.stored()).toEqual({ other: true });
  });

  it("reads it also when nothing is missing", async () => {
    publisherHas(1, { other: true });
    expect(bodyOf(await us.resync())).toMatchObject({ result: "resynced", sequence: 1, applied: 0 });
    expect(await us.stored()).toEqual({ other: true });
  });

  it("applies what comes before a missing number, and reads the state for the rest", async () => {
    publisherHas(4, { all: 4 }, [
      [2, { b: 2 }],
      [4, { d: 4 }],
    ]);
    expect(bodyOf(await us.resync())).toMatchObject({ result: "resynced", sequence: 4, applied: 1 });
    expect(us.hookRuns.map(({ sequence, callbackType }) => [sequence, callbackType])).toEqual([
      [2, "diff"],
      [4, "resync"],
    ]);
  });

  it("stops after the diffs with mode=catch_up, unless a number is missing", async () => {
    publisherHas(2, { other: true }, [[2, { b: 2 }]]);
    expect(bodyOf(await us.resync("mode=catch_up"))).toMatchObject({ result: "caught_up", sequence: 2, applied: 1 });
    expect(await us.stored()).toEqual({ a: 1, b: 2 });
    publisherHas(4, { other: true }, [[4, { d: 4 }]]);
    expect(bodyOf(await us.resync("mode=catch_up"))).toMatchObject({ result: "resynced", sequence: 4 });
    expect(await us.stored()).toEqual({ other: true });
  });

  it("refuses another mode, naming it", async () => {
    const reply = await us.resync("mode=everything");
    expect([reply.status, bodyOf(reply)]).toMatchObject([400, { error: { field: "mode" } }]);
  });

  it("ends a contradiction", async () => {
    publisherHas(1, { a: 1, b: 1 });
    await us.diff(1, { b: 1 });
    expect(await us.state()).toMatchObject({ contradicted: true });
    await us.resync();
    expect(await us.state()).not.toHaveProperty("contradicted");
    expect(await us.stored()).toEqual({ a: 1, b: 1 });
  });

  it("is complete without a readable state once nothing is missing", async () => {
    us = await new Subscriber().subscribed({ target: "resources" });
    us.hookRuns.length = 0;
    us.script[POLL] = { status: 200, json: { sequence: 1, data: [{ sequence: 1, data: { x: 1 } }] } };
    expect(bodyOf(await us.resync())).toMatchObject({ result: "caught_up", sequence: 1, applied: 1 });
    expect(us.hookRuns).toEqual([{ sequence: 1, callbackType: "diff", data: { x: 1 } }]);
    us.script[POLL] = { status: 200, json: { sequence: 3, data: [{ sequence: 3, data: { x: 3 } }] } };
    expect(bodyOf(await us.resync())).toMatchObject({ result: "resynced", sequence: 3 });
    expect(us.hookRuns.at(-1)).toEqual({ sequence: 3, callbackType: "resync", data: null });
  });

  it.each([
    [404, 502, "peer_refused", 404],
    [403, 502, "peer_refused", 403],
    [500, 502, "peer_invalid_answer", 500],
  ])("answers a publisher's %i with %i and its status", async (status, answer, code, peerStatus) => {
    us.script[POLL] = { status };
    const reply = await us.resync();
    expect([reply.status, bodyOf(reply)]).toMatchObject([answer, { error: { code, peerStatus } }]);
  });
});

it("keeps the sign of a contradiction when the owner deletes the stream's state", async () => {
  await us.diff(1, { a: 1 });
  await us.diff(1, { b: 1 });
  publisherHas(1, { a: 1, b: 1 });
  const params = { peerId: PEER, subscriptionId: SUB };
  await us.owner("DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}/state", { params });
  await pass(2);
  expect(await us.stored()).toEqual({ a: 1, b: 1 });
});
