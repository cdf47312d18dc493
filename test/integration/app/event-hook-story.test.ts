/** One event hook over HTTP, from the write of a property to the end of its failed event, and a death in between. */
import { expect, it } from "vitest";
import { FaultyTable } from "../../support/faulty-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { EventHookWorld, type Registration } from "./event-hook-world.ts";

const MINUTE = 60_000;

it("an event runs its hook, is tried again, parked, found by its source, and retried by its owner", async () => {
  let isAway = true;
  const index = new Map<string, unknown>();
  const hook: Registration = [
    { id: "indexer", pattern: "properties.>" },
    ({ event }) => {
      const { name, value } = event["data"] as { name: string; value: unknown };
      if (isAway && name === "a" && value === 2) throw new Error("the index is away");
      index.set(name, value);
    },
  ];
  const world = await EventHookWorld.open([hook], { HOOK_MAX_ATTEMPTS: "2" });
  const found = async (source: string) => {
    const url = `${world.actor.root}/parked?source=${source}`;
    const { status, json } = await world.release.ask("GET", url, { headers: world.actor.as });
    expect(status).toBe(200);
    return (json as { data: Record<string, unknown>[] }).data;
  };
  await world.put("a", 1);
  expect(world.attempts).toMatchObject([{ topic: "properties.a", attempt: 1, sequence: "0000000000000001" }]);
  await world.put("a", 2);
  await world.put("b", 1);
  await world.put("a", 3);
  // The failed event holds back its own key alone.
  expect([...index]).toEqual([
    ["a", 1],
    ["b", 1],
  ]);
  expect(await found("event-hook:indexer")).toEqual([]);
  await world.later(MINUTE);
  // Its attempts are over: it is parked, and its key has gone on.
  expect(index.get("a")).toBe(3);
  const [parked, ...more] = await found("event-hook:indexer");
  expect(more).toEqual([]);
  expect(parked).toMatchObject({ source: "event-hook:indexer", status: "parked", sequence: 2, starts: 2 });
  expect(await found("event-hook:other")).toEqual([]);
  isAway = false;
  expect(await world.act(parked?.["id"], "retry")).toMatchObject({ status: 200, json: { result: "done" } });
  expect(index.get("a")).toBe(2);
  expect(await found("event-hook:indexer")).toEqual([]);
  const sequences = world.attempts.map(({ sequence, attempt }) => [Number(sequence), attempt]);
  expect(sequences).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
    [2, 2],
    [4, 1],
    [2, 3],
  ]);
});

it.each(["crash", "crash_after"] as const)(
  "a death between a run and its note (%s) repeats no more than it",
  async (effect) => {
    let dies = false;
    const died = Promise.withResolvers<string>();
    // The run's last write: how far the hook has come, with the end of the lease.
    const table = new FaultyTable(new MemoryTable(), (operation, keys) => {
      const isNote = operation === "update" && keys.some(({ sk }) => sk.startsWith("event-hooks#"));
      if (!dies || !isNote) return "ok";
      died.resolve("dead");
      return effect;
    });
    const hook: Registration = [{ id: "indexer", pattern: ">" }, () => void (dies = world.attempts.length === 2)];
    const world: EventHookWorld = await EventHookWorld.open([hook], {}, { table });
    await world.put("a", 1);
    const put = world.put("a", 2).then(() => "answered");
    expect(await Promise.race([put, died.promise])).toBe("dead");
    dies = false;
    world.deploy([hook]);
    for (let minutes = 0; minutes < 3; minutes += 1) await world.later(MINUTE);
    await world.put("a", 3);
    const values = world.attempts.map(({ data }) => (data as { value: number }).value);
    // Where the note was stored the death changes nothing; else the event comes again, under its id and number.
    expect(values).toEqual(effect === "crash" ? [1, 2, 2, 3] : [1, 2, 3]);
    const [, second, third] = world.attempts;
    if (effect === "crash") expect([third?.id, third?.sequence]).toEqual([second?.id, second?.sequence]);
    expect(await world.parked()).toEqual([]);
  },
);
