/** Listeners that stand while the operator changes `LOG_EPOCH` over their table: raised after a restore, or lowered by mistake. */
import { describe, expect, it } from "vitest";
import { positionAfter } from "../../lib/domain/events/position.ts";
import type { Answer } from "../support/in-process.ts";
import { EventHookWorld, type Registration } from "./app/event-hook-world.ts";
import { ALL_ACTORS, RootWorld, tokenOf, type Verdict } from "./groups/root-world.ts";
import { WebhookWorld } from "./webhooks/webhook-world.ts";

const BEFORE = { LOG_EPOCH: "2" };
const EPOCHS = [["raised", 3] as const, ["lowered", 1] as const];

/** The answer, which is none of a fault. */
async function ask(world: WebhookWorld, method: string, path: string, json?: object): Promise<Answer> {
  const answer = await world.ask(method, path, json === undefined ? {} : { json });
  expect(answer.status).toBeLessThan(500);
  return answer;
}

const faults = ({ whole }: WebhookWorld) => whole.logged.filter(({ level }) => level === "error");

describe.each(EPOCHS)("a group over an epoch that is %s", (_, epoch) => {
  const fetched = async (world: WebhookWorld, more = {}) =>
    await ask(world, "POST", "/groups/g/fetch", { consumer: "c", ...more });
  const acked = async (world: WebhookWorld, json: object) => await ask(world, "POST", "/groups/g/ack", json);
  const again = async (world: WebhookWorld, topic: string) => {
    const { data } = (await ask(world, "GET", "/parked?source=group:g")).json;
    const found = data.find((each: any) => each.topic === topic);
    expect((await ask(world, "POST", `/parked/${String(found.id)}`, { action: "retry" })).status).toBe(200);
  };

  /** `a` and `p` are parked, and `a` is to be lent again; `b` is open, a second one is behind it; `d` is lent. */
  async function standing(): Promise<{ world: WebhookWorld; token: string; lent: string }> {
    const world = await WebhookWorld.begin({ environment: BEFORE });
    await ask(world, "PUT", "/groups/g", { topics: ["properties.>"] });
    for (const name of ["a", "b", "c", "p"]) await world.put(name, 1);
    const first = await fetched(world);
    const verdicts = ["park", "retry", "ack", "park"];
    const items = verdicts.map((verdict, index) => ({
      ...{ position: positionAfter(2, index + 1), verdict },
      ...(verdict === "retry" && { delaySeconds: 60 }),
    }));
    const said = await acked(world, { token: first.json.leases[0].token, items });
    expect(said.json.outcomes.map((each: any) => each.outcome)).toEqual(["parked", "retried", "done", "parked"]);
    await world.put("b", 2);
    await world.put("d", 1);
    const second = await fetched(world);
    expect(second.json.events.map((each: any) => each.event.data.name)).toEqual(["d"]);
    await again(world, "properties.a");
    return { world, token: second.json.leases[0].token, lent: second.json.events[0].event.position };
  }

  /** Takes everything that is lent, until nothing is. */
  async function workOff(world: WebhookWorld): Promise<readonly (readonly unknown[])[]> {
    const taken: unknown[][] = [];
    for (let idle = 0; idle < 4;) {
      const { status, json } = await fetched(world, { max: 2 });
      if (status === 204) {
        idle += 1;
        world.whole.now += 31_000;
        continue;
      }
      const items = json.events.map((each: any) => ({ position: each.event.position, verdict: "ack" }));
      const said = await acked(world, { token: json.leases[0].token, items, done: true });
      expect(said.json.outcomes.every((each: any) => each.outcome === "done")).toBe(true);
      for (const { event, attempt } of json.events) {
        taken.push([event.data.name, event.data.value, event.position, Number(event.sequence), attempt]);
      }
    }
    return taken;
  }

  it("lends everything that is not done, in the order of keys and under its number", async () => {
    const { world } = await standing();
    world.deploy({ LOG_EPOCH: String(epoch) });
    await world.put("b", 3);
    await again(world, "properties.p");
    world.whole.now += 61_000;
    const taken = await workOff(world);
    const at = (record: number): string => positionAfter(epoch, record);
    expect(taken.filter(([name]) => name === "b")).toEqual([
      ["b", 1, at(2), 2, 2],
      ["b", 2, at(5), 5, 1],
      ["b", 3, at(7), 7, 1],
    ]);
    expect(taken.filter(([name]) => name !== "b").toSorted()).toEqual([
      ["a", 1, at(1), 1, 2],
      ["d", 1, at(6), 6, 2],
      ["p", 1, at(4), 4, 2],
    ]);
    expect((await ask(world, "GET", "/groups/g")).json).toMatchObject({
      ...{ status: "active", lag: 0, parked: 0, floor: at(7), newest: at(7) },
      lanes: [{ position: at(7), lent: 0, blocked: [] }],
    });
    expect(faults(world)).toEqual([]);
  });

  it("keeps a lease, and takes no position that was lent before", async () => {
    const { world, token, lent } = await standing();
    world.deploy({ LOG_EPOCH: String(epoch) });
    const before = (await ask(world, "GET", "/groups/g")).json;
    for (const [json, field] of [
      [{ upTo: lent }, "upTo"],
      [{ items: [{ position: lent, verdict: "ack" }] }, "items.0.position"],
    ] as const) {
      const refused = await acked(world, { token, ...json, done: true });
      expect([refused.status, refused.json.error]).toMatchObject([410, { code: "position_gone", field }]);
    }
    expect((await ask(world, "GET", "/groups/g")).json).toEqual(before);
    expect((await acked(world, { token, extend: true })).json.leases).toMatchObject([{ token }]);
    const now = await acked(world, { token, upTo: positionAfter(epoch, 6), done: true });
    expect(now.json.outcomes).toContainEqual({ position: positionAfter(epoch, 6), outcome: "done" });
    expect((await acked(world, { token, upTo: lent })).status).toBe(409);
    expect((await ask(world, "POST", "/groups/g/reset", { to: lent })).status).toBe(410);
  });
});

