import { beforeEach, describe, expect, it } from "vitest";
import { bufferPartition, outboundHeadKey } from "../../../lib/dynamodb/keys/streams.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { FaultyTable } from "../../support/faulty-table.ts";
import { ACTOR, bodyOf, PEER, SUB, Subscriber } from "./subscriber.ts";

const POLL = `GET /subscriptions/${ACTOR}/${SUB}`;
const PUT = `PUT /subscriptions/${ACTOR}/${SUB}`;
let us: Subscriber;

beforeEach(async () => {
  us = await new Subscriber().subscribed();
  us.hookRuns.length = 0;
  us.asked.length = 0;
});

const backlog = (sequence: number, ...diffs: readonly (readonly [number, Json])[]) => ({
  status: 200,
  json: { sequence, data: diffs.map(([n, data]) => ({ sequence: n, data, overwritten: [] })) },
});

/** The state as a publisher without positions gives it: names first, then the values. */
function state(values: Record<string, Json>, positions?: Record<string, number>): void {
  const headers = (name: string) =>
    positions?.[name] === undefined ? {} : { headers: { "x-actingweb-sequence": String(positions[name]) } };
  const lowest = positions === undefined ? undefined : Math.min(...Object.values(positions));
  us.script["GET /properties?metadata=true"] = {
    status: 200,
    json: { simple: { properties: Object.keys(values), total_bytes: 2_000_000 }, lists: {} },
    ...(lowest === undefined ? {} : { headers: { "x-actingweb-sequence": String(lowest) } }),
  };
  us.script["GET /properties"] = { status: 200, json: values };
  for (const [name, value] of Object.entries(values)) {
    us.script[`GET /properties/${name}`] = { status: 200, json: value, ...headers(name) };
  }
}

const asked = (line: string): number =>
  us.asked.filter(({ method, url }) => `${method} ${new URL(url).pathname.slice("/peer".length)}` === line).length;

