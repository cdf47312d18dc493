import { expect, it } from "vitest";
import { WebhookWorld } from "./webhook-world.ts";

it("a change reaches a webhook in the request that makes it, signed", async () => {
  const world = await WebhookWorld.begin();
  const url = world.receiver("hooks.example");
  const made = await world.webhook("one", { url, topics: ["properties.>"] });
  expect(made.status).toBe(201);
  await world.put("color", "red");
  expect(world.received).toHaveLength(1);
  const [{ event }] = world.received as [any];
  expect(event).toMatchObject({
    specversion: "1.0",
    source: world.owner.root,
    subject: "properties.color",
    type: "org.actingweb.property.set",
    sequence: "0000000000000001",
    data: { name: "color", value: "red" },
  });
  expect(await world.seen("one")).toMatchObject({ status: "active", position: event.position, sequence: 1, lag: 0 });
});
