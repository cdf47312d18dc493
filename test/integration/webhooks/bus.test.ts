/** Webhooks onto the event bus: in order, at least once. */
import { expect, it } from "vitest";
import { MemoryBus } from "../../../lib/bus/memory-bus.ts";
import type { BusEvent, BusAnswer } from "../../../lib/system/ports.ts";
import { WebhookWorld } from "./webhook-world.ts";

/** A bus whose transport answers as the test says. */
class ScriptedBus extends MemoryBus {
  readonly taken: BusEvent[] = [];
  outcome: BusAnswer["outcome"] = "taken";

  override publish(_: string, event: BusEvent): Promise<BusAnswer> {
    if (this.outcome === "taken") this.taken.push(event);
    return Promise.resolve({ outcome: this.outcome, error: "because" });
  }
}

it("a webhook whose url is bus: gives every event to the bus, in order, also after the transport was away", async () => {
  const bus = new ScriptedBus();
  const world = await WebhookWorld.begin({ environment: { BUS: "memory" }, ports: { bus } });
  const made = await world.ask("PUT", "/webhooks/onto", { json: { url: "bus:", topics: ["properties.>"] } });
  expect([made.status, made.json.inlineMaxBytes]).toEqual([201, 200_000]);
  await world.put("a", 1);
  await world.pass(60_000);
  bus.outcome = "unavailable";
  for (const value of [2, 3]) await world.put("a", value);
  await world.pass(60_000);
  expect(bus.taken).toHaveLength(1);
  bus.outcome = "taken";
  for (let minutes = 0; minutes < 20; minutes += 1) await world.pass(60_000);
  expect(bus.taken.map(({ data, sequence }) => [(data as { value: number }).value, Number(sequence)])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
  expect((await world.seen("onto")).status).toBe("active");
});

it("a webhook whose url is bus: is refused where there is no bus", async () => {
  const world = await WebhookWorld.begin({ environment: { BUS: "none" } });
  const answer = await world.ask("PUT", "/webhooks/onto", { json: { url: "bus:", topics: [">"] } });
  expect(answer.status).toBe(400);
  expect(answer.text).toContain("no event bus");
});
