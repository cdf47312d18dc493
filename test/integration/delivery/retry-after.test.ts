/** A peer that answers a callback with `Retry-After`: nothing goes to it before then, and nothing is left out. */
import { describe, expect, test, vi } from "vitest";
import { readBreaker } from "../../../lib/publishing/delivery/breaker-store.ts";
import { breakerKey } from "../../../lib/dynamodb/keys/publishing.ts";
import type { JsonObject } from "../../../lib/system/ports.ts";
import { OneFault } from "../../support/faulty-table.ts";
import { DeliveryWorld, later, type Peer, type Subscribed } from "./delivery-world.ts";

const MINUTE = 60_000;
const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);

/** A world whose one peer has refused the first number until later. */
async function refused(retryAfter = "30", status = 429, environment: Record<string, string> = {}) {
  const world = await DeliveryWorld.begin({ environment });
  const subscribed = await world.subscriber("p1");
  subscribed.peer.mood = () => later(status, retryAfter);
  await world.set("n", 1);
  expect(subscribed.peer.sequences()).toEqual([1]);
  subscribed.peer.seen.length = 0;
  subscribed.peer.mood = 200;
  return { world, subscribed, peer: subscribed.peer };
}

async function pausedUntil(world: DeliveryWorld, peer: Peer): Promise<number | undefined> {
  const item = await world.trust(peer);
  return item === undefined ? undefined : readBreaker(item).pausedUntil;
}

async function isClean(world: DeliveryWorld, { peer, ...subscribed }: Subscribed): Promise<void> {
  expect(await world.head({ peer, ...subscribed })).not.toHaveProperty("leaseToken");
  expect(await pausedUntil(world, peer)).toBeUndefined();
  expect(await world.table.get(breakerKey(world.actor.id, peer.id))).toBeUndefined();
}

describe("a peer that answers with Retry-After", () => {
  test.each([
    ["429, seconds", 429, "30", 30],
    ["503, a date", 503, "Thu, 01 Jan 2026 00:00:30 GMT", 30],
    ["500, which is no reason not to", 500, "30", 30],
    ["a redirect", 302, "30", 30],
    ["0, which is a second", 429, "0", 1],
    ["a date that is past", 429, "Wed, 31 Dec 2025 00:00:00 GMT", 1],
    ["more than an hour, of which an hour counts", 429, "7200", 3_600],
  ])(
    "gets the refused number then, by a message, and after it the numbers made meanwhile: %s",
    async (_, status, text, seconds) => {
      const { world, subscribed, peer } = await refused(text, status);
      await world.set("n", 2);
      await world.set("n", 3);
      world.host.now += seconds * 1_000 - 1;
      await world.host.arriveMessages();
      await world.set("n", 4);
      expect(peer.sequences()).toEqual([]);
      world.host.now += 1;
      await world.host.arriveMessages();
      expect(peer.sequences()).toEqual([1, 2, 3, 4]);
      await world.set("n", 5);
      expect(peer.sequences()).toEqual([1, 2, 3, 4, 5]);
      await isClean(world, subscribed);
    },
  );

  test("gets it by the sweep alone", async () => {
    const { world, subscribed, peer } = await refused();
    await world.set("n", 2);
    world.host.messages.length = 0;
    world.host.now += 29_999;
    await world.host.sweep();
    expect(peer.sequences()).toEqual([]);
    world.host.now += 1;
    await world.host.sweep();
    expect(peer.sequences()).toEqual([1, 2]);
    await isClean(world, subscribed);
  });

  test("gets the refused number before a change that is made when the time is over", async () => {
    const { world, peer } = await refused();
    world.host.messages.length = 0;
    world.host.now += 30_000;
    await world.set("n", 2);
    expect(peer.sequences()).toEqual([1, 2]);
    expect(world.results.at(-1)).toMatchObject({ totalCount: 1, successCount: 1 });
  });

  test("is sent nothing by other instances either, nor by the maintenance, nor for its other subscriptions", async () => {
    const world = await DeliveryWorld.begin();
    const peer = await world.peer("p1");
    const [a, b] = [
      await world.subscribe(peer, { target: "properties", subtarget: "a" }),
      await world.subscribe(peer, { target: "properties", subtarget: "b" }),
    ];
    peer.mood = () => later(429, "120");
    await world.set("b", 1);
    peer.seen.length = 0;
    peer.mood = 200;
    const other = world.instance();
    for (let second = 0; second < 119; second += 7) {
      other.now = world.host.now;
      await world.set("a", second, other);
      await world.set("b", second);
      world.host.now += 7_000;
      await world.pass(0);
      await other.sweep();
    }
    // 119 s have passed with the last round.
    expect(peer.sequences()).toEqual([]);
    await world.pass(1_000);
    expect(peer.seen.slice(0, 2).map(({ subscriptionId, sequence }) => [subscriptionId, sequence])).toEqual([
      [b.id, 1],
      [b.id, 2],
    ]);
    expect(peer.sequences(b.id)).toEqual(range(1, 18));
    expect(peer.sequences(a.id)).toEqual(range(1, 17));
  });

  test("delays none of the actor's other peers", async () => {
    const { world, peer } = await refused();
    const other = await world.subscriber("p2");
    await world.set("n", 2);
    expect(other.peer.sequences()).toEqual([1]);
    expect(peer.sequences()).toEqual([]);
  });

  test("gets one resync when more numbers wait than a replay sends", async () => {
    const { world, peer, subscribed } = await refused("30", 429, { BACKLOG_REPLAY_MAX: "3" });
    for (let n = 2; n <= 4; n += 1) await world.set("n", n);
    await world.pass(30_000);
    expect(peer.taken.map(({ body }) => body)).toMatchObject([{ sequence: 5, type: "resync" }]);
    await isClean(world, subscribed);
  });

  test("is asked again only after the later of two times", async () => {
    const world = await DeliveryWorld.begin();
    const peer = await world.peer("p1");
    await world.subscribe(peer, { target: "properties", subtarget: "a" });
    await world.subscribe(peer, { target: "properties", subtarget: "b" });
    const second = world.instance();
    // Both are under way when the first is answered.
    let answers = 0;
    peer.mood = async () => {
      const mine = (answers += 1);
      await vi.waitUntil(() => answers === 2);
      return later(503, mine === 1 ? "300" : "5");
    };
    await Promise.all([world.set("a", 1), world.set("b", 1, second)]);
    expect(await pausedUntil(world, peer)).toBe(world.host.now + 300_000);
    peer.seen.length = 0;
    peer.mood = 200;
    await world.pass(299_000);
    expect(peer.seen).toEqual([]);
    await world.pass(1_000);
    expect(peer.seen).toHaveLength(2);
  });

  test("that says so again and again gets each number once it takes it, in order", async () => {
    const { world, subscribed, peer } = await refused();
    await world.set("n", 2);
    await world.set("n", 3);
    let times = 0;
    peer.mood = () => ((times += 1) % 2 === 1 ? later(503, "20") : 200);
    for (let minute = 0; minute < 8; minute += 1) await world.pass(30_000);
    expect(peer.taken.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    await isClean(world, subscribed);
  });

  test("has a number that failed before, and was not put off, stay in its backlog alone", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1");
    peer.mood = 500;
    await world.set("n", 1);
    peer.mood = () => later(503, "10");
    await world.set("n", 2);
    peer.seen.length = 0;
    peer.mood = 200;
    await world.pass(MINUTE);
    expect(peer.sequences()).toEqual([2]);
  });

  test("is heeded by an immediate retry, too", async () => {
    const world = await DeliveryWorld.begin({ environment: { DELIVERY_RETRIES: "3" } });
    const { peer } = await world.subscriber("p1");
    let tries = 0;
    peer.mood = () => ((tries += 1) === 1 ? 500 : later(503, "10"));
    await world.set("n", 1);
    expect(peer.sequences()).toEqual([1, 1]);
    peer.mood = 200;
    await world.pass(10_000);
    expect(peer.sequences()).toEqual([1, 1, 1]);
  });
});