describe.each(EPOCHS)("a webhook over an epoch that is %s", (_, epoch) => {
  const sent = (world: WebhookWorld, name: string) =>
    world.received
      .filter(({ event }) => event.data.name === name)
      .map(({ event }) => [event.data.value, event.position, Number(event.sequence)]);
  const at = (record: number, of: number = epoch): string => positionAfter(of, record);

  it("continues a failed key and its backlog: each event once more, in order", async () => {
    const world = await WebhookWorld.begin({ environment: BEFORE });
    const url = world.receiver("r.example", ({ event }) => (event.data.name === "a" ? 500 : 204));
    await world.webhook("w", { url, topics: ["properties.>"] });
    await world.put("a", 1);
    await world.put("b", 1);
    await world.put("a", 2);
    expect(sent(world, "a")).toEqual([[1, at(1, 2), 1]]);
    world.deploy({ LOG_EPOCH: String(epoch) });
    world.answering.set("r.example", () => 204);
    await world.put("b", 2);
    await world.put("a", 3);
    for (let minutes = 0; minutes < 10; minutes += 1) await world.pass(60_000);
    expect(sent(world, "a")).toEqual([
      [1, at(1, 2), 1],
      [1, at(1), 1],
      [2, at(3), 3],
      [3, at(5), 5],
    ]);
    expect(sent(world, "b")).toEqual([
      [1, at(2, 2), 2],
      [2, at(4), 4],
    ]);
    expect(await world.seen("w")).toMatchObject({
      status: "active",
      position: at(5),
      sequence: 5,
      lag: 0,
      blocked: [],
    });
    expect(faults(world)).toEqual([]);
  });

  it("carries a redrive on", async () => {
    const world = await WebhookWorld.begin({ environment: BEFORE });
    const url = world.receiver("r.example", () => 400);
    await world.webhook("w", { url, topics: ["properties.>"], maxAttempts: 1 });
    for (const name of ["a", "b"]) await world.put(name, 1);
    await world.pass(60_000);
    expect((await ask(world, "GET", "/parked")).json.data).toHaveLength(2);
    await ask(world, "POST", "/webhooks/w/pause");
    const begun = await ask(world, "POST", "/webhooks/w/redrive", { parked: true });
    world.deploy({ LOG_EPOCH: String(epoch) });
    const parked = (await ask(world, "GET", "/parked")).json.data;
    expect(parked.map((each: any) => each.position)).toEqual([at(1), at(2)]);
    world.answering.set("r.example", () => 204);
    world.received.length = 0;
    await ask(world, "POST", "/webhooks/w/resume", {});
    await world.pass(60_000);
    expect([sent(world, "a"), sent(world, "b")]).toEqual([[[1, at(1), 1]], [[1, at(2), 2]]]);
    const task = await ask(world, "GET", `/tasks/${String(begun.json.task ?? begun.json.id)}`);
    expect(task.json).toMatchObject({ state: "done", done: 2, failed: 0 });
    expect((await ask(world, "GET", "/parked")).json.data).toEqual([]);
    expect(faults(world)).toEqual([]);
  });
});

