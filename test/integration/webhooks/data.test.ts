import { expect, it } from "vitest";
import { contentDigest } from "../../../lib/domain/wire/content-digest.ts";
import { WebhookWorld } from "./webhook-world.ts";

const LARGE = "snø".repeat(400);

it("large data is at a URL, with its digest, for whoever has the event", async () => {
  const world = await WebhookWorld.begin();
  const url = world.receiver("hooks.example");
  await world.webhook("one", { url, topics: ["properties.>"], inlineMaxBytes: 1_000 });
  await world.put("small", 1);
  await world.put("large", LARGE);
  const [small, large] = world.received.map(({ event }) => event);
  expect(small.data).toEqual({ name: "small", value: 1 });
  expect(large).not.toHaveProperty("data");
  const { status, text } = await world.whole.ask("GET", large.dataref);
  expect([status, JSON.parse(text)]).toEqual([200, { name: "large", value: LARGE }]);
  expect(large.datadigest).toBe(contentDigest(text));
});

it("a parked event has its data, and sends it again as its settings say", async () => {
  const world = await WebhookWorld.begin();
  const url = world.receiver("hooks.example", () => 422);
  await world.webhook("one", { url, topics: ["properties.>"], inlineMaxBytes: 1_000, maxAttempts: 1 });
  await world.put("large", LARGE);
  const [parked] = (await world.ask("GET", "/parked")).json.data;
  world.receiver("hooks.example");
  await world.ask("POST", `/parked/${String(parked.id)}`, { json: { action: "retry" } });
  const [first, second] = world.received.map(({ event }) => event);
  expect(second).toMatchObject({ id: first.id, datadigest: first.datadigest, sequence: first.sequence });
  expect(second).not.toHaveProperty("data");
});
