/** The component API on a whole service in this process, with a scripted peer. */
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { RemotePeerStore } from "../../../lib/receiving/replica/remote-peer-store.ts";
import { PeerCapabilities } from "../../../lib/peers/capabilities.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { CallbackProcessor } from "../../../lib/receiving/intake/callback-processor.ts";
import { changeTrust } from "../../../lib/trust/changes.ts";
import { ACTOR, PEER, SECRET, SUB, Subscriber } from "../receiving/subscriber.ts";

const make = (): ActingWebApp => new ActingWebApp({ awType: "urn:test", desc: "test" });

async function subscribed(app?: ActingWebApp, environment: Record<string, string> = {}) {
  const subscriber = await new Subscriber({ environment, ...(app === undefined ? {} : { app }) }).subscribed();
  return { subscriber, actor: subscriber.service.actorOf(ACTOR) };
}

describe("an actor", () => {
  it("knows its id, its root and its creator", async () => {
    const { actor } = await subscribed();
    expect(actor).toMatchObject({ id: ACTOR, rootUri: `https://us.example/${ACTOR}` });
    expect(await actor.creator).toBe("creator");
  });

  it("has no creator when it is gone", async () => {
    const { subscriber } = await subscribed();
    await expect(subscriber.service.actorOf("nobody").creator).rejects.toMatchObject({ code: "resource.not_found" });
  });

  it("shows neither secrets nor settings when it is logged", async () => {
    const { actor } = await subscribed();
    await actor.trust.getTrust(PEER);
    for (const text of [inspect(actor, { depth: 9, showHidden: false }), JSON.stringify(actor)]) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain("table");
    }
  });
});

describe("an actor that is being deleted", () => {
  it("still knows its creator in the hook of its deletion", async () => {
    const events: string[] = [];
    const app = make().lifecycleHook("actor_deleted", async ({ actor }) => {
      events.push(`${actor.id} of ${await actor.creator}`);
    });
    const { subscriber } = await subscribed(app);
    const record = await subscriber.service.actors.get(ACTOR);
    await subscriber.service.deletion.delete(record!, subscriber.deadline());
    expect(events).toEqual([`${ACTOR} of creator`]);
  });
});

describe("an actor's trusts", () => {
  it("are listed and found without their secrets", async () => {
    const { actor, subscriber } = await subscribed();
    const [trust, ...others] = await actor.trust.relationships();
    expect(others).toEqual([]);
    expect(trust).toEqual({
      ...{ peerId: PEER, baseUri: "https://peer.example/peer", type: "urn:test", relationship: "friend", desc: "" },
      ...{ approved: true, peerApproved: true, verified: true, createdAt: subscriber.now },
    });
    expect(await actor.trust.getTrust(PEER)).toEqual(trust);
    expect(await actor.trust.getTrust("nobody")).toBeUndefined();
    expect(await actor.trust.relationships({ relationship: "lover" })).toEqual([]);
    expect(await actor.trust.relationships({ relationship: "friend", type: "urn:test" })).toEqual([trust]);
  });

  it("open the peer's streams once approved, and notify the peer and the hooks", async () => {
    const events: unknown[] = [];
    const app = make().trustHook("approve", async (event) => {
      events.push([event.peerId, event.approved, (await event.actor.trust.getTrust(PEER))?.approved]);
    });
    const { actor, subscriber } = await subscribed(app);
    const record = await subscriber.service.trusts.get(ACTOR, PEER);
    await changeTrust(subscriber.service.trust, record!, { approved: false }, {});
    expect((await subscriber.diff(1, { a: 1 })).status).toBe(403);
    expect(await actor.trust.approve(PEER)).toMatchObject({ peerId: PEER, approved: true });
    expect((await subscriber.diff(1, { a: 1 })).status).toBe(201);
    expect(events).toEqual([[PEER, true, true]]);
    expect(await actor.trust.approve("nobody")).toBeUndefined();
  });

  it("are deleted with their subscriptions and data", async () => {
    const gone: string[] = [];
    const app = make().trustHook("delete", ({ peerId, actor }) => void gone.push(`${actor.id} ${peerId}`));
    const { actor, subscriber } = await subscribed(app);
    await subscriber.diff(1, { color: "red" });
    const store = new RemotePeerStore(actor, PEER);
    expect(await store.getValue("color")).toBe("red");
    expect(await actor.trust.delete(PEER)).toBe(true);
    expect(await store.getValue("color")).toBeUndefined();
    expect(await actor.subscriptions.allSubscriptions()).toEqual([]);
    expect(await actor.trust.delete(PEER)).toBe(false);
    expect(gone).toEqual([`${ACTOR} ${PEER}`]);
  });

  it.each<[string, { keepData?: boolean }, Record<string, string>, string | undefined]>([
    ["AUTO_CLEANUP is false", {}, { AUTO_CLEANUP: "false" }, "red"],
    ["it is asked to", { keepData: true }, {}, "red"],
    ["the caller asks nothing", {}, {}, undefined],
    ["it is asked not to", { keepData: false }, { AUTO_CLEANUP: "false" }, undefined],
  ])("leave the data when %s, or not", async (_when, options, environment, left) => {
    const { actor, subscriber } = await subscribed(undefined, environment);
    await subscriber.diff(1, { color: "red" });
    await actor.trust.delete(PEER, options);
    expect(await new RemotePeerStore(actor, PEER).getValue("color")).toBe(left);
  });
});

