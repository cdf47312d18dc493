import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { outboundHeadKey } from "../../../lib/dynamodb/keys/streams.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import { changeTrust } from "../../../lib/trust/changes.ts";
import { ACTOR, bodyOf, PEER, SECRET, SUB, Subscriber } from "./subscriber.ts";

let us: Subscriber;

beforeEach(async () => {
  us = await new Subscriber().subscribed();
  us.hookRuns.length = 0;
});

async function statusAndBody(reply: ReturnType<Subscriber["callback"]>): Promise<[number, unknown]> {
  const { status, ...rest } = await reply;
  return [status, bodyOf({ status, ...rest })];
}

describe("the table of answers", () => {
  it("processes what is next, once", async () => {
    expect(await statusAndBody(us.diff(1, { color: "red" }))).toEqual([201, { result: "processed", sequence: 1 }]);
    expect(await statusAndBody(us.diff(1, { color: "red" }))).toEqual([200, { result: "duplicate", sequence: 1 }]);
    expect(await us.stored()).toEqual({ color: "red" });
    expect(us.hookRuns).toEqual([{ sequence: 1, callbackType: "diff", data: { color: "red" } }]);
  });

  it("keeps what comes too early and drains it behind the one that was missing", async () => {
    expect(await statusAndBody(us.diff(3, { c: 3 }))).toEqual([202, { result: "pending", expected: 1 }]);
    expect(await statusAndBody(us.diff(2, { b: 2 }))).toEqual([202, { result: "pending", expected: 1 }]);
    expect(await statusAndBody(us.diff(3, { c: 3 }))).toEqual([202, { result: "pending", expected: 1 }]);
    expect(await us.state()).toMatchObject({ lastSeq: 0, pendingCount: 2, pendingSequences: [2, 3] });
    expect(await statusAndBody(us.diff(1, { a: 1 }))).toEqual([201, { result: "processed", sequence: 3 }]);
    expect(await us.state()).toMatchObject({ lastSeq: 3, pendingCount: 0, pendingSequences: [] });
    expect(us.hookRuns.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(us.table.all().filter((item) => item.pk.startsWith("Q#"))).toEqual([]);
  });

  it("sends a message for exactly the gap's timeout after the first early number", async () => {
    us = await new Subscriber({ environment: { GAP_TIMEOUT_SECONDS: "0.5" } }).subscribed();
    const since = us.now;
    await us.diff(3, { c: 3 });
    us.now += 400;
    await us.diff(2, { b: 2 });
    expect(us.table.itemAt(outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB }))).toMatchObject({
      gapSince: since,
      dueAt: since + 500,
    });
    expect(us.messages.map(({ dueAt }) => dueAt)).toEqual([since + 500]);
  });

  it("keeps the first content of a number and logs that another came", async () => {
    await us.diff(2, { b: "first" });
    await us.diff(2, { b: "second" });
    await us.diff(1, { a: 1 });
    expect(await us.stored()).toEqual({ a: 1, b: "first" });
    expect(us.logged.some(({ message }) => message.includes("other content"))).toBe(true);
  });

  it("refuses a number when the buffer is full, with a Retry-After", async () => {
    us = await new Subscriber({ environment: { MAX_PENDING: "2" } }).subscribed();
    await us.diff(5, {});
    await us.diff(6, {});
    const reply = await us.diff(7, {});
    expect(reply.status).toBe(429);
    expect(reply.headers["retry-after"]).toMatch(/^\d+$/);
    expect(bodyOf(reply)).toMatchObject({ error: { code: "pending_queue_full" } });
    expect((await us.diff(6, {})).status).toBe(202);
    expect(await us.state()).toMatchObject({ pendingSequences: [5, 6] });
  });

  it("says that a resync is needed once the gap is too old, and starts it", async () => {
    await us.diff(2, { b: 2 });
    us.now += 5_000;
    expect(await statusAndBody(us.diff(3, { c: 3 }))).toEqual([202, { result: "resync_required", expected: 1 }]);
    us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = {
      status: 200,
      json: { sequence: 3, data: [{ sequence: 1, data: { a: 1 } }] },
    };
    await us.arriveMessages();
    expect(await us.state()).toMatchObject({ lastSeq: 3, pendingCount: 0, resyncPending: false });
    expect(await us.stored()).toEqual({ a: 1, b: 2, c: 3 });
    expect(us.hookRuns.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  });

  it("answers 204 without a body where the deployment asks for it, and only for successes", async () => {
    us = await new Subscriber({ environment: { CALLBACK_SUCCESS_STATUS: "204", MAX_PENDING: "1" } }).subscribed();
    const replies = [await us.diff(1, {}), await us.diff(1, {}), await us.diff(3, {}), await us.diff(4, {})];
    expect(replies.map(({ status, body }) => [status, body === undefined])).toEqual([
      [204, true],
      [204, true],
      [204, true],
      [429, false],
    ]);
  });
});