describe("a gap", () => {
  it("is closed from the backlog, in order, hooks included, and acknowledged", async () => {
    await us.diff(1, { a: 1 });
    await us.diff(4, { a: 4 });
    us.script[POLL] = backlog(5, [5, { a: 5 }], [2, { b: 2 }], [3, { c: 3 }]);
    us.now += 5_000;
    await us.arriveMessages();
    expect(await us.state()).toMatchObject({ lastSeq: 5, pendingCount: 0, resyncPending: false });
    expect(await us.stored()).toEqual({ a: 5, b: 2, c: 3 });
    expect(us.hookRuns.map(({ sequence, callbackType }) => [sequence, callbackType])).toEqual(
      [1, 2, 3, 4, 5].map((n) => [n, "diff"]),
    );
    expect(us.asked.find(({ method }) => method === "PUT")?.json).toEqual({ sequence: 5 });
    expect(asked(PUT)).toBe(1);
  });

  it("keeps the bodies of what is not written when the replay is cut off, and ends it from them", async () => {
    let broken = true;
    const cut = await new Subscriber({
      table: (inner) =>
        new FaultyTable(inner, (operation, keys) =>
          broken && operation === "put" && keys.some(({ sk }) => sk.includes("V#e")) ? "throttle" : "ok",
        ),
    }).subscribed();
    const partition = bufferPartition(outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB }));
    const bodies = (): number[] =>
      cut.table.all().flatMap(({ pk, sk }) => (pk === partition ? Number(sk.split("#")[1]) : []));
    for (const [n, data] of [
      [1, { a: 1 }],
      [3, { c: 3 }],
      [4, { d: 4 }],
      [5, { e: 5 }],
    ] as const)
      await cut.diff(n, data);
    expect(bodies()).toEqual([3, 4, 5]);
    cut.script[POLL] = backlog(5, [2, { b: 2 }]);
    cut.now += 5_000;
    await cut.arriveMessages();
    expect(await cut.state()).toMatchObject({ lastSeq: 4, pendingSequences: [5] });
    expect(bodies()).toEqual([5]);
    broken = false;
    cut.now += 300_000;
    await cut.sweep();
    expect(await cut.state()).toMatchObject({ lastSeq: 5, pendingCount: 0 });
    expect([await cut.stored(), bodies()]).toEqual([{ a: 1, b: 2, c: 3, d: 4, e: 5 }, []]);
  });

  it("is closed from the state when the backlog says that everything is to be read again", async () => {
    await us.diff(1, { a: 1, old: 1 });
    await us.diff(4, { d: 4 });
    const polled = backlog(4, [2, { a: 2 }], [3, { a: 3, b: 3 }], [4, { d: 4 }]);
    const data = polled.json.data.map((entry) =>
      entry.sequence === 3 ? { ...entry, type: "resync", overwritten: [""] } : entry,
    );
    us.script[POLL] = { status: 200, json: { ...polled.json, data } };
    state({ a: 9, b: 3, d: 4 }, { a: 4, b: 4, d: 4 });
    us.now += 5_000;
    await us.arriveMessages();
    expect(await us.state()).toMatchObject({ lastSeq: 4, pendingCount: 0, resyncPending: false });
    expect(await us.stored()).toEqual({ a: 9, b: 3, d: 4 });
    expect(us.hookRuns.at(-1)).toMatchObject({ sequence: 4, callbackType: "resync" });
  });

  it("is recovered when it is due, not before, by the sweep too when the delayed message is lost", async () => {
    await us.diff(2, { a: 2 });
    us.now += 4_999;
    await us.sweep();
    expect(asked(POLL)).toBe(0);
    us.now += 1;
    us.script[POLL] = backlog(2, [1, { b: 1 }]);
    us.messages.length = 0;
    await us.sweep();
    expect(await us.state()).toMatchObject({ lastSeq: 2, pendingCount: 0 });
  });

  it("that the backlog does not fill is closed from the state, and one hook runs", async () => {
    await us.diff(1, { gone: 1 });
    await us.diff(4, { a: 4 });
    us.script[POLL] = backlog(4, [4, { a: 4 }]);
    state({ a: 4, b: 3 });
    us.now += 5_000;
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ a: 4, b: 3 });
    expect(await us.state()).toMatchObject({ lastSeq: 4, pendingCount: 0 });
    expect(us.hookRuns.at(-1)).toEqual({ sequence: 4, callbackType: "resync", data: { a: 4, b: 3 } });
  });

  it("waits longer each time while the publisher cannot be asked, and loses nothing", async () => {
    await us.diff(2, { a: 2 });
    us.script[POLL] = { status: 503 };
    const pauses: number[] = [];
    us.now += 5_000;
    for (let round = 0; round < 6; round += 1) {
      const before = asked(POLL);
      const from = us.now;
      while (asked(POLL) === before) {
        us.now += 1_000;
        await us.arriveMessages();
      }
      pauses.push(us.now - from);
    }
    expect(pauses.at(-1)).toBeGreaterThan(20_000);
    expect(await us.state()).toMatchObject({ lastSeq: 0, pendingSequences: [2], resyncPending: true });
    us.script[POLL] = backlog(2, [1, { b: 1 }]);
    us.now += 900_000;
    await us.sweep();
    expect(await us.stored()).toEqual({ a: 2, b: 1 });
  });

  it("opens a new clock when a drain leaves some behind a new gap", async () => {
    await us.diff(2, { a: 2 });
    await us.diff(5, { a: 5 });
    us.now += 4_000;
    await us.diff(1, { a: 1 });
    us.now += 4_000;
    await us.sweep();
    await us.arriveMessages();
    expect(asked(POLL)).toBe(0);
    us.script[POLL] = backlog(5, [3, { a: 3 }], [4, { a: 4 }]);
    us.now += 1_000;
    await us.arriveMessages();
    expect(await us.state()).toMatchObject({ lastSeq: 5 });
  });
});

