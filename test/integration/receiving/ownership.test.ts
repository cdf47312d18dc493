import { beforeEach, describe, expect, it } from "vitest";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { outboundHeadKey, ownershipKey } from "../../../lib/dynamodb/keys/streams.ts";
import { itemExists } from "../../../lib/dynamodb/table.ts";
import { PURGE_DELAY_MS } from "../../../lib/receiving/stream/stream-lives.ts";
import { endTrust } from "../../../lib/trust/ending.ts";
import { FaultyTable } from "../../support/faulty-table.ts";
import { InterruptedTable } from "../../support/interrupted-table.ts";
import type { MemoryTable } from "../../support/memory-table.ts";
import { ACTOR, bodyOf, PEER, SUB, Subscriber } from "./subscriber.ts";

let us: Subscriber;

beforeEach(async () => {
  us = await new Subscriber().subscribed();
  us.hookRuns.length = 0;
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
    expect(us.hookRuns.filter(({ callbackType }) => callbackType === "diff").map(({ data }) => data)).toEqual([
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

describe("a narrower subscription that is made one of granularity none", () => {
  beforeEach(async () => {
    us.now += 1_000;
    us.script["GET /properties/color"] = { status: 200, json: "red" };
    await us.subscribe("narrow", { subtarget: "color" });
    us.now += 1_000;
    us.script["GET /properties"] = { status: 200, json: { color: "blue" } };
  });

  it("leaves its place to the broader one, by a resync", async () => {
    await us.subscribe("narrow", { subtarget: "color", granularity: "none" });
    await us.arriveMessages();
    expect(await us.stored()).toEqual({ color: "blue" });
    await us.diff(1, { color: "green" });
    expect(await us.stored()).toEqual({ color: "green" });
  });

  it("takes its place back when it is made one with diffs again, also when that baseline fails at first", async () => {
    await us.subscribe("narrow", { subtarget: "color", granularity: "none" });
    await us.arriveMessages();
    us.script[`GET /subscriptions/${ACTOR}/narrow`] = { status: 500 };
    await us.subscribe("narrow", { subtarget: "color" });
    us.script[`GET /subscriptions/${ACTOR}/narrow`] = { status: 200, json: { sequence: 0, data: [] } };
    us.script["GET /properties/color"] = { status: 200, json: "anew" };
    us.now += 60_000;
    await us.sweep();
    expect(await us.stored()).toEqual({ color: "anew" });
  });
});

it("what a subscription owned goes when it is made one of granularity none and no broader one is there", async () => {
  await us.diff(1, { a: 1 });
  us.now += 1_000;
  await us.subscribe(SUB, { granularity: "none" });
  expect(await us.stored()).toEqual({});
});

it("a subscription of granularity none keeps no data of one that ends beside it", async () => {
  await us.diff(1, { a: 1 });
  await us.subscribe("none", { granularity: "none" });
  await end(SUB);
  expect(await us.stored()).toEqual({});
});

it("clearing a subscription's state leaves what was acknowledged of its new epoch meanwhile", async () => {
  let table: InterruptedTable | undefined;
  const interrupted = (inner: MemoryTable): InterruptedTable =>
    (table = new InterruptedTable(
      inner,
      (operation, keys) => operation === "query" && keys[0]?.pk.startsWith("Q#") === true,
    ));
  us = await new Subscriber({ table: interrupted }).subscribed();
  await us.diff(3, { c: 1 });
  table?.meanwhile(async () => await us.diff(2, { b: 1 }));
  const params = { peerId: PEER, subscriptionId: SUB };
  await us.owner("DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}/state", { params });
  expect(table?.isWaiting).toBe(false);
  expect(await us.state()).toMatchObject({ lastSeq: 0, pendingSequences: [2] });
  expect(us.table.all().filter(({ pk }) => pk.startsWith("Q#"))).toHaveLength(1);
  await us.diff(1, { a: 1 });
  expect(await us.stored()).toEqual({ a: 1, b: 1 });
});

it("clearing a subscription's state lets one reconcile that was made while reconciling was off", async () => {
  const key = outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB });
  await us.table.update(key, { remove: ["reconcileAt", "dueShard", "dueAt"] }, itemExists);
  const params = { peerId: PEER, subscriptionId: SUB };
  await us.owner("DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}/state", { params });
  const next = us.now + 3_600_000;
  expect(us.table.itemAt(key)).toMatchObject({ reconcileAt: next, dueAt: next });
});

describe("a change of who owns what that broke off", () => {
  let broken = false;

  beforeEach(async () => {
    broken = false;
    const table = (inner: MemoryTable) =>
      new FaultyTable(inner, (operation, keys) =>
        broken && operation === "get" && keys[0]?.sk.startsWith("OWN#") === true ? "throttle" : "ok",
      );
    us = await new Subscriber({ table }).subscribed();
    us.now += 1_000;
    us.script["GET /properties/color"] = { status: 200, json: "red" };
  });

  async function later(): Promise<void> {
    broken = false;
    for (let minute = 0; minute < 3; minute += 1) {
      us.now += 60_000;
      await us.sweep();
    }
  }

  it("is finished by the sweep: the broader one leaves the new one's place alone", async () => {
    broken = true;
    expect((await us.subscribe("narrow", { subtarget: "color" })).status).toBe(500);
    us.script["GET /properties"] = { status: 200, json: { color: "broad", size: 1 } };
    await later();
    expect((await us.callback({ sequence: 1, type: "resync", target: "properties" })).status).toBe(201);
    expect(await us.stored()).toEqual({ color: "red", size: 1 });
  });

  it("is finished by the sweep: the broader one takes over what an ended one owned", async () => {
    await us.subscribe("narrow", { subtarget: "color" });
    us.script["GET /properties"] = { status: 200, json: { color: "green" } };
    broken = true;
    expect((await end("narrow")).status).toBe(500);
    await later();
    expect(await us.stored()).toEqual({ color: "green" });
    await us.diff(1, { color: "blue" });
    expect(await us.stored()).toEqual({ color: "blue" });
  });

  it("leaves nothing due when it was carried through", async () => {
    await us.subscribe("narrow", { subtarget: "color" });
    expect(us.table.itemAt(ownershipKey(ACTOR, PEER))).not.toHaveProperty("dueAt");
  });
});

it("stores a bare value under its sub-target, not under its own keys", async () => {
  us.script["GET /properties/color"] = { status: 404 };
  await us.subscribe("narrow", { subtarget: "color" });
  await us.callback({ sequence: 1, target: "properties", subtarget: "color", data: { v: 1 } }, { sub: "narrow" });
  expect(await us.stored()).toEqual({ color: { v: 1 } });
});

describe("an ended subscription", () => {
  it("is closed at once, its data and buffer go, its head follows, and late writes go with it", async () => {
    await us.diff(1, { a: 1 });
    await us.diff(3, { b: 3 });
    expect((await end(SUB)).status).toBe(204);
    expect((await us.diff(2, { c: 2 })).status).toBe(404);
    expect((await end(SUB)).status).toBe(404);
    expect(await us.stored()).toEqual({});
    expect(us.table.all().filter(({ pk }) => pk.startsWith("Q#"))).toEqual([]);
    const head = us.table.itemAt(outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB }));
    expect(head?.["state"]).toBe("ended");
    // A frozen instance wakes up and writes what it held.
    await us.service
      .store(ACTOR, PEER)
      .apply(
        { scope: [], excludedScopes: [], data: { late: 1 }, overwritten: [], nested: "merge" },
        { stateVersion: us.now, sequence: 2 },
      );
    expect(await us.stored()).toEqual({ late: 1 });
    us.now += PURGE_DELAY_MS;
    await us.sweep();
    expect(await us.stored()).toEqual({});
    expect(us.table.itemAt(outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB }))).toBeUndefined();
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
    us.now += PURGE_DELAY_MS;
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
  await endTrust(us.service.trust, trust, { notify: false });
  expect((await us.diff(2, {})).status).toBe(403);
  us.now += PURGE_DELAY_MS;
  await us.sweep();
  const left = us.table.all().filter(({ pk, sk }) => `${pk} ${sk}`.includes(PEER));
  expect(left).toEqual([]);
});

