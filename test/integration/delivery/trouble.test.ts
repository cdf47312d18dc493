/** Deliveries when the table fails at one place, or a peer at every other callback. */
import { expect, test } from "vitest";
import { NO_FAN_OUT } from "../../../lib/engine/fan-out-result.ts";
import { inboundHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { FaultyTable } from "../../support/faulty-table.ts";
import { bearer } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { DeliveryWorld } from "./delivery-world.ts";

const MINUTE = 60_000;

test("a head that cannot be written causes no growing work, and delays no other subscriber", async () => {
  let broken = "";
  const table = new FaultyTable(new MemoryTable(), (operation, [key]) =>
    operation === "update" && key?.sk === broken ? "throttle" : "ok",
  );
  const world = await DeliveryWorld.begin({ table });
  const eve = await world.subscriber("eve");
  const bob = await world.subscriber("bob");
  broken = inboundHeadKey({ actorId: world.actor.id, peerId: "eve", id: eve.id }).sk;
  await world.set("n", 1);
  for (let minute = 0; minute < 5; minute += 1) await world.pass(MINUTE);
  const counts: number[] = [];
  const { maintenance } = world.host.service;
  const runMaintenance = maintenance.runDue.bind(maintenance);
  let runs = 0;
  maintenance.runDue = async (...given) => {
    runs += 1;
    await runMaintenance(...given);
  };
  for (let minute = 0; minute < 4; minute += 1) {
    runs = 0;
    for (let step = 0; step < 12; step += 1) {
      world.host.now += 5_000;
      await world.host.arriveMessages();
    }
    await world.host.sweep();
    counts.push(runs);
  }
  expect(Math.max(...counts)).toBeLessThanOrEqual(1);
  // A change whose writer dies after the commit is the maintenance's.
  world.host.service.fanOut.publish = () => new Promise(() => undefined);
  const newest = Number((await world.log())?.["newest"]);
  void world.set("n", 2);
  await expect.poll(async () => (await world.log())?.["newest"]).toBe(newest + 1);
  for (let minute = 0; minute < 3; minute += 1) await world.pass(MINUTE);
  expect(bob.peer.sequences()).toEqual([1, 2]);
  broken = "";
  for (let minute = 0; minute < 3; minute += 1) await world.pass(MINUTE);
  expect(eve.peer.sequences()).toEqual([1, 2]);
});

test("a peer that takes every other number gets a resync before a head has too many gaps", async () => {
  const world = await DeliveryWorld.begin();
  const bob = await world.subscriber("bob");
  const approve = async (approved: boolean) =>
    await world.host.ask("PUT", `${world.actor.root}/trust/friend/bob`, {
      headers: world.actor.as,
      json: { approved },
    });
  await approve(false);
  for (let change = 0; change < 130; change += 1) await world.set("a", change);
  let callbacks = 0;
  bob.peer.mood = () => (callbacks++ % 2 === 1 ? 200 : 500);
  await approve(true);
  for (let minute = 0; minute < 3; minute += 1) await world.pass(MINUTE);
  expect((await world.head(bob)).delivery.ranges.length).toBeLessThanOrEqual(50);
  expect(bob.peer.seen.some(({ body }) => body["type"] === "resync")).toBe(true);
});

test("a change is answered although its subscribers cannot be found, and its callbacks follow a little later", async () => {
  let broken = true;
  const world = await DeliveryWorld.begin();
  const bob = await world.subscriber("bob", { target: "resources" });
  const failing = world.instance(
    new FaultyTable(world.table, (operation, [key]) =>
      broken && operation === "query" && key?.pk.startsWith("S#") ? "throttle" : "ok",
    ),
  );
  const { subscriptions } = failing.service.actorOf(world.actor.id);
  const result = await subscriptions.notifySubscribers({ target: "resources", data: { a: 1 } });
  expect(result).toMatchObject({ totalCount: 1, deferredCount: 1, successCount: 0 });
  await world.host.ask("POST", `${world.actor.root}/suspensions`, {
    headers: world.actor.as,
    json: { target: "resources" },
  });
  const resumed = await failing.ask("DELETE", `${world.actor.root}/suspensions/resources`, {
    headers: world.actor.as,
  });
  expect(resumed.status).toBe(200);
  broken = false;
  failing.now += MINUTE;
  await failing.arriveMessages();
  expect(bob.peer.sequences()).toEqual([1, 2]);
});

test("a number is not sent again because its failure could not be counted", async () => {
  let broken = false;
  const table = new FaultyTable(new MemoryTable(), (operation, [key]) =>
    broken && operation === "update" && key?.sk.startsWith("TRUST#") ? "throttle" : "ok",
  );
  const world = await DeliveryWorld.begin({ table });
  const bob = await world.subscriber("bob");
  bob.peer.mood = 500;
  broken = true;
  expect((await world.set("x", 1)).status).toBe(204);
  broken = false;
  const head = await world.head(bob);
  expect(head.delivery.tried).toBe(1);
  expect(head).not.toHaveProperty("leaseToken");
  bob.peer.mood = 200;
  for (let minute = 0; minute < 3; minute += 1) await world.pass(MINUTE);
  expect(bob.peer.sequences()).toEqual([1]);
  const poll = await world.host.ask("GET", `${world.actor.root}/subscriptions/bob/${bob.id}`, {
    headers: bearer(bob.peer.secret),
  });
  expect(poll.json).toMatchObject({ sequence: 1, data: [{ sequence: 1 }] });
});

test("a slow peer with a long backlog gets its time slice in the sweep, and the rest waits behind the due work of others", async () => {
  const world = await DeliveryWorld.begin();
  const slow = await world.subscriber("slow");
  world.host.service.fanOut.publish = () => Promise.resolve(NO_FAN_OUT);
  for (let change = 0; change < 30; change += 1) await world.set("n", change);
  slow.peer.mood = () => {
    world.host.now += 9_900;
    return 200;
  };
  world.host.now += MINUTE;
  await world.host.sweep();
  expect(slow.peer.seen.length).toBeLessThanOrEqual(2);
  expect(slow.peer.taken.length).toBe(slow.peer.seen.length);
  expect(Number((await world.log())?.["dueAt"])).toBeGreaterThan(world.host.now);
  for (let message = 0; message < 30; message += 1) await world.host.arriveMessages();
  expect(slow.peer.sequences()).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
});