describe("a position", () => {
  it("of the publisher's own answers lets each part skip diffs that it already contains", async () => {
    await us.diff(1, { a: 1 });
    await us.diff(3, { a: 3 });
    us.script[POLL] = backlog(7);
    state({ a: "at 7", b: "at 5" }, { a: 7, b: 5 });
    us.now += 5_000;
    await us.arriveMessages();
    expect(await us.state()).toMatchObject({ lastSeq: 5 });
    await us.diff(6, { a: "late 6", b: "at 6" });
    expect(await us.stored()).toEqual({ a: "at 7", b: "at 6" });
  });

  it("without them is the number that was the same before and after", async () => {
    await us.diff(2, { a: 2 });
    let polls = 0;
    Object.defineProperty(us.script, POLL, { get: () => backlog(Math.min(9, 6 + polls++)), enumerable: true });
    state({ a: "now" });
    us.now += 5_000;
    await us.arriveMessages();
    // 6, then 7, 8 and 9 after each of three reads: never twice the same, so the earlier one of the last pair counts.
    expect(await us.state()).toMatchObject({ lastSeq: 8 });
  });
});

describe("a publisher that counts again", () => {
  it("is noticed by reconciliation: a new epoch, its state, its numbers", async () => {
    for (let n = 1; n <= 3; n += 1) await us.diff(n, { a: n });
    const { epoch } = (await us.state()) as { epoch: number };
    us.script[POLL] = backlog(1);
    state({ fresh: true });
    us.now += 3_600_000;
    await us.sweep();
    expect(await us.state()).toMatchObject({ lastSeq: 1, epoch: epoch + 1 });
    expect(await us.stored()).toEqual({ fresh: true });
    expect((await us.diff(2, { fresh: false })).status).toBe(201);
    expect(await us.stored()).toEqual({ fresh: false });
  });

  it("is noticed by a duplicate with other content, at most once a minute", async () => {
    for (let n = 1; n <= 3; n += 1) await us.diff(n, { a: n });
    us.script[POLL] = backlog(1);
    state({ fresh: true });
    expect((await us.diff(1, { fresh: true })).status).toBe(200);
    expect(us.messages).toHaveLength(1);
    expect((await us.diff(1, { fresh: "again" })).status).toBe(200);
    expect(us.messages).toHaveLength(1);
    await us.arriveMessages();
    expect(await us.state()).toMatchObject({ lastSeq: 1 });
    expect(await us.stored()).toEqual({ fresh: true });
  });

  it("is noticed by a duplicate with a newer time", async () => {
    await us.diff(1, { a: 1 }, { timestamp: "2026-01-01 00:00:00.5" });
    await us.diff(1, { a: 1 }, { timestamp: "2026-01-01 00:00:00.5" });
    expect(us.messages).toHaveLength(0);
    await us.diff(1, { a: 1 }, { timestamp: "2026-01-01T00:00:00.500001Z" });
    expect(us.messages).toHaveLength(1);
  });
});

