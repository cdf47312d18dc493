/** `Retry-After` of a peer, and requests to it other than callbacks of subscriptions. */
import { describe, expect, test } from "vitest";
import { capabilityKey } from "../../../lib/dynamodb/keys/actors.ts";
import type { Json, JsonObject } from "../../../lib/system/ports.ts";
import type { Answer } from "../../support/in-process.ts";
import { DeliveryWorld, later, type Peer } from "./delivery-world.ts";

const MINUTE = 60_000;

async function permit(world: DeliveryWorld, { id }: Peer, excluded: readonly string[]): Promise<void> {
  const json = { properties: { excluded_patterns: excluded } };
  const url = `${world.actor.root}/trust/friend/${id}/permissions`;
  const answer = await world.host.ask("PUT", url, { headers: world.actor.as, json });
  expect(answer.status).toBeLessThan(300);
}

const excludedIn = (callback: JsonObject | undefined): Json | undefined =>
  ((callback?.["data"] as JsonObject | undefined)?.["properties"] as JsonObject | undefined)?.["excluded_patterns"];

describe("a permission callback", () => {
  test("to a peer that has asked for a pause goes out when it is over, after the refused number, once", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1");
    peer.mood = () => later(429, "30");
    await world.set("n", 1);
    peer.mood = 200;
    await permit(world, peer, ["a"]);
    await permit(world, peer, ["b"]);
    await world.pass(29_000);
    expect(peer.permissions).toEqual([]);
    await world.pass(1_000);
    expect(peer.sequences()).toEqual([1, 1]);
    expect(peer.permissions.map(excludedIn)).toEqual([expect.arrayContaining(["b"])]);
    await world.pass(MINUTE);
    expect(peer.permissions).toHaveLength(1);
  });

  test("that is answered with Retry-After is sent again then, and nothing else goes to the peer before", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1");
    peer.permissionMood = later(503, "30");
    await permit(world, peer, ["a"]);
    peer.permissionMood = 204;
    await world.set("n", 1);
    expect([peer.permissions.length, peer.seen.length]).toEqual([1, 0]);
    const [first] = peer.permissions;
    world.host.messages.length = 0;
    await world.pass(30_000);
    expect(peer.sequences()).toEqual([1]);
    expect(peer.permissions).toHaveLength(2);
    expect(peer.permissions[1]).toEqual(first);
    expect(await world.breaker(peer)).toEqual({ state: "closed", failures: 0 });
  });

  test("that is answered so repeatedly is sent again each time", async () => {
    const world = await DeliveryWorld.begin();
    const peer = await world.peer("p1");
    peer.permissionMood = later(429, "10");
    await permit(world, peer, ["a"]);
    for (let time = 0; time < 3; time += 1) await world.pass(10_000);
    expect(peer.permissions).toHaveLength(4);
    peer.permissionMood = 204;
    for (let time = 0; time < 3; time += 1) await world.pass(10_000);
    expect(peer.permissions).toHaveLength(5);
    expect(await world.trust(peer)).not.toHaveProperty("permissionsDeferred");
  });

  test("that fails for another reason is not sent again", async () => {
    const world = await DeliveryWorld.begin();
    const peer = await world.peer("p1");
    peer.permissionMood = 503;
    await permit(world, peer, ["a"]);
    for (let time = 0; time < 3; time += 1) await world.pass(MINUTE);
    expect(peer.permissions).toHaveLength(1);
  });
});

describe("a peer whose capabilities are read", () => {
  async function asked(headers: Record<string, string>, status = 503) {
    const world = await DeliveryWorld.begin();
    const peer = await world.peer("p1");
    await world.subscribe(peer);
    const urls: string[] = [];
    world.network.hosts.set(new URL(peer.baseUri).origin, async ({ url, ...request }) => {
      if (!url.includes("/meta")) return await peer.answer({ url, ...request });
      urls.push(new URL(url).pathname);
      return { status, headers, text: "", json: undefined } satisfies Answer;
    });
    await world.pass(MINUTE);
    const item = await world.table.get(capabilityKey(world.actor.id, "p1"));
    return { world, peer, urls, dueAt: Number(item?.["dueAt"]) };
  }

  test("is not asked again before the time that it names", async () => {
    const { world, dueAt } = await asked({ "retry-after": "3600" });
    expect(dueAt).toBe(world.host.now + 3_600_000);
  });

  test("is asked in no other way when it wants no more requests now", async () => {
    const { urls } = await asked({ "retry-after": "60" }, 429);
    expect(urls.filter((url) => url.endsWith("/meta"))).toEqual([]);
  });

  test("is not asked while it has asked for a pause", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1");
    peer.mood = () => later(429, "3000");
    await world.set("n", 1);
    const before = world.network.sent.length;
    for (let minute = 0; minute < 49; minute += 1) await world.pass(MINUTE);
    expect(world.network.sent).toHaveLength(before);
    peer.mood = 200;
    await world.pass(MINUTE);
    expect(world.network.sent.slice(before).some(({ url }) => url.includes("/meta/"))).toBe(true);
  });
});