describe("the result of a fan-out during a pause", () => {
  test("is one failure with the seconds, and the waiting numbers are deferred", async () => {
    const world = await DeliveryWorld.begin();
    const peer = await world.peer("p1");
    for (const subtarget of ["a", "b", "c"]) await world.subscribe(peer, { target: "properties", subtarget });
    const change = async (json: JsonObject): Promise<void> => {
      await world.host.ask("POST", `${world.actor.root}/properties`, { headers: world.actor.as, json });
    };
    peer.mood = () => later(429, "7200");
    await change({ a: 1, b: 1 });
    const counts = (at: number) => {
      const { totalCount, successCount, failureCount, skippedCount, deferredCount } = world.results.at(at) ?? {};
      return [totalCount, successCount, failureCount, skippedCount, deferredCount];
    };
    const failures = world.results.at(-1)?.failures ?? [];
    expect(counts(-1)).toEqual([2, 0, 1, 0, 1]);
    expect(failures).toMatchObject([
      { peerId: "p1", statusCode: 429, error: "The peer answered 429.", retryAfter: 3_600 },
    ]);
    await change({ a: 2, b: 2, c: 2 });
    expect(counts(-1)).toEqual([3, 0, 0, 0, 3]);
    expect(peer.seen).toHaveLength(1);
  });
});

