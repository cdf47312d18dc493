/** What a webhook shows of its deliveries. */
import { describe, expect, it } from "vitest";
import { WebhookWorld, type Answering } from "./webhook-world.ts";

const MINUTE = 60_000;

async function begun(answering?: Answering, settings: object = {}) {
  const world = await WebhookWorld.begin({ ports: { random: () => 0.5 } });
  const url = world.receiver("hooks.example", answering);
  await world.webhook("one", { url, topics: ["properties.a", "properties.b"], ...settings });
  return world;
}

describe("lag and oldestSeconds", () => {
  it("count the events that wait, and none of others", async () => {
    const world = await begun();
    for (const name of ["x", "y", "z", "a"]) await world.put(name, 1);
    await world.put("x", 2);
    await world.pass(MINUTE);
    expect(await world.seen("one")).toMatchObject({ lag: 0, oldestSeconds: 0, blocked: [] });
    await world.ask("POST", "/webhooks/one/pause");
    await world.put("x", 3);
    await world.pass(MINUTE);
    await world.put("a", 2);
    await world.put("y", 3);
    await world.put("b", 3);
    await world.pass(MINUTE);
    expect(await world.seen("one")).toMatchObject({ lag: 2, oldestSeconds: 60 });
    expect((await world.ask("GET", "/webhooks")).json.data).toMatchObject([{ lag: 2, oldestSeconds: 60 }]);
  });

  it("count blocked events, and those that wait for them", async () => {
    const world = await begun(({ event }) => (event.data.name === "a" ? 422 : 204), { maxAttempts: 20 });
    await world.put("a", 1);
    await world.pass(1_000);
    for (const value of [2, 3]) await world.put("a", value);
    await world.put("b", 1);
    await world.pass(1_000);
    expect(await world.seen("one")).toMatchObject({
      ...{ lag: 3, oldestSeconds: 2 },
      blocked: [{ key: "properties.a", held: 2 }],
    });
  });

  it("count those that a paused webhook has not looked at for the keys that they wait for", async () => {
    const world = await begun(({ event }) => (event.data.name === "a" ? 422 : 204), { maxAttempts: 20 });
    await world.put("a", 1);
    await world.ask("POST", "/webhooks/one/pause");
    await world.put("a", 2);
    await world.put("b", 2);
    await world.ask("DELETE", "/properties");
    const seen = await world.seen("one");
    // The deletion of all is no topic of this webhook.
    expect([seen.lag, seen.blocked]).toMatchObject([3, [{ key: "properties.a", held: 1 }]]);
  });

  it.each([
    ["strict", 2],
    ["none", 0],
  ])("count in order %s what waits for the event that failed", async (order, held) => {
    const world = await begun(({ event }) => (event.data.name === "a" ? 422 : 204), { order, maxAttempts: 20 });
    await world.put("a", 1);
    await world.ask("POST", "/webhooks/one/pause");
    await world.put("a", 2);
    await world.put("b", 2);
    expect(await world.seen("one")).toMatchObject({ lag: 3, blocked: [{ held }] });
  });
});

describe("lastAttempt", () => {
  it("is the last attempt to deliver, taken or not, without the receiver's answer", async () => {
    let status = 204;
    const world = await begun(() => status);
    expect(await world.seen("one")).not.toHaveProperty("lastAttempt");
    await world.put("a", 1);
    const [{ event }] = world.received as [any];
    const time = new Date(world.whole.now).toISOString();
    const target = "https://hooks.example";
    expect((await world.seen("one")).lastAttempt).toEqual({
      ...{ time, ms: 0, result: "taken", status, target, position: event.position },
    });
    status = 500;
    await world.pass(MINUTE);
    await world.put("a", 2);
    const failed = { result: "failed", status: 500, time: new Date(world.whole.now).toISOString() };
    expect((await world.seen("one")).lastAttempt).toMatchObject(failed);
    expect((await world.ask("GET", "/webhooks")).json.data).toMatchObject([{ lastAttempt: failed }]);
    expect((await world.ask("POST", "/webhooks/one/pause")).json.lastAttempt).toMatchObject(failed);
    await world.ask("POST", "/webhooks/one/test");
    expect((await world.seen("one")).lastAttempt).toMatchObject({ position: world.received[1]?.event.position });
  });

  it("is one that a person has made at a failed event too", async () => {
    let status = 422;
    const world = await begun(() => status, { maxAttempts: 1 });
    await world.put("a", 1);
    const [{ id }] = (await world.ask("GET", "/parked")).json.data;
    for (const then of [500, 204]) {
      status = then;
      await world.pass(MINUTE);
      await world.ask("POST", `/parked/${String(id)}`, { json: { action: "retry" } });
      const time = new Date(world.whole.now).toISOString();
      const attempt = { time, status, position: world.received[0]?.event.position };
      expect((await world.seen("one")).lastAttempt).toMatchObject(attempt);
    }
    const attempts = (await world.ask("GET", "/webhooks/one/attempts")).json.data;
    expect(attempts.map((each: { status: number }) => each.status)).toEqual([500, 422]);
  });
});