describe("credentials", () => {
  it.each<[string, Parameters<Subscriber["callback"]>[1], number]>([
    ["no bearer", { bearer: null }, 401],
    ["a wrong bearer", { bearer: "w".repeat(40) }, 401],
    ["no trust with the peer", { peer: "stranger" }, 403],
    ["an unknown subscription", { sub: "other" }, 404],
    ["an unknown actor", { actor: "nobody" }, 404],
    ["an unknown actor without a bearer", { actor: "nobody", bearer: null }, 404],
  ])("with %s nothing changes", async (_, options, status) => {
    const before = us.table.snapshot();
    expect((await us.callback({ sequence: 1, data: { a: 1 } }, options)).status).toBe(status);
    expect(us.table.snapshot()).toEqual(before);
  });

  it("come before the body, however broken that is", async () => {
    expect((await us.callback(Buffer.from("{"), { bearer: null })).status).toBe(401);
    expect((await us.callback(Buffer.from("{"), { bearer: "wrong" })).status).toBe(401);
    expect((await us.callback(Buffer.from("{"))).status).toBe(400);
  });

  it("end with the approval, on the very next request, and open again with it", async () => {
    const trust = await us.service.trusts.get(ACTOR, PEER);
    if (trust === undefined) throw new Error("no trust");
    await changeTrust(us.service.trust, trust, { approved: false, desc: undefined, baseuri: undefined }, {});
    expect((await us.diff(1, { a: 1 })).status).toBe(403);
    expect((await us.diff(1, { a: 1 })).status).toBe(403);
    const closed = await us.service.trusts.get(ACTOR, PEER);
    if (closed === undefined) throw new Error("no trust");
    await changeTrust(us.service.trust, closed, { approved: true, desc: undefined, baseuri: undefined }, {});
    expect((await us.diff(1, { a: 1 })).status).toBe(201);
  });

  it("of an approval that did not reach the subscription before a crash are made good", async () => {
    await us.table.update(
      outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB }),
      { remove: ["auth"] },
      always,
    );
    expect((await us.callback({ sequence: 1, data: {} }, { bearer: "wrong" })).status).toBe(401);
    expect((await us.diff(1, { a: 1 })).status).toBe(201);
  });
});