describe("a resync callback", () => {
  const resync = (sequence: number, more: Record<string, Json> = {}) =>
    us.callback({ sequence, target: "properties", type: "resync", ...more });

  it("replaces the state from its url and takes its number", async () => {
    await us.diff(1, { old: 1 });
    await us.diff(9, { buffered: 9 });
    us.script[POLL] = backlog(7);
    state({ fresh: 1 });
    us.script["GET /elsewhere"] = { status: 200, json: { fresh: 1 } };
    const reply = await resync(7, { url: "https://peer.example/peer/properties" });
    expect([reply.status, bodyOf(reply)]).toEqual([201, { result: "processed", sequence: 7 }]);
    expect(await us.stored()).toEqual({ fresh: 1 });
    expect(await us.state()).toMatchObject({ lastSeq: 7, pendingSequences: [9] });
    expect((await resync(7)).status).toBe(200);
    expect((await us.diff(8, { eight: 8 })).status).toBe(201);
    expect(await us.stored()).toEqual({ fresh: 1, eight: 8, buffered: 9 });
  });

  it("with data needs nothing to be read", async () => {
    await us.diff(1, { old: 1 });
    const before = us.asked.length;
    expect((await resync(5, { data: { aligned: 1 } })).status).toBe(201);
    expect(await us.stored()).toEqual({ aligned: 1 });
    expect(us.asked.slice(before).filter(({ method }) => method === "GET")).toEqual([]);
  });

  it("that cannot be followed now stays requested, and is followed later", async () => {
    us.script[POLL] = backlog(5);
    us.script["GET /properties?metadata=true"] = { status: 503 };
    us.script["GET /properties"] = { status: 503 };
    expect((await resync(5)).status).toBe(202);
    expect(await us.state()).toMatchObject({ resyncPending: true });
    state({ fresh: 1 });
    us.now += 900_000;
    await us.sweep();
    expect(await us.stored()).toEqual({ fresh: 1 });
    expect(await us.state()).toMatchObject({ lastSeq: 5, pendingCount: 0, resyncPending: false });
  });

  it("of less than the subscription is sequenced and replaces only its place", async () => {
    await us.diff(1, { a: 1, b: { keep: true } });
    us.script[POLL] = backlog(2);
    us.script["GET /properties/a"] = { status: 200, json: "resynced" };
    const body = {
      sequence: 2,
      target: "properties",
      subtarget: "a",
      type: "resync",
      url: "https://peer.example/peer/properties/a",
    };
    expect((await us.callback({ ...body, sequence: 3 })).status).toBe(202);
    expect((await us.callback(body)).status).toBe(201);
    expect(await us.stored()).toEqual({ a: "resynced", b: { keep: true } });
    expect(await us.state()).toMatchObject({ lastSeq: 3 });
  });
});

describe("a target without a readable state", () => {
  it("takes the number and leaves the store alone", async () => {
    us = await new Subscriber().subscribed({ target: "resources" });
    us.hookRuns.length = 0;
    await us.callback({ sequence: 3, target: "resources", data: { x: 1 } });
    us.script[POLL] = backlog(5);
    us.now += 5_000;
    await us.arriveMessages();
    expect(await us.state()).toMatchObject({ lastSeq: 5, pendingCount: 0 });
    expect(us.hookRuns).toEqual([{ sequence: 5, callbackType: "resync", data: null }]);
    expect(await us.stored()).toEqual({});
  });
});

it("leaves a value that is too large to be read as it is, and reads the rest", async () => {
  await us.diff(1, { big: "first", small: 1 });
  us.script[POLL] = backlog(3);
  us.script["GET /properties?metadata=true"] = {
    status: 200,
    json: { simple: { properties: ["big", "small"], total_bytes: 7_000_000 }, lists: {} },
  };
  us.script["GET /properties/big"] = { status: 413 };
  us.script["GET /properties/small"] = { status: 200, json: 3 };
  for (const sequence of [3, 4]) {
    us.script[POLL] = backlog(sequence);
    expect((await us.callback({ sequence, target: "properties", type: "resync" })).status).toBe(201);
  }
  expect(await us.stored()).toEqual({ big: "first", small: 3 });
  expect(await us.state()).toMatchObject({ lastSeq: 4, resyncPending: false });
});

describe("low granularity", () => {
  const low = (sequence: number) =>
    us.callback({
      sequence,
      target: "properties",
      granularity: "low",
      url: `https://peer.example/peer/subscriptions/${ACTOR}/${SUB}/${String(sequence)}`,
    });
  const one = (sequence: number, data: Json) => {
    us.script[`GET /subscriptions/${ACTOR}/${SUB}/${String(sequence)}`] = {
      status: 200,
      json: { sequence, data, overwritten: [] },
    };
  };

  it("fetches before it answers, then acknowledges to the publisher", async () => {
    one(1, { a: 1 });
    expect((await low(1)).status).toBe(201);
    expect(await us.stored()).toEqual({ a: 1 });
    expect(us.asked.filter(({ method }) => method === "PUT").map(({ json }) => json)).toEqual([{ sequence: 1 }]);
    expect((await low(1)).status).toBe(200);
    expect(asked(`GET /subscriptions/${ACTOR}/${SUB}/1`)).toBe(1);
  });

  it("asks for it again later when the publisher fails, with nothing recorded", async () => {
    us.script[`GET /subscriptions/${ACTOR}/${SUB}/1`] = { status: 500 };
    const reply = await low(1);
    expect(reply.status).toBe(503);
    expect(reply.headers["retry-after"]).toMatch(/^\d+$/);
    expect(await us.state()).toMatchObject({ lastSeq: 0, pendingCount: 0 });
    one(1, { a: 1 });
    expect((await low(1)).status).toBe(201);
  });

  it("resyncs when the publisher does not have it any more", async () => {
    const reply = await low(1);
    expect([reply.status, bodyOf(reply)]).toEqual([202, { result: "resync_required", expected: 1 }]);
    us.script[POLL] = backlog(1);
    state({ a: 1 });
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ a: 1 });
    expect(await us.state()).toMatchObject({ lastSeq: 1, pendingCount: 0, resyncPending: false });
  });
});

