import { beforeEach, describe, expect, it } from "vitest";
import { outboundHeadKey } from "../../../lib/dynamodb/keys.ts";
import { BURIED_AFTER_MS } from "../../../lib/subscriptions/outbound-heads.ts";
import { ACTOR, bodyOf, PEER, SUB, Subscriber } from "../../support/subscriber.ts";

let us: Subscriber;

beforeEach(async () => {
  us = await new Subscriber().subscribed();
  us.told.length = 0;
});

const end = (sub: string) =>
  us.ask("subscriptions", "DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}", {
    params: { actorId: ACTOR, peerId: PEER, subscriptionId: sub },
    headers: { authorization: `Basic ${Buffer.from("creator:passphrase").toString("base64")}` },
    body: new Uint8Array(),
  });

describe("two subscriptions over the same place", () => {
  beforeEach(async () => {
    us.script["GET /properties/color"] = { status: 200, json: "baseline" };
    await us.subscribe("narrow", { subtarget: "color" });
  });

  it("leave it to the narrower one; the broader one's diffs are sequenced and hooked but do not touch it", async () => {
    expect(await us.stored()).toEqual({ color: "baseline" });
    await us.diff(1, { color: "broad", size: 1 });
    expect(await us.stored()).toEqual({ color: "baseline", size: 1 });
    const reply = await us.callback(
      { sequence: 1, target: "properties", subtarget: "color", data: "narrow", overwritten: [] },
      { sub: "narrow" },
    );
    expect(reply.status).toBe(201);
    expect(await us.stored()).toEqual({ color: "narrow", size: 1 });
    expect(us.told.filter(({ callbackType }) => callbackType === "diff").map(({ data }) => data)).toEqual([
      { color: "broad", size: 1 },
      "narrow",
    ]);
  });

  it("hand it to the broader one when the narrower ends, by a resync", async () => {
    us.script[`DELETE /subscriptions/${ACTOR}/narrow`] = { status: 204 };
    us.script["GET /properties?metadata=true"] = {
      status: 200,
      json: { simple: { properties: ["color"], total_bytes: 9 }, lists: {} },
    };
    us.script["GET /properties"] = { status: 200, json: { color: "from the state" } };
    expect((await end("narrow")).status).toBe(204);
    expect(
      us.asked.some(({ method, url }) => method === "DELETE" && url.endsWith(`/subscriptions/${ACTOR}/narrow`)),
    ).toBe(true);
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ color: "from the state" });
    await us.diff(1, { color: "broad" });
    expect(await us.stored()).toEqual({ color: "broad" });
  });
});

it("stores a bare value under its sub-target, not under its own keys", async () => {
  us.script["GET /properties/color"] = { status: 404 };
  await us.subscribe("narrow", { subtarget: "color" });
  await us.callback({ sequence: 1, target: "properties", subtarget: "color", data: { v: 1 } }, { sub: "narrow" });
  expect(await us.stored()).toEqual({ color: { v: 1 } });
});

describe("an ended subscription", () => {
  it("is closed at once, its data and slots go, its head follows, and late writes go with it", async () => {
    await us.diff(1, { a: 1 });
    await us.diff(3, { b: 3 });
    expect((await end(SUB)).status).toBe(204);
    expect((await us.diff(2, { c: 2 })).status).toBe(404);
    expect((await end(SUB)).status).toBe(404);
    expect(await us.stored()).toEqual({});
    expect(us.table.all().filter(({ pk }) => pk.startsWith("Q#"))).toEqual([]);
    const head = us.table.peek(outboundHeadKey(ACTOR, PEER, SUB));
    expect(head?.["state"]).toBe("ended");
    // A frozen instance wakes up and writes what it held.
    await us.service
      .store(ACTOR, PEER)
      .apply(
        { scope: [], carved: [], data: { late: 1 }, overwritten: [], nested: "merge" },
        { fence: us.now, sequence: 2 },
      );
    expect(await us.stored()).toEqual({ late: 1 });
    us.now += BURIED_AFTER_MS;
    await us.sweep();
    expect(await us.stored()).toEqual({});
    expect(us.table.peek(outboundHeadKey(ACTOR, PEER, SUB))).toBeUndefined();
  });

  it("can be made again under the same id, in a new epoch", async () => {
    await us.diff(1, { a: 1 });
    const { epoch } = (await us.state()) as { epoch: number };
    await end(SUB);
    await us.subscribe(SUB);
    expect(await us.state()).toMatchObject({ lastSeq: 0 });
    expect(((await us.state()) as { epoch: number }).epoch).toBeGreaterThan(epoch);
    expect((await us.diff(1, { a: "anew" })).status).toBe(201);
    expect(await us.stored()).toEqual({ a: "anew" });
    us.now += BURIED_AFTER_MS;
    await us.sweep();
    expect(await us.stored()).toEqual({ a: "anew" });
  });

  it("may be ended by its peer, on either route", async () => {
    const reply = await us.ask("callbacks", "DELETE /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}", {
      params: { actorId: ACTOR, peerId: PEER, subscriptionId: SUB },
      headers: { authorization: `Bearer ${"s".repeat(40)}` },
      body: new Uint8Array(),
    });
    expect(reply.status).toBe(204);
    expect(us.asked.filter(({ method }) => method === "DELETE")).toEqual([]);
    expect((await us.diff(1, {})).status).toBe(404);
  });
});

