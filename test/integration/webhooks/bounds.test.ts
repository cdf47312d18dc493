/** What bounds the wait of a request for webhooks, and the wait of an event for its receiver. */
import { expect, it } from "vitest";
import { PeerFailure } from "../../../lib/system/ports.ts";
import { WebhookWorld } from "./webhook-world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

it("a request waits a second for all listeners together; then the worker gives each its whole time", async () => {
  const world = await WebhookWorld.begin();
  const given: (number | undefined)[] = [];
  let isSlow = true;
  for (const id of ["one", "two", "three"]) {
    const url = world.receiver(`${id}.example`);
    await world.webhook(id, { url, topics: ["orders.>"], timeoutSeconds: 20 });
    world.network.hosts.set(`https://${id}.example`, async ({ timeoutMs = 0 }) => {
      given.push(timeoutMs);
      await Promise.resolve();
      if (!isSlow) return { status: 204, headers: {}, text: "", json: undefined };
      // All three wait at the same time.
      if (given.length === 3) world.whole.now += timeoutMs;
      throw new PeerFailure("timeout", "no answer", { sent: true });
    });
  }
  const begun = world.whole.now;
  const { status, json } = await world.ask("POST", "/events/orders.new", { json: 1 });
  expect([status, json.subscribers]).toMatchObject([201, { total: 3, deferred: 3, failed: 0, ambiguous: 0 }]);
  expect(world.whole.now - begun).toBeLessThanOrEqual(1_000);
  expect(given.every((ms) => ms !== undefined && ms <= 1_000)).toBe(true);
  isSlow = false;
  given.length = 0;
  await world.pass(MINUTE);
  expect(given).toEqual([20_000, 20_000, 20_000]);
  expect(await world.seen("one")).toMatchObject({ lag: 0, blocked: [] });
});

it("an event whose record is about to expire while it is blocked is exhausted an hour before", async () => {
  const world = await WebhookWorld.begin({ environment: { DIFF_RETENTION_DAYS: "1" } });
  const url = world.receiver("crm.example", ({ event }) => (event.data.name === "poison" ? 400 : 204));
  await world.webhook("crm", { url, topics: ["properties.>"], maxAttempts: 20 });
  await world.put("poison", 1);
  const at = world.whole.now;
  const failed = async (): Promise<any[]> => (await world.ask("GET", "/parked?source=webhook:crm")).json.data;
  // Something else is taken, so that the failures are the event's and not the endpoint's.
  await world.put("other", 1);
  for (const hours of [1, 5, 16]) await world.pass(hours * HOUR);
  while ((await failed()).length === 0 && world.whole.now < at + 25 * HOUR) await world.pass(10 * MINUTE);
  const left = at + 24 * HOUR - world.whole.now;
  expect([left > 40 * MINUTE, left <= HOUR]).toEqual([true, true]);
  expect(await failed()).toMatchObject([{ topic: "properties.poison", attempts: [{ error: "expiring" }] }]);
  expect(await world.seen("crm")).toMatchObject({ blocked: [] });
});