describe("an actor's subscriptions", () => {
  const first = { peerId: PEER, subscriptionId: SUB, target: "properties", granularity: "high", direction: "outbound" };

  it("are listed in order of creation", async () => {
    const { actor, subscriber } = await subscribed();
    subscriber.now += 5;
    await subscriber.subscribe("second", { subtarget: "color", granularity: "low" });
    await subscriber.diff(1, { a: 1 });
    const all = await actor.subscriptions.allSubscriptions();
    expect(all).toMatchObject([
      { ...first, sequence: 1 },
      { ...first, subscriptionId: "second", subtarget: "color", granularity: "low", sequence: 0 },
    ]);
    expect(await actor.subscriptions.outboundSubscriptions()).toEqual(all);
    expect(await actor.subscriptions.outboundSubscriptions("nobody")).toEqual([]);
  });

  it("are made at the peer, with high granularity by default, and run the hooks", async () => {
    const events: unknown[] = [];
    const app = make().lifecycleHook("subscription_created", ({ actor, ...event }) => {
      events.push([actor.id, event]);
    });
    const { actor, subscriber } = await subscribed(app);
    events.length = 0;
    subscriber.script[`POST /subscriptions/${ACTOR}`] = { status: 201, json: { subscriptionid: "new", sequence: 0 } };
    subscriber.script[`GET /subscriptions/${ACTOR}/new`] = { status: 200, json: { sequence: 0, data: [] } };
    const made = await actor.subscriptions.subscribeToPeer({
      ...{ peerId: PEER, target: "properties", subtarget: "color", resource: "" },
    });
    expect(made).toMatchObject({ ...first, subscriptionId: "new", subtarget: "color", sequence: 0 });
    expect(made).not.toHaveProperty("resource");
    const sent = subscriber.asked.findLast(({ method }) => method === "POST");
    expect(sent?.json).toMatchObject({ target: "properties", subtarget: "color", granularity: "high" });
    expect(events).toEqual([
      [ACTOR, { peerId: PEER, subscriptionId: "new", target: "properties", subtarget: "color" }],
    ]);
  });

  it.each<[string, string, object]>([
    ["a peer that no id names", "peerId", { peerId: "a/b" }],
    ["no target", "target", { target: "" }],
    ["a subtarget that no property has", "subtarget", { subtarget: "a/b" }],
    ["a path out of the property", "resource", { subtarget: "a", resource: "../b" }],
    ["a resource of nothing", "resource", { resource: "b" }],
    ["an unknown granularity", "granularity", { granularity: "medium" }],
  ])("are not requested with %s", async (_what, field, wrong) => {
    const { actor, subscriber } = await subscribed();
    const before = subscriber.asked.length;
    const requested = { peerId: PEER, target: "properties", ...wrong };
    await expect(actor.subscriptions.subscribeToPeer(requested)).rejects.toMatchObject({
      code: "request.invalid",
      field,
    });
    expect(subscriber.asked.length).toBe(before);
  });

  it("need a trust", async () => {
    const { actor } = await subscribed();
    await expect(actor.subscriptions.subscribeToPeer({ peerId: "nobody", target: "properties" })).rejects.toMatchObject(
      { code: "resource.not_found" },
    );
  });

  it("end at both sides", async () => {
    const events: unknown[] = [];
    const app = make().lifecycleHook("subscription_deleted", ({ actor, subscriptionId }) => {
      events.push([actor.id, subscriptionId]);
    });
    const { actor, subscriber } = await subscribed(app);
    subscriber.script[`DELETE /subscriptions/${ACTOR}/${SUB}`] = { status: 204 };
    expect(await actor.subscriptions.unsubscribe({ peerId: PEER, subscriptionId: SUB })).toBe(true);
    expect(await actor.subscriptions.allSubscriptions()).toEqual([]);
    expect(subscriber.asked.at(-1)).toMatchObject({ method: "DELETE" });
    expect(events).toEqual([[ACTOR, SUB]]);
    expect(await actor.subscriptions.unsubscribe({ peerId: PEER, subscriptionId: SUB })).toBe(false);
  });

  it("are brought up to date on request", async () => {
    const { actor, subscriber } = await subscribed();
    await subscriber.diff(1, { a: 1 });
    const name = { peerId: PEER, subscriptionId: SUB };
    const diff = (sequence: number, data: Json) => ({ sequence, timestamp: "2026-01-01T00:00:00Z", data });
    subscriber.script[`GET /subscriptions/${ACTOR}/${SUB}`] = {
      status: 200,
      json: { sequence: 3, data: [diff(2, { b: 2 }), diff(3, { c: 3 })] },
    };
    expect(await actor.subscriptions.syncSubscription(name)).toEqual({
      ...name,
      ...{ result: "caught_up", sequence: 3, applied: 2 },
    });
    expect(subscriber.hookRuns.map(({ sequence }) => sequence).slice(-3)).toEqual([1, 2, 3]);
    await expect(actor.subscriptions.syncSubscription({ ...name, subscriptionId: "x" })).rejects.toMatchObject({
      code: "resource.not_found",
    });
  });

  it("of one peer are brought up to date together, even when one of them fails", async () => {
    const { actor, subscriber } = await subscribed();
    subscriber.now += 5;
    await subscriber.subscribe("second", { subtarget: "color" });
    subscriber.script[`GET /subscriptions/${ACTOR}/${SUB}`] = { status: 500 };
    const synced = await actor.subscriptions.syncPeer(PEER);
    expect(synced).toMatchObject({
      peerId: PEER,
      synced: [{ subscriptionId: "second", result: "caught_up", applied: 0 }],
      failed: [{ peerId: PEER, subscriptionId: SUB }],
    });
    expect(synced.failed[0]?.error).toContain("could not be read");
    expect(await actor.subscriptions.syncPeer("nobody")).toEqual({ peerId: "nobody", synced: [], failed: [] });
  });
});

