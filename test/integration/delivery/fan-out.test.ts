import { describe, expect, test, vi } from "vitest";
import { insideHook } from "../../../lib/system/request-context.ts";
import { DeliveryWorld, type Subscribed } from "./delivery-world.ts";

const KIB = 1_024;

describe("a change", () => {
  test("reaches its subscriber before the writer is answered", async () => {
    const world = await DeliveryWorld.begin();
    const { peer, id } = await world.subscriber("p1");
    expect((await world.set("color", { v: "red" })).status).toBe(204);
    expect(peer.taken).toHaveLength(1);
    expect(peer.taken[0]?.request).toMatchObject({
      method: "POST",
      url: `${peer.baseUri}/callbacks/subscriptions/${world.actor.id}/${id}`,
      credentials: { bearer: peer.secret },
    });
    expect(peer.taken[0]?.body).toEqual({
      id: world.actor.id,
      subscriptionid: id,
      target: "properties",
      sequence: 1,
      timestamp: expect.stringMatching(/^2026-01-01T00:00:00\.\d{6}Z$/),
      granularity: "high",
      data: { color: { v: "red" } },
      overwritten: expect.any(Array),
    });
  });

  test("that a hook makes waits for no peer, and the worker sends its callbacks", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1");
    peer.mood = "hangs";
    const { properties, subscriptions } = world.host.service.actorOf(world.actor.id);
    await insideHook(async () => {
      await properties.set("n", 1);
    });
    const event = { target: "properties", data: { n: 1 } };
    expect(await insideHook(async () => await subscriptions.notifySubscribers(event))).toMatchObject({
      ...{ totalCount: 1, deferredCount: 1, successCount: 0 },
    });
    expect(peer.seen).toEqual([]);
    peer.mood = 200;
    await world.host.arriveMessages();
    expect(peer.sequences()).toEqual([1, 2]);
  });

  test("that a peer makes during its own callback waits for nothing: the delivery under way sends it too", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1");
    const inner: number[] = [];
    peer.mood = async ({ sequence }) => {
      // As a hook does that answers an event with an event.
      if (sequence <= 3) inner.push((await world.set("n", sequence)).status);
      return 200;
    };
    expect((await world.set("n", 0)).status).toBe(204);
    expect(inner).toEqual([204, 204, 204]);
    expect(peer.sequences()).toEqual([1, 2, 3, 4]);
    expect(world.results.map(({ deferredCount, successCount }) => [deferredCount, successCount])).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
      [0, 1],
    ]);
  });

  test("releases the lease, and stores what was delivered and when it leaves", async () => {
    const world = await DeliveryWorld.begin();
    const subscribed = await world.subscriber("p1");
    await world.set("color", "red");
    await world.set("color", "blue");
    const { lease, delivery } = await world.head(subscribed);
    expect(lease).toBeUndefined();
    expect(delivery).toMatchObject({ tried: 2, to: 2, leaves: [[2, world.host.now + 300_000]] });
  });

  test("names the subtarget and carries the bare value there", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1", { target: "properties", subtarget: "size", resource: "w" });
    await world.set("color", "red");
    await world.set("size", { w: 1, h: 2 });
    expect(peer.taken.map(({ body }) => body)).toMatchObject([
      { sequence: 1, target: "properties", subtarget: "size", resource: "w", data: 1 },
    ]);
  });

  test("is sent as a URL at low granularity, and stays until the peer clears it", async () => {
    const world = await DeliveryWorld.begin();
    const subscribed = await world.subscriber("p1", { target: "properties", granularity: "low" });
    await world.set("color", "red");
    const url = `${world.actor.root}/subscriptions/p1/${subscribed.id}/1`;
    expect(subscribed.peer.taken[0]?.body).toMatchObject({ granularity: "low", url });
    expect(subscribed.peer.taken[0]?.body).not.toHaveProperty("data");
    expect((await world.head(subscribed)).delivery).toMatchObject({ to: 1, leaves: [], stays: [[1, 1]] });
  });

  test("of more than 64 KiB goes out as a low diff with a header that says so", async () => {
    const world = await DeliveryWorld.begin();
    const { peer, id } = await world.subscriber("p1");
    await world.set("text", "x".repeat(70 * KIB));
    expect(peer.taken[0]?.body).toMatchObject({
      granularity: "low",
      url: `${world.actor.root}/subscriptions/p1/${id}/1`,
    });
    expect(peer.taken[0]?.request.headers).toEqual({ "X-ActingWeb-Granularity-Downgraded": "true" });
  });

  test.each([
    ["nothing is known of it", undefined, "resync"],
    ["it says it can", ["subscriptionresync"], "resync"],
    ["it says it cannot", ["callbacks"], "low"],
  ] as const)("of more than 256 KiB has the peer read again, by its means: %s", async (_, capabilities, form) => {
    const world = await DeliveryWorld.begin();
    const peer = await world.peer("p1", capabilities);
    const { id } = await world.subscribe(peer);
    const json = { a: "x".repeat(140 * KIB), b: "y".repeat(140 * KIB) };
    await world.host.ask("POST", `${world.actor.root}/properties`, { headers: world.actor.as, json });
    const [callback] = peer.taken;
    expect(callback?.request.headers).toMatchObject({ "X-ActingWeb-Payload-Truncated": "true" });
    expect(Number(callback?.request.headers?.["X-ActingWeb-Original-Size"])).toBeGreaterThan(280 * KIB);
    expect(callback?.body).toMatchObject(
      form === "resync"
        ? { type: "resync", sequence: 1, url: `${world.actor.root}/properties` }
        : { granularity: "low", sequence: 1, url: `${world.actor.root}/subscriptions/p1/${id}/1` },
    );
  });

  test("is compressed over 1 KiB for peers that support it", async () => {
    const world = await DeliveryWorld.begin();
    const compressing = await world.subscribe(await world.peer("compressing", ["callbackcompression"]));
    const plain = await world.subscribe(await world.peer("plain", ["callbacks"]));
    await world.set("small", "x");
    await world.set("large", "x".repeat(2 * KIB));
    expect(compressing.peer.taken.map(({ request }) => request.gzip)).toEqual([undefined, true]);
    expect(plain.peer.taken.map(({ request }) => request.gzip)).toEqual([undefined, undefined]);
  });
});

