/** Groups of one name, one after another. */
import { describe, expect, it } from "vitest";
import { FaultyTable, type Effect } from "../../support/faulty-table.ts";
import type { Answer } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { WebhookWorld } from "../webhooks/webhook-world.ts";
import { RootWorld, tokenOf } from "./root-world.ts";

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

describe("of a group over all actors that was deleted and made again", () => {
  /** A world in which something happens right before the next write of the group's lane. */
  async function begun() {
    const before: { write?: () => Promise<unknown> } = {};
    const table = new FaultyTable(new MemoryTable(), async (operation, keys): Promise<Effect> => {
      const run = before.write;
      if (operation.startsWith("get") || operation.startsWith("query") || run === undefined) return "ok";
      if (!keys.some(({ pk, sk }) => pk === "G#all" && sk.startsWith("LANE#"))) return "ok";
      delete before.write;
      await run();
      return "ok";
    });
    const world = await RootWorld.begin(1, { table });
    const remade = async (): Promise<void> => {
      expect((await world.ask("DELETE", "/groups/all")).json).toEqual({ drained: true });
      world.whole.now += 60_000;
      expect((await world.group()).status).toBe(201);
    };
    await world.group();
    return { world, before, remade };
  }

  it("a late fetch lends nothing of the new one", async () => {
    const { world, before, remade } = await begun();
    await world.put(0, "a", 1);
    before.write = remade;
    expect((await world.fetch({ consumer: "late" })).status, "the new group begins after the event").toBe(204);
    expect(before.write).toBeUndefined();
    expect(await world.seen()).toMatchObject({ lag: 0, laneStates: [{ actors: 0, lent: 0 }] });
    await world.put(0, "a", 2);
    expect(world.taken(await world.fetch())).toMatchObject([{ value: 2, attempt: 1 }]);
  });

  it("a late acknowledgement ends no lease of the new one", async () => {
    const { world, before, remade } = await begun();
    await world.put(0, "a", 1);
    const lent = await world.fetch({ consumer: "late" });
    let next: Answer | undefined;
    before.write = async () => {
      await remade();
      await world.put(0, "a", 2);
      next = await world.fetch({ consumer: "next" });
      expect(world.taken(next)).toMatchObject([{ value: 2 }]);
    };
    const upTo = world.taken(lent)[0]!.position;
    const late = await world.ack({ token: tokenOf(lent), upTo });
    expect([late.status, late.json.error?.code]).toEqual([409, "fenced"]);
    expect(await world.seen()).toMatchObject({ laneStates: [{ holder: "next", lent: 1 }] });
    const { position } = world.taken(next!)[0]!;
    const said = await world.ack({ token: tokenOf(next!), items: [{ position, verdict: "ack" }] });
    expect(said.json).toEqual({ outcomes: [{ position, outcome: "done" }], leases: [] });
  });
});

it("an instance that ends a group, and sleeps meanwhile, deletes no failed event of the next group of its name", async () => {
  let meanwhile: (() => Promise<unknown>) | undefined;
  const table = new FaultyTable(new MemoryTable(), async (operation, keys): Promise<Effect> => {
    const run = meanwhile;
    if (operation !== "query" || run === undefined || keys[0]?.sk !== "FAILED#group:billing#") return "ok";
    meanwhile = undefined;
    await run();
    return "ok";
  });
  const world = await WebhookWorld.begin({ table });
  const giveUpOne = async (value: number): Promise<void> => {
    expect((await world.ask("PUT", "/groups/billing", { json: { topics: ["properties.>"] } })).status).toBe(201);
    await world.put("a", value);
    const { json } = await world.ask("POST", "/groups/billing/fetch", { json: { consumer: "one" } });
    const { events, leases } = json as unknown as {
      events: { event: { position: string } }[];
      leases: { token: string }[];
    };
    const items = [{ position: events[0]?.event.position, verdict: "park" }];
    await world.ask("POST", "/groups/billing/ack", { json: { token: leases[0]?.token, items, done: true } });
  };
  const parked = async (): Promise<unknown> => (await world.ask("GET", "/groups/billing")).json["parked"];
  await giveUpOne(1);
  expect(await parked()).toBe(1);
  meanwhile = async () => {
    expect((await world.ask("DELETE", "/groups/billing")).json).toEqual({ drained: true });
    await giveUpOne(2);
  };
  expect((await world.ask("DELETE", "/groups/billing")).json).toEqual({ drained: true });
  expect(meanwhile).toBeUndefined();
  expect(await parked()).toBe(1);
  expect((await world.ask("GET", "/parked?source=group:billing")).json["data"]).toHaveLength(1);
});

