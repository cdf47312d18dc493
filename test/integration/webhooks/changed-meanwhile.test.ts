import { expect, it } from "vitest";
import type { Answer } from "../../support/in-process.ts";
import { WebhookWorld } from "./webhook-world.ts";

const ELSEWHERE = "https://elsewhere.example/hook";

/** A world whose worker delivers six changes besides one that fails, while `act` happens once at the third request. */
async function delivering(act: (world: WebhookWorld) => Promise<Answer>) {
  const world = await WebhookWorld.begin({ ports: { random: () => 0.5 } });
  const url = world.receiver("hooks.example", ({ event }) => (event.data.name === "bad" ? 400 : 204));
  world.receiver("elsewhere.example");
  await world.webhook("one", { url, topics: ["properties.>"], signature: "none", maxAttempts: 2 });
  await world.put("bad", 1);
  await world.ask("POST", "/webhooks/one/pause");
  for (let number = 0; number < 6; number += 1) await world.put(`x${String(number)}`, number);
  const answer = world.network.hosts.get("https://hooks.example");
  const statuses: number[] = [];
  world.network.hosts.set("https://hooks.example", async (request) => {
    const answered = await answer?.(request);
    if (answered === undefined) throw new Error("the receiver answers");
    if (world.received.length === 3) statuses.push((await act(world)).status);
    return answered;
  });
  await world.ask("POST", "/webhooks/one/resume");
  await world.pass(0);
  const taken = () => world.received.map(({ event }) => String(event.data.name)).filter((name) => name !== "bad");
  return { world, taken, statuses };
}

const ONCE = ["x0", "x1", "x2", "x3", "x4", "x5"];

it("another url, stated while a worker delivers, holds at once for what is blocked, and nothing goes out twice", async () => {
  const json = { url: ELSEWHERE, topics: ["properties.>"], signature: "none", maxAttempts: 2 };
  const headers = { "if-match": "*" };
  const { world, taken, statuses } = await delivering(
    async (its) => await its.ask("PUT", "/webhooks/one", { json, headers }),
  );
  expect(statuses).toEqual([200]);
  expect(taken().toSorted()).toEqual(ONCE);
  expect(world.received.at(-1)).toMatchObject({ url: ELSEWHERE, event: { data: { name: "bad" } } });
  expect(await world.seen("one")).toMatchObject({ blocked: [], lag: 0, sequence: 7 });
});

it("a redrive, asked for while a worker delivers, is carried on by it, and nothing else goes out twice", async () => {
  const { world, taken, statuses } = await delivering(
    async (its) => await its.ask("POST", "/webhooks/one/redrive", { json: { parked: true } }),
  );
  expect(statuses).toEqual([202]);
  expect(taken().toSorted()).toEqual(ONCE);
  expect(await world.seen("one")).toMatchObject({ blocked: [{ key: "properties.bad" }], lag: 1, sequence: 7 });
  await world.pass(600_000);
  expect(taken().toSorted()).toEqual(ONCE);
  expect((await world.ask("GET", "/parked")).json.data).toHaveLength(1);
  // Its task has ended, so that there is room for another.
  expect((await world.ask("POST", "/webhooks/one/redrive", { json: { parked: true } })).status).toBe(202);
});

it("a redrive that is cancelled while it is sent ends, and what it sent is noted", async () => {
  const world = await WebhookWorld.begin({ ports: { random: () => 0.5 } });
  const url = world.receiver("hooks.example", () => 422);
  await world.webhook("one", { url, topics: ["properties.>"], signature: "none", maxAttempts: 1 });
  for (const name of ["a", "b", "c"]) await world.put(name, 1);
  await world.ask("POST", "/webhooks/one/pause");
  const { json } = await world.ask("POST", "/webhooks/one/redrive", { json: { parked: true } });
  world.network.hosts.set("https://hooks.example", async () => {
    await world.ask("DELETE", `/tasks/${String(json.id)}`);
    return { status: 204, headers: {}, text: "", json: undefined };
  });
  await world.ask("POST", "/webhooks/one/resume");
  await world.pass(0);
  await world.pass(60_000);
  expect((await world.ask("GET", `/tasks/${String(json.id)}`)).json.state).toBe("cancelled");
  const kept = (await world.ask("GET", "/parked")).json.data.map(({ topic }: any) => topic);
  expect(kept).not.toContain("properties.a");
  await world.put("d", 1);
  await world.pass(1_000);
  expect(await world.seen("one")).toMatchObject({ status: "active", blocked: [], lag: 0 });
});