describe("the result of a fan-out", () => {
  test("adds up", async () => {
    const world = await DeliveryWorld.begin();
    await world.subscriber("takes");
    const fails = await world.subscriber("fails");
    const busy = await world.subscriber("busy");
    const gone = await world.subscriber("gone");
    const polls = await world.subscriber("polls", { target: "properties", granularity: "none" });
    const other = await world.subscriber("other", { target: "properties", subtarget: "size" });
    const denied = await world.subscriber("denied");
    await world.host.ask("PUT", `${world.actor.root}/trust/friend/denied`, {
      headers: world.actor.as,
      json: { approved: false },
    });
    [fails.peer.mood, busy.peer.mood, gone.peer.mood] = [500, 429, "refuses"];
    busy.peer.answerHeaders = { "retry-after": "7" };
    world.results.length = 0;
    await world.set("color", "red");
    expect(world.results).toHaveLength(1);
    const { failures, ...counts } = world.results[0] ?? { failures: [] };
    expect(counts).toEqual({ totalCount: 6, successCount: 1, failureCount: 3, skippedCount: 2, deferredCount: 0 });
    expect(failures.toSorted((one, next) => (one.peerId < next.peerId ? -1 : 1))).toEqual([
      { peerId: "busy", subscriptionId: busy.id, statusCode: 429, error: "The peer answered 429.", retryAfter: 7 },
      { peerId: "fails", subscriptionId: fails.id, statusCode: 500, error: "The peer answered 500." },
      { peerId: "gone", subscriptionId: gone.id, error: "The peer could not be reached, or broke off." },
    ]);
    expect([polls, other, denied].map(({ peer }) => peer.seen)).toEqual([[], [], []]);
  });

  test("a failure is one log line without the secret", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("fails");
    peer.mood = 500;
    await world.set("color", "red");
    const lines = world.host.logged.filter(({ level }) => level !== "info");
    expect(lines.map(({ message }) => message)).toEqual(["a callback failed"]);
    expect(JSON.stringify(lines)).not.toContain(peer.secret);
  });
});

