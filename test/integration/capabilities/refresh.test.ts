import { beforeEach, describe, expect, it } from "vitest";
import { peerMarkerKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { capabilityKey } from "../../../lib/dynamodb/keys/actors.ts";
import { bearer, type Answer } from "../../support/in-process.ts";
import { DeliveryWorld, type Peer, type Subscribed } from "../delivery/delivery-world.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let world: DeliveryWorld;
let bob: Peer;
/** The tags that bob advertises; undefined: bob does not answer. */
let says: string | undefined;

beforeEach(async () => {
  world = await DeliveryWorld.begin();
  bob = await world.peer("bob");
  says = "subscriptions,callbacks";
  const { origin } = new URL(bob.baseUri);
  world.network.hosts.set(origin, async (request) => {
    if (!request.url.includes("/meta")) return await bob.answer(request);
    const text = request.url.endsWith("/version") ? "1.0" : (says ?? "");
    const answer: Answer = { status: says === undefined ? 503 : 200, headers: {}, text, json: undefined };
    return answer;
  });
});

const asked = (): number => world.network.sent.filter(({ url }) => url.endsWith("/meta/actingweb/supported")).length;
const item = async () => await world.table.get(capabilityKey(world.actor.id, "bob"));
const kept = async () => (await world.host.service.trusts.get(world.actor.id, "bob"))?.capabilities;

async function leave({ peer, id }: Subscribed): Promise<void> {
  const path = `${world.actor.root}/subscriptions/${peer.id}/${id}`;
  expect((await world.host.ask("DELETE", path, { headers: bearer(peer.secret) })).status).toBe(204);
}

describe("the capabilities of a subscribing peer", () => {
  it("are read by the sweep once a day while the peer has subscriptions, never by a delivery", async () => {
    await world.subscribe(bob);
    await world.set("color", "red");
    expect([asked(), bob.seen.length]).toEqual([0, 1]);
    await world.pass(MINUTE);
    expect(asked()).toBe(1);
    expect(await kept()).toMatchObject({ version: "1.0", supported: ["callbacks", "subscriptions"] });
    await world.pass(23 * 60 * MINUTE);
    expect(asked()).toBe(1);
    says = "subscriptionresync";
    await world.pass(60 * MINUTE);
    expect(asked()).toBe(2);
    expect(await kept()).toMatchObject({ supported: ["subscriptionresync"], fetchedAt: world.host.now });
  });

  it("are not read again for another subscription while they are known", async () => {
    await world.subscribe(bob);
    await world.pass(MINUTE);
    await world.subscribe(bob, { target: "orders" });
    await world.pass(MINUTE);
    expect(asked()).toBe(1);
    expect(Number((await item())?.["dueAt"])).toBeGreaterThan(world.host.now + 23 * 60 * MINUTE);
  });

  it("decide the form of a resync from the moment they are known", async () => {
    const subscribed = await world.subscribe(bob);
    const resync = async (): Promise<unknown> => {
      const headers = world.actor.as;
      await world.host.ask("POST", `${world.actor.root}/suspensions`, { headers, json: { target: "properties" } });
      await world.host.ask("DELETE", `${world.actor.root}/suspensions/properties`, { headers });
      return bob.seen.at(-1)?.body["type"] ?? bob.seen.at(-1)?.body["granularity"];
    };
    expect(await resync()).toBe("resync");
    await world.pass(MINUTE);
    expect(await resync()).toBe("low");
    // Too old to be believed.
    says = undefined;
    await world.pass(2 * DAY);
    expect(await resync()).toBe("resync");
    expect(bob.sequences(subscribed.id)).toEqual([1, 2, 3]);
  });

  it("are read less and less often while the peer does not answer, and the known ones stay", async () => {
    await world.subscribe(bob);
    await world.pass(MINUTE);
    says = undefined;
    const before = await kept();
    await world.pass(DAY);
    const due: number[] = [];
    for (let tries = 0; tries < 12; tries += 1) {
      const dueAt = Number((await item())?.["dueAt"]);
      due.push(dueAt - world.host.now);
      await world.pass(dueAt - world.host.now);
    }
    expect(due[0]).toBeGreaterThanOrEqual(5 * MINUTE);
    expect(due[3]).toBeGreaterThan(30 * MINUTE);
    expect(Math.max(...due)).toBeLessThanOrEqual(DAY);
    expect(due.at(-1)).toBeGreaterThanOrEqual(DAY / 2);
    expect(await kept()).toEqual(before);
    says = "trust";
    await world.pass(DAY);
    expect(await kept()).toMatchObject({ supported: ["trust"] });
    expect(await item()).toMatchObject({ failures: 0 });
  });

  it("are not read any more after the last subscription, and again with a new one", async () => {
    const first = await world.subscribe(bob);
    const second = await world.subscribe(bob, { target: "orders" });
    await world.pass(MINUTE);
    await leave(first);
    await world.pass(DAY);
    expect(asked()).toBe(2);
    await leave(second);
    await world.pass(DAY);
    expect([asked(), await item()]).toEqual([2, undefined]);
    await world.subscribe(bob);
    await world.pass(MINUTE);
    expect(asked()).toBe(3);
  });

  it("are deleted with the trust", async () => {
    await world.subscribe(bob);
    const path = `${world.actor.root}/trust/friend/bob?peer=true`;
    expect((await world.host.ask("DELETE", path, { headers: world.actor.as })).status).toBe(204);
    expect(await item()).toBeUndefined();
    await world.pass(MINUTE);
    expect(asked()).toBe(0);
  });

  it("stay due when a subscription is made while the last one is found deleted", async () => {
    const first = await world.subscribe(bob);
    await world.pass(MINUTE);
    await leave(first);
    const { table } = world.host;
    const get = table.get.bind(table);
    let late: (() => Promise<unknown>) | undefined = async () => await world.subscribe(bob);
    table.get = async (key, options) => {
      const marker = await get(key, options);
      const isLook = key.sk === peerMarkerKey("", "bob").sk && options?.only !== undefined;
      const run = isLook ? late : undefined;
      if (isLook) late = undefined;
      await run?.();
      return marker;
    };
    await world.pass(DAY);
    expect(late).toBeUndefined();
    expect(await item()).toBeDefined();
  });
});
