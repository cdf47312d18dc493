/** Event hooks where processes die, race, freeze or lose their place in the log. */
import { describe, expect, it } from "vitest";
import { Verdict } from "../../../lib/index.ts";
import { jitteryTable } from "../../support/jittery-table.ts";
import { seeded } from "../../support/publisher/random.ts";
import { until } from "../../support/service.ts";
import { WholeService } from "../../support/whole-service.ts";
import { EventHookWorld, type Registration } from "./event-hook-world.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** No time limit of this process ends a hook. */
const noTimers = { after: () => () => undefined };
const all: Registration = [{ id: "all", pattern: ">" }, () => undefined];
const topics = ({ attempts }: EventHookWorld): readonly string[] => attempts.map(({ topic }) => topic);

describe("an event hook whose process dies", () => {
  it("hears a change whose writer died before any hook ran, from the maintenance of the log", async () => {
    const world = await EventHookWorld.open([all]);
    await world.putAndDie("orders", 1);
    expect(world.attempts).toEqual([]);
    await world.later(MINUTE);
    expect(topics(world)).toEqual(["orders"]);
    await world.putAndDie("orders", 2);
    await world.put("next", 1);
    expect(topics(world)).toEqual(["orders", "orders", "properties.next"]);
  });

  it("hears an event again when the process dies while it runs, and later events after it", async () => {
    let hangs = true;
    const hook: Registration = [
      { id: "all", pattern: ">" },
      async () => {
        if (hangs) await new Promise(() => undefined);
      },
    ];
    const world = await EventHookWorld.open([hook], {}, { ports: noTimers });
    void world.put("a", 1);
    await until("the hook runs", () => world.attempts.length === 1);
    world.deploy([hook]);
    await world.put("a", 2);
    expect(world.attempts).toHaveLength(1);
    hangs = false;
    await world.later(2 * MINUTE);
    const [first, again, next, ...more] = world.attempts;
    expect([again?.id, again?.sequence, again?.attempt]).toEqual([first?.id, first?.sequence, 1]);
    expect([next?.data, next?.sequence]).toEqual([{ name: "a", value: 2 }, "0000000000000002"]);
    expect(more).toEqual([]);
    expect(await world.item()).toMatchObject({ starts: 0 });
    expect(await world.item()).not.toHaveProperty("trying");
  });

  it("parks the event that kills each process, and gives the hook the others", async () => {
    const hook: Registration = [
      { id: "all", pattern: ">" },
      async ({ event }) => {
        if (event["subject"] === "properties.deadly") await new Promise(() => undefined);
      },
    ];
    const world = await EventHookWorld.open([hook], { HOOK_MAX_ATTEMPTS: "2" }, { ports: noTimers });
    void world.put("deadly", 1);
    await until("the hook runs", () => world.attempts.length === 1);
    const deaths = (): number => world.attempts.filter(({ topic }) => topic === "properties.deadly").length;
    for (let death = 2; death <= 3; death += 1) {
      world.deploy([hook]);
      await world.put(`other${String(death)}`, 1);
      void world.later(2 * MINUTE);
      await until("the hook runs again", () => deaths() === death);
    }
    world.deploy([hook]);
    await world.later(2 * MINUTE);
    expect(deaths()).toBe(3);
    const [parked, ...more] = await world.parked();
    expect(more).toEqual([]);
    expect(parked).toMatchObject({ status: "parked", topic: "properties.deadly", starts: 2 });
    expect(JSON.stringify(parked)).toContain("The process ended while the hook ran, 2 times.");
    expect(new Set(topics(world))).toEqual(new Set(["properties.deadly", "properties.other2", "properties.other3"]));
  });
});

