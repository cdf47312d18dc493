/** What the service says of groups to those who listen to `$sys`. */
import { describe, expect, it } from "vitest";
import { listenerOfKey } from "../../../lib/dynamodb/keys/listeners.ts";
import { LOG_SK } from "../../../lib/dynamodb/keys/publishing.ts";
import type { Key } from "../../../lib/dynamodb/table.ts";
import { FaultyTable } from "../../support/faulty-table.ts";
import type { Answer } from "../../support/in-process.ts";
import { InterruptedTable } from "../../support/interrupted-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { WebhookWorld } from "../webhooks/webhook-world.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** A world with a group on properties, and a webhook that hears of the service itself. */
async function watched(settings: object = {}, options: object = {}) {
  const world = await WebhookWorld.begin(options);
  await world.webhook("ops", { url: world.receiver("ops.example"), topics: ["$sys.>"] });
  const json = { topics: ["properties.>"], ...settings };
  expect((await world.ask("PUT", "/groups/billing", { json })).status).toBe(201);
  const said = (): readonly any[] => world.received.map(({ event }) => [event.subject, event.data]);
  const fetched = async (): Promise<Answer> =>
    await world.ask("POST", "/groups/billing/fetch", { json: { consumer: "c1" } });
  const acked = async (lent: Answer, verdict: string): Promise<Answer> => {
    const items = lent.json.events.map(({ event: { position } }: any) => ({ position, verdict }));
    return await world.ask("POST", "/groups/billing/ack", { json: { token: lent.json.leases[0].token, items } });
  };
  const seen = async (): Promise<any> => (await world.ask("GET", "/groups/billing")).json;
  return { world, said, fetched, acked, seen };
}

describe("those who listen to $sys", () => {
  it("hear that a group has parked events, once until none is left", async () => {
    const { world, said, fetched, acked } = await watched();
    for (const name of ["a", "b"]) await world.put(name, 1);
    await acked(await fetched(), "park");
    await world.put("c", 1);
    await acked(await fetched(), "park");
    await world.pass(0);
    expect(said()).toEqual([["$sys.event.parked", { group: "billing", parked: 2 }]]);
    for (const { id } of (await world.ask("GET", "/parked?source=group:billing")).json.data) {
      await world.ask("POST", `/parked/${String(id)}`, { json: { action: "skip" } });
    }
    await world.put("d", 1);
    await acked(await fetched(), "park");
    await world.pass(0);
    expect(said().slice(1)).toEqual([["$sys.event.parked", { group: "billing", parked: 1 }]]);
  });

  it("hear that a group has stopped at an event", async () => {
    const { world, said, fetched, acked } = await watched({ maxAttempts: 1, onExhausted: "stop" });
    await world.put("a", 1);
    await acked(await fetched(), "retry");
    await world.pass(0);
    expect(said()).toEqual([["$sys.group.stopped", { group: "billing" }]]);
  });

  it("hear that a group lags which no consumer asks, and later that it was overtaken", async () => {
    const { world, said, seen } = await watched();
    await world.put("a", 1);
    for (let days = 0; days < 14; days += 1) await world.pass(DAY);
    expect(said()).toEqual([]);
    for (let days = 0; days < 10; days += 1) await world.pass(DAY);
    expect(said()).toEqual([["$sys.listener.lagging", { group: "billing" }]]);
    for (let days = 0; days < 10; days += 1) await world.pass(DAY);
    expect(said().slice(1)).toEqual([["$sys.listener.overtaken", { group: "billing" }]]);
    expect(await seen()).toMatchObject({ status: "stopped", stopped: { reason: "position_gone" } });
  });

  it("hear that a group lags whose consumers take nothing, once, and again after it has recovered", async () => {
    const { world, said, fetched, acked } = await watched({ maxAttempts: 20 });
    const lags = async (): Promise<void> => {
      await world.put("a", 1);
      for (let days = 0; days < 20; days += 1) {
        await world.pass(DAY);
        if (days % 2 === 0) await fetched();
      }
    };
    await lags();
    expect(said()).toEqual([["$sys.listener.lagging", { group: "billing" }]]);
    await world.pass(MINUTE);
    await acked(await fetched(), "ack");
    await lags();
    expect(said()).toEqual([
      ["$sys.listener.lagging", { group: "billing" }],
      ["$sys.listener.lagging", { group: "billing" }],
    ]);
  });

  it("hear nothing of a group that nothing concerns, and it is due no more", async () => {
    const { world, said, seen } = await watched({ topics: ["orders.>"] });
    await world.put("a", 1);
    for (let days = 0; days < 40; days += 1) {
      await world.pass(DAY);
      if (days % 5 === 0) await world.put("a", days);
    }
    expect(said()).toEqual([]);
    expect((await seen()).status).toBe("active");
    expect((await world.ask("POST", "/groups/billing/fetch", { json: { consumer: "c1" } })).status).toBe(204);
  });

  it("hear once what is to be said, although its transaction fails until the instance has died", async () => {
    let isBroken = false;
    const table = new FaultyTable(new MemoryTable(), (operation, keys) => {
      const isSaying = operation === "transact" && keys.some(({ sk }) => sk === LOG_SK);
      return isBroken && isSaying && keys.some((key) => listenerOfKey(key)?.kind === "group") ? "throttle" : "ok";
    });
    const { world, said, fetched, acked } = await watched({}, { table });
    await world.put("a", 1);
    const lent = await fetched();
    isBroken = true;
    expect((await acked(lent, "stop")).status).toBe(200);
    await world.pass(0);
    expect(said()).toEqual([]);
    isBroken = false;
    for (let minutes = 0; minutes < 5; minutes += 1) await world.pass(MINUTE);
    expect(said()).toEqual([["$sys.group.stopped", { group: "billing" }]]);
  });
});

it("a group that is drained while it is looked at for lag is deleted when its last lease ends", async () => {
  let looks = 0;
  const table = new InterruptedTable(new MemoryTable(), (operation, keys) => {
    if (operation !== "get" || listenerOfKey(keys[0] as Key)?.kind !== "group") return false;
    looks += 1;
    return looks === 2;
  });
  const { world, fetched } = await watched({ topics: ["orders.>"], leaseSeconds: 600 }, { table });
  await world.put("a", 1);
  await world.pass(DAY);
  world.whole.now += 15 * DAY;
  await world.ask("POST", "/events/orders.new", { json: { number: 1 } });
  expect((await fetched()).status).toBe(200);
  table.meanwhile(async () => {
    expect((await world.ask("DELETE", "/groups/billing?drainSeconds=0")).status).toBe(202);
  });
  await world.pass(0);
  expect(table.isWaiting, "nothing looked at it").toBe(false);
  await world.pass(11 * MINUTE);
  expect((await world.ask("GET", "/groups/billing")).status).toBe(404);
});

it("a group that is fetched from keeps its position, though few records ever concern it", async () => {
  const world = await WebhookWorld.begin();
  await world.ask("PUT", "/groups/billing", { json: { topics: ["orders.>"] } });
  for (let days = 0; days < 70; days += 1) {
    if (days % 7 === 0) await world.put("a", days);
    world.whole.now += DAY;
    const { status } = await world.ask("POST", "/groups/billing/fetch", { json: { consumer: "c1" } });
    expect(status, `day ${String(days)}`).toBe(204);
  }
});
