/** One diff that cannot be read holds up nothing that follows; a publisher that says no number is not asked in a circle. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Json } from "../../../lib/system/ports.ts";
import { ACTOR, bodyOf, SUB, Subscriber, type Said } from "./subscriber.ts";

const POLL = `GET /subscriptions/${ACTOR}/${SUB}`;
const LIST = `GET /subscriptions/${ACTOR}`;
const PUT = `/subscriptions/${ACTOR}/${SUB}`;
let us: Subscriber;

beforeEach(async () => {
  us = await new Subscriber().subscribed();
  await us.diff(1, { a: 1 });
  await us.diff(2, { memo: { list: "memo", operation: "append", item: 1, length: 1 } });
  us.hookRuns.length = 0;
  us.asked.length = 0;
});

function publisherHas(state: Record<string, Json>, list?: readonly Json[]): void {
  const entries = list === undefined ? {} : { memo: { _list: true, count: list.length } };
  us.script["GET /properties"] = { status: 200, json: { ...state, ...entries } };
  if (list !== undefined) us.script["GET /properties/memo"] = { status: 200, json: list };
}

const acknowledged = (): unknown[] =>
  us.asked.filter(({ method, url }) => method === "PUT" && url.endsWith(PUT)).map(({ json }) => json);
const asked = (path: string): number =>
  us.asked.filter(({ method, url }) => `${method} ${url.slice("https://peer.example/peer".length)}` === path).length;

async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    us.now += 1_000;
    await us.arriveMessages();
    if (second % 60 === 59) await us.sweep();
  }
}

const raw = (data: string): Uint8Array =>
  Buffer.from(`{"sequence": 3, "target": "properties", "data": ${data}, "overwritten": []}`, "latin1");

const UNREADABLE: [string, string][] = [
  ["NaN", '{"bad": NaN}'],
  ["Infinity", '{"bad": -Infinity}'],
  ["1e999", '{"bad": 1e999}'],
  ["70 levels", `{"bad": ${"[".repeat(70)}${"]".repeat(70)}}`],
  ["bytes that are not UTF-8", '{"bad": "\xff"}'],
];

describe.each(UNREADABLE)("a diff with %s", (_, data) => {
  const polled = (sequence: number): Said => ({
    status: 200,
    text: Buffer.from(
      `{"id": "x", "data": [{"sequence": 3, "data": ${data}}, {"sequence": 4, "data": {"c": 4}}], "sequence": ${String(sequence)}}`,
      "latin1",
    ),
  });

  it("is refused as a callback, and nothing is recorded", async () => {
    const before = us.table.snapshot();
    expect((await us.callback(raw(data))).status).toBe(400);
    expect(us.table.snapshot()).toEqual(before);
  });

  it("in the backlog leads to a state read at the number that its answer says, which is then acknowledged", async () => {
    await us.callback(raw(data));
    us.script[POLL] = polled(4);
    publisherHas({ a: 1, c: 4 }, [1]);
    await us.diff(4, { c: 4 });
    await pass(5);
    expect(await us.state()).toMatchObject({ lastSeq: 4, pendingCount: 0, resyncPending: false });
    expect(await us.stored()).toEqual({ a: 1, c: 4, memo: [1] });
    expect(acknowledged()).toEqual([{ sequence: 4 }]);
    // The value was mended: what follows comes in order again.
    expect((await us.diff(5, { bad: 5 })).status).toBe(201);
    expect((await us.diff(6, { memo: { list: "memo", operation: "append", item: 6 } })).status).toBe(201);
    expect(await us.stored()).toEqual({ a: 1, c: 4, bad: 5, memo: [1, 6] });
  });
});

describe("a backlog that cannot be read", () => {
  const junk: Said = { status: 200, text: '{"data": [NaN]}' };

  it.each<[string, Said]>([
    ["is no JSON", { status: 200, text: "<html>" }],
    ["is over the size limit", { status: 413 }],
    ["has no number in it", { status: 200, json: { data: [] } }],
    ["breaks off within its number", { status: 200, text: '{"data": [], "sequence": 1' }],
    ["has a number that is none", { status: 200, text: '{"sequence": 1e999, "data": []}' }],
  ])("and %s is placed by the list of our subscriptions", async (_, said) => {
    us.script[POLL] = said;
    us.script[LIST] = { status: 200, json: { data: [{ subscriptionid: SUB, sequence: 7 }] } };
    publisherHas({ a: 7 });
    await us.diff(4, { d: 4 });
    await pass(5);
    expect(await us.state()).toMatchObject({ lastSeq: 7, pendingCount: 0 });
    expect(await us.stored()).toEqual({ a: 7 });
    expect(acknowledged()).toEqual([{ sequence: 7 }]);
  });

  it("and not placed by anything else is placed by the greatest number that has reached us", async () => {
    us.script[POLL] = junk;
    publisherHas({ a: 9 }, [1, 2]);
    await us.diff(4, { d: 4 });
    await us.diff(6, { f: 6 });
    await pass(5);
    expect(await us.state()).toMatchObject({ lastSeq: 6, pendingCount: 0, resyncPending: false });
    expect(await us.stored()).toEqual({ a: 9, memo: [1, 2] });
    expect(acknowledged()).toEqual([{ sequence: 6 }]);
  });

  it("and so placed leaves lists that are read again until the newest number is known", async () => {
    us.script[POLL] = junk;
    publisherHas({ a: 9 }, [1, 2]);
    await us.diff(4, { d: 4 });
    await pass(5);
    // The item is in the list that was read, because the publisher was ahead of everything that had reached us.
    await us.diff(5, { memo: { list: "memo", operation: "append", item: 2 } });
    expect(await us.stored()).toMatchObject({ memo: [1, 2] });
    us.script[POLL] = { status: 200, json: { sequence: 6, data: [] } };
    publisherHas({ a: 9 }, [1, 2, 3]);
    await us.diff(6, { memo: { list: "memo", operation: "append", item: 3 } });
    expect(await us.stored()).toMatchObject({ memo: [1, 2, 3] });
    us.asked.length = 0;
    await us.diff(7, { memo: { list: "memo", operation: "append", item: 4 } });
    expect(await us.stored()).toMatchObject({ memo: [1, 2, 3, 4] });
    expect(us.asked).toEqual([]);
  });

  it("is not taken for a failure: a publisher that answers it otherwise is asked again", async () => {
    us.script[POLL] = { status: 204 };
    publisherHas({ a: 9 });
    await us.diff(4, { d: 4 });
    await pass(5);
    expect(await us.state()).toMatchObject({ lastSeq: 2, pendingSequences: [4], resyncPending: true });
    expect(await us.stored()).toEqual({ a: 1, memo: [1] });
  });
});

describe("a publisher that says no number at all", () => {
  it("is read once, and again with growing pauses up to an hour", async () => {
    us = await new Subscriber().subscribed();
    us.script[POLL] = { status: 413 };
    us.script[LIST] = { status: 404 };
    publisherHas({ a: 1 });
    us.asked.length = 0;
    expect(bodyOf(await us.resync())).toMatchObject({ result: "resynced", sequence: 0 });
    expect(await us.stored()).toEqual({ a: 1 });
    await pass(15);
    expect(asked(POLL)).toBeLessThan(8);
    us.asked.length = 0;
    await pass(4 * 3_600);
    expect(asked("GET /properties")).toBeLessThan(25);
    expect(asked("GET /properties")).toBeGreaterThan(3);
    us.script[POLL] = { status: 200, json: { sequence: 5, data: [] } };
    await pass(2 * 3_600);
    expect(await us.state()).toMatchObject({ lastSeq: 5, resyncPending: false });
  });

  it("but has sent one is read once for it", async () => {
    us.script[POLL] = { status: 413 };
    us.script[LIST] = { status: 404 };
    publisherHas({ a: 1 });
    await us.diff(9, { z: 9 });
    us.asked.length = 0;
    await pass(600);
    expect(asked("GET /properties")).toBe(1);
    expect(await us.state()).toMatchObject({ lastSeq: 9, pendingCount: 0 });
  });
});

it.each<[string, Said]>([
  ["holds NaN", { status: 200, text: '{"bad": NaN}' }],
  ["is refused", { status: 403 }],
])("the state of an app's own target that %s holds up no number for ever", async (_, said) => {
  us = await new Subscriber().subscribed({ target: "resources" });
  us.hookRuns.length = 0;
  us.script["GET /resources"] = said;
  us.script[POLL] = { status: 200, text: '{"sequence": 3, "data": [{"sequence": 2, "data": {"bad": NaN}}]}' };
  await us.callback({ sequence: 3, target: "resources", data: { c: 3 } });
  await pass(60);
  expect(await us.state()).toMatchObject({ lastSeq: 0, pendingSequences: [3] });
  await pass(1_200);
  expect(await us.state()).toMatchObject({ lastSeq: 3, pendingCount: 0, resyncPending: false });
  expect(us.hookRuns).toEqual([{ sequence: 3, callbackType: "resync", data: null }]);
  expect((await us.callback({ sequence: 4, target: "resources", data: { d: 4 } })).status).toBe(201);
});

describe("a state whose only list cannot be read, because of one value in it", () => {
  const nan = { status: 200, text: '{"a": 7, "bad": NaN, "c": 3}' };
  const script = (bad: Said): void => {
    us.script[POLL] = { status: 200, text: '{"sequence": 5, "data": [{"sequence": 4, "data": {"bad": NaN}}]}' };
    us.script["GET /properties?metadata=true"] = us.script["GET /properties"] = nan;
    us.script["GET /properties/a"] = { status: 200, json: 7 };
    us.script["GET /properties/bad"] = bad;
    us.script["GET /properties/memo"] = { status: 404, json: {} };
  };

  it("delays no number for ever: the stored properties are read by name, and the rest once the list can be read", async () => {
    await us.diff(3, { bad: 1 });
    script({ status: 200, text: "NaN" });
    await us.diff(5, { c: 3 });
    await pass(60);
    expect(await us.state()).toMatchObject({ lastSeq: 3, pendingSequences: [5] });
    await pass(1_800);
    expect(await us.state()).toMatchObject({ lastSeq: 5, pendingCount: 0, contradicted: true });
    expect(await us.stored()).toMatchObject({ a: 7, bad: 1 });
    expect((await us.diff(6, { d: 4 })).status).toBe(201);
    // The value is mended.
    us.script[POLL] = { status: 200, json: { sequence: 6, data: [] } };
    us.script["GET /properties?metadata=true"] = us.script["GET /properties"] = {
      status: 200,
      json: { a: 7, bad: 2, c: 3, d: 4 },
    };
    us.script["GET /properties/bad"] = { status: 200, json: 2 };
    for (const name of ["c", "d"]) us.script[`GET /properties/${name}`] = { status: 200, json: name === "c" ? 3 : 4 };
    await pass(7_200);
    expect(await us.stored()).toEqual({ a: 7, bad: 2, c: 3, d: 4 });
    expect(await us.state()).toMatchObject({ lastSeq: 6 });
    expect(await us.state()).not.toHaveProperty("contradicted");
  });
});
