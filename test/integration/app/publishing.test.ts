import { beforeEach, describe, expect, it } from "vitest";
import type { Actor } from "../../../lib/application/actor.ts";
import { FanOutManager } from "../../../lib/application/fan-out-manager.ts";
import { ConfigError } from "../../../lib/system/config.ts";
import { secretDigest } from "../../../lib/domain/wire/secret-digest.ts";
import { CallbackAuthenticator } from "../../../lib/trust/callback-authenticator.ts";
import { DeliveryWorld, type Peer } from "../delivery/delivery-world.ts";

let world: DeliveryWorld;
let actor: Actor;
const begin = async (environment: Record<string, string> = {}): Promise<void> => {
  world = await DeliveryWorld.begin({ environment });
  actor = world.host.service.actorOf(world.actor.id);
};
beforeEach(async () => await begin());

/** Our own subscription to a peer. */
async function ours(peer: Peer, subscriptionId = "ours"): Promise<void> {
  const auth = secretDigest(peer.secret);
  const { heads, table } = world.host.service;
  const trusted = new CallbackAuthenticator(table).approvedCheck({ actorId: actor.id, peerId: peer.id }, auth);
  const who = { actorId: actor.id, peerId: peer.id, subscriptionId };
  await heads.make({
    ...{ ...who, scope: { target: "properties" }, granularity: "high", auth, reconcileMs: 0, trusted },
  });
}

describe("actor.subscriptions.notifySubscribers", () => {
  it("notifies the subscribers of that part of an own target, with a diff shaped for each", async () => {
    const all = await world.subscriber("all", { target: "resources" });
    const part = await world.subscriber("part", { target: "resources", subtarget: "mail" });
    const deep = await world.subscriber("deep", { target: "resources", subtarget: "mail", resource: "inbox" });
    const other = await world.subscriber("other", { target: "resources", subtarget: "files" });
    const kept = await world.subscriber("kept", { target: "properties" });
    const data = { unread: 3 };
    const result = await actor.subscriptions.notifySubscribers({
      ...{ target: "resources", subtarget: "mail", resource: "inbox", data },
    });
    expect(result).toEqual({
      ...{ totalCount: 3, successCount: 3, failureCount: 0, skippedCount: 0, deferredCount: 0, failures: [] },
    });
    const bodyAt = (at: typeof all) => at.peer.seen[0]?.body;
    expect(bodyAt(all)).toMatchObject({ sequence: 1, target: "resources", data: { mail: { inbox: data } } });
    expect(bodyAt(part)).toMatchObject({ subtarget: "mail", data: { inbox: data } });
    expect(bodyAt(deep)).toMatchObject({ subtarget: "mail", resource: "inbox", data });
    expect([other.peer.seen, kept.peer.seen]).toEqual([[], []]);
  });

  it("refuses a target that is a path of the service", async () => {
    for (const target of ["trust", "events", "webhooks", "www"]) {
      await expect(actor.subscriptions.notifySubscribers({ target, data: 1 })).rejects.toMatchObject({
        ...{ code: "request.invalid", field: "target" },
      });
    }
  });

  it("reports the peers that refused it, with their status and when to try again", async () => {
    await world.subscriber("good", { target: "orders" });
    const busy = await world.subscriber("busy", { target: "orders" });
    busy.peer.mood = 429;
    busy.peer.answerHeaders = { "retry-after": "30" };
    const gone = await world.subscriber("gone", { target: "orders" });
    gone.peer.mood = "refuses";
    const result = await actor.subscriptions.notifySubscribers({ target: "orders", data: { text: "hello" } });
    expect(result).toMatchObject({ totalCount: 3, successCount: 1, failureCount: 2 });
    const [first, second] = [...result.failures].sort((one, two) => (one.peerId < two.peerId ? -1 : 1));
    expect(first).toMatchObject({ peerId: "busy", subscriptionId: busy.id, statusCode: 429, retryAfter: 30 });
    expect(second).toMatchObject({ peerId: "gone", subscriptionId: gone.id, error: expect.any(String) as string });
  });

  it("can be polled when no peer takes callbacks, and makes nothing without subscribers", async () => {
    const polls = await world.subscriber("polls", { target: "orders", granularity: "none" });
    expect(await actor.subscriptions.notifySubscribers({ target: "actions", data: 1 })).toMatchObject({
      totalCount: 0,
    });
    await actor.subscriptions.notifySubscribers({ target: "orders", data: { text: "hello" } });
    expect(polls.peer.seen).toEqual([]);
    expect(await actor.subscriptions.inboundSubscriptions("polls")).toMatchObject([{ sequence: 1 }]);
  });

  it.each([
    ["target", { target: "a/b", data: 1 }],
    ["subtarget", { target: "orders", subtarget: "a/b", data: 1 }],
    ["resource", { target: "orders", resource: "a", data: 1 }],
    ["data", { target: "orders", data: undefined as never }],
  ])("refuses what cannot be a %s, naming it", async (field, event) => {
    await expect(actor.subscriptions.notifySubscribers(event)).rejects.toMatchObject({
      code: "request.invalid",
      field,
    });
  });

  it("refuses more than 256 KiB, and what nests too deep", async () => {
    const large = { target: "orders", data: "x".repeat(300 * 1_024) };
    await expect(actor.subscriptions.notifySubscribers(large)).rejects.toMatchObject({ code: "request.too_large" });
    let data: never = "deep" as never;
    for (let level = 0; level < 70; level += 1) data = { data } as never;
    await expect(actor.subscriptions.notifySubscribers({ target: "orders", data })).rejects.toMatchObject({
      code: "request.invalid",
    });
  });
});