describe("peers", () => {
  test("that hang, refuse and fail delay none of a hundred others", async () => {
    const world = await DeliveryWorld.begin();
    const all: Subscribed[] = [];
    for (let index = 0; index < 100; index += 1) all.push(await world.subscriber(`p${String(index)}`));
    const [hanging, refusing, failing, ...others] = all.map(({ peer }) => peer);
    if (hanging === undefined || refusing === undefined || failing === undefined) throw new Error("no peers");
    [hanging.mood, refusing.mood, failing.mood] = ["hangs", "refuses", 503];
    const written = world.set("color", "red");
    await vi.waitUntil(() => others.every(({ taken }) => taken.length === 1));
    expect(hanging.seen).toHaveLength(1);
    hanging.letGo();
    expect((await written).status).toBe(204);
    const result = { totalCount: 100, successCount: 98, failureCount: 2, deferredCount: 0 };
    expect(world.results.at(-1)).toMatchObject(result);
  });

  test("are tried again as often as is configured, and not at all after 429", async () => {
    const world = await DeliveryWorld.begin({ environment: { DELIVERY_RETRIES: "2" } });
    const { peer } = await world.subscriber("p1");
    let tries = 0;
    peer.mood = () => ((tries += 1) === 1 ? 503 : 200);
    await world.set("color", "red");
    expect(peer.sequences()).toEqual([1, 1]);
    peer.mood = 429;
    await world.set("color", "blue");
    expect(peer.sequences()).toEqual([1, 1, 2]);
  });

  test("see the next number after one that failed, and can read the gap", async () => {
    const world = await DeliveryWorld.begin();
    const subscribed = await world.subscriber("p1");
    subscribed.peer.mood = 500;
    await world.set("color", "red");
    subscribed.peer.mood = 200;
    await world.set("color", "blue");
    expect(subscribed.peer.sequences()).toEqual([1, 2]);
    expect((await world.head(subscribed)).delivery).toMatchObject({ to: 0, tried: 2, ranges: [[2, 2]] });
    const polled = await world.host.ask("GET", `${world.actor.root}/subscriptions/p1/${subscribed.id}`, {
      headers: { authorization: `Bearer ${subscribed.peer.secret}` },
    });
    expect(polled.json).toMatchObject({ sequence: 2, data: [{ sequence: 1 }, { sequence: 2 }] });
  });
});

describe("a subscription", () => {
  test("is delivered in order by one holder, while others write", async () => {
    const world = await DeliveryWorld.begin();
    const { peer, id } = await world.subscriber("p1");
    const second = world.instance();
    peer.mood = "hangs";
    const first = world.set("n", 1);
    await vi.waitUntil(() => peer.seen.length === 1);
    await world.set("n", 2, second);
    await world.set("n", 3, second);
    expect(peer.sequences(id)).toEqual([1]);
    peer.mood = 200;
    peer.letGo();
    await first;
    expect(peer.sequences(id)).toEqual([1, 2, 3]);
    expect(world.results.slice(-3).map(({ totalCount, deferredCount }) => [totalCount, deferredCount])).toEqual([
      [1, 1],
      [1, 1],
      [1, 0],
    ]);
    expect(await world.head({ peer, id })).not.toHaveProperty("leaseToken");
  });

  test("that is resumed gets a resync", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1");
    const { as, root } = world.actor;
    await world.host.ask("POST", `${root}/suspensions`, { headers: as, json: { target: "properties" } });
    await world.set("color", "red");
    expect(peer.seen).toEqual([]);
    const resumed = await world.host.ask("DELETE", `${root}/suspensions/properties`, { headers: as });
    expect(resumed.json).toMatchObject({ count: 1, resynced: 1, failed: 0 });
    expect(peer.taken.map(({ body }) => body)).toMatchObject([
      { type: "resync", sequence: 1, url: `${root}/properties` },
    ]);
  });
});
