import { CloudEvent } from "cloudevents";
import { beforeEach, expect, it } from "vitest";
import { digestOfBytes } from "../../../lib/domain/events/envelope.ts";
import { PeerFailure } from "../../../lib/system/ports.ts";
import { WebhookWorld } from "../webhooks/webhook-world.ts";

let world: WebhookWorld;
beforeEach(async () => {
  world = await WebhookWorld.begin();
});

const CLOUD_EVENT = { specversion: "1.0", id: "e-1", source: "/shop", type: "com.example.order" };
const NONE = { notified: 0, failed: 0, skipped: 0, deferred: 0, ambiguous: 0 };
const STRUCTURED = { "content-type": "application/cloudevents+json" };

it("a published event reaches the webhooks that name its topic, each with its own number and otherwise the same", async () => {
  await world.webhook("all", { url: world.receiver("all.example"), topics: [">"] });
  await world.webhook("new", { url: world.receiver("new.example"), topics: ["orders.new"] });
  await world.webhook("old", { url: world.receiver("old.example"), topics: ["orders.old"] });
  await world.put("color", "red");
  const event = { ...CLOUD_EVENT, subject: "orders.new", data: { n: 1 }, partitionkey: "k", ext: 7 };
  const answer = await world.ask("POST", "/events", { headers: STRUCTURED, body: JSON.stringify(event) });
  expect(answer).toMatchObject({ status: 201, json: { subscribers: { ...NONE, total: 2, notified: 2 } } });
  const orders = world.received.filter((each) => each.event.subject === "orders.new").map((each) => each.event);
  expect(orders.map(({ sequence }) => Number(sequence)).toSorted()).toEqual([1, 2]);
  const [one, other] = orders.map(({ sequence: _, ...rest }) => rest as Record<string, unknown>);
  expect(one).toEqual(other);
  expect(one).toMatchObject({
    ...{ source: world.owner.root, type: "com.example.order", originid: "e-1", originsource: "/shop" },
    ...{ position: answer.json.position, partitionkey: "k", ext: 7, data: { n: 1 } },
  });
  for (const each of world.received) new CloudEvent(each.event, true);
  const again = await world.ask("POST", "/events", { headers: STRUCTURED, body: JSON.stringify(event) });
  expect(again).toMatchObject({ status: 200, json: { replayed: true } });
  expect(world.received).toHaveLength(3);
});

it("the counts say which webhooks failed, and which may have it", async () => {
  const unreachable = (): PeerFailure => new PeerFailure("unreachable", "No such host.");
  await world.webhook("good", { url: world.receiver("good.example"), topics: ["orders.>"] });
  await world.webhook("bad", { url: world.receiver("bad.example", () => 500), topics: ["orders.>"] });
  await world.webhook("gone", { url: world.receiver("gone.example", unreachable), topics: ["orders.>"] });
  await world.webhook("mute", {
    url: world.receiver("mute.example", () => new PeerFailure("timeout", "No answer.", { sent: true })),
    topics: ["orders.>"],
  });
  const { json } = await world.ask("POST", "/events/orders.new", { json: 1 });
  expect(json.subscribers.total).toBe(4);
  expect(json.subscribers).toMatchObject({ notified: 1, failed: 2, ambiguous: 1 });
});

it("with respond-async the worker sends it", async () => {
  await world.webhook("all", { url: world.receiver("all.example"), topics: [">"] });
  const answer = await world.ask("POST", "/events/orders.new", { json: 1, headers: { prefer: "respond-async" } });
  expect(answer.status).toBe(202);
  expect(world.received).toEqual([]);
  // The worker cannot know that no request sends it, so it waits until one would have ended.
  await world.pass(5_000);
  expect(world.received.map(({ event }) => event.position)).toEqual([answer.json.position]);
});

it("data that a webhook does not take inline are read under their URL, with the digest that it was given", async () => {
  await world.webhook("small", { url: world.receiver("small.example"), topics: [">"], inlineMaxBytes: 20 });
  const data = "é".repeat(20);
  await world.ask("POST", "/events/texts", { body: data, headers: { "content-type": "text/plain" } });
  await world.ask("POST", "/events/texts", { body: "short", headers: { "content-type": "text/plain" } });
  const [large, small] = world.received.map(({ event }) => event);
  expect(small.data).toBe("short");
  expect(large).not.toHaveProperty("data");
  new CloudEvent(large, true);
  const read = await world.whole.ask("GET", String(large.dataref));
  expect(read).toMatchObject({ status: 200, text: data, headers: { "content-type": "text/plain" } });
  expect(digestOfBytes(Buffer.from(read.text))).toBe(large.datadigest);
});
