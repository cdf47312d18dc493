import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CostTable } from "./cost-table.ts";
import { PublishingCosts } from "./publishing-world.ts";

let world: PublishingCosts;
const runs: string[] = [];
const table = new CostTable();

beforeAll(async () => {
  world = await PublishingCosts.start((app) => {
    app.eventHook({ id: "one", pattern: "properties.one" }, () => void runs.push("one"));
    for (const id of ["a", "b", "c"]) app.eventHook({ id, pattern: "properties.three" }, () => void runs.push(id));
  });
});
afterAll(async () => {
  table.print();
  await world.close();
});

async function change(actorId: string, name: string, json: number): Promise<void> {
  const reply = await world.owner("PUT /{actorId}/properties/{name}", actorId, { json, params: { name } });
  expect(reply.status).toBe(204);
}

describe("event hooks", () => {
  it.each([
    ["one", ["one"]],
    ["three", ["a", "b", "c"]],
  ])("that hear a change add two requests and two write units, however many they are: %s", async (name, expected) => {
    const { actorId } = await world.actor(0);
    await change(actorId, "other", 1);
    const without = await world.costOf(async () => await change(actorId, "other", 2));
    await change(actorId, name, 1);
    runs.length = 0;
    const cost = await world.costOf(async () => await change(actorId, name, 2));
    expect(runs).toEqual(expected);
    const most = { requests: without.requests + 2, writeUnits: without.writeUnits + 2, indexWriteUnits: 0 };
    table.check(`change, ${String(expected.length)} event hooks hear it`, cost, {
      ...most,
      readUnits: without.readUnits,
    });
    // The records between two changes that they hear are read together.
    for (let n = 0; n < 5; n += 1) await change(actorId, "other", n);
    const later = await world.costOf(async () => await change(actorId, name, 3));
    const query = { ...most, requests: most.requests + 1 };
    table.check("the same after five changes that they do not hear", later, query);
  });

  it("that hear nothing of a change cost nothing", async () => {
    const { actorId } = await world.actor(0);
    for (let n = 0; n < 2; n += 1) await change(actorId, "other", n);
    const cost = await world.costOf(async () => await change(actorId, "other", 2));
    table.check("change, event hooks hear nothing of it", cost, { requests: 3, indexWriteUnits: 0 });
  });

  it("cost an actor three requests once, at its first change after their release", async () => {
    const { actorId } = await world.actor(0);
    const cost = await world.costOf(async () => await change(actorId, "other", 1));
    table.check("the first change with event hooks", cost, { requests: 3 + 3 });
  });

  it("are brought up to the log by maintenance, which then asks once", async () => {
    const { actorId } = await world.actor(0);
    for (let n = 0; n < 20; n += 1) await change(actorId, "other", n);
    world.now += 60_000;
    const behind = await world.costOf(async () => await world.maintenance(actorId));
    table.check("maintenance, event hooks are behind", behind, { requests: 8, writeUnits: 4 });
    const upToDate = await world.costOf(async () => await world.maintenance(actorId));
    table.check("maintenance, event hooks are up to date", upToDate, { requests: 5, writeUnits: 1 });
  });
});
