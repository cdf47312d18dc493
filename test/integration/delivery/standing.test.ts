/** A round of deliveries while a peer's breaker, approval or permissions change. */
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../lib/system/ports.ts";
import { recordPartition } from "../../../lib/dynamodb/keys/publishing.ts";
import { DeliveryWorld, later, type Peer } from "./delivery-world.ts";

const SUBSCRIPTIONS = 20;
const names = Array.from({ length: SUBSCRIPTIONS }, (_, index) => `p${String(index)}`);
const values = Object.fromEntries(names.map((name) => [name, `secret ${name}`]));

/** A peer with many narrow subscriptions, each of which gets a number by `changeAll`. */
async function manySubscriptions() {
  const world = await DeliveryWorld.begin();
  const peer = await world.peer("p");
  for (const subtarget of names) await world.subscribe(peer, { target: "properties", subtarget });
  const owner = async (method: string, path: string, json: JsonObject): Promise<number> =>
    (await world.host.ask(method, `${world.actor.root}/${path}`, { headers: world.actor.as, json })).status;
  return { world, peer, owner, changeAll: async () => await owner("POST", "properties", values) };
}

/**
 * Makes the peer take three callbacks and runs `act` during the third; later callbacks are answered this many ms later.
 */
function duringThird(world: DeliveryWorld, peer: Peer, act: () => Promise<unknown>, later = 0): void {
  peer.mood = async () => {
    if (peer.seen.length === 3) {
      await act();
      world.host.now += later;
    }
    return 200;
  };
}

describe("a round", () => {
  test("ends for a peer whose breaker it opens", async () => {
    const { world, peer, changeAll } = await manySubscriptions();
    peer.mood = 500;
    expect(await changeAll()).toBe(201);
    expect(peer.seen).toHaveLength(5);
    expect(world.results.at(-1)).toMatchObject({
      ...{ totalCount: SUBSCRIPTIONS, failureCount: 5, skippedCount: SUBSCRIPTIONS - 5 },
    });
  });

  test("counts only failures one after the other, whichever subscription they are of", async () => {
    const { world, peer, changeAll } = await manySubscriptions();
    let callbacks = 0;
    peer.mood = () => (callbacks++ % 2 === 0 ? 500 : 200);
    await changeAll();
    expect(peer.seen).toHaveLength(SUBSCRIPTIONS);
    const trust = await world.trust(peer);
    expect(trust).not.toHaveProperty("breakerOpenUntil");
    expect(trust).not.toHaveProperty("breakerFailures");
  });

  test("ends for a peer whose approval is revoked", async () => {
    const { world, peer, owner, changeAll } = await manySubscriptions();
    duringThird(world, peer, async () => await owner("PUT", "trust/friend/p", { approved: false }));
    await changeAll();
    expect(peer.seen).toHaveLength(3);
    expect(world.results.at(-1)).toMatchObject({ successCount: 3, skippedCount: SUBSCRIPTIONS - 3 });
  });

  test("ends a second later for a peer whose approval another instance revokes", async () => {
    const { world, peer, changeAll } = await manySubscriptions();
    const other = world.instance();
    const at = `${world.actor.root}/trust/friend/p`;
    const revoke = async () => await other.ask("PUT", at, { headers: world.actor.as, json: { approved: false } });
    duringThird(world, peer, revoke, 1_100);
    await changeAll();
    expect(peer.seen).toHaveLength(3);
  });

  test("sends nothing more of what is hidden meanwhile", async () => {
    const { world, peer, owner, changeAll } = await manySubscriptions();
    const hide = { properties: { excluded_patterns: ["*"] } };
    duringThird(world, peer, async () => await owner("PUT", "trust/friend/p/permissions", hide));
    await changeAll();
    const later = peer.seen.slice(3).map(({ body }) => JSON.stringify(body["data"]));
    expect(later.filter((data) => data.includes("secret"))).toEqual([]);
  });

  test("asks no more of the table than it did when its peers answer slowly, but for one read a second", async () => {
    const world = await DeliveryWorld.begin({ environment: { MAX_CONCURRENT_DELIVERIES: "1" } });
    const peers = await Promise.all(names.map(async (name) => (await world.subscriber(name)).peer));
    const reads: number[] = [];
    const getMany = world.table.getMany.bind(world.table);
    world.table.getMany = async (keys, options) => {
      reads.push(keys.length);
      return await getMany(keys, options);
    };
    for (const peer of peers) {
      peer.mood = () => {
        world.host.now += 250;
        return 200;
      };
    }
    await world.set("n", 1);
    // Heads and trusts; then, 4 of them a second, those still to come.
    expect(reads.length).toBeLessThanOrEqual(1 + SUBSCRIPTIONS / 4);
    expect(peers.every(({ taken }) => taken.length === 1)).toBe(true);
  });
});