describe("event hooks of several processes", () => {
  it.each([1, 2, 3])("hear each event once, in order per key, no matter who makes it (seed %i)", async (seed) => {
    const table = jitteryTable(seeded(seed));
    const world = await EventHookWorld.open(
      [all, [{ id: "strict", pattern: ">", order: "strict" }, all[1]]],
      {},
      { table },
    );
    const first = world.release;
    await world.put("a", 0);
    world.deploy([all, [{ id: "strict", pattern: ">", order: "strict" }, all[1]]]);
    const processes: readonly WholeService[] = [first, world.release];
    const write = async (key: number, at: number): Promise<void> => {
      const process = processes[(key + at) % 2] ?? first;
      await process.ask("PUT", `${world.actor.root}/properties/k${String(key)}`, { headers: world.actor.as, json: at });
    };
    await Promise.all(
      [1, 2, 3].map(async (key) => {
        for (let at = 1; at <= 6; at += 1) await write(key, at);
      }),
    );
    for (let minutes = 0; minutes < 3; minutes += 1) {
      first.now = world.release.now;
      await world.later(MINUTE);
    }
    for (const hook of ["all", "strict"]) {
      const attempts = world.attempts.filter((each) => each.hook === hook);
      for (const key of [1, 2, 3]) {
        const values = attempts.filter(({ topic }) => topic === `properties.k${String(key)}`).map(({ data }) => data);
        expect(values).toEqual([1, 2, 3, 4, 5, 6].map((value) => ({ name: `k${String(key)}`, value })));
      }
      const sequences = attempts.map(({ sequence }) => Number(sequence));
      expect(sequences.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 19 }, (_, at) => at + 1));
      if (hook === "strict") expect(sequences).toEqual(sequences.toSorted((one, other) => one - other));
    }
    expect(await world.parked()).toEqual([]);
  });
});

describe("a slow event hook", () => {
  it("is awaited by the request that begins it, and left to the worker from then on", async () => {
    const world: EventHookWorld = await EventHookWorld.open([
      [{ id: "all", pattern: ">" }, () => void (world.release.now += 1_500)],
    ]);
    await world.put("a", 1);
    expect(topics(world)).toEqual(["properties.a"]);
    await world.put("b", 1);
    expect(topics(world)).toEqual(["properties.a"]);
    await world.later(0);
    expect(topics(world)).toEqual(["properties.a", "properties.b"]);
  });

  it("begins nothing in a request that has waited for a second", async () => {
    const world: EventHookWorld = await EventHookWorld.open([
      [{ id: "all", pattern: ">", order: "strict" }, () => void (world.release.now += 600)],
    ]);
    for (let at = 0; at < 4; at += 1) await world.putAndDie("orders", at);
    await world.put("a", 1);
    expect(world.attempts).toHaveLength(2);
    await world.later(0);
    expect(world.attempts).toHaveLength(5);
    expect(await world.item()).not.toHaveProperty("dueAt");
  });
});

describe("an event hook whose place in the log is gone", () => {
  it("begins again with the oldest event that can be read, and the log says so", async () => {
    let stops = true;
    const hook: Registration = [
      { id: "all", pattern: ">" },
      () => {
        if (stops) throw new Verdict("stop");
      },
    ];
    const world = await EventHookWorld.open([hook], { DIFF_RETENTION_DAYS: "1" });
    await world.put("a", 1);
    await world.put("b", 1);
    await world.later(2 * DAY);
    await world.put("c", 1);
    stops = false;
    const [stopped] = await world.parked();
    await world.act(stopped?.["id"], "skip");
    await world.later(MINUTE);
    expect(topics(world)).toEqual(["properties.a", "properties.c"]);
    const lines = world.release.logged.filter(({ message }) => message.startsWith("an event hook has lost events"));
    expect(lines).toMatchObject([{ level: "error", fields: { hook: "all" } }]);
    await world.put("d", 1);
    expect(topics(world).at(-1)).toBe("properties.d");
  });

  it("hears new events in a new epoch of the log", async () => {
    const world = await EventHookWorld.open([all]);
    await world.put("a", 1);
    const next = await EventHookWorld.open([all], { LOG_EPOCH: "2" }, { table: world.table });
    next.actor = world.actor;
    next.release.now = world.release.now + 1;
    await next.put("b", 1);
    expect(topics(next).at(-1)).toBe("properties.b");
    expect(next.attempts.at(-1)?.sequence).not.toBe("0000000000000001");
  });
});

describe("deleting an actor", () => {
  it("ends its event hooks", async () => {
    const world = await EventHookWorld.open([all]);
    await world.put("a", 1);
    expect(await world.item()).toBeDefined();
    await world.release.ask("DELETE", world.actor.root, { headers: world.actor.as });
    for (let minutes = 0; minutes < 5; minutes += 1) await world.later(MINUTE);
    expect(await world.item()).toBeUndefined();
  });
});
