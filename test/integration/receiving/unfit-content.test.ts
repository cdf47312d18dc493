/** Content outside its subscription's scope changes nothing stored, wherever it comes from. */
import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { MOST_PLACES } from "../../../lib/domain/wire/callback-scope.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { ACTOR, bodyOf, SUB, Subscriber } from "./subscriber.ts";

const DIFF_URL = "https://peer.example/peer/subscriptions/actor/sub/2";
let us: Subscriber;

beforeEach(async () => {
  us = await new Subscriber().subscribed();
  await us.diff(1, { a: 1, b: 2 });
});

const many = (count: number): Record<string, Json> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${String(index)}`, index]));

describe("the data of a resync callback for a whole target", () => {
  it.each<[string, Json]>([
    ["a text", "x"],
    ["an array", [1]],
    ["a number", 0],
    ["false", false],
  ])("is refused when it is or has %s", async (_, data) => {
    const reply = await us.callback({ sequence: 2, type: "resync", target: "properties", data });
    expect([reply.status, JSON.stringify(bodyOf(reply)).includes("data")]).toEqual([400, true]);
    expect(await us.stored()).toEqual({ a: 1, b: 2 });
    expect(await us.state()).toMatchObject({ lastSeq: 1 });
  });

  it("is checked only when the data would be used", async () => {
    us.script["GET /properties"] = { status: 200, json: { c: 3 } };
    const reply = await us.callback({
      ...{ sequence: 2, type: "resync", target: "properties", data: "x" },
      url: "https://peer.example/peer/properties",
    });
    expect(reply.status).toBe(201);
    expect(await us.stored()).toEqual({ c: 3 });
  });
});

describe("the content of a low callback", () => {
  it.each<[string, unknown]>([
    ["is no object", { sequence: 2, data: "" }],
    ["is null", { sequence: 2, data: null }],
    ["belongs to another number", { sequence: 99, data: { c: 3 } }],
  ])("counts as missing when it %s", async (_, json) => {
    us.script["GET /subscriptions/actor/sub/2"] = { status: 200, json };
    const reply = await us.callback({ sequence: 2, target: "properties", url: DIFF_URL });
    expect([reply.status, bodyOf(reply)]).toEqual([202, { result: "resync_required", expected: 2 }]);
    expect(await us.stored()).toEqual({ a: 1, b: 2 });
    us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = { status: 200, json: { sequence: 2, data: [] } };
    us.script["GET /properties"] = { status: 200, json: { a: 1, b: 2, c: 3 } };
    us.now += 60_000;
    await us.sweep();
    expect(await us.stored()).toEqual({ a: 1, b: 2, c: 3 });
    expect(await us.state()).toMatchObject({ lastSeq: 2, pendingCount: 0 });
  });
});

describe("a name that no copied property can have", () => {
  const odd: Record<string, Json> = { "": 1, "a/b": 1, "a\u0007": 1, ["n".repeat(257)]: 1 };
  const leftOut = (): unknown[] => us.logged.filter(({ message }) => message.includes("were left out"));

  it("is left out of a diff, and logged, and what stands beside it is kept", async () => {
    expect((await us.diff(2, { ...odd, c: 3 })).status).toBe(201);
    expect(await us.stored()).toEqual({ a: 1, b: 2, c: 3 });
    expect(leftOut()).toMatchObject([{ level: "warn", fields: { sequence: 2, count: 4 } }]);
  });

  it("is left out of a list operation for it", async () => {
    await us.diff(2, { x: { list: "a/b", operation: "append", item: 1 }, c: 3 });
    expect(await us.stored()).toEqual({ a: 1, b: 2, c: 3 });
  });

  it("is left out of a low callback's diff, of a polled one, and of the data of a resync callback", async () => {
    us.script["GET /subscriptions/actor/sub/2"] = { status: 200, json: { sequence: 2, data: { "a/b": 1, c: 3 } } };
    expect((await us.callback({ sequence: 2, target: "properties", url: DIFF_URL })).status).toBe(201);
    us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = {
      status: 200,
      json: { sequence: 4, data: [{ sequence: 3, data: { ...odd, d: 4 }, overwritten: [] }] },
    };
    await us.diff(4, { e: 5 });
    us.now += 5_000;
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ a: 1, b: 2, c: 3, d: 4, e: 5 });
    await us.callback({ sequence: 5, type: "resync", target: "properties", data: { ...odd, f: 6 } });
    expect(await us.stored()).toEqual({ f: 6 });
  });

  it("is left out of a state, and logged", async () => {
    us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = { status: 200, json: { sequence: 2, data: [] } };
    us.script["GET /properties"] = { status: 200, json: { ...odd, c: 3 } };
    expect((await us.callback({ sequence: 2, type: "resync", target: "properties" })).status).toBe(201);
    expect(await us.stored()).toEqual({ c: 3 });
    expect(leftOut()).toMatchObject([{ fields: { count: 4 } }]);
  });
});

describe("a subscription of ours to a part that no path can name", () => {
  it.each([
    ["subtarget", { subtarget: "50%" }],
    ["subtarget", { subtarget: "what?" }],
    ["resource", { subtarget: "a", resource: "50%" }],
  ])("is refused, and its %s named, before the peer is asked", async (field, part) => {
    us.asked.length = 0;
    const reply = await us.subscribe("other", part);
    expect([reply.status, bodyOf(reply)]).toMatchObject([400, { error: { field } }]);
    expect(us.asked).toEqual([]);
  });
});

describe("a diff that names very many properties", () => {
  it("is refused by its name, however small it is", async () => {
    const body = { sequence: 2, target: "properties", data: many(MOST_PLACES + 1), overwritten: [] };
    const headers = { "content-encoding": "gzip" };
    const reply = await us.callback(gzipSync(JSON.stringify(body)), { headers });
    expect([reply.status, bodyOf(reply)]).toMatchObject([413, { error: { code: "payload_too_large" } }]);
    expect(JSON.stringify(bodyOf(reply))).toContain("data");
    expect(await us.state()).toMatchObject({ lastSeq: 1, pendingCount: 0 });
  });

  it("is taken up to the limit", async () => {
    expect((await us.diff(2, many(MOST_PLACES))).status).toBe(201);
    expect((await us.diff(4, many(MOST_PLACES + 1))).status).toBe(413);
  });
});
