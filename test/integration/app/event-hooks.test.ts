/** Hooks on an actor's own events, in a whole service. */
import { describe, expect, it } from "vitest";
import { Verdict } from "../../../lib/index.ts";
import { EventHookWorld, type Registration } from "./event-hook-world.ts";

const all: Registration = [{ id: "all", pattern: ">" }, () => undefined];
const topics = ({ attempts }: EventHookWorld, hook = "all"): readonly string[] =>
  attempts.filter((each) => each.hook === hook).map(({ topic }) => topic);

describe("an event hook", () => {
  it("hears the actor's own events in order, as CloudEvents, in the request that makes them", async () => {
    const events: unknown[] = [];
    const world = await EventHookWorld.open([[{ id: "all", pattern: ">" }, ({ event }) => void events.push(event)]]);
    await world.put("color", { r: 1 });
    await world.own.subscriptions.notifySubscribers({ target: "orders", subtarget: "eu", data: [1] });
    expect(events).toEqual([
      {
        ...{ specversion: "1.0", id: expect.stringMatching(/^[0-9a-f]{32}$/), source: world.actor.root },
        ...{ subject: "properties.color", type: "org.actingweb.property.set", time: expect.any(String) },
        ...{ position: expect.any(String), sequence: "0000000000000001", datacontenttype: "application/json" },
        data: { name: "color", value: { r: 1 } },
      },
      expect.objectContaining({
        subject: "orders.eu",
        type: "org.actingweb.event",
        data: [1],
        sequence: "0000000000000002",
      }),
    ]);
  });

  it("hears what its pattern and its types let through", async () => {
    const world = await EventHookWorld.open([
      [{ id: "one", pattern: "properties.color" }, () => undefined],
      [{ id: "deleted", pattern: "properties.*", types: ["org.actingweb.property.deleted"] }, () => undefined],
      [{ id: "hidden", pattern: "properties.private" }, () => undefined],
      all,
    ]);
    await world.put("color", 1);
    await world.put("size", 1);
    await world.put("private", 1);
    await world.own.properties.delete("size");
    expect(topics(world, "one")).toEqual(["properties.color"]);
    expect(topics(world, "deleted")).toEqual(["properties.size"]);
    expect(topics(world, "hidden")).toEqual(["properties.private"]);
    expect(topics(world)).toEqual(["properties.color", "properties.size", "properties.size"]);
  });

  it("begins with the first change after the release that has it, each id for itself", async () => {
    const world = await EventHookWorld.open([]);
    await world.put("before", 1);
    world.deploy([all]);
    await world.put("first", 1);
    world.deploy([all, [{ id: "second", pattern: ">" }, () => undefined]]);
    await world.put("next", 1);
    expect(topics(world)).toEqual(["properties.first", "properties.next"]);
    expect(topics(world, "second")).toEqual(["properties.next"]);
    expect(world.attempts.map(({ sequence }) => Number(sequence))).toEqual([1, 2, 1]);
  });

  it("continues at its cursor when its pattern changes", async () => {
    const world = await EventHookWorld.open([[{ id: "all", pattern: "properties.a" }, () => undefined]]);
    for (const name of ["a", "b"]) await world.put(name, 1);
    world.deploy([[{ id: "all", pattern: "properties.b" }, () => undefined]]);
    for (const name of ["a", "b"]) await world.put(name, 2);
    expect(world.attempts.map(({ data, sequence }) => [data, Number(sequence)])).toEqual([
      [{ name: "a", value: 1 }, 1],
      // No run has moved the cursor over it yet.
      [{ name: "b", value: 1 }, 2],
      [{ name: "b", value: 2 }, 3],
    ]);
  });

  it("that is in no release any more holds nothing: records go as if it had never been", async () => {
    const world = await EventHookWorld.open([all]);
    await world.put("a", 1);
    world.deploy([]);
    await world.put("b", 1);
    for (let minute = 0; minute < 12; minute += 1) await world.later(60_000);
    const left = await world.table.query({ pk: `R#${world.actor.id}`, prefix: "" });
    expect(left.items).toEqual([]);
    world.deploy([all]);
    await world.put("c", 1);
    expect(topics(world).at(-1)).toBe("properties.c");
  });
});

