import { describe, expect, it } from "vitest";
import { listenerOfKey } from "../../../lib/dynamodb/keys/listeners.ts";
import { LOG_SK } from "../../../lib/dynamodb/keys/publishing.ts";
import { FaultyTable } from "../../support/faulty-table.ts";
import { idle } from "../../support/idle.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { WebhookWorld, type Answering } from "./webhook-world.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const EVEN = { ports: { random: () => 0.5 } };

/** A world with a webhook on properties, and one that hears of the service itself. */
async function watched(answering: Answering, settings: object = {}, options: object = EVEN) {
  const world = await WebhookWorld.begin(options);
  await world.webhook("crm", { url: world.receiver("crm.example", answering), topics: ["properties.>"], ...settings });
  await world.webhook("ops", { url: world.receiver("ops.example"), topics: ["$sys.>"] });
  const said = (): readonly string[] =>
    world.received.filter(({ url }) => url.includes("ops.example")).map(({ event }) => String(event.subject));
  return { world, said };
}

async function recordsOf(world: WebhookWorld): Promise<number> {
  return await world.whole.service.changeLog.newest(world.owner.id);
}

describe("a webhook", () => {
  it("that fails and recovers is said to, once each, to those who listen to $sys", async () => {
    const { world, said } = await watched(() => 500);
    for (let value = 0; value < 6; value += 1) await world.put(`p${String(value)}`, value);
    await world.pass(0);
    expect(said()).toEqual(["$sys.webhook.failing"]);
    world.receiver("crm.example");
    for (let minutes = 0; minutes < 20; minutes += 1) await world.pass(MINUTE);
    expect(said()).toEqual(["$sys.webhook.failing", "$sys.webhook.recovered"]);
    const [{ event }] = world.received.filter(({ url }) => url.includes("ops.example")) as [any];
    expect(event).toMatchObject({ type: "org.actingweb.sys.webhook.failing", data: { webhook: "crm" } });
  });

  it("that recovers because its owner states another url is said to, once", async () => {
    const { world, said } = await watched(() => 500);
    for (let value = 0; value < 6; value += 1) await world.put(`p${String(value)}`, value);
    await world.pass(MINUTE);
    const json = { url: world.receiver("other.example"), topics: ["properties.>"] };
    await world.ask("PUT", "/webhooks/crm", { json, headers: { "if-match": "*" } });
    for (let minutes = 0; minutes < 5; minutes += 1) await world.pass(MINUTE);
    expect(said()).toEqual(["$sys.webhook.failing", "$sys.webhook.recovered"]);
    expect(await world.seen("crm")).toMatchObject({ status: "active", blocked: [], lag: 0 });
  });

  it("has no record of it in the log where no listener hears $sys", async () => {
    const world = await WebhookWorld.begin(EVEN);
    const url = world.receiver("crm.example", () => 500);
    await world.webhook("crm", { url, topics: ["properties.>"] });
    for (let value = 0; value < 6; value += 1) await world.put(`p${String(value)}`, value);
    await world.pass(MINUTE);
    expect((await world.seen("crm")).status).toBe("failing");
    expect(await recordsOf(world)).toBe(6);
  });

  it.each<[string, Answering, object, string[]]>([
    ["is gone", () => 410, {}, ["$sys.webhook.gone"]],
    ["has its first parked event", () => 400, { maxAttempts: 1 }, ["$sys.event.parked"]],
    ["stops", () => 400, { maxAttempts: 1, onExhausted: "stop" }, ["$sys.webhook.stopped"]],
  ])("that %s is said to", async (_, answering, settings, topics) => {
    const { world, said } = await watched(answering, settings);
    await world.put("a", 1);
    await world.put("b", 1);
    await world.pass(0);
    await world.pass(MINUTE);
    expect(said()).toEqual(topics);
  });

  it("that lags behind by half of the time that records stay is said to, once", async () => {
    const { world, said } = await watched(() => 503);
    await world.put("a", 1);
    for (let days = 0; days < 16; days += 1) await world.pass(DAY);
    expect(said()).toEqual(["$sys.webhook.failing", "$sys.listener.lagging"]);
  });

  it("that is slow because of its rate, or has stopped, is said to lag too", async () => {
    const slow = await watched(() => 204, { rate: { limit: 1, periodSeconds: 3_600 } });
    for (let value = 0; value < 6; value += 1) await slow.world.put("a", value);
    slow.world.whole.now += 15 * DAY;
    for (let hours = 0; hours < 2; hours += 1) await slow.world.pass(60 * MINUTE);
    expect(slow.said()).toEqual(["$sys.listener.lagging"]);

    const stopped = await watched(() => 400, { maxAttempts: 1, onExhausted: "stop" });
    await stopped.world.put("a", 1);
    for (let days = 0; days < 20; days += 1) await stopped.world.pass(DAY);
    expect(stopped.said()).toEqual(["$sys.webhook.stopped", "$sys.listener.lagging"]);
  });

  it("that hears of itself ends no day with more and more of it", async () => {
    const world = await WebhookWorld.begin(EVEN);
    const url = world.receiver("crm.example", () => 500);
    await world.webhook("crm", { url, topics: [">", "$sys.>"], maxAttempts: 2 });
    for (let value = 0; value < 6; value += 1) await world.put(`p${String(value)}`, value);
    for (let minutes = 0; minutes < 120; minutes += 5) await world.pass(5 * MINUTE);
    expect(await recordsOf(world)).toBe(7);
  });
});

