/** Groups of one name, one after another. */
import { describe, expect, it } from "vitest";
import type { Answer } from "../../support/in-process.ts";
import { InterruptedTable } from "../../support/interrupted-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { WebhookWorld } from "../webhooks/webhook-world.ts";
import { ofAllActors, ofOneActor, type EitherGroup } from "./either-group.ts";
import { RootWorld, tokenOf } from "./root-world.ts";

it("a fetch that began before its group was deleted and made again changes nothing of the new one", async () => {
  const table = new InterruptedTable(
    new MemoryTable(),
    (operation, keys) => operation === "update" && keys[0]?.sk.includes("billing") === true,
  );
  const world = await WebhookWorld.begin({ table });
  const group = async (json: object): Promise<Answer> => await world.ask("PUT", "/groups/billing", { json });
  const fetched = async (consumer: string): Promise<Answer> =>
    await world.ask("POST", "/groups/billing/fetch", { json: { consumer } });
  await group({ topics: ["properties.>"] });
  await world.put("a", 1);
  table.meanwhile(async () => {
    expect((await world.ask("DELETE", "/groups/billing")).json).toEqual({ drained: true });
    expect((await group({ topics: ["properties.*"], from: "now", lanes: 4 })).status).toBe(201);
  });
  expect((await fetched("late")).status, "the new group begins after the event").toBe(204);
  expect(table.isWaiting).toBe(false);
  expect((await world.ask("GET", "/groups/billing")).json).toMatchObject({ lag: 0, parked: 0 });
  await world.put("a", 2);
  const next = await fetched("next");
  expect(next.json.events).toMatchObject([{ event: { sequence: "0000000000000001", data: { value: 2 } } }]);
});

describe("of a group over all actors that was deleted and made again", () => {
  /** A world in which something happens right before the next write of the group's lane. */
  async function begun() {
    const table = new InterruptedTable(new MemoryTable(), (operation, keys) => {
      if (operation.startsWith("get") || operation.startsWith("query")) return false;
      return keys.some(({ pk, sk }) => pk === "G#all" && sk.startsWith("LANE#"));
    });
    const world = await RootWorld.begin(1, { table });
    const remade = async (): Promise<void> => {
      expect((await world.ask("DELETE", "/groups/all")).json).toEqual({ drained: true });
      world.whole.now += 60_000;
      expect((await world.group()).status).toBe(201);
    };
    await world.group();
    return { world, table, remade };
  }

  it("a late fetch lends nothing of the new one", async () => {
    const { world, table, remade } = await begun();
    await world.put(0, "a", 1);
    table.meanwhile(remade);
    expect((await world.fetch({ consumer: "late" })).status, "the new group begins after the event").toBe(204);
    expect(table.isWaiting).toBe(false);
    expect(await world.seen()).toMatchObject({ lag: 0, lanes: [{ actors: 0, lent: 0 }] });
    await world.put(0, "a", 2);
    expect(world.taken(await world.fetch())).toMatchObject([{ value: 2, attempt: 1 }]);
  });

  it("a late acknowledgement ends no lease of the new one", async () => {
    const { world, table, remade } = await begun();
    await world.put(0, "a", 1);
    const lent = await world.fetch({ consumer: "late" });
    let next: Answer | undefined;
    table.meanwhile(async () => {
      await remade();
      await world.put(0, "a", 2);
      next = await world.fetch({ consumer: "next" });
      expect(world.taken(next)).toMatchObject([{ value: 2 }]);
    });
    const upTo = world.taken(lent)[0]!.position;
    const late = await world.ack({ token: tokenOf(lent), upTo });
    expect([late.status, late.json.error?.code]).toEqual([409, "fenced"]);
    expect(await world.seen()).toMatchObject({ lanes: [{ holder: "next", lent: 1 }] });
    const { position } = world.taken(next!)[0]!;
    const said = await world.ack({ token: tokenOf(next!), items: [{ position, verdict: "ack" }] });
    expect(said.json).toEqual({ outcomes: [{ position, outcome: "done" }], leases: [] });
  });
});

