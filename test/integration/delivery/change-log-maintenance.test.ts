import { describe, expect, test, vi } from "vitest";
import { DeliveryBudget } from "../../../lib/engine/delivery-budget.ts";
import { inboundHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import type { Page, QueryRange } from "../../../lib/dynamodb/table.ts";
import { FaultyTable, OneFault, type Effect } from "../../support/faulty-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { DeliveryWorld, type Subscribed } from "./delivery-world.ts";

const MINUTE = 60_000;

/** The world's own instance, whose fan-outs have the request's time that `left` says. */
function withDeadline(world: DeliveryWorld, left: () => number): DeliveryWorld["host"] {
  const { fanOut } = world.host.service;
  const publish = fanOut.publish.bind(fanOut);
  fanOut.publish = async (commit) => await publish(commit, DeliveryBudget.ofRequest({ remaining: left }));
  return world.host;
}

/** Changes something with an instance to which `effect` happens at its operation `at`, the first one being 0. */
async function withFault(at: number, effect: Effect) {
  const world = await DeliveryWorld.begin();
  const subscribed: Subscribed[] = [];
  for (const name of ["p1", "p2", "p3"]) subscribed.push(await world.subscriber(name));
  await world.set("n", 0);
  const fault = new OneFault(world.table, at, effect);
  let status: number | undefined;
  const changing = async (): Promise<void> => {
    ({ status } = await world.set("n", 1, world.instance(fault.table)));
  };
  await fault.during(changing());
  return { world, subscribed, struck: fault.struck, status };
}

describe("the maintenance", () => {
  test.each(["crash", "crash_after", "lost_answer", "throttle", "repeat"] as const)(
    "finishes every change that is met by a fault: %s",
    async (effect) => {
      let at = 0;
      for (let struck = true; struck; at += 1) {
        const tried = await withFault(at, effect);
        struck = tried.struck;
        const { world, subscribed } = tried;
        for (let minute = 0; minute < 3; minute += 1) await world.pass(MINUTE);
        const stored = await world.host.ask("GET", `${world.actor.root}/properties/n`, { headers: world.actor.as });
        const newest = stored.json === 1 ? 2 : 1;
        for (const each of subscribed) {
          expect([at, effect, [...new Set(each.peer.sequences())]]).toEqual([
            at,
            effect,
            Array.from({ length: newest }, (_, index) => index + 1),
          ]);
          expect(await world.head(each)).not.toHaveProperty("leaseToken");
        }
      }
      expect(at).toBeGreaterThan(10);
    },
  );

  test("delivers the numbers that a request had no time for, each once and in order, after one message", async () => {
    const world = await DeliveryWorld.begin();
    const subscribed: Subscribed[] = [];
    for (let index = 0; index < 20; index += 1) subscribed.push(await world.subscriber(`p${String(index)}`));
    let left = 29_000;
    for (const { peer } of subscribed) {
      peer.mood = () => {
        left -= 1_500;
        return 200;
      };
    }
    world.host.messages.length = 0;
    await world.set(
      "n",
      1,
      withDeadline(world, () => left),
    );
    const result = world.results.at(-1);
    expect(result).toMatchObject({ totalCount: 20, failureCount: 0, skippedCount: 0 });
    expect(result?.deferredCount).toBeGreaterThan(5);
    expect(subscribed.filter(({ peer }) => peer.taken.length === 1)).toHaveLength(result?.successCount ?? 0);
    expect(left).toBeGreaterThan(5_000);
    expect(world.host.messages.filter(({ sk }) => sk === "LOG")).toHaveLength(1);
    await world.host.arriveMessages();
    for (const { peer } of subscribed) expect(peer.sequences()).toEqual([1]);
  });

  test("delivers the numbers that a peer missed while it was not approved", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1");
    const approve = async (approved: boolean): Promise<void> => {
      const json = { approved };
      await world.host.ask("PUT", `${world.actor.root}/trust/friend/p1`, { headers: world.actor.as, json });
    };
    await approve(false);
    await world.set("n", 1);
    await world.set("n", 2);
    await world.pass(MINUTE);
    expect(peer.sequences()).toEqual([]);
    await approve(true);
    await world.pass(0);
    expect(peer.sequences()).toEqual([1, 2]);
  });

  test("leaves nothing due once the delivered numbers have left", async () => {
    const world = await DeliveryWorld.begin();
    const subscribed = await world.subscriber("p1");
    await world.set("n", 1);
    expect(await world.log()).toHaveProperty("dueAt");
    await world.pass(MINUTE);
    expect((await world.log())?.["dueAt"]).toBe((await world.head(subscribed)).delivery.leaves[0]?.[1]);
    await world.pass(5 * MINUTE);
    expect(await world.log()).not.toHaveProperty("dueAt");
    const polled = await world.host.ask("GET", `${world.actor.root}/subscriptions/p1/${subscribed.id}`, {
      headers: { authorization: `Bearer ${subscribed.peer.secret}` },
    });
    expect(polled.json).toMatchObject({ sequence: 1, data: [] });
  });

  test("reads a log once for any number of heads, and continues in the next run when its time is over", async () => {
    let [queries, each] = [0, 0];
    class Reading extends MemoryTable {
      override async query(range: QueryRange): Promise<Page> {
        if (range.pk.startsWith("R#") && range.only === undefined) {
          queries += 1;
          world.host.now += each;
        }
        return await super.query(range);
      }
    }
    const table = new Reading();
    const world = await DeliveryWorld.begin({ table });
    await world.subscriber("busy", { target: "properties", subtarget: "big" });
    for (let n = 0; n < 20; n += 1)
      await world.subscriber(`p${String(n)}`, { target: "properties", subtarget: "quiet" });
    const pages = 6;
    const burst = async (): Promise<void> => {
      for (let n = 0; n < 90; n += 1) await world.set("big", String(n).padEnd(64 * 1_024, "x"));
      queries = 0;
    };
    await burst();
    await world.set("quiet", 1);
    expect(queries).toBeLessThanOrEqual(2 * pages);
    await burst();
    world.host.now += 31_000;
    await world.host.sweep();
    expect(queries).toBeLessThanOrEqual(pages + 2);
    // Six pages of 9 s: a run of 29 s reads two of them, and the next one continues there.
    await burst();
    each = 9_000;
    const done: number[] = [];
    for (let minute = 0; minute < 4; minute += 1) {
      const before = world.host.now;
      await world.pass(MINUTE);
      expect(world.host.now - before - MINUTE).toBeLessThan(29_000);
      done.push(Number((await world.log())?.["maintainedUpTo"]));
    }
    expect(queries).toBeLessThanOrEqual(pages + 4);
    expect(done.at(-1)).toBe((await world.log())?.["newest"]);
    expect((await world.log())?.["dueAt"]).not.toBeLessThan(world.host.now);
  });

  test("skips a subscriber far behind whose head cannot be written, and finishes the others", async () => {
    let broken = "";
    const table = new FaultyTable(new MemoryTable(), (operation, [key]) =>
      operation === "update" && key?.sk === broken ? "throttle" : "ok",
    );
    const world = await DeliveryWorld.begin({ table });
    const eve = await world.subscriber("eve", { target: "properties", subtarget: "other" });
    const bob = await world.subscriber("bob", { target: "properties", subtarget: "n" });
    broken = inboundHeadKey({ actorId: world.actor.id, peerId: "eve", id: eve.id }).sk;
    for (let n = 0; n < 120; n += 1) await world.set("more", n);
    // Its writer dies after the commit.
    const { fanOut } = world.host.service;
    const publish = fanOut.publish.bind(fanOut);
    fanOut.publish = () => new Promise(() => undefined);
    void world.set("n", 1);
    await vi.waitUntil(
      async () => (await world.head(bob)).state.cursor < Number((await world.log())?.["newest"]) - 120,
    );
    fanOut.publish = publish;
    await world.pass(MINUTE);
    expect(bob.peer.sequences()).toEqual([1]);
    const newest = (await world.log())?.["newest"];
    expect(await world.log()).toMatchObject({
      maintainedUpTo: newest,
      deletedUpTo: (await world.head(eve)).state.cursor,
    });
    expect(world.host.logged).toContainEqual(
      expect.objectContaining({ message: "a subscription cannot be advanced along its log" }),
    );
    broken = "";
    await world.pass(MINUTE);
    expect((await world.head(eve)).state.cursor).toBe(newest);
  });

  test("does not retry a number whose delivery failed", async () => {
    const world = await DeliveryWorld.begin();
    const { peer } = await world.subscriber("p1");
    peer.mood = 500;
    await world.set("n", 1);
    peer.mood = 200;
    for (let minute = 0; minute < 10; minute += 1) await world.pass(MINUTE);
    expect(peer.sequences()).toEqual([1]);
  });
});