describe("the subscriptions of an actor", () => {
  it("are shown by direction, or all in order of creation", async () => {
    const bob = await world.peer("bob");
    const carol = await world.peer("carol");
    const first = await world.subscribe(bob, { target: "properties", subtarget: "a", resource: "b/c" });
    world.host.now += 10;
    await ours(bob);
    world.host.now += 10;
    const last = await world.subscribe(carol, { target: "orders", granularity: "low" });
    await world.set("a", { b: { c: 1 } });
    const { subscriptions } = actor;
    const inbound = [
      {
        ...{ peerId: "bob", subscriptionId: first.id, target: "properties", subtarget: "a", resource: "b/c" },
        ...{ granularity: "high", sequence: 1, direction: "inbound", createdAt: expect.any(Number) as number },
      },
      {
        ...{ peerId: "carol", subscriptionId: last.id, target: "orders" },
        ...{ granularity: "low", sequence: 0, direction: "inbound", createdAt: expect.any(Number) as number },
      },
    ];
    expect(await subscriptions.inboundSubscriptions()).toEqual(inbound);
    expect(await subscriptions.inboundSubscriptions("carol")).toEqual([inbound[1]]);
    const outbound = await subscriptions.outboundSubscriptions();
    expect(outbound).toMatchObject([{ subscriptionId: "ours", direction: "outbound", sequence: 0 }]);
    expect(await subscriptions.allSubscriptions()).toEqual([inbound[0], outbound[0], inbound[1]]);
    expect(await subscriptions.allSubscriptions("bob")).toEqual([inbound[0], outbound[0]]);
  });

  it("end by their id, whichever direction, and the peer is notified", async () => {
    const bob = await world.peer("bob");
    const { id } = await world.subscribe(bob);
    await ours(bob);
    const { subscriptions } = actor;
    const gone = { status: 204, headers: {}, text: "", json: undefined };
    world.network.hosts.set(new URL(bob.baseUri).origin, () => Promise.resolve(gone));
    expect(await subscriptions.unsubscribe({ peerId: "bob", subscriptionId: id })).toBe(true);
    expect(await subscriptions.inboundSubscriptions()).toEqual([]);
    expect(await subscriptions.unsubscribe({ peerId: "bob", subscriptionId: "ours" })).toBe(true);
    expect(await subscriptions.allSubscriptions()).toEqual([]);
    expect(await subscriptions.unsubscribe({ peerId: "bob", subscriptionId: id })).toBe(false);
    const notified = world.network.sent.filter(({ method }) => method === "DELETE").map(({ url }) => url);
    expect(notified).toEqual([id, "ours"].map((sub) => `${bob.baseUri}/subscriptions/${actor.id}/${sub}`));
  });
});

