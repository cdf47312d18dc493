import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import { stateOf } from "../support/random-writers.ts";
import { startService, until, type Service } from "../support/service.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";
import type { PeerOptions, SubscriberPeer } from "../support/subscriber-peer/peer.ts";
import type { Stream, StreamScope } from "../support/subscriber-peer/stream.ts";

const KIB = 1024;

let service: Service;
let host: SubscriberHost;
beforeAll(async () => {
  host = await new SubscriberHost().listen();
  service = await startService({ TRUST_AUTO_APPROVE: "friend", SWEEP_INTERVAL_SECONDS: "1" });
});
afterAll(async () => {
  await service.dispose();
  await host.close();
});

async function meet(options: PeerOptions = {}): Promise<{ actor: OwnedActor; peer: SubscriberPeer }> {
  const actor = await service.createActor();
  const peer = host.add(options);
  expect(await peer.trust(actor)).toBe(201);
  return { actor, peer };
}

describe("callbacks on the wire", () => {
  it("carry each subscription's own part under its own number", async () => {
    const { actor, peer } = await meet();
    const scopes: Partial<StreamScope>[] = [
      {},
      { subtarget: "car" },
      { subtarget: "car", resource: "wheels" },
      { subtarget: "log" },
      { subtarget: "color", granularity: "low" },
      { subtarget: "shade", granularity: "none" },
    ];
    const streams: Stream[] = [];
    for (const scope of scopes) streams.push(await peer.subscribe(scope));
    const [all, car, wheels, log, color, shade] = streams;
    await actor.expect("PUT", "/properties/car", 204, { wheels: { count: 4 }, doors: 5 });
    await actor.expect("PUT", "/properties/car/wheels/count", 204, 3);
    await actor.expect("PUT", "/properties/car/doors", 204, 2);
    await actor.expect("DELETE", "/properties/car", 204);
    await actor.expect("POST", "/properties", 201, { log: { _type: "list" } });
    await actor.expect("POST", "/properties/log", 201, "first");
    await actor.expect("PUT", "/properties/color", 204, "red");
    await actor.expect("PUT", "/properties/shade", 204, "dark");
    await actor.expect("PUT", "/properties/other", 204, "thing");
    for (const stream of [all, car, wheels, log, color]) {
      const { newest } = await stream!.poll();
      expect(newest).toBeGreaterThan(0);
      await until(`${newest} of ${JSON.stringify(stream!.scope)}`, () => stream!.last === newest);
      expect(stream!.faults).toEqual([]);
      expect(stream!.gaps(newest)).toEqual([]);
    }
    expect([...wheels!.history.values()]).toEqual([undefined, { count: 4 }, { count: 3 }, undefined]);
    expect([...car!.history.values()]).toEqual([undefined, { doors: 5 }, ...[{ doors: 2 }, undefined]]);
    expect(log!.copy).toEqual(["first"]);
    expect(color!.copy).toBe("red");
    // Granularity none is never called, covers nothing, and is there to be polled.
    expect(shade!.arrivals).toEqual([]);
    expect((await shade!.poll()).entries).toMatchObject([{ sequence: 1, data: "dark" }]);
    expect(all!.copy).toEqual({ shade: "dark", other: "thing" });
    const low = peer.callbacks.find(({ subscriptionId }) => subscriptionId === color!.id);
    expect(low?.body).toMatchObject({ granularity: "low", url: `${actor.uri}${color!.path}/1`, sequence: 1 });
    expect(low?.body).not.toHaveProperty("data");
  });

  it("carry a URL instead of data over 64 KiB, and ask for a resync over 256 KiB", async () => {
    const { actor, peer } = await meet();
    const stream = await peer.subscribe();
    await actor.expect("PUT", "/properties/small", 204, "s".repeat(60 * KIB));
    await actor.expect("PUT", "/properties/large", 204, "l".repeat(70 * KIB));
    const huge = { a: "a".repeat(200 * KIB), b: "b".repeat(200 * KIB) };
    await actor.expect("POST", "/properties", 201, huge);
    await until("three callbacks", () => stream.last === 3);
    expect(stream.copy).toEqual(await stateOf(actor));
    expect(stream.faults).toEqual([]);
    const [small, large, resync] = peer.callbacks;
    expect(small?.body).toMatchObject({ granularity: "high" });
    expect(large?.body).toMatchObject({ granularity: "low", url: `${actor.uri}${stream.path}/2` });
    expect(large?.headers).toMatchObject({ "x-actingweb-granularity-downgraded": "true" });
    expect(resync?.body).toMatchObject({ type: "resync", url: `${actor.uri}/properties`, sequence: 3 });
    expect(resync?.headers).toMatchObject({ "x-actingweb-payload-truncated": "true" });
    expect(Number(resync?.headers["x-actingweb-original-size"])).toBeGreaterThan(400 * KIB);
  });

  it("are compressed for peers that say they can decompress, and for no others", async () => {
    for (const [supported, compressed] of [
      [["callbackcompression", "callbacks", "subscriptions"], true],
      [["callbacks", "subscriptions"], false],
    ] as const) {
      const { actor, peer } = await meet({ supported });
      const stream = await peer.subscribe();
      await actor.expect("PUT", "/properties/first", 204, "f");
      await until("one callback", () => stream.last === 1);
      // A peer's capabilities are known from the trust, or read soon.
      const notified = async (): Promise<boolean> => {
        await actor.expect("PUT", "/properties/text", 204, `${stream.last} ${"t".repeat(4 * KIB)}`);
        await until("the next callback", async () => stream.last === (await stream.poll()).newest);
        return (peer.callbacks.at(-1)?.headers["content-encoding"] === "gzip") === compressed;
      };
      await until(`compression ${String(compressed)}`, notified);
      expect(stream.copy).toEqual(await stateOf(actor));
      expect(peer.callbacks[0]?.headers, "small ones never").not.toHaveProperty("content-encoding");
    }
  });

  it("stop while a place is suspended, and one resync replaces the missed changes", async () => {
    const { actor, peer } = await meet();
    const all = await peer.subscribe();
    const color = await peer.subscribe({ subtarget: "color" });
    await actor.expect("PUT", "/properties/color", 204, "red");
    await actor.expect("PUT", "/properties/size", 204, 1);
    await actor.expect("POST", "/suspensions", 201, { target: "properties" });
    await actor.expect("POST", "/suspensions", 200, { target: "properties" });
    await actor.expect("PUT", "/properties/color", 204, "green");
    await actor.expect("PUT", "/properties/size", 204, 2);
    expect([(await all.poll()).newest, (await color.poll()).newest], "no number is made").toEqual([1, 1]);
    const resumed = await actor.expect("DELETE", "/suspensions/properties", 200);
    expect(resumed).toEqual({ count: 2, resynced: 2, failed: 0 });
    await until("both resyncs", () => all.last === 2 && color.last === 2);
    expect(peer.callbacks.slice(-2).map(({ body }) => [body?.["type"], body?.["url"]])).toEqual(
      expect.arrayContaining([
        ["resync", `${actor.uri}/properties`],
        ["resync", `${actor.uri}/properties/color`],
      ]),
    );
    expect(color.copy).toBe("green");
    expect(all.copy).toMatchObject({ size: 2 });
    expect([all.faults, color.faults]).toEqual([[], []]);
  });

  it("announce a peer's permissions when they change", async () => {
    const { actor, peer } = await meet();
    const properties = { patterns: ["*"], operations: ["read"], excluded_patterns: ["secret"] };
    await actor.expect("PUT", `/trust/friend/${peer.id}/permissions`, 201, { properties });
    await until("a permission callback", () => peer.permissions.length > 0);
    expect(peer.permissions.at(-1)).toMatchObject({
      id: actor.id,
      target: "permissions",
      type: "permission",
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
      data: { properties: { excluded_patterns: expect.arrayContaining(["secret"]) as string[] } },
    });
    expect((await peer.ask("GET", `/permissions/${peer.id}`)).status).toBe(200);
  });
});