describe("an ambiguous diff of another implementation", () => {
  it("is merged, and that one property is read again", async () => {
    await us.diff(1, { size: { w: 1, h: 2 } });
    us.script[POLL] = backlog(2);
    us.script["GET /properties/size"] = { status: 200, json: { w: { deep: 9 } } };
    const reply = await us.callback({ sequence: 2, target: "properties", data: { size: { w: { deep: 9 } } } });
    expect(reply.status).toBe(201);
    expect(await us.stored()).toEqual({ size: { w: { deep: 9 } } });
  });

  it("is taken whole with NESTED_DIFFS=replace, without a read", async () => {
    us = await new Subscriber({ environment: { NESTED_DIFFS: "replace" } }).subscribed();
    await us.callback({ sequence: 1, target: "properties", data: { size: { w: 1, h: 2 } } });
    us.asked.length = 0;
    await us.callback({ sequence: 2, target: "properties", data: { size: { w: 3 } } });
    expect(await us.stored()).toEqual({ size: { w: 3 } });
    expect(us.asked).toEqual([]);
  });

  it("that cannot be read again now is read later", async () => {
    await us.diff(1, { size: { w: 1, h: 2 } });
    us.script["GET /properties/size"] = { status: 500 };
    await us.callback({ sequence: 2, target: "properties", data: { size: { w: 5 } } });
    expect(await us.state()).toMatchObject({ lastSeq: 2, resyncPending: false });
    expect(await us.stored()).toEqual({ size: { w: 5, h: 2 } });
    us.script[POLL] = backlog(2);
    us.script["GET /properties/size"] = { status: 200, json: { w: 5 } };
    us.now += 60_000;
    await us.sweep();
    expect(await us.stored()).toEqual({ size: { w: 5 } });
  });
});

describe("reconciliation", () => {
  it("asks for the newest number of an idle subscription, and only then", async () => {
    await us.diff(1, { a: 1 });
    us.now += 1_800_000;
    await us.diff(2, { a: 2 });
    us.script[POLL] = backlog(3, [3, { a: 3 }]);
    us.now += 1_800_000;
    await us.sweep();
    expect(asked(POLL)).toBe(0);
    us.now += 1_800_000;
    await us.sweep();
    expect(await us.state()).toMatchObject({ lastSeq: 3 });
    const polls = asked(POLL);
    us.now += 60_000;
    await us.sweep();
    expect(asked(POLL)).toBe(polls);
  });

  it("can be switched off", async () => {
    us = await new Subscriber({ environment: { RECONCILE_INTERVAL_SECONDS: "0" } }).subscribed();
    us.asked.length = 0;
    us.now += 10_000_000;
    await us.sweep();
    expect(us.asked).toEqual([]);
    expect(
      us.table.itemAt(outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB }))?.["dueAt"],
    ).toBeUndefined();
  });
});

it("acknowledges every hundredth diff to the publisher", async () => {
  for (let n = 1; n <= 201; n += 1) await us.diff(n, { n });
  expect(us.asked.filter(({ method }) => method === "PUT").map(({ json }) => json)).toEqual([
    { sequence: 100 },
    { sequence: 200 },
  ]);
});