describe("actor.subscriptions.suspend and resume", () => {
  it("suppress the diffs of a place, and make its subscribers read again", async () => {
    const bob = await world.subscriber("bob");
    const { subscriptions } = actor;
    const color = { target: "properties", subtarget: "color" };
    expect(await subscriptions.suspend(color)).toBe(true);
    expect(await subscriptions.suspend(color)).toBe(false);
    expect(await subscriptions.isSuspended(color)).toBe(true);
    expect(await subscriptions.isSuspended({ target: "properties" })).toBe(false);
    expect(await subscriptions.isSuspended({ target: "properties", subtarget: "size" })).toBe(false);
    await actor.properties.set("color", "red");
    expect(bob.peer.seen).toEqual([]);
    expect(await subscriptions.resume(color)).toEqual({ count: 1, resynced: 1, failed: 0 });
    expect(bob.peer.seen.map(({ body }) => body["type"])).toEqual(["resync"]);
    expect(await subscriptions.resume(color)).toEqual({ count: 0, resynced: 0, failed: 0 });
    expect(await subscriptions.isSuspended(color)).toBe(false);
  });

  it("take a target with all its parts", async () => {
    const { subscriptions } = actor;
    await subscriptions.suspend({ target: "properties", subtarget: null });
    expect(await subscriptions.isSuspended({ target: "properties", subtarget: "color" })).toBe(true);
    expect(await subscriptions.isSuspended({ target: "orders" })).toBe(false);
    await expect(subscriptions.suspend({ target: "" })).rejects.toMatchObject({ field: "target" });
    await expect(subscriptions.suspend({ target: "x", subtarget: "a/b" })).rejects.toMatchObject({
      field: "subtarget",
    });
  });
});