it("an event recorded by a handler that outlives its trust goes too", async () => {
  let outlived = false;
  const app = new ActingWebApp({ awType: "urn:test", desc: "test" });
  app.subscriptionDataHook("*", async ({ callbackType }) => {
    if (callbackType !== "diff") return;
    const trust = await us.service.trusts.get(ACTOR, PEER);
    if (trust !== undefined) await endTrust(us.service.trust, trust, { notify: false });
    outlived = true;
    throw new Error("too late");
  });
  us = await new Subscriber({ app }).subscribed();
  await us.diff(1, { a: 1 });
  expect(outlived).toBe(true);
  us.now += PURGE_DELAY_MS;
  await us.sweep();
  const left = us.table.all().filter(({ pk, sk }) => `${pk} ${sk}`.includes(PEER) || sk.startsWith("FAILED"));
  expect(left).toEqual([]);
});

it("what is asked of the peer for a request carries the request's id", async () => {
  us.asked.length = 0;
  const params = { peerId: PEER, subscriptionId: SUB };
  await us.subscribe("other", { subtarget: "x" });
  await us.owner("POST /{actorId}/subscriptions/{peerId}/{subscriptionId}/resync", { params });
  await us.callback({ sequence: 1, target: "properties", url: "https://peer.example/peer/subscriptions/actor/sub/1" });
  await end("other");
  expect(new Set(us.asked.map(({ method }) => method))).toEqual(new Set(["POST", "GET", "PUT", "DELETE"]));
  expect(us.asked.filter(({ requestId }) => requestId !== "r")).toEqual([]);
  us.asked.length = 0;
  us.now += 3_600_000;
  await us.sweep();
  expect(us.asked.length).toBeGreaterThan(0);
  expect(us.asked.filter(({ requestId }) => requestId !== undefined)).toEqual([]);
});

describe("subscribing", () => {
  it("is refused when the peer answers with the id of another subscription of ours", async () => {
    const reply = await us.subscribe(SUB, { subtarget: "color" });
    expect(reply.status).toBe(502);
    expect(bodyOf(reply)).toMatchObject({ error: { code: "peer_refused" } });
    expect(us.table.itemAt(outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB }))).not.toHaveProperty(
      "subtarget",
    );
    expect((await us.subscribe(SUB, { granularity: "low" })).status).toBe(204);
    expect(
      us.table.itemAt(outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB }))?.["granularity"],
    ).toBe("low");
  });

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

  it("stands although the baseline fails, which stays requested", async () => {
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
});