it("an instance that ends a group, and sleeps meanwhile, deletes no failed event of the next group of its name", async () => {
  const table = new InterruptedTable(
    new MemoryTable(),
    (operation, keys) => operation === "query" && keys[0]?.sk === "FAILED#group:billing#",
  );
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
  table.meanwhile(async () => {
    expect((await world.ask("DELETE", "/groups/billing")).json).toEqual({ drained: true });
    await giveUpOne(2);
  });
  expect((await world.ask("DELETE", "/groups/billing")).json).toEqual({ drained: true });
  expect(table.isWaiting).toBe(false);
  expect(await parked()).toBe(1);
  expect((await world.ask("GET", "/parked?source=group:billing")).json["data"]).toHaveLength(1);
});

it("and neither does one that ends a group over all actors", async () => {
  const table = new InterruptedTable(
    new MemoryTable(),
    (operation, keys) => operation === "query" && keys[0]?.sk === "FAILED#root-group:all#",
  );
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
  table.meanwhile(async () => {
    expect((await world.ask("DELETE", "/groups/all")).json).toEqual({ drained: true });
    world.whole.now += 60_000;
    await giveUpOne(2);
  });
  await world.ask("DELETE", "/groups/all");
  expect(table.isWaiting).toBe(false);
  expect(await world.seen()).toMatchObject({ parked: 1, parkedAt: [world.actors[0]!.id] });
  expect((await world.own(0, "GET", "/parked?source=root-group:all")).json.data).toHaveLength(1);
});

const made = async ({ ask, topics }: EitherGroup): Promise<void> => {
  expect((await ask("PUT", "", { topics, from: "earliest" })).status).toBe(201);
};
const remade = async (group: EitherGroup): Promise<void> => {
  expect((await group.ask("DELETE", "")).json).toEqual({ drained: true });
  group.advance(60_000);
  await made(group);
};
const reset = async ({ ask }: EitherGroup): Promise<void> => {
  expect((await ask("POST", "/reset", { to: "earliest" })).status).toBe(200);
};

it.each([
  ["the next group of its name", "group", ofOneActor, remade],
  ["the same group after a reset", "group", ofOneActor, reset],
  ["the next group of all actors of its name", "root-group", ofAllActors, remade],
  ["the same group of all actors after a reset", "root-group", ofAllActors, reset],
])(
  "a late acknowledgement of an event that was sent again deletes none that %s gave up",
  async (_, kind, of, begin) => {
    const table = new InterruptedTable(
      new MemoryTable(),
      (operation, keys) => operation === "transact" && keys[0]?.sk.startsWith(`FAILED#${kind}:g#`) === true,
    );
    const group = await of(table);
    const { ask, own } = group;
    const fetched = async (): Promise<{ readonly token: string; readonly position: string }> => {
      const { json } = await ask("POST", "/fetch", { consumer: "c" });
      return { token: json.leases[0].token, position: json.events[0].event.position };
    };
    const giveUp = async (): Promise<void> => {
      const { token, position } = await fetched();
      const said = await ask("POST", "/ack", { token, items: [{ position, verdict: "park" }] });
      expect(said.json.outcomes).toEqual([{ position, outcome: "parked" }]);
    };
    const ids = async (): Promise<readonly string[]> =>
      (await own("GET", `/parked?source=${kind}:g`)).json.data.map(({ id }: any) => id);
    const count = async (): Promise<number> => (await ask("GET", "")).json.parked;
    await group.put("a", 1);
    await made(group);
    await giveUp();
    const failed = await ids();
    expect((await own("POST", `/parked/${failed[0] ?? ""}`, { action: "retry" })).status).toBe(200);
    const { token, position } = await fetched();
    table.meanwhile(async () => {
      await begin(group);
      await giveUp();
    });
    const said = await ask("POST", "/ack", { token, upTo: position });
    expect(said.json.outcomes).toEqual([{ position, outcome: "done" }]);
    expect(table.isWaiting).toBe(false);
    expect([failed.length, await ids(), await count()]).toEqual([1, failed, 1]);
    expect((await ask("POST", "/fetch", { consumer: "c" })).status).toBe(204);
    expect([await ids(), await count()]).toEqual([failed, 1]);
  },
);