describe("a long backlog", () => {
  async function waiting() {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p");
    const owner = async (path: string, json: JsonObject): Promise<unknown> =>
      await world.host.ask("PUT", `${world.actor.root}/trust/friend/p${path}`, { headers: world.actor.as, json });
    await owner("", { approved: false });
    for (let change = 0; change < 10; change += 1) await world.set("diary", `secret ${String(change)}`);
    return { world, peer, owner };
  }

  test("stays when approval is revoked while it goes out", async () => {
    const { world, peer, owner } = await waiting();
    duringThird(world, peer, async () => await owner("", { approved: false }));
    await owner("", { approved: true });
    for (let minute = 0; minute < 3; minute += 1) await world.pass(60_000);
    expect(peer.sequences()).toEqual([1, 2, 3]);
  });

  test("goes out without places that are hidden meanwhile", async () => {
    const { world, peer, owner } = await waiting();
    const hide = { properties: { excluded_patterns: ["diary"] } };
    duringThird(world, peer, async () => await owner("/permissions", hide));
    await owner("", { approved: true });
    await world.pass(60_000);
    expect(peer.sequences()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(peer.seen.slice(3).map(({ body }) => body["data"])).toEqual(Array.from({ length: 7 }, () => ({})));
  });
});

describe("a number that waits for a slow reading of the log", () => {
  /** Number 1 goes out after a pause; `meanwhile` happens at another instance while its record is read, for 2 s. */
  async function slowly(meanwhile: JsonObject, path = "") {
    const world = await DeliveryWorld.begin();
    const subscribed = await world.subscriber("p");
    const { peer } = subscribed;
    const other = world.instance();
    peer.mood = () => later(503, "20");
    await world.set("diary", "secret");
    peer.mood = 200;
    const query = world.table.query.bind(world.table);
    let slow = true;
    world.table.query = async (range) => {
      const page = await query(range);
      if (!slow || range.pk !== recordPartition(world.actor.id)) return page;
      if ((await world.head(subscribed)).lease === undefined) return page;
      slow = false;
      const at = `${world.actor.root}/trust/friend/p${path}`;
      const { status } = await other.ask("PUT", at, { headers: world.actor.as, json: meanwhile });
      expect(status).toBeLessThan(300);
      world.host.now += 2_000;
      return page;
    };
    await world.pass(25_000);
    expect(slow).toBe(false);
    return { world, peer };
  }

  test("is not sent when the approval ends meanwhile", async () => {
    const { peer } = await slowly({ approved: false });
    expect(peer.sequences()).toEqual([1]);
  });

  test("is rendered again when the permissions change meanwhile", async () => {
    const { world, peer } = await slowly({ properties: { excluded_patterns: ["diary"] } }, "/permissions");
    for (let minute = 0; minute < 2; minute += 1) await world.pass(60_000);
    expect(peer.seen.map(({ body }) => body["data"])).toEqual([{ diary: "secret" }, {}]);
  });
});
