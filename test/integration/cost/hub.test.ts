/** The costs of public places and of the hub, for anyone who reads, subscribers, and actors without any. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { measure, type Cost, type Measurement } from "../../support/measured-table.ts";
import { startEmulatedTable, type EmulatedTable } from "../../support/emulated-table.ts";
import { HubWorld } from "../websub/hub-world.ts";
import { CostTable } from "./cost-table.ts";

const table = new CostTable();
let stored: EmulatedTable;
let measurement: Measurement;
let hub: HubWorld;

async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  measurement.reset();
  await work();
  return measurement.report();
}

beforeAll(async () => {
  stored = await startEmulatedTable();
  measurement = measure(stored.client);
  hub = await new HubWorld({ table: stored.table, environment: { TABLE_NAME: stored.tableName } }).open();
});
afterAll(async () => {
  table.print();
  await stored.close();
});

describe("a public place", () => {
  it("is read by anyone at the cost of an owner's read", async () => {
    const owner = await costOf(async () => await hub.owner("GET", "/properties/blog"));
    const anyone = await costOf(async () => {
      expect((await hub.world.ask("GET", hub.topic())).status).toBe(200);
    });
    table.check("public property read by anyone", anyone, { requests: owner.requests, readUnits: owner.readUnits });
    const refused = await costOf(async () => {
      expect((await hub.world.ask("GET", hub.topic("properties/secret"))).status).toBe(401);
    });
    table.check("a read by anyone that is refused", refused, { requests: 1, writeUnits: 0 });
  });

  it("costs a change no more while it has no subscription", async () => {
    const change = await costOf(async () => {
      await hub.put("blog", "second");
      await hub.work();
    });
    table.check("change of a public property, no subscription", change, { requests: 3, indexWriteUnits: 0 });
  });
});

describe("the hub", () => {
  it("takes and verifies a subscription, the first one of an actor too", async () => {
    const subscribe = { requests: 8, writeUnits: 12 };
    const first = await costOf(async () => await hub.subscribe());
    expect(await hub.counts()).toEqual({ subscriptions: 1, pending: 0 });
    table.check("WebSub subscribe, verified, the first", first, subscribe);
    const more = await costOf(async () => await hub.subscribe({ "hub.callback": "https://s.example/cb/2" }));
    table.check("WebSub subscribe, verified", more, subscribe);
    const renewed = await costOf(async () => await hub.subscribe());
    table.check("WebSub subscription renewed", renewed, { requests: 6, writeUnits: 2 });
  });

  it("distributes a change with two writes for each subscription", async () => {
    await hub.put("blog", "third");
    await hub.work();
    hub.got.splice(0);
    const change = await costOf(async () => {
      await hub.put("blog", "fourth");
      await hub.work();
    });
    expect(hub.bodies).toEqual(["fourth", "fourth"]);
    const without = 8;
    table.check("change of a topic, distributed to 2", change, { requests: 16, writeUnits: without + 2 + 2 * 2 });
  });
});