describe("an inbound subscription", () => {
  it("is polled in pages, read twice alike, cleared, and never cleared by reading", async () => {
    const { actor, peer } = await meet();
    peer.behaviour = { kind: "refuse", status: 500 };
    const stream = await peer.subscribe();
    for (let n = 1; n <= 7; n++) await actor.expect("PUT", "/properties/n", 204, { n });
    for (const limit of [3, undefined, 1]) {
      const { newest, entries } = await stream.poll(limit);
      expect([newest, ...entries.map(({ sequence }) => sequence)]).toEqual([7, 1, 2, 3, 4, 5, 6, 7]);
    }
    const first = await stream.single(4);
    expect(first).toMatchObject({ sequence: 4, data: { n: { n: 4 } } });
    expect(await stream.single(4)).toEqual(first);
    expect([await stream.clear(5), await stream.clear(2), await stream.clear(8), await stream.clear(-1)]).toEqual([
      ...[204, 204, 400, 400],
    ]);
    expect((await stream.poll()).entries.map(({ sequence }) => sequence)).toEqual([6, 7]);
    expect(await stream.single(5)).toBeUndefined();
    expect(stream.faults).toEqual([]);
  });

  it("is the same when asked for again, and ends from either side", async () => {
    const { actor, peer } = await meet();
    const path = `/subscriptions/${peer.id}`;
    const make = (json: Record<string, string>) => peer.ask("POST", path, { json });
    const made = await make({ target: "properties", subtarget: "color", granularity: "high" });
    const again = await make({ target: "properties", subtarget: "color", granularity: "low" });
    expect([made.status, again.status]).toEqual([201, 201]);
    const id = (made.json as { subscriptionid: string }).subscriptionid;
    expect(again.json).toMatchObject({ subscriptionid: id, granularity: "low", sequence: 0 });
    expect(made.headers["location"]).toBe(`${actor.uri}${path}/${id}`);
    expect((await make({ subtarget: "color" })).status, "no target").toBe(400);
    expect((await peer.ask("POST", "/subscriptions/someone", { json: { target: "properties" } })).status).toBe(403);
    expect(await actor.expect("GET", "/subscriptions", 200)).toMatchObject({
      data: [{ peerid: peer.id, subscriptionid: id, granularity: "low", callback: false }],
    });
    expect((await peer.ask("DELETE", `/callbacks/subscriptions/${peer.id}/${id}`)).status, "as a subscriber").toBe(204);
    expect((await peer.ask("GET", `${path}/${id}`)).status).toBe(404);

    const other = await peer.subscribe();
    await actor.expect("DELETE", other.path, 204);
    expect(peer.streams.has(other.id), "the peer was notified").toBe(false);
    expect((await peer.ask("GET", other.path)).status).toBe(404);
    expect(await actor.expect("GET", "/subscriptions", 200)).toMatchObject({ data: [] });
  });

  it("gives its part to a narrower one, and gets it back with a resync when that ends", async () => {
    const { actor, peer } = await meet();
    const all = await peer.subscribe();
    const color = await peer.subscribe({ subtarget: "color" });
    await actor.expect("PUT", "/properties/color", 204, "red");
    await actor.expect("POST", "/properties", 201, { color: "blue", size: 1 });
    await until("both", () => all.last === 1 && color.last === 2);
    expect([all.copy, color.copy]).toEqual([{ size: 1 }, "blue"]);
    expect((await peer.ask("DELETE", color.path)).status).toBe(204);
    await until("the resync", () => all.last === 2);
    expect(all.notified.get(2)).toMatchObject({ resync: true });
    expect(all.copy).toEqual({ color: "blue", size: 1 });
    await actor.expect("PUT", "/properties/color", 204, "green");
    await until("the next", () => all.last === 3);
    expect(all.copy).toEqual({ color: "green", size: 1 });
  });

  it("several are made at once, each with a result of its own", async () => {
    const { peer } = await meet();
    const subscriptions = [{ target: "properties" }, { subtarget: "x" }, { target: "properties", subtarget: "x" }];
    const answer = await peer.ask("POST", `/subscriptions/${peer.id}`, { json: { subscriptions } });
    expect(answer.status).toBe(207);
    expect(JSON.stringify(answer.json)).toMatch(/201.*400.*201/);
  });
});
