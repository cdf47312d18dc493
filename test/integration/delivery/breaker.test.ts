import { describe, expect, test, vi } from "vitest";
import { breakerState } from "../../../lib/domain/policy/breaker.ts";
import { withoutCleared, undelivered } from "../../../lib/domain/log/delivery-state.ts";
import { readBreaker } from "../../../lib/publishing/delivery/breaker-store.ts";
import { breakerKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { OneFault } from "../../support/faulty-table.ts";
import { bearer } from "../../support/in-process.ts";
import { DeliveryWorld, type Peer } from "./delivery-world.ts";

async function stateOf(world: DeliveryWorld, peer: Peer) {
  const item = await world.trust(peer);
  return item === undefined ? undefined : breakerState(readBreaker(item), world.host.now);
}

/** A world whose one peer has failed as often as it takes. */
async function opened(environment: Record<string, string> = {}) {
  const world = await DeliveryWorld.begin({ environment });
  const subscribed = await world.subscriber("p1");
  subscribed.peer.mood = 503;
  for (let n = 1; n <= 5; n += 1) await world.set("n", n);
  return { world, subscribed, peer: subscribed.peer };
}

describe("a breaker", () => {
  test("opens at the fifth failure in a row, and nothing is sent while it is open", async () => {
    const { world, peer } = await opened();
    expect(peer.sequences()).toEqual([1, 2, 3, 4, 5]);
    expect(await stateOf(world, peer)).toBe("open");
    await world.set("n", 6);
    expect(peer.sequences()).toEqual([1, 2, 3, 4, 5]);
    expect(world.results.at(-1)).toMatchObject({ totalCount: 1, skippedCount: 1 });
  });

  test("that a quiet change tries for one subscription has sent it to the others of the peer already", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1");
    await world.subscribe(peer, { target: "properties", subtarget: "n" });
    peer.mood = 503;
    for (let n = 1; n <= 5; n += 1) await world.set("n", n);
    expect(await stateOf(world, peer)).toBe("open");
    peer.mood = 200;
    peer.seen.length = 0;
    world.host.now += 60_000;
    await world.set("n", 6);
    expect(peer.sequences()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await stateOf(world, peer)).toBe("closed");
  });

  test("counts only failures in a row", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1");
    for (let round = 0; round < 3; round += 1) {
      peer.mood = 503;
      for (let n = 1; n <= 4; n += 1) await world.set("n", n);
      peer.mood = 200;
      await world.set("n", 0);
    }
    expect(await stateOf(world, peer)).toBe("closed");
    expect(peer.seen).toHaveLength(15);
  });

  test("lets one delivery try when its time has come, and then the backlog goes out in order", async () => {
    const { world, peer } = await opened();
    await world.set("n", 6);
    peer.mood = 200;
    peer.seen.length = 0;
    await world.pass(59_000);
    expect(peer.seen).toEqual([]);
    await world.pass(1_000);
    expect(peer.sequences()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await stateOf(world, peer)).toBe("closed");
    expect(await world.table.get(breakerKey(world.actor.id, peer.id))).toBeUndefined();
    expect(await world.trust(peer)).not.toHaveProperty("breakerReplay");
    await world.set("n", 7);
    expect(peer.sequences()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test("is not probed while its peer is not approved, and sends what was missed once it is again", async () => {
    const { world, peer } = await opened();
    const approve = async (approved: boolean): Promise<void> => {
      const json = { approved };
      await world.host.ask("PUT", `${world.actor.root}/trust/friend/p1`, { headers: world.actor.as, json });
    };
    await approve(false);
    peer.mood = 200;
    peer.seen.length = 0;
    for (let minute = 0; minute < 5; minute += 1) await world.pass(60_000);
    expect(peer.sequences()).toEqual([]);
    await approve(true);
    for (let minute = 0; minute < 10; minute += 1) await world.pass(60_000);
    expect(peer.sequences()).toEqual([1, 2, 3, 4, 5]);
    expect(await stateOf(world, peer)).toBe("closed");
  });

  test("stays open for a holder that knew it closed: its success does not close it", async () => {
    const { world, peer } = await opened();
    const item = await world.trust(peer);
    const of = { actorId: world.actor.id, peerId: peer.id, secret: String(item?.["secret"]) };
    await world.host.service.breakers.answered(of, { failures: 4 });
    expect(await world.trust(peer)).toEqual(item);
    expect(await stateOf(world, peer)).toBe("open");
  });

  test("is found by the sweep alone", async () => {
    const { world, peer } = await opened();
    world.host.messages.length = 0;
    peer.mood = 200;
    peer.seen.length = 0;
    await world.pass(60_000);
    expect(peer.sequences()).toEqual([1, 2, 3, 4, 5]);
  });

  test("stays open twice as long after each try that fails, up to a quarter of an hour", async () => {
    const { world, peer } = await opened();
    const cooldowns: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      peer.seen.length = 0;
      const { openUntil = 0 } = readBreaker((await world.trust(peer)) ?? { pk: "", sk: "" });
      cooldowns.push((openUntil - world.host.now) / 60_000);
      await world.pass(openUntil - world.host.now);
      expect(peer.sequences()).toEqual([1]);
    }
    expect(cooldowns).toEqual([1, 2, 4, 8, 15, 15]);
  });

  test("lets one probe run in the whole deployment", async () => {
    const { world, peer } = await opened();
    const others = [world.instance(), world.instance(), world.instance()];
    peer.seen.length = 0;
    peer.mood = "hangs";
    for (const host of [world.host, ...others]) host.now += 60_000;
    const work = [
      world.host.sweep(),
      ...others.map((other) => other.sweep()),
      ...others.map((other, n) => world.set("n", n + 10, other)),
    ];
    await vi.waitUntil(() => peer.seen.length > 0);
    expect(await stateOf(world, peer)).toBe("half_open");
    await Promise.all(work.slice(4));
    expect(peer.seen).toHaveLength(1);
    peer.mood = 200;
    peer.letGo();
    await Promise.all(work);
    expect(peer.sequences()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("lets another instance probe when the probing one has died", async () => {
    const { world, peer } = await opened();
    const dead = world.instance();
    peer.seen.length = 0;
    peer.mood = "hangs";
    dead.now += 60_000;
    void dead.sweep();
    await vi.waitUntil(() => peer.seen.length === 1);
    peer.mood = 200;
    await world.pass(60_000);
    expect(peer.seen).toHaveLength(1);
    // The dead one's lease and its try have run out by then.
    await world.pass(60_000);
    await world.pass(60_000);
    expect(peer.sequences().slice(1)).toEqual([1, 2, 3, 4, 5]);
  });

  test("replaces the missed numbers by one resync when they are too many", async () => {
    const { world, peer } = await opened({ BACKLOG_REPLAY_MAX: "5" });
    await world.set("n", 6);
    await world.set("n", 7);
    peer.mood = 200;
    peer.seen.length = 0;
    await world.pass(60_000);
    expect(peer.taken.at(-1)?.body).toMatchObject({ type: "resync", sequence: 8 });
    expect(peer.seen.length).toBeLessThanOrEqual(2);
    expect(await stateOf(world, peer)).toBe("closed");
  });

  test("delivers the missed numbers at once when it is closed by hand", async () => {
    const { world, peer } = await opened();
    peer.mood = 200;
    peer.seen.length = 0;
    await world.host.service.breakers.reset({ actorId: world.actor.id, peerId: peer.id, secret: peer.secret });
    expect(await stateOf(world, peer)).toBe("closed");
    await world.host.arriveMessages();
    expect(peer.sequences()).toEqual([1, 2, 3, 4, 5]);
  });

  test("replays every subscription of the peer", async () => {
    const { world, peer, subscribed } = await opened();
    const other = await world.subscribe(peer, { target: "properties", subtarget: "size" });
    await world.set("size", 3);
    await world.set("n", 6);
    peer.mood = 200;
    peer.seen.length = 0;
    await world.pass(60_000);
    expect(peer.sequences(subscribed.id)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(peer.sequences(other.id)).toEqual([1]);
  });

  test("replays what was committed while it tried, although that writer died", async () => {
    const { world, peer } = await opened();
    const { fanOut } = world.host.service;
    const publish = fanOut.publish.bind(fanOut);
    const newest = async (): Promise<number> => Number((await world.log())?.["newest"]);
    peer.seen.length = 0;
    peer.mood = async ({ sequence }) => {
      if (sequence > 1) return 200;
      const before = await newest();
      fanOut.publish = () => new Promise(() => undefined);
      void world.set("n", 6);
      await vi.waitUntil(async () => (await newest()) > before);
      fanOut.publish = publish;
      return 200;
    };
    world.host.now += 60_000;
    await world.host.service.runDue(breakerKey(world.actor.id, peer.id), { remaining: () => 60_000 });
    expect(peer.sequences()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await world.trust(peer)).not.toHaveProperty("breakerReplay");
  });

  test("opens again when the peer fails five times during the replay", async () => {
    const { world, peer } = await opened();
    for (let n = 6; n <= 10; n += 1) await world.set("n", n);
    peer.seen.length = 0;
    peer.mood = ({ sequence }) => (sequence <= 3 ? 200 : 503);
    await world.pass(60_000);
    expect(peer.sequences()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await stateOf(world, peer)).toBe("open");
    peer.mood = 200;
    peer.seen.length = 0;
    await world.pass(60_000);
    expect(peer.sequences()).toEqual([4, 5, 6, 7, 8, 9, 10]);
  });

  test.each(["crash", "crash_after", "lost_answer"] as const)(
    "closes although the instance that probes meets a fault at any step: %s",
    async (effect) => {
      for (let at = 0, struck = true; struck; at += 1) {
        const { world, peer } = await opened();
        await world.set("n", 6);
        peer.mood = 200;
        peer.seen.length = 0;
        const fault = new OneFault(world.table, at, effect);
        const failing = world.instance(fault.table);
        failing.now = world.host.now + 60_000;
        await fault.during(failing.sweep());
        struck = fault.struck;
        for (let minute = 0; minute < 6; minute += 1) await world.pass(60_000);
        expect([at, [...new Set(peer.sequences())]]).toEqual([at, [1, 2, 3, 4, 5, 6]]);
        expect(await stateOf(world, peer)).toBe("closed");
        expect(await world.trust(peer)).not.toHaveProperty("breakerReplay");
        expect(await world.table.get(breakerKey(world.actor.id, peer.id))).toBeUndefined();
      }
    },
  );

  test.each(["crash", "crash_after", "lost_answer", "throttle"] as const)(
    "closes although there was no number to probe with, and a change that probes meets a fault at any step: %s",
    async (effect) => {
      for (let at = 0, struck = true; struck; at += 1) {
        const { world, subscribed, peer } = await opened();
        const { id } = subscribed;
        await world.host.ask("PUT", `${world.actor.root}/subscriptions/${peer.id}/${id}`, {
          headers: bearer(peer.secret),
          json: { sequence: 5 },
        });
        await world.pass(60_000);
        expect(await world.table.get(breakerKey(world.actor.id, peer.id))).toBeUndefined();
        peer.mood = 200;
        peer.seen.length = 0;
        const fault = new OneFault(world.table, at, effect);
        const failing = world.instance(fault.table);
        failing.now = world.host.now;
        await fault.during(world.set("n", 6, failing));
        struck = fault.struck;
        // The sweep comes while the attempt that broke off still counts.
        fault.end();
        await world.pass(5_000, failing);
        for (let minute = 0; minute < 6; minute += 1) await world.pass(60_000);
        const { state, delivery } = await world.head(subscribed);
        expect([at, undelivered(withoutCleared(delivery, state.cleared), state.sequence)]).toEqual([at, []]);
        expect(new Set(peer.sequences())).toEqual(new Set(state.sequence > 5 ? [6] : []));
        expect(await world.table.get(breakerKey(world.actor.id, peer.id))).toBeUndefined();
      }
    },
  );
});
