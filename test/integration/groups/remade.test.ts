/** Groups of one name, one after another. */
import { expect, it } from "vitest";
import { FaultyTable, type Effect } from "../../support/faulty-table.ts";
import type { Answer } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { WebhookWorld } from "../webhooks/webhook-world.ts";

it("a fetch that began before its group was deleted and made again changes nothing of the new one", async () => {
  let meanwhile: (() => Promise<unknown>) | undefined;
  const table = new FaultyTable(new MemoryTable(), async (operation, keys): Promise<Effect> => {
    const run = meanwhile;
    if (operation !== "update" || keys[0]?.sk.includes("billing") !== true || run === undefined) return "ok";
    meanwhile = undefined;
    await run();
    return "ok";
  });
  const world = await WebhookWorld.begin({ table });
  const group = async (json: object): Promise<Answer> => await world.ask("PUT", "/groups/billing", { json });
  const fetched = async (consumer: string): Promise<Answer> =>
    await world.ask("POST", "/groups/billing/fetch", { json: { consumer } });
  await group({ topics: ["properties.>"] });
  await world.put("a", 1);
  meanwhile = async () => {
    expect((await world.ask("DELETE", "/groups/billing")).json).toEqual({ drained: true });
    expect((await group({ topics: ["properties.*"], from: "now", lanes: 4 })).status).toBe(201);
  };
  expect((await fetched("late")).status, "the new group begins after the event").toBe(204);
  expect(meanwhile).toBeUndefined();
  expect((await world.ask("GET", "/groups/billing")).json).toMatchObject({ lag: 0, parked: 0 });
  await world.put("a", 2);
  const next = await fetched("next");
  expect(next.json.events).toMatchObject([{ event: { sequence: "0000000000000001", data: { value: 2 } } }]);
});