it("and neither does one that ends a group over all actors", async () => {
  let meanwhile: (() => Promise<unknown>) | undefined;
  const table = new FaultyTable(new MemoryTable(), async (operation, keys): Promise<Effect> => {
    const run = meanwhile;
    if (operation !== "query" || run === undefined || keys[0]?.sk !== "FAILED#root-group:all#") return "ok";
    meanwhile = undefined;
    await run();
    return "ok";
  });
  const world = await RootWorld.begin(1, { table });
  const giveUpOne = async (value: number): Promise<void> => {
    expect((await world.group()).status).toBe(201);
    await world.put(0, "a", value);
    const lent = await world.fetch();
    const items = [{ position: world.taken(lent)[0]!.position, verdict: "park" }];
    await world.ack({ token: tokenOf(lent), items, done: true });
  };
  await giveUpOne(1);
  expect(await world.seen()).toMatchObject({ parked: 1 });
  meanwhile = async () => {
    expect((await world.ask("DELETE", "/groups/all")).json).toEqual({ drained: true });
    world.whole.now += 60_000;
    await giveUpOne(2);
  };
  await world.ask("DELETE", "/groups/all");
  expect(meanwhile).toBeUndefined();
  expect(await world.seen()).toMatchObject({ parked: 1, parkedAt: [world.actors[0]!.id] });
  expect((await world.own(0, "GET", "/parked?source=root-group:all")).json.data).toHaveLength(1);
});

it.each([
  [
    "the next group of all actors of its name",
    async (world: RootWorld) => {
      expect((await world.ask("DELETE", "/groups/all")).json).toEqual({ drained: true });
      world.whole.now += 60_000;
      expect((await world.group({ from: "earliest" })).status).toBe(201);
    },
  ],
  [
    "its group of all actors after a reset",
    async (world: RootWorld) => {
      expect((await world.ask("POST", "/groups/all/reset", { to: "earliest" })).status).toBe(200);
    },
  ],
])("a late acknowledgement of an event that was sent again deletes none that %s gave up", async (_, begin) => {
  let meanwhile: (() => Promise<unknown>) | undefined;
  const table = new FaultyTable(new MemoryTable(), async (operation, keys): Promise<Effect> => {
    const run = meanwhile;
    const isResolved = keys[0]?.sk.startsWith("FAILED#root-group:all#") === true;
    if (operation !== "transact" || !isResolved || run === undefined) return "ok";
    meanwhile = undefined;
    await run();
    return "ok";
  });
  const world = await RootWorld.begin(1, { table });
  const giveUpOne = async (): Promise<void> => {
    const lent = await world.fetch();
    const items = world.taken(lent).map(({ position }) => ({ position, verdict: "park" }));
    const said = await world.ack({ token: tokenOf(lent), items });
    expect(said.json.outcomes).toMatchObject([{ outcome: "parked" }]);
  };
  const ids = async (): Promise<readonly unknown[]> =>
    (await world.own(0, "GET", "/parked?source=root-group:all")).json.data.map(({ id }: any) => id);
  await world.group();
  await world.put(0, "a", 1);
  await giveUpOne();
  const failed = await ids();
  expect((await world.own(0, "POST", `/parked/${String(failed[0])}`, { action: "retry" })).status).toBe(200);
  const again = await world.fetch();
  meanwhile = async () => {
    await begin(world);
    await giveUpOne();
  };
  const said = await world.ack({ token: tokenOf(again), upTo: world.taken(again)[0]!.position });
  expect(said.json.outcomes).toMatchObject([{ outcome: "done" }]);
  expect(meanwhile).toBeUndefined();
  expect([await ids(), (await world.seen()).parked]).toEqual([failed, 1]);
  expect((await world.fetch()).status).toBe(204);
  expect([await ids(), (await world.seen()).parked]).toEqual([failed, 1]);
});