describe("a pause and the breaker", () => {
  test("a refusal with Retry-After is one failure of the peer, and causes no retries before then", async () => {
    const { world, peer } = await refused("30", 503);
    expect(await world.breaker(peer)).toEqual({
      state: "closed",
      failures: 1,
      pausedUntil: new Date(world.host.now + 30_000).toISOString(),
    });
    await world.pass(30_000);
    expect(await world.breaker(peer)).toEqual({ state: "closed", failures: 0 });
  });

  test("a 429 without Retry-After is a failure like another", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1");
    peer.mood = 429;
    await world.set("n", 1);
    peer.mood = 200;
    for (let minute = 0; minute < 5; minute += 1) await world.pass(MINUTE);
    await world.set("n", 2);
    expect(peer.sequences()).toEqual([1, 2]);
    expect(await world.breaker(peer)).toEqual({ state: "closed", failures: 0 });
  });

  test("the breaker opens at the fifth, and its try waits for the end of the pause", async () => {
    const world = await DeliveryWorld.begin();
    const subscribed = await world.subscriber("p1");
    const { peer } = subscribed;
    let times = 0;
    peer.mood = () => later(503, (times += 1) === 5 ? "600" : "1");
    await world.set("n", 1);
    for (let second = 0; second < 4; second += 1) await world.pass(1_000);
    expect(peer.sequences()).toEqual([1, 1, 1, 1, 1]);
    expect(await world.breaker(peer)).toMatchObject({ state: "open", failures: 5 });
    peer.seen.length = 0;
    peer.mood = 200;
    for (let minute = 0; minute < 9; minute += 1) {
      await world.pass(MINUTE);
      await world.set("n", minute + 2);
    }
    await world.pass(59_000);
    expect(peer.sequences()).toEqual([]);
    await world.pass(1_000);
    expect(peer.sequences()).toEqual(range(1, 10));
    expect(await world.breaker(peer)).toEqual({ state: "closed", failures: 0 });
    await isClean(world, subscribed);
  });

  test("a probe that is answered with Retry-After is one failure, and the next probe waits for pause and breaker", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1");
    peer.mood = 500;
    for (let n = 1; n <= 5; n += 1) await world.set("n", n);
    peer.seen.length = 0;
    peer.mood = () => later(503, "300");
    await world.pass(MINUTE);
    expect(peer.sequences()).toEqual([1]);
    peer.mood = 200;
    // The breaker itself would try after two minutes.
    for (let minute = 0; minute < 4; minute += 1) await world.pass(MINUTE);
    expect(peer.sequences()).toEqual([1]);
    await world.pass(MINUTE);
    expect(peer.sequences()).toEqual([1, 1, 2, 3, 4, 5]);
  });

  test("a replay that is answered with Retry-After continues with the refused number", async () => {
    const world = await DeliveryWorld.begin();
    const peer = await world.peer("p1");
    const [a, b] = [
      await world.subscribe(peer, { target: "properties", subtarget: "a" }),
      await world.subscribe(peer, { target: "properties", subtarget: "b" }),
    ];
    peer.mood = 500;
    for (let n = 1; n <= 3; n += 1) {
      await world.set("a", n);
      await world.set("b", n);
    }
    peer.seen.length = 0;
    peer.mood = ({ subscriptionId, sequence }) => (subscriptionId === b.id && sequence === 2 ? later(429, "40") : 200);
    await world.pass(MINUTE);
    expect(peer.seen.at(-1)).toMatchObject({ subscriptionId: b.id, sequence: 2 });
    peer.seen.length = 0;
    peer.mood = 200;
    await world.set("a", 4);
    await world.pass(39_000);
    expect(peer.sequences()).toEqual([]);
    await world.pass(1_000);
    expect(peer.seen[0]).toMatchObject({ subscriptionId: b.id, sequence: 2 });
    expect(peer.sequences(b.id)).toEqual([2, 3]);
    expect(peer.sequences(a.id)).toEqual([4]);
    expect(await world.trust(peer)).not.toHaveProperty("breakerReplay");
  });

  test("closing it by hand ends the pause", async () => {
    const { world, subscribed, peer } = await refused("3600");
    await world.set("n", 2);
    await world.host.ask("DELETE", `${world.actor.root}/peers/p1/breaker`, { headers: world.actor.as });
    await world.host.arriveMessages();
    expect(peer.sequences()).toEqual([1, 2]);
    await isClean(world, subscribed);
  });
});

test.each(["crash", "crash_after", "lost_answer", "throttle"] as const)(
  "a pause ends with every number delivered, whatever step its writer met a fault at: %s",
  async (effect) => {
    for (let at = 0, struck = true; struck; at += 1) {
      const world = await DeliveryWorld.begin();
      const subscribed = await world.subscriber("p1");
      const { peer } = subscribed;
      const fault = new OneFault(world.table, at, effect);
      peer.mood = () => later(429, "30");
      const failing = world.instance(fault.table);
      const changeAndSweep = async (): Promise<void> => {
        await world.set("n", 1, failing);
        peer.mood = 200;
        failing.now += 30_000;
        await failing.sweep();
      };
      await fault.during(changeAndSweep());
      struck = fault.struck;
      peer.mood = 200;
      for (let minute = 0; minute < 4; minute += 1) await world.pass(MINUTE);
      // The first record says who has subscribed, the second is the change, if it came about.
      const made = Number((await world.log())?.["newest"]) - 1;
      await world.set("n", 2);
      const expected = range(1, made + 1);
      expect([at, effect, [...new Set(peer.taken.map(({ sequence }) => sequence))]]).toEqual([at, effect, expected]);
      await isClean(world, subscribed);
    }
  },
);