describe.each(EPOCHS)("an event hook over an epoch that is %s", (_, epoch) => {
  it("is given a failed event again, and what waits for it, and nothing else", async () => {
    let fails = true;
    const hook: Registration = [
      { id: "all", pattern: "properties.>" },
      ({ event }) => {
        if (fails && event["subject"] === "properties.a") throw new Error("not yet");
      },
    ];
    const world = await EventHookWorld.open([hook], BEFORE);
    await world.put("a", 1);
    await world.put("b", 1);
    await world.put("a", 2);
    const next = await EventHookWorld.open([hook], { LOG_EPOCH: String(epoch) }, { table: world.table });
    next.actor = world.actor;
    next.release.now = world.release.now + 1;
    fails = false;
    await next.put("b", 2);
    for (let minutes = 0; minutes < 10; minutes += 1) await next.later(60_000);
    const given = next.attempts.map(({ topic, attempt, sequence }) => [topic, attempt, Number(sequence)]);
    expect(given.filter(([topic]) => topic === "properties.a")).toEqual([
      ["properties.a", 2, 1],
      ["properties.a", 1, 3],
    ]);
    expect(given.filter(([topic]) => topic === "properties.b")).toEqual([["properties.b", 1, 4]]);
  });
});

describe.each(EPOCHS)("a group over all actors over an epoch that is %s", (_, epoch) => {
  it("lends everything that is not done, in the order of keys, and takes no position that was lent before", async () => {
    const world = await RootWorld.begin(2, { environment: { ...ALL_ACTORS, ...BEFORE } });
    await world.group();
    for (const name of ["a", "b", "c"]) await world.put(0, name, 1);
    await world.put(1, "d", 1);
    await world.pass(20_000);
    const open = await world.fetch();
    const lent = new Map(world.taken(open).map(({ name, position }) => [name, position]));
    const said = (name: string, verdict: string): Verdict => ({ position: lent.get(name) ?? "", verdict });
    const items = [said("a", "park"), { ...said("b", "retry"), delaySeconds: 60 }, said("c", "ack")];
    const answered = await world.ack({ token: tokenOf(open), items });
    expect(answered.json.outcomes.map((each: any) => each.outcome)).toEqual(["parked", "retried", "done"]);
    await world.put(0, "b", 2);
    world.deploy({ LOG_EPOCH: String(epoch) });
    for (const [more, field] of [
      [{ upTo: lent.get("d") }, "upTo"],
      [{ items: [said("d", "ack")] }, "items.0.position"],
    ] as const) {
      const refused = await world.ack({ token: tokenOf(open), ...more });
      expect([refused.status, refused.json.error]).toMatchObject([410, { code: "position_gone", field }]);
    }
    const [kept] = (await world.own(0, "GET", "/parked")).json.data;
    expect(kept.position).toBe(positionAfter(epoch, 1));
    expect((await world.own(0, "POST", `/parked/${String(kept.id)}`, { action: "retry" })).status).toBeLessThan(300);
    await world.put(0, "b", 3);
    const taken: (readonly [string, unknown, string | undefined])[] = [];
    for (let idle = 0; idle < 3;) {
      await world.pass(31_000);
      const more = await world.fetch();
      expect([200, 204]).toContain(more.status);
      if (more.status === 204) {
        idle += 1;
        continue;
      }
      const events = world.taken(more);
      const verdicts = events.map(({ position }) => ({ position, verdict: "ack" }));
      const done = await world.ack({ token: tokenOf(more), items: verdicts });
      expect(done.json.outcomes.every((each: any) => each.outcome === "done")).toBe(true);
      taken.push(...events.map(({ name, value, position }) => [name, value, position.split(".").at(-1)] as const));
    }
    expect(taken.filter(([name]) => name === "b").map(([, value]) => value)).toEqual([1, 2, 3]);
    expect(taken.toSorted()).toEqual([
      ["a", 1, positionAfter(epoch, 1)],
      ["b", 1, positionAfter(epoch, 2)],
      ["b", 2, positionAfter(epoch, 4)],
      ["b", 3, positionAfter(epoch, 5)],
      ["d", 1, positionAfter(epoch, 1)],
    ]);
    expect(await world.seen()).toMatchObject({ status: "active", lag: 0, parked: 0 });
    expect(world.whole.logged.filter(({ level }) => level === "error")).toEqual([]);
  });
});
