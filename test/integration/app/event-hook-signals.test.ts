/** What the service says of event hooks: log lines that an alarm counts, and events below `$sys`. */
import { describe, expect, it } from "vitest";
import { Verdict } from "../../../lib/index.ts";
import { FaultyTable } from "../../support/faulty-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { EventHookWorld, type Registration } from "./event-hook-world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A hook on properties, and one that hears of the service itself. */
async function watched(hook: Registration[1], options: Parameters<typeof EventHookWorld.open>[2] = {}) {
  const hooks: readonly Registration[] = [
    [{ id: "index", pattern: "properties.>" }, hook],
    [{ id: "ops", pattern: "$sys.>" }, () => undefined],
  ];
  const world = await EventHookWorld.open(hooks, { DIFF_RETENTION_DAYS: "1", HOOK_MAX_ATTEMPTS: "20" }, options);
  const said = () =>
    world.attempts.flatMap(({ hook: id, topic, data }) => (id === "ops" ? [[topic, data] as const] : []));
  const troubles = () => world.release.logged.filter(({ fields }) => fields?.["trouble"] === "listener");
  const pass = async (ms: number): Promise<void> => {
    await world.later(ms);
    for (let minutes = 0; minutes < 3; minutes += 1) await world.later(MINUTE);
  };
  return { world, said, troubles, pass };
}

const park = (): void => {
  throw new Verdict("park");
};

describe("an event hook", () => {
  it("that lost events says so, once, and continues with the oldest that can be read", async () => {
    let stops = true;
    const { world, said, troubles, pass } = await watched(() => {
      if (stops) throw new Verdict("stop");
    });
    await world.put("a", 1);
    await world.put("b", 1);
    await world.later(48 * HOUR);
    await world.put("c", 1);
    stops = false;
    const [stopped] = await world.parked();
    await world.act(stopped?.["id"], "skip");
    await pass(0);
    const index = world.attempts.filter(({ hook }) => hook === "index").map(({ topic }) => topic);
    expect(index).toEqual(["properties.a", "properties.c"]);
    const [, overtaken, ...more] = said();
    expect(overtaken).toEqual([
      "$sys.listener.overtaken",
      { hook: "index", from: expect.any(String), to: expect.any(String) },
    ]);
    expect(more).toEqual([]);
    expect(troubles()).toMatchObject([{ level: "error", fields: { hook: "index", actorId: world.actor.id } }]);
    expect(await world.item()).not.toHaveProperty("unsaid");
  });

  it("that lags says so, once", async () => {
    const fails = (): void => {
      throw new Error("no");
    };
    // Pauses without chance: with some, no attempt falls between half of the day and its last hour.
    const { world, said, troubles, pass } = await watched(fails, { ports: { random: () => 0.7 } });
    await world.put("a", 1);
    for (let hours = 0; hours < 22; hours += 1) await world.later(HOUR);
    await pass(0);
    expect(said()).toEqual([["$sys.listener.lagging", { hook: "index" }]]);
    expect(troubles()).toMatchObject([{ fields: { hook: "index" } }]);
  });

  it("whose record is about to expire while it fails parks the event an hour before", async () => {
    const { world } = await watched(() => {
      throw new Error("no");
    });
    await world.put("a", 1);
    const at = world.release.now;
    while ((await world.parked()).length === 0) await world.later(10 * MINUTE);
    const left = at + 24 * HOUR - world.release.now;
    expect([left > 40 * MINUTE, left <= HOUR]).toEqual([true, true]);
  });

  it("that gives up an event says so when no other failed event is kept", async () => {
    const { world, said, pass } = await watched(park);
    await world.put("a", 1);
    await world.put("b", 1);
    await pass(0);
    const first = ["$sys.event.parked", { hook: "index", parked: 1 }];
    expect(said()).toEqual([first]);
    for (const { id } of await world.parked()) await world.act(id, "skip");
    await world.put("c", 1);
    await pass(0);
    expect(said()).toEqual([first, first]);
  });

  it("writes nothing into the log where no listener hears $sys", async () => {
    const world = await EventHookWorld.open([[{ id: "index", pattern: ">" }, park]]);
    await world.put("a", 1);
    await world.later(MINUTE);
    expect(await world.release.service.changeLog.newest(world.actor.id)).toBe(1);
  });

  it.each(["crash", "crash_after", "throttle"] as const)(
    "says so once for a failed event, whichever write has the fault: %s",
    async (effect) => {
      for (let at = 1, struck = 1; struck > 0; at += 1) {
        let writes = -1;
        struck = 0;
        const dies = Promise.withResolvers<undefined>();
        const table = new FaultyTable(new MemoryTable(), (operation) => {
          if (writes < 0 || operation === "get" || operation === "getMany" || operation === "query") return "ok";
          writes += 1;
          if (writes !== at) return "ok";
          struck += 1;
          dies.resolve(undefined);
          return effect;
        });
        const hooks: readonly Registration[] = [
          [{ id: "index", pattern: "properties.a" }, park],
          [{ id: "ops", pattern: "$sys.>" }, () => undefined],
        ];
        const world = await EventHookWorld.open(hooks, {}, { table });
        await world.put("first", 1);
        writes = 0;
        const put = world.put("a", 1).catch(() => undefined);
        await (effect === "throttle" ? put : Promise.race([put, dies.promise]));
        writes = -1;
        if (effect !== "throttle") world.deploy(hooks);
        for (let minutes = 0; minutes < 6; minutes += 1) await world.later(MINUTE);
        const newest = await world.release.service.changeLog.newest(world.actor.id);
        const parked = (await world.parked()).length;
        const topics = world.attempts.filter(({ hook }) => hook === "ops").map(({ id }) => id);
        expect([at, parked, newest, new Set(topics).size]).toEqual([at, parked, 1 + 2 * parked, parked]);
      }
    },
  );
});

describe("an event hook with as many parked events as are kept", () => {
  it("stops at the next one, says so, and continues when that is resolved", async () => {
    let parks = true;
    const { world, troubles, pass } = await watched(() => {
      if (parks) park();
    });
    await world.put("a", 1);
    const { failedEvents } = world.release.service.eventHooks;
    const { events } = await failedEvents.page(world.actor.id, { limit: 1 });
    const [one] = events;
    if (one === undefined) throw new Error("no event was parked");
    const keptUntil = world.release.now + 30 * 24 * HOUR;
    for (let n = 2; n <= 1_000; n += 1) {
      const event = { ...one.event, id: `${one.event.id}${String(n)}` };
      await failedEvents.record(event, { status: "parked", starts: 1, attempts: [], keptUntil });
    }
    expect(troubles()).toEqual([]);
    await world.put("b", 1);
    await world.put("c", 1);
    await pass(0);
    const given = () => world.attempts.filter(({ hook }) => hook === "index").map(({ topic }) => topic);
    expect(given()).toEqual(["properties.a", "properties.b"]);
    expect(troubles()).toMatchObject([{ fields: { hook: "index" } }]);
    const page = await failedEvents.page(world.actor.id, { status: "stopped", limit: 10 });
    expect(page.events.map(({ event }) => event.topic)).toEqual(["properties.b"]);
    parks = false;
    expect((await world.act(page.events[0]?.event.id, "retry")).json).toMatchObject({ result: "done" });
    await pass(0);
    expect(given()).toEqual(["properties.a", "properties.b", "properties.b", "properties.c"]);
    expect(await failedEvents.count(world.actor.id, "event-hook:index")).toBe(1_000);
  });
});