it("ends with its trust: closed at once, everything of the peer gone", async () => {
  await us.diff(1, { a: 1 });
  await us.diff(3, { b: 3 });
  const trust = await us.service.trusts.get(ACTOR, PEER);
  if (trust === undefined) throw new Error("no trust");
  await us.service.trust.ending.end(trust, { tell: false });
  expect((await us.diff(2, {})).status).toBe(403);
  us.now += BURIED_AFTER_MS;
  await us.sweep();
  const left = us.table.all().filter(({ pk, sk }) => `${pk} ${sk}`.includes(PEER) && !sk.startsWith("OWN#"));
  expect(left).toEqual([]);
});

describe("subscribing", () => {
  it("is refused by what the peer answers, with its status", async () => {
    us.script[`POST /subscriptions/${ACTOR}`] = { status: 403 };
    const reply = await us.owner("POST /{actorId}/subscriptions", { json: { peerid: PEER, target: "properties" } });
    expect(reply.status).toBe(502);
    expect(bodyOf(reply)).toMatchObject({ error: { peerStatus: 403 } });
    const nobody = await us.owner("POST /{actorId}/subscriptions", {
      json: { peerid: "nobody", target: "properties" },
    });
    expect(nobody.status).toBe(404);
  });

  it("stands although the baseline fails, which then is owed", async () => {
    us.script[`GET /subscriptions/${ACTOR}/other`] = { status: 500 };
    const reply = await us.subscribe("other", { subtarget: "x" });
    expect(reply.status).toBe(204);
    expect(reply.headers["location"]).toBe(`https://peer.example/peer/subscriptions/${ACTOR}/other`);
    expect(await us.state("other")).toMatchObject({ resyncPending: true });
    us.script[`GET /subscriptions/${ACTOR}/other`] = { status: 200, json: { sequence: 4, data: [] } };
    us.script["GET /properties/x"] = { status: 200, json: { later: true } };
    us.now += 60_000;
    await us.sweep();
    expect(await us.stored()).toEqual({ x: { later: true } });
    expect(await us.state("other")).toMatchObject({ lastSeq: 4, resyncPending: false });
  });

  it("lists what there is in order of creation, filtered", async () => {
    us.now += 1;
    await us.subscribe("aaa", { subtarget: "x" });
    const list = async (query: string) => {
      const reply = await us.owner("GET /{actorId}/subscriptions", { query });
      return (bodyOf(reply) as { data: { subscriptionid: string; callback: boolean; subtarget: string }[] }).data;
    };
    expect((await list("")).map(({ subscriptionid }) => subscriptionid)).toEqual([SUB, "aaa"]);
    expect(await list("subtarget=x")).toMatchObject([{ subscriptionid: "aaa", callback: true, subtarget: "x" }]);
    expect(await list("target=resources")).toEqual([]);
  });

  it("to us is not offered yet", async () => {
    const reply = await us.ask("subscriptions", "POST /{actorId}/subscriptions/{peerId}", {
      params: { actorId: ACTOR, peerId: PEER },
      headers: { authorization: `Bearer ${"s".repeat(40)}` },
      body: Buffer.from("{}"),
    });
    expect(reply.status).toBe(501);
  });
});