describe("a failing event hook", () => {
  it("holds back its key alone, and is tried again until it succeeds", async () => {
    let fails = true;
    const world = await EventHookWorld.open([
      [
        { id: "all", pattern: ">" },
        ({ event }) => {
          if (fails && event["subject"] === "properties.bad") throw new Error("not now");
        },
      ],
    ]);
    await world.put("bad", 1);
    await world.put("good", 1);
    await world.put("bad", 2);
    expect(topics(world)).toEqual(["properties.bad", "properties.good"]);
    fails = false;
    await world.later(10_000);
    const [first, , again, waiting] = world.attempts;
    expect(again).toEqual({ ...first, attempt: 2 });
    expect(waiting).toMatchObject({ data: { name: "bad", value: 2 }, attempt: 1, sequence: "0000000000000003" });
    expect(world.attempts).toHaveLength(4);
    expect(await world.parked()).toEqual([]);
    expect(await world.item()).not.toHaveProperty("dueAt");
  });

  it("parks an event after HOOK_MAX_ATTEMPTS attempts, and its key continues", async () => {
    const hook: Registration = [
      { id: "all", pattern: ">" },
      ({ event }) => {
        if ((event["data"] as { value: unknown }).value === "poison") throw new Error("never");
      },
    ];
    const world = await EventHookWorld.open([hook], { HOOK_MAX_ATTEMPTS: "3" });
    await world.put("a", "poison");
    await world.put("a", "next");
    for (let hours = 0; hours < 8; hours += 1) await world.later(600_000);
    expect(world.attempts.map(({ data, attempt }) => [(data as { value: string }).value, attempt])).toEqual([
      ...[1, 2, 3].map((attempt) => ["poison", attempt]),
      ["next", 1],
    ]);
    const [parked, ...more] = await world.parked();
    expect(more).toEqual([]);
    expect(parked).toMatchObject({
      ...{ kind: "event-hook", source: "event-hook:all", status: "parked", starts: 3, sequence: 1 },
      ...{ topic: "properties.a", type: "org.actingweb.property.set", attempts: [{ error: "Error: never" }] },
    });
    expect((await world.act(parked?.["id"], "retry")).json).toMatchObject({ result: "parked" });
    expect(world.attempts.at(-1)).toMatchObject({ attempt: 4, id: parked?.["id"] });
    expect((await world.act(parked?.["id"], "skip")).status).toBe(200);
    expect(await world.parked()).toEqual([]);
  });

  it.each([
    ["skip", [], ["a1", "a2"]],
    ["park", ["parked"], ["a1", "a2"]],
    ["stop", ["stopped"], ["a1"]],
  ] as const)("decides by a verdict: %s", async (verdict, statuses, values) => {
    const hook: Registration = [
      { id: "all", pattern: ">" },
      ({ event }) => {
        if ((event["data"] as { value: unknown }).value === "a1") throw new Verdict(verdict, "because");
      },
    ];
    const world = await EventHookWorld.open([hook, [{ id: "other", pattern: ">" }, () => undefined]]);
    await world.put("a", "a1");
    await world.put("a", "a2");
    const given = (id: string) =>
      world.attempts.filter((each) => each.hook === id).map(({ data }) => (data as { value: string }).value);
    expect(given("all")).toEqual(values);
    expect(given("other")).toEqual(["a1", "a2"]);
    expect((await world.parked()).map(({ status }) => status)).toEqual(statuses);
  });

  it("that said stop continues in order once the event is resolved", async () => {
    let fails = true;
    const hook: Registration = [
      { id: "all", pattern: ">" },
      () => {
        if (fails) throw new Verdict("stop");
      },
    ];
    const world = await EventHookWorld.open([hook]);
    for (const name of ["a", "b", "c"]) await world.put(name, 1);
    expect(topics(world)).toEqual(["properties.a"]);
    fails = false;
    const [stopped] = await world.parked();
    expect((await world.act(stopped?.["id"], "retry")).json).toMatchObject({ result: "done" });
    await world.later(0);
    expect(topics(world)).toEqual(["properties.a", "properties.a", "properties.b", "properties.c"]);
    expect(await world.parked()).toEqual([]);
  });
});

describe("what an event hook writes", () => {
  it("carries one hop more, and ends as a loop at eight", async () => {
    let count = 0;
    const hook: Registration = [
      { id: "echo", pattern: "properties.n" },
      async ({ actor }) => {
        count += 1;
        await actor.properties.set("n", count);
      },
    ];
    const world = await EventHookWorld.open([hook]);
    await world.put("n", 0);
    for (let runs = 0; runs < 12; runs += 1) await world.later(1_000);
    expect(world.attempts).toHaveLength(8);
    const [parked, ...more] = await world.parked();
    expect(more).toEqual([]);
    expect(parked).toMatchObject({ status: "parked", starts: 0, topic: "properties.n" });
    expect(JSON.stringify(parked?.["attempts"])).toContain("loop");
  });

  it("is delivered by the worker, so that the request waits for the first hook alone", async () => {
    const hook: Registration = [
      { id: "copy", pattern: "properties.a" },
      async ({ actor }) => await actor.properties.set("b", 1),
    ];
    const world = await EventHookWorld.open([hook, [{ id: "b", pattern: "properties.b" }, () => undefined]]);
    await world.put("a", 1);
    expect(topics(world, "b")).toEqual([]);
    await world.later(0);
    expect(topics(world, "b")).toEqual(["properties.b"]);
  });
});