describe("bodies", () => {
  it.each<[string, unknown, string]>([
    ["an array", [1, 2], "body"],
    ["a sequence that is text", { sequence: "7", data: {} }, "sequence"],
    ["no sequence", { data: {} }, "sequence"],
    ["a negative sequence", { sequence: -1, data: {} }, "sequence"],
    ["a fractional sequence", { sequence: 10.5, data: {} }, "sequence"],
    ["a sequence beyond 2^53", { sequence: 2 ** 53, data: {} }, "sequence"],
    ["text for a whole target", { sequence: 1, data: "hello" }, "data"],
    ["null for a whole target", { sequence: 1, data: null }, "data"],
    ["an unknown type", { sequence: 1, type: "zzz", data: {} }, "type"],
    ["another's id", { sequence: 1, id: "someoneelse", data: {} }, "id"],
    ["another subscription", { sequence: 1, subscriptionid: "deadbeef", data: {} }, "subscriptionid"],
    ["another target", { sequence: 1, target: "resources", data: {} }, "target"],
    ["another subtarget", { sequence: 1, target: "properties", subtarget: "x", data: {} }, "subtarget"],
    ["pointers that are none", { sequence: 1, data: {}, overwritten: ["a"] }, "overwritten"],
    ["a url elsewhere", { sequence: 1, url: "https://evil.example/x" }, "url"],
  ])("with %s are 400, name the field and change nothing", async (_, body, field) => {
    const before = us.table.snapshot();
    const asked = us.asked.length;
    const reply = await us.callback(body as never);
    expect(reply.status).toBe(400);
    expect(JSON.stringify(bodyOf(reply))).toContain(field);
    expect(us.table.snapshot()).toEqual(before);
    expect(us.asked.length).toBe(asked);
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["deflate", deflateSync],
  ] as const)("in %s are undone, also after they waited in the buffer", async (encoding, compress) => {
    const body = (sequence: number): Uint8Array =>
      compress(JSON.stringify({ sequence, data: { [`p${String(sequence)}`]: sequence } }));
    const headers = { "content-encoding": encoding };
    expect((await us.callback(body(2), { headers })).status).toBe(202);
    expect((await us.callback(body(1), { headers })).status).toBe(201);
    expect(await us.stored()).toEqual({ p1: 1, p2: 2 });
  });

  it("that a gateway took for text are 415, so that they come again without compression", async () => {
    const body = gzipSync(JSON.stringify({ sequence: 1, data: { text: "x".repeat(2_000) } }));
    const mangled = Buffer.from(Buffer.from(body).toString("utf8"));
    const before = us.table.snapshot();
    const reply = await us.callback(mangled, { headers: { "content-encoding": "gzip" } });
    expect([reply.status, reply.headers["accept-encoding"]]).toEqual([415, "identity"]);
    expect(us.table.snapshot()).toEqual(before);
  });

  it("keep keys that mean something to JavaScript as data", async () => {
    await us.callback(Buffer.from('{"sequence":1,"data":{"__proto__":{"polluted":true},"constructor":1}}'));
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.keys(await us.stored()).sort()).toEqual(["__proto__", "constructor"].sort());
  });
});

describe("without sequencing", () => {
  it("the raw hook gets every callback after authentication and decides", async () => {
    const seen: unknown[] = [];
    const app = new ActingWebApp({ awType: "urn:test", desc: "" }).callbackHook("subscription", ({ body }) => {
      seen.push(body);
      return (body as { sequence: number }).sequence !== 2;
    });
    us = await new Subscriber({ app }).subscribed();
    expect((await us.callback({ sequence: 1, data: {} }, { bearer: "wrong" })).status).toBe(401);
    expect((await us.callback({ sequence: 9, data: {} })).status).toBe(201);
    expect((await us.callback({ sequence: 2, data: {} })).status).toBe(400);
    expect(seen).toHaveLength(2);
    expect(await us.state()).toMatchObject({ lastSeq: 0 });
  });

  it("and without a raw hook every callback is 400", async () => {
    us = await new Subscriber({ environment: { AUTO_SEQUENCE: "false" } }).subscribed();
    expect((await us.diff(1, {})).status).toBe(400);
  });
});

it("leaves no secret in any log line", async () => {
  await us.diff(1, { a: "payload" });
  await us.callback({ sequence: 1, data: {} }, { bearer: "wrong-secret" });
  const text = JSON.stringify(us.logged);
  for (const secret of [SECRET, "wrong-secret", "payload"]) expect(text).not.toContain(secret);
});