describe("components made from an actor", () => {
  it("keep a peer's capabilities in its trust for a day", async () => {
    const { actor, subscriber } = await subscribed();
    subscriber.script["GET /meta"] = {
      status: 200,
      json: { id: PEER, aw_version: "1.4", aw_supported: "subscriptionresync,trust" },
    };
    const capabilities = new PeerCapabilities(actor, PEER);
    expect(await capabilities.supportsResyncCallbacks()).toBe(true);
    const asked = subscriber.asked.length;
    const again = new PeerCapabilities(subscriber.service.actorOf(ACTOR), PEER);
    expect(await again.getAllSupported()).toEqual(["subscriptionresync", "trust"]);
    expect(await again.getVersion()).toBe("1.4");
    expect(await again.supportsCompression()).toBe(false);
    expect(subscriber.asked.length).toBe(asked);
    await actor.trust.delete(PEER);
    expect(await new PeerCapabilities(actor, PEER).getAllSupported()).toEqual([]);
  });

  it("sequence callbacks that arrive another way, apart from the service's own subscriptions", async () => {
    const { actor, subscriber } = await subscribed(undefined, { MAX_PENDING: "1" });
    const processor = new CallbackProcessor({ actor });
    const callback = { peerId: PEER, subscriptionId: SUB, data: null };
    expect(await processor.processCallback({ ...callback, sequence: 2 })).toBe("pending");
    expect(await processor.processCallback({ ...callback, sequence: 3 })).toBe("back_pressure");
    expect((await subscriber.diff(1, { a: 1 })).status).toBe(201);
    subscriber.now += 3_600_000;
    await subscriber.sweep();
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 0, pendingSequences: [2] });
    await actor.trust.delete(PEER);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ version: 0 });
  });
});
