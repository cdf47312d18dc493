/** A publisher that asks for rest gets it, from whatever reads it; what a person asks for is tried at once. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Json } from "../../../lib/system/ports.ts";
import { ACTOR, bodyOf, SUB, Subscriber } from "./subscriber.ts";

const POLL = `GET /subscriptions/${ACTOR}/${SUB}`;
let us: Subscriber;

beforeEach(async () => {
  us = await new Subscriber().subscribed();
  await us.diff(1, { a: 1, o: { x: 1, y: 1 } });
  us.asked.length = 0;
});

const rest = (seconds: number | string, status = 503) => ({
  status,
  headers: { "retry-after": String(seconds) },
});
const reads = (): number => us.asked.filter(({ method }) => method === "GET").length;
const backlog = (sequence: number, ...diffs: readonly (readonly [number, Json])[]) => ({
  status: 200,
  json: { sequence, data: diffs.map(([n, data]) => ({ sequence: n, data, overwritten: [] })) },
});

async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    us.now += 1_000;
    await us.arriveMessages();
    if (second % 60 === 0) await us.sweep();
  }
}

describe("Retry-After", () => {
  it.each([429, 503, 500, 403])(
    "of a poll answered %i is heeded, whatever else asks for the publisher meanwhile",
    async (status) => {
      us.script[POLL] = rest(120, status);
      await us.diff(3, { c: 3 });
      await pass(5);
      expect(reads()).toBe(1);
      us.script[POLL] = backlog(5, [2, { b: 2 }], [4, { d: 4 }]);
      // More arrives behind the gap, and one that says another thing than what was applied.
      await us.diff(5, { c: 5 });
      await us.diff(1, { other: 1 });
      await pass(118);
      expect(reads()).toBe(1);
      await pass(5);
      expect(reads()).toBeGreaterThan(1);
      expect(await us.state()).toMatchObject({ lastSeq: 5, pendingCount: 0 });
    },
  );

  it("of a poll answered 404 is heeded as well", async () => {
    us.script[POLL] = rest(300, 404);
    await us.diff(3, { c: 3 });
    await pass(5);
    us.script[POLL] = backlog(3, [2, { b: 2 }]);
    await pass(290);
    expect(reads()).toBe(1);
    await pass(10);
    expect(await us.state()).toMatchObject({ lastSeq: 3, pendingCount: 0 });
  });

  it("of the list that is to place an unreadable backlog ends the recovery, with nothing read further", async () => {
    us.script[POLL] = { status: 200, text: "{" };
    us.script[`GET /subscriptions/${ACTOR}`] = rest(120, 429);
    await us.diff(3, { c: 3 });
    await pass(5);
    expect(reads()).toBe(2);
    await pass(118);
    expect(reads()).toBe(2);
    us.script[POLL] = backlog(3, [2, { b: 2 }]);
    await pass(5);
    expect(await us.state()).toMatchObject({ lastSeq: 3, pendingCount: 0 });
  });

  it("may be a date", async () => {
    us.script[POLL] = rest(new Date(us.now + 5_000 + 60_000).toUTCString());
    await us.diff(3, { c: 3 });
    await pass(5);
    us.script[POLL] = backlog(3, [2, { b: 2 }]);
    await pass(58);
    expect(reads()).toBe(1);
    await pass(4);
    expect(await us.state()).toMatchObject({ lastSeq: 3 });
  });

  it("counts for an hour at most", async () => {
    us.script[POLL] = rest(86_400);
    await us.diff(3, { c: 3 });
    await pass(5);
    us.script[POLL] = backlog(3, [2, { b: 2 }]);
    await pass(3_590);
    expect(reads()).toBe(1);
    await pass(70);
    expect(await us.state()).toMatchObject({ lastSeq: 3, pendingCount: 0 });
  });

  it("does not keep a person waiting", async () => {
    us.script[POLL] = rest(600);
    await us.diff(3, { c: 3 });
    await pass(5);
    us.script[POLL] = backlog(3, [2, { b: 2 }]);
    us.script["GET /properties"] = { status: 200, json: { fresh: 1 } };
    expect(bodyOf(await us.resync())).toMatchObject({ result: "resynced", sequence: 3, applied: 2 });
  });

  it("of a part of a state ends the reading, which continues after the pause where it stopped", async () => {
    const names = ["a", "b", "c"];
    us.script[POLL] = backlog(5);
    us.script["GET /properties?metadata=true"] = {
      status: 200,
      json: { simple: { properties: names, total_bytes: 9_999_999 }, lists: {} },
    };
    us.script["GET /properties/a"] = { status: 200, json: 5 };
    us.script["GET /properties/b"] = rest(100, 429);
    us.script["GET /properties/c"] = { status: 200, json: 5 };
    expect((await us.callback({ sequence: 5, target: "properties", type: "resync" })).status).toBe(202);
    expect(await us.state()).toMatchObject({ lastSeq: 1, recovery: { read: 1, of: 3 } });
    us.script["GET /properties/b"] = { status: 200, json: 5 };
    us.asked.length = 0;
    await pass(98);
    expect(reads()).toBe(0);
    await pass(4);
    expect(await us.stored()).toEqual({ a: 5, b: 5, c: 5 });
    expect(us.asked.filter(({ url }) => url.endsWith("/properties/a"))).toEqual([]);
    expect(await us.state()).toMatchObject({ lastSeq: 5, pendingCount: 0, resyncPending: false });
    expect(await us.state()).not.toHaveProperty("recovery");
  });

  it("of a re-read keeps the next diffs from reading", async () => {
    us.script["GET /properties/o"] = rest(100);
    await us.callback({ sequence: 2, target: "properties", data: { o: { x: 2 } } });
    expect(reads()).toBe(1);
    await us.callback({ sequence: 3, target: "properties", data: { o: { x: 3 } } });
    await pass(90);
    expect(reads()).toBe(1);
    us.script["GET /properties/o"] = { status: 200, json: { x: 3 } };
    us.script[POLL] = backlog(3);
    await pass(90);
    expect(await us.stored()).toMatchObject({ o: { x: 3 } });
  });

  it("of a low callback's fetch is passed on to its sender, and nothing is fetched before", async () => {
    const url = `https://peer.example/peer/subscriptions/${ACTOR}/${SUB}/2`;
    us.script[`${POLL}/2`] = rest(50);
    const first = await us.callback({ sequence: 2, target: "properties", url });
    expect([first.status, first.headers["retry-after"]]).toEqual([503, "50"]);
    us.now += 20_000;
    const second = await us.callback({ sequence: 2, target: "properties", url });
    expect([second.status, second.headers["retry-after"]]).toEqual([503, "30"]);
    expect(reads()).toBe(1);
    us.now += 30_000;
    us.script[`${POLL}/2`] = { status: 200, json: { sequence: 2, data: { a: 2 } } };
    expect((await us.callback({ sequence: 2, target: "properties", url })).status).toBe(201);
  });

  it("of an acknowledgement is heeded by the next poll", async () => {
    us.script[POLL] = backlog(3, [2, { b: 2 }]);
    us.script[`PUT /subscriptions/${ACTOR}/${SUB}`] = rest(300, 429);
    await us.diff(3, { c: 3 });
    await pass(5);
    expect(await us.state()).toMatchObject({ lastSeq: 3 });
    const before = reads();
    await us.diff(5, { e: 5 });
    await pass(290);
    expect(reads()).toBe(before);
    us.script[POLL] = backlog(5, [4, { d: 4 }]);
    await pass(20);
    expect(await us.state()).toMatchObject({ lastSeq: 5 });
  });

  it("makes a resync callback wait, which stays requested", async () => {
    us.script[POLL] = rest(100);
    await us.diff(3, { c: 3 });
    await pass(5);
    us.script[POLL] = backlog(6);
    us.script["GET /properties"] = { status: 200, json: { fresh: 6 } };
    expect((await us.callback({ sequence: 6, target: "properties", type: "resync" })).status).toBe(202);
    expect(reads()).toBe(1);
    await pass(102);
    expect(await us.stored()).toEqual({ fresh: 6 });
    expect(await us.state()).toMatchObject({ lastSeq: 6, pendingCount: 0, resyncPending: false });
  });
});