describe("FanOutManager", () => {
  it("delivers one change to all subscribers in scope", async () => {
    const bob = await world.subscriber("bob", { target: "orders" });
    const manager = new FanOutManager({ actor });
    const result = await manager.deliver({ target: "orders", subtarget: "today", data: { text: "hello" } });
    expect(result).toMatchObject({ totalCount: 1, successCount: 1 });
    expect(bob.peer.seen[0]?.body).toMatchObject({ sequence: 1, data: { today: { text: "hello" } } });
  });

  it("opens a peer's breaker after its own number of failures, for all deliveries, and closes it by hand", async () => {
    const { peer } = await world.subscriber("bob", { target: "orders" });
    peer.mood = 503;
    const manager = new FanOutManager({ actor, failureThreshold: 2, recoveryTimeout: 120 });
    expect(await manager.getCircuitBreakerStatus("bob")).toBe("CLOSED");
    for (let event = 0; event < 2; event += 1) await manager.deliver({ target: "orders", data: event });
    expect(await manager.getCircuitBreakerStatus("bob")).toBe("OPEN");
    const skipped = await actor.subscriptions.notifySubscribers({ target: "orders", data: 3 });
    expect(skipped).toMatchObject({ totalCount: 1, skippedCount: 1 });
    expect(peer.sequences()).toEqual([1, 2]);
    const headers = world.actor.as;
    const shown = await world.host.ask("GET", `${world.actor.root}/peers`, { headers });
    const openUntil = new Date(world.host.now + 120_000).toISOString();
    expect(shown.json.data).toMatchObject([
      { peerid: "bob", breaker: { state: "open", failures: 2, openUntil }, subscriptions: { inbound: 1, outbound: 0 } },
    ]);
    world.host.now += 120_000;
    expect(await manager.getCircuitBreakerStatus("bob")).toBe("HALF_OPEN");
    peer.mood = 200;
    await manager.resetCircuitBreaker("bob");
    expect(await manager.getCircuitBreakerStatus("bob")).toBe("CLOSED");
    await world.pass(1_000);
    expect(peer.sequences()).toEqual([1, 2, 1, 2, 3]);
  });

  it("closes by the route too", async () => {
    const { peer } = await world.subscriber("bob");
    peer.mood = 500;
    for (let change = 0; change < 5; change += 1) await world.set("color", change);
    const manager = new FanOutManager({ actor });
    expect(await manager.getCircuitBreakerStatus("bob")).toBe("OPEN");
    const headers = world.actor.as;
    const close = await world.host.ask("DELETE", `${world.actor.root}/peers/bob/breaker`, { headers });
    expect(close.status).toBe(204);
    expect(await manager.getCircuitBreakerStatus("bob")).toBe("CLOSED");
    const unknown = await world.host.ask("DELETE", `${world.actor.root}/peers/nobody/breaker`, { headers });
    expect(unknown.status).toBe(404);
  });

  it("knows no breaker of a peer that is not trusted", async () => {
    const manager = new FanOutManager({ actor });
    await expect(manager.getCircuitBreakerStatus("x")).rejects.toMatchObject({ code: "resource.not_found" });
    await expect(manager.resetCircuitBreaker("x")).rejects.toMatchObject({ code: "resource.not_found" });
  });

  it("prefers its options to the environment's, and those to the defaults", async () => {
    const timeout = async (options: { defaultTimeout?: number } = {}): Promise<number | undefined> => {
      const from = world.network.sent.length;
      await new FanOutManager({ actor, ...options }).deliver({ target: "orders", data: 1 });
      return world.network.sent[from]?.timeoutMs;
    };
    await world.subscriber("bob", { target: "orders" });
    // Outside a request deliveries have 20 s, of which some are left for the work after them.
    expect(await timeout()).toBeGreaterThan(15_000);
    expect(await timeout({ defaultTimeout: 2 })).toBe(2_000);
    await begin({ DELIVERY_TIMEOUT_SECONDS: "4", BREAKER_FAILURE_THRESHOLD: "1" });
    const { peer } = await world.subscriber("bob", { target: "orders" });
    expect(await timeout()).toBe(4_000);
    expect(await timeout({ defaultTimeout: 2 })).toBe(2_000);
    peer.mood = 500;
    const manager = new FanOutManager({ actor, failureThreshold: 2 });
    await manager.deliver({ target: "orders", data: 1 });
    expect(await manager.getCircuitBreakerStatus("bob")).toBe("CLOSED");
    await new FanOutManager({ actor }).deliver({ target: "orders", data: 1 });
    expect(await manager.getCircuitBreakerStatus("bob")).toBe("OPEN");
  });

  it("runs no more deliveries at once than its option allows", async () => {
    const peers: Peer[] = [];
    let [running, most] = [0, 0];
    for (let index = 0; index < 6; index += 1) {
      const { peer } = await world.subscriber(`peer-${String(index)}`, { target: "orders" });
      peer.mood = async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        return 200;
      };
      peers.push(peer);
    }
    const manager = new FanOutManager({ actor, maxConcurrent: 2 });
    expect(await manager.deliver({ target: "orders", data: 1 })).toMatchObject({ successCount: 6 });
    expect(most).toBe(2);
  });

  it.each([
    ["maxConcurrent", 0],
    ["maxConcurrent", 101],
    ["defaultTimeout", 0],
    ["defaultTimeout", Number.NaN],
    ["failureThreshold", 1.5],
    ["recoveryTimeout", 4_000],
  ])("refuses %s = %s, naming it and what is allowed", (name, value) => {
    const make = () => new FanOutManager({ actor, [name]: value });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(new RegExp(`${name} is ${String(value)}; allowed is`));
  });
});
