import { describe, expect, test } from "vitest";
import { MAX_RANGES } from "../../../lib/domain/log/delivery-state.ts";
import { recordPartition } from "../../../lib/dynamodb/keys/publishing.ts";
import { bearer } from "../../support/in-process.ts";
import { DeliveryWorld } from "./delivery-world.ts";

const DAY = 86_400_000;
const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);

/** Deletes records as TTL does, sooner or later. */
async function expire(world: DeliveryWorld): Promise<void> {
  const { items } = await world.table.query({ pk: recordPartition(world.actor.id), prefix: "" });
  await world.table.deleteMany(items.filter(({ ttl }) => Number(ttl) * 1_000 <= world.host.now));
}

describe("forty writes, eight in flight on three instances", () => {
  test("arrive as 1 to 40, each once and in order", async () => {
    const world = await DeliveryWorld.begin();
    const subscribed = await world.subscriber("p1");
    const hosts = [world.host, world.instance(), world.instance()];
    const waiting = range(1, 40);
    const write = async (): Promise<void> => {
      for (let n = waiting.shift(); n !== undefined; n = waiting.shift()) {
        expect((await world.set(`n${String(n % 5)}`, n, hosts[n % 3])).status).toBe(204);
      }
    };
    await Promise.all(Array.from({ length: 8 }, write));
    expect(subscribed.peer.sequences()).toEqual(range(1, 40));
    const head = await world.head(subscribed);
    expect(head).not.toHaveProperty("leaseToken");
    expect(head).toMatchObject({ state: { sequence: 40 }, delivery: { tried: 40, to: 40, ranges: [] } });
  });
});

describe("a peer that takes every other number", () => {
  test("gets a resync when its gaps are too many to store", async () => {
    const world = await DeliveryWorld.begin();
    const subscribed = await world.subscriber("p1");
    const most = 2 * MAX_RANGES + 2;
    subscribed.peer.mood = ({ sequence }) => (sequence % 2 === 0 || sequence > most ? 200 : 503);
    for (let newest = 0; newest < most; newest += 1) await world.set("n", newest);
    expect(subscribed.peer.taken.at(-1)?.body).toMatchObject({ type: "resync", url: `${world.actor.root}/properties` });
    const { delivery, state } = await world.head(subscribed);
    expect(delivery).toMatchObject({ to: state.sequence, ranges: [] });
  });
});

describe("a peer that was away for longer than changes are kept", () => {
  async function away(back: "before" | "after") {
    const world = await DeliveryWorld.begin({ environment: { DIFF_RETENTION_DAYS: "1" } });
    const subscribed = await world.subscriber("p1");
    subscribed.peer.mood = "refuses";
    await world.set("n", 1);
    await world.set("n", 2);
    if (back === "before") subscribed.peer.mood = 200;
    for (let hour = 0; hour < 26; hour += 1) {
      await world.pass(DAY / 24);
      await expire(world);
    }
    subscribed.peer.mood = 200;
    return { world, subscribed };
  }

  test("gets a resync, rather than a gap", async () => {
    const { world, subscribed } = await away("before");
    expect(subscribed.peer.taken.map(({ body }) => body)).toMatchObject([{ sequence: 3, type: "resync" }]);
    expect((await world.head(subscribed)).delivery).toMatchObject({ to: 3, ranges: [] });
  });

  test("finds the resync in the backlog when it missed that too", async () => {
    const { world, subscribed } = await away("after");
    await world.set("n", 3);
    expect(subscribed.peer.taken.map(({ sequence }) => sequence)).toEqual([4]);
    const polled = await world.host.ask("GET", `${world.actor.root}/subscriptions/p1/${subscribed.id}`, {
      headers: bearer(subscribed.peer.secret),
    });
    expect(polled.json).toMatchObject({ sequence: 4, data: [{ sequence: 3, type: "resync" }, { sequence: 4 }] });
  });
});