it("what is to be said is said once, although its transaction fails until the instance has died", async () => {
  let isBroken = false;
  const table = new FaultyTable(new MemoryTable(), (operation, keys) => {
    const isSaying = operation === "transact" && keys.some(({ sk }) => sk === LOG_SK) && keys.some(isListener);
    return isBroken && isSaying ? "throttle" : "ok";
  });
  const isListener = (key: { pk: string; sk: string }): boolean => listenerOfKey(key) !== undefined;
  const { world, said } = await watched(() => 500, {}, { ...EVEN, table });
  isBroken = true;
  for (let value = 0; value < 6; value += 1) await world.put(`p${String(value)}`, value);
  await world.pass(0);
  expect(said()).toEqual([]);
  isBroken = false;
  for (let minutes = 0; minutes < 5; minutes += 1) await world.pass(MINUTE);
  expect(said()).toEqual(["$sys.webhook.failing"]);
});

describe("a $sys event that is sent again", () => {
  it("goes before later ones of its listener, as it did at first", async () => {
    const { world } = await watched(() => 500);
    await world.webhook("again", {
      ...{ url: world.receiver("again.example", () => 422), topics: ["$sys.webhook.>"], maxAttempts: 1 },
    });
    for (let value = 0; value < 6; value += 1) await world.put(`p${String(value)}`, value);
    await world.pass(0);
    await world.ask("POST", "/webhooks/again/pause");
    await world.ask("POST", "/webhooks/again/redrive", { json: { parked: true } });
    world.receiver("crm.example");
    for (let minutes = 0; minutes < 20; minutes += 1) await world.pass(MINUTE);

    world.receiver("again.example");
    const steps: string[] = [];
    const answer = world.network.hosts.get("https://again.example")!;
    world.network.hosts.set("https://again.example", async (request) => {
      const { subject } = JSON.parse(Buffer.from(request.body?.bytes ?? []).toString()) as { subject: string };
      steps.push(`${subject} begins`);
      await idle();
      steps.push(`${subject} ends`);
      return await answer(request);
    });
    await world.ask("POST", "/webhooks/again/resume");
    await world.pass(0);
    const subjects = ["$sys.webhook.failing", "$sys.webhook.recovered"];
    expect(steps).toEqual(subjects.flatMap((subject) => [`${subject} begins`, `${subject} ends`]));
  });
});
