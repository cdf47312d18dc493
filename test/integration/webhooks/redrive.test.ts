import { describe, expect, it } from "vitest";
import { WebhookWorld } from "./webhook-world.ts";

/** A world whose webhook did not take the events of `names`, one attempt each. */
async function withFailed(names: readonly string[], settings: object = {}) {
  const world = await WebhookWorld.begin({ ports: { random: () => 0.5 } });
  const url = world.receiver("hooks.example", ({ event }) => (names.includes(event.data.name) ? 422 : 204));
  await world.webhook("one", { url, topics: ["properties.>"], maxAttempts: 1, ...settings });
  for (const name of names) await world.put(name, "poison");
  await world.put("well", "fine");
  return world;
}
const failedIn = async (world: WebhookWorld): Promise<readonly any[]> => (await world.ask("GET", "/parked")).json.data;
const redrive = async (world: WebhookWorld, json: object) => await world.ask("POST", "/webhooks/one/redrive", { json });

describe("a redrive of parked events", () => {
  it("sends them again in order, under the same ids and numbers, as a task with progress", async () => {
    const world = await withFailed(["a", "b", "c"]);
    expect(await failedIn(world)).toHaveLength(3);
    const first = world.received.slice(0, 3);
    world.receiver("hooks.example", ({ event }) => (event.data.name === "b" ? 422 : 204));
    const begun = await redrive(world, { parked: true });
    expect([begun.status, begun.json]).toMatchObject([202, { kind: "redrive", state: "running", total: 3, done: 0 }]);
    expect(begun.headers["location"]).toBe(`${world.owner.root}/tasks/${String(begun.json.id)}`);
    const before = world.received.length;
    await world.pass(0);
    await world.pass(10_000);
    const again = world.received.slice(before);
    expect(again.map(({ id }) => id)).toEqual(first.map(({ id }) => id));
    expect(again.map(({ event }) => event)).toEqual(first.map(({ event }) => event));
    expect((await world.ask("GET", `/tasks/${String(begun.json.id)}`)).json).toMatchObject({
      ...{ state: "done", done: 2, failed: 1, total: 3 },
    });
    expect((await failedIn(world)).map(({ topic }) => topic)).toEqual(["properties.b"]);
  });

  it("sends them as they were, and lets them go, however long it takes", async () => {
    const world = await WebhookWorld.begin({ ports: { random: () => 0.5 } });
    const url = world.receiver("hooks.example", () => 422);
    await world.webhook("one", { url, topics: ["orders"], maxAttempts: 1 });
    const headers = {
      "ce-specversion": "1.0",
      "ce-source": "/shop",
      "ce-type": "com.example.order",
      "ce-colour": "red",
    };
    for (const id of ["1", "2", "3", "4"]) {
      await world.ask("POST", "/events/orders", { json: { id }, headers: { ...headers, "ce-id": id } });
    }
    const first = world.received.map(({ event }) => event);
    world.receiver("hooks.example", () => {
      world.whole.now += 1_500;
      return 204;
    });
    await redrive(world, { parked: true });
    await world.pass(0);
    await world.pass(10_000);
    expect(world.received.slice(4).map(({ event }) => event)).toEqual(first);
    expect(await failedIn(world)).toEqual([]);
  });

  it("comes before newer events of the same keys", async () => {
    const world = await withFailed(["a"]);
    await world.ask("POST", "/webhooks/one/pause");
    await redrive(world, { parked: true });
    await world.put("a", "newer");
    const before = world.received.length;
    world.receiver("hooks.example");
    await world.ask("POST", "/webhooks/one/resume");
    await world.pass(0);
    expect(world.received.slice(before).map(({ event }) => event.data.value)).toEqual(["poison", "newer"]);
  });

  it("is one at a time, and can be cancelled", async () => {
    const world = await withFailed(["a", "b"]);
    await world.ask("POST", "/webhooks/one/pause");
    const begun = await redrive(world, { parked: true, max: 1 });
    expect(begun.json.total).toBe(1);
    const other = await redrive(world, { parked: true });
    expect([other.status, other.json.error]).toMatchObject([409, { code: "conflict", task: begun.json.id }]);
    const path = `/tasks/${String(begun.json.id)}`;
    expect((await world.ask("DELETE", path)).status).toBe(204);
    expect((await world.ask("GET", path)).json.state).toBe("cancelled");
    expect((await world.ask("DELETE", path)).status).toBe(204);
    const before = world.received.length;
    await world.ask("POST", "/webhooks/one/resume");
    await world.pass(0);
    expect(world.received).toHaveLength(before);
    world.whole.now += 8 * 86_400_000;
    expect((await world.ask("GET", path)).status).toBe(404);
  });

  it("ends with its webhook", async () => {
    const world = await withFailed(["a"]);
    await world.ask("POST", "/webhooks/one/pause");
    const { json } = await redrive(world, { parked: true });
    await world.ask("DELETE", "/webhooks/one");
    expect((await world.ask("GET", `/tasks/${String(json.id)}`)).json.state).toBe("cancelled");
  });
});

describe("a redrive of a part of the log", () => {
  it("sends what was taken once more, with its numbers", async () => {
    const world = await withFailed([]);
    for (const name of ["a", "b", "c"]) await world.put(name, 1);
    const all = world.received.map(({ id, event }) => [id, event.sequence, event.position]);
    const [from, to] = [all[0]?.[2], all[2]?.[2]];
    const { status, json } = await redrive(world, { from, to });
    expect(status).toBe(202);
    await world.pass(0);
    expect(world.received.slice(4).map(({ id, event }) => [id, event.sequence, event.position])).toEqual(
      all.slice(1, 3),
    );
    expect((await world.ask("GET", `/tasks/${String(json.id)}`)).json).toMatchObject({
      state: "done",
      done: 2,
      failed: 0,
    });
  });

  it.each([
    [{}, 400],
    [{ parked: false }, 400],
    [{ parked: true, from: "earliest", to: "now" }, 400],
    [{ from: "earliest" }, 400],
    [{ from: "now", to: "earliest" }, 400],
    [{ parked: true, max: 1_001 }, 400],
    [{ from: "x", to: "now" }, 410],
  ])("is refused as %j", async (json, status) => {
    const world = await withFailed([]);
    expect((await redrive(world, json)).status).toBe(status);
  });
});
