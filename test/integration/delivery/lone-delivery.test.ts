/** A change whose request is alone: one update for each subscriber, after its callback. */
import { describe, expect, it } from "vitest";
import { leaseIsLive } from "../../../lib/dynamodb/lease.ts";
import { inboundOfKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { always, type Condition, type Item, type Table } from "../../../lib/dynamodb/table.ts";
import { headKey, type InboundHead } from "../../../lib/publishing/subscribers/inbound-head.ts";
import { CallbackWay } from "../../../lib/publishing/delivery/callback-way.ts";
import { DeliveryBudget } from "../../../lib/engine/delivery-budget.ts";
import { DeliverySession } from "../../../lib/publishing/delivery/delivery-session.ts";
import { TrustCache } from "../../../lib/publishing/delivery/trust-cache.ts";
import { bearer } from "../../support/in-process.ts";
import { FaultyTable, type Effect } from "../../support/faulty-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { breaking, without } from "../../support/simulation/sabotage.ts";
import { DeliveryWorld, later, type Subscribed, type MoodAnswer } from "./delivery-world.ts";

/** Longer than a delivery can take, ms. */
const QUIET_MS = 16_000;

/** One subscriber that has taken number 1, a while ago, and what is written of its head from then on. */
class Quiet {
  readonly world: DeliveryWorld;
  readonly subscribed: Subscribed;
  readonly memory: MemoryTable;
  updates = 0;
  /** Decides about the updates of the head. */
  effect: (update: number) => Effect = () => "ok";

  private constructor(world: DeliveryWorld, subscribed: Subscribed, memory: MemoryTable) {
    this.world = world;
    this.subscribed = subscribed;
    this.memory = memory;
  }

  static async begin(
    sabotage: (table: Table) => Table = (table) => table,
    environment: Record<string, string> = {},
  ): Promise<Quiet> {
    const memory = new MemoryTable();
    const begun: Quiet[] = [];
    const table = new FaultyTable(sabotage(memory), (operation, [key]) => {
      const [quiet] = begun;
      if (quiet === undefined || operation !== "update" || inboundOfKey(key?.sk ?? "") === undefined) return "ok";
      quiet.updates += 1;
      return quiet.effect(quiet.updates);
    });
    const world = await DeliveryWorld.begin({ table, environment });
    const subscribed = await world.subscriber("bob");
    await world.set("a", 1);
    world.host.now += QUIET_MS;
    const quiet = new Quiet(world, subscribed, memory);
    begun.push(quiet);
    return quiet;
  }

  /** The next change; `meanwhile` happens while its callback is under way. */
  async change(
    meanwhile: () => Promise<unknown> = () => Promise.resolve(),
    mood: number | MoodAnswer = 200,
  ): Promise<void> {
    const { peer } = this.subscribed;
    peer.mood = async () => {
      peer.mood = 200;
      await meanwhile();
      return mood;
    };
    this.world.results.length = 0;
    await this.world.set("a", this.world.host.now);
  }

  async head(): Promise<InboundHead> {
    return await this.world.head(this.subscribed);
  }

  async clear(sequence: number): Promise<void> {
    const { peer, id } = this.subscribed;
    const path = `${this.world.actor.root}/subscriptions/${peer.id}/${id}`;
    const answer = await this.world.host.ask("PUT", path, { headers: bearer(peer.secret), json: { sequence } });
    expect(answer.status).toBe(204);
  }

  get outcome() {
    const [{ successCount, failureCount, skippedCount, deferredCount } = { successCount: -1 }] = this.world.results;
    return { successCount, failureCount, skippedCount, deferredCount };
  }
}

const TAKEN = { successCount: 1, failureCount: 0, skippedCount: 0, deferredCount: 0 };

describe("a change that is alone", () => {
  it("is noted by one update, after its callback", async () => {
    const quiet = await Quiet.begin();
    const before = await quiet.head();
    await quiet.change(async () => {
      expect(await quiet.head()).toEqual(before);
    });
    expect(quiet.updates).toBe(1);
    expect(await quiet.head()).toMatchObject({
      version: before.version + 1,
      state: { sequence: 2 },
      delivery: { tried: 2, to: 2 },
    });
    expect(quiet.outcome).toEqual(TAKEN);
  });

  it("is followed by one that is not, which takes a lease", async () => {
    const quiet = await Quiet.begin();
    await quiet.change();
    quiet.world.host.now += 14_999;
    quiet.updates = 0;
    await quiet.change();
    expect(quiet.updates).toBe(2);
    expect(quiet.subscribed.peer.sequences()).toEqual([1, 2, 3]);
  });

  it("is not alone where the one before may still be repeated", async () => {
    const quiet = await Quiet.begin(undefined, { DELIVERY_RETRIES: "1" });
    await quiet.change();
    expect(quiet.updates).toBe(2);
    quiet.world.host.now += 35_001;
    await quiet.change();
    expect(quiet.updates).toBe(3);
  });

  it.each([
    [5_000, false],
    [5_001, true],
  ])("is delivered under a lease where its delivery begins late: after %i ms, %s", async (ms, isLeased) => {
    const world = await DeliveryWorld.begin({ environment: { MAX_CONCURRENT_DELIVERIES: "1" } });
    const [one, two] = [await world.subscriber("bob"), await world.subscriber("eve")];
    await world.set("a", 1);
    world.host.now += QUIET_MS;
    let first = true;
    const leased: boolean[] = [];
    for (const { peer } of [one, two]) {
      peer.mood = async () => {
        if (first) world.host.now += ms;
        else
          leased.push(...(await Promise.all([one, two].map(async (of) => (await world.head(of)).lease !== undefined))));
        first = false;
        return 200;
      };
    }
    await world.set("a", 2);
    expect(leased.includes(true)).toBe(isLeased);
    expect([...one.peer.sequences(), ...two.peer.sequences()]).toEqual([1, 2, 1, 2]);
  });

  it("is not delivered so to a subscription with an earlier number that was never tried", async () => {
    const quiet = await Quiet.begin();
    quiet.effect = () => "crash_after";
    void quiet.change();
    await expect.poll(() => quiet.updates).toBe(1);
    quiet.effect = () => "ok";
    quiet.world.host.now += QUIET_MS;
    // The instance died after it had sent number 2 and before the answer of its note came.
    await quiet.world.set("a", "again", quiet.world.instance());
    expect(quiet.subscribed.peer.sequences()).toEqual([1, 2, 3]);
  });

  it.each([
    ["it has asked for a pause", later(503, "600")],
    ["its breaker has opened", 500],
  ])("writes nothing for a peer when %s", async (_, mood) => {
    const quiet = await Quiet.begin();
    const times = mood === 500 ? 5 : 1;
    for (let n = 0; n < times; n += 1) {
      quiet.world.host.now += QUIET_MS;
      await quiet.change(undefined, mood);
    }
    const seen = quiet.subscribed.peer.seen.length;
    quiet.world.host.now += QUIET_MS;
    quiet.updates = 0;
    await quiet.world.set("a", "kept back");
    expect([quiet.updates, quiet.subscribed.peer.seen.length]).toEqual([0, seen]);
    expect(quiet.world.results.at(-1)).toMatchObject({ totalCount: 1, successCount: 0, failureCount: 0 });
  });

  it("writes nothing when the peer puts it off, and the number goes out after the pause", async () => {
    const quiet = await Quiet.begin();
    await quiet.change(undefined, later(503, "20"));
    expect([quiet.updates, (await quiet.head()).state.sequence]).toEqual([0, 1]);
    await quiet.world.pass(25_000);
    await quiet.world.pass(1_000);
    expect(quiet.subscribed.peer.sequences()).toEqual([1, 2, 2]);
    expect(await quiet.head()).toMatchObject({ delivery: { to: 2 } });
  });

  it("notes a refusal, and when it is tried again, by the same update", async () => {
    const quiet = await Quiet.begin();
    await quiet.change(undefined, 404);
    expect(quiet.updates).toBe(1);
    const head = await quiet.head();
    expect(head).toMatchObject({ state: { sequence: 2 }, delivery: { tried: 2, to: 1 }, refused: { status: 404 } });
    expect(head.dueAt).toBe(head.refused?.nextAt);
  });

  it.each(["ok", "lost_answer", "repeat"] as const)(
    "ends a subscription that its peer calls ended: %s",
    async (effect) => {
      const quiet = await Quiet.begin();
      quiet.effect = (update) => (update === 1 ? effect : "ok");
      await quiet.change(undefined, 410);
      await expect(quiet.head()).rejects.toThrow("no such subscription");
    },
  );
});

describe("a note that comes second", () => {
  it("finds the subscription gone, and says nothing", async () => {
    const quiet = await Quiet.begin();
    const { peer, id } = quiet.subscribed;
    await quiet.change(async () => {
      const path = `${quiet.world.actor.root}/subscriptions/${peer.id}/${id}`;
      expect((await quiet.world.host.ask("DELETE", path, { headers: bearer(peer.secret) })).status).toBe(204);
    });
    await expect(quiet.head()).rejects.toThrow("no such subscription");
  });

  /** A later subscription under the same id, as it is after another was noted in its place. */
  async function anotherLife(sabotage?: (table: Table) => Table): Promise<{ before: Item; after: Item | undefined }> {
    const quiet = await Quiet.begin(sabotage);
    const key = headKey(await quiet.head());
    const first: Item = { ...quiet.memory.itemAt(key), ...key };
    const before: Item = { ...first, createdAt: quiet.world.host.now };
    await quiet.change(async () => {
      await quiet.memory.put(before, always);
    });
    return { before, after: quiet.memory.itemAt(key) };
  }

  it("leaves another subscription of the same name alone", async () => {
    const { before, after } = await anotherLife();
    expect(after).toEqual(before);
  });

  it("would be seen in another subscription of the same name without the time of its creation", async () => {
    const isCreation = (part: Condition & { readonly name?: string }): boolean => part.name === "createdAt";
    const { before, after } = await anotherLife((table) => breaking(table, without(isCreation)));
    expect(after).not.toEqual(before);
  });

  it("writes nothing for a number that the peer has cleared", async () => {
    const quiet = await Quiet.begin();
    let cleared: InboundHead | undefined;
    await quiet.change(async () => {
      await quiet.clear(2);
      cleared = await quiet.head();
    });
    expect(cleared).toMatchObject({ state: { cleared: 2, sequence: 2 } });
    expect(await quiet.head()).toEqual(cleared);
    expect(quiet.outcome).toEqual(TAKEN);
  });

  it("leaves it to the holder of a live lease, and the number is sent again as it was", async () => {
    const quiet = await Quiet.begin();
    const { clock, config, cursors, changeLog } = quiet.world.host.service;
    const lease = { token: "t", until: clock.now() + 20_000, incarnation: config.incarnation, always: true };
    let leased: InboundHead | undefined;
    await quiet.change(async () => {
      const newest = (await changeLog.newest(quiet.world.actor.id)) - 1;
      leased = (await cursors.advance(await quiet.head(), { newest, lease }))?.head;
    });
    expect(leaseIsLive(leased?.lease, clock.now(), config.incarnation)).toBe(true);
    expect(await quiet.head()).toEqual(leased);
    expect(quiet.outcome).toEqual(TAKEN);
    await quiet.world.pass(40_000);
    const [, second, again, ...rest] = quiet.subscribed.peer.seen;
    expect(rest).toEqual([]);
    expect(again?.body).toEqual(second?.body);
    expect(await quiet.head()).toMatchObject({ delivery: { tried: 2, to: 2 } });
  });

  it("is added to what another has stored, when the number is of the same record", async () => {
    const quiet = await Quiet.begin();
    const before = await quiet.head();
    await quiet.change(async () => {
      await quiet.clear(1);
    });
    expect(await quiet.head()).toMatchObject({
      version: before.version + 2,
      state: { cleared: 1, sequence: 2 },
      delivery: { to: 2 },
    });
    await quiet.world.pass(60_000);
    expect(quiet.subscribed.peer.sequences()).toEqual([1, 2]);
  });

  it.each(["lost_answer", "repeat", "throttle"] as const)(
    "is written once when its update meets: %s",
    async (effect) => {
      const quiet = await Quiet.begin();
      quiet.effect = (update) => (update === 1 ? effect : "ok");
      const { version } = await quiet.head();
      await quiet.change();
      expect(await quiet.head()).toMatchObject({ version: version + 1, delivery: { to: 2 } });
      expect(quiet.outcome).toEqual(TAKEN);
      await quiet.world.pass(60_000);
      expect(quiet.subscribed.peer.sequences()).toEqual([1, 2]);
    },
  );

  it("that never comes has the maintenance send the number again, with the same content", async () => {
    const quiet = await Quiet.begin();
    quiet.effect = () => "crash";
    void quiet.change();
    await expect.poll(() => quiet.updates).toBe(1);
    quiet.effect = () => "ok";
    const other = quiet.world.instance();
    other.now = quiet.world.host.now + 40_000;
    await other.sweep();
    const [, second, again] = quiet.subscribed.peer.seen;
    expect(again?.body).toEqual(second?.body);
    expect(await quiet.head()).toMatchObject({ delivery: { tried: 2, to: 2 } });
  });
});

it("keeps what was noted without a lease when the holder of one that is over notes its own", async () => {
  const quiet = await Quiet.begin();
  const { clock, config, cursors, changeLog } = quiet.world.host.service;
  const newest = await changeLog.newest(quiet.world.actor.id);
  const lease = { token: "t", until: clock.now() + 1_000, incarnation: config.incarnation, always: true };
  const leased = await cursors.advance(await quiet.head(), { newest, lease });
  expect(leased?.leased).toBe(true);
  quiet.world.host.now += QUIET_MS;
  await quiet.change();
  expect(await quiet.head()).toMatchObject({ lease: { token: "t" }, delivery: { to: 2 } });
  const { service } = quiet.world.host;
  const trust = await service.trusts.get(quiet.world.actor.id, "bob");
  if (trust === undefined || leased === undefined) throw new Error("there is nothing to deliver");
  const nothing = {
    way: new CallbackWay({
      ...service,
      http: { send: () => Promise.reject(new Error("nothing is sent")) },
      ...{ gzip: false, rootOf: (id: string) => id, plainFromNow: () => Promise.resolve() },
    }),
    sleep: () => Promise.resolve(),
  };
  const notes = { ended: () => Promise.resolve(), wakeHead: () => Promise.resolve(), random: () => 0 };
  const limits = { retries: 0, timeoutMs: 1_000, refusalMs: 1_000, keepMs: 1_000, replayMax: 100 };
  const session = new DeliverySession(
    { ...service, ...nothing, ...notes, ...limits, trustCache: new TrustCache(service) },
    { head: leased.head, token: "t", trust, time: DeliveryBudget.from(clock), records: changeLog, everything: true },
  );
  await session.end();
  const after = await quiet.head();
  expect([after.lease, after.delivery.to]).toEqual([undefined, 2]);
});
