/** Groups with several consumers, barriers, replays between checkpoints, lost positions, and their end with the actor. */
import { beforeEach, describe, expect, it } from "vitest";
import { listenerPartition } from "../../../lib/dynamodb/keys/listeners.ts";
import type { Answer } from "../../support/in-process.ts";
import { WebhookWorld } from "../webhooks/webhook-world.ts";

const DAY_MS = 86_400_000;
let world: WebhookWorld;
beforeEach(async () => {
  world = await WebhookWorld.begin();
});

const group = async (json: object = {}): Promise<Answer> =>
  await world.ask("PUT", "/groups/billing", { json: { topics: ["properties.>", "properties"], ...json } });
const fetched = async (consumer: string, json: object = {}): Promise<Answer> =>
  await world.ask("POST", "/groups/billing/fetch", { json: { consumer, ...json } });
const acked = async (json: object): Promise<Answer> => await world.ask("POST", "/groups/billing/ack", { json });
const seen = async (): Promise<any> => (await world.ask("GET", "/groups/billing")).json;
const topics = (answer: Answer): readonly string[] => answer.json.events.map((each: any) => each.event.subject);
const tokenOf = (answer: Answer): string => answer.json.leases[0].token;
const allDone = async (lent: Answer): Promise<Answer> => {
  const upTo = lent.json.events
    .map((each: any) => String(each.event.position))
    .toSorted()
    .at(-1);
  return await acked({ token: tokenOf(lent), upTo });
};

describe("a group with lanes", () => {
  it("gives each consumer other lanes, and a key to one of them at a time", async () => {
    await group({ lanes: 8 });
    for (let value = 0; value < 3; value += 1) for (const name of ["a", "b", "c", "d"]) await world.put(name, value);
    const one = await fetched("one", { max: 2 });
    const two = await fetched("two", { max: 2 });
    const lanesOf = (lent: Answer): readonly number[] => lent.json.leases.map(({ lane }: any) => lane);
    expect([one.status, two.status]).toEqual([200, 200]);
    expect(lanesOf(one).filter((lane) => lanesOf(two).includes(lane))).toEqual([]);
    expect(topics(one).filter((topic) => topics(two).includes(topic))).toEqual([]);
    const taken = new Map<string, number[]>();
    for (let lent = one, also: Answer | undefined = two; lent.status === 200; also = undefined) {
      for (const each of also === undefined ? [lent] : [lent, also]) {
        for (const { event } of each.json.events) {
          taken.set(event.subject, [...(taken.get(event.subject) ?? []), event.data.value]);
        }
        expect((await allDone(each)).status).toBe(200);
      }
      lent = await fetched("one");
    }
    const values = [0, 1, 2];
    expect(Object.fromEntries(taken)).toEqual(
      Object.fromEntries(["a", "b", "c", "d"].map((name) => [`properties.${name}`, values])),
    );
  });

  it("takes no verdict on what another consumer has, neither named nor up to a position", async () => {
    await group({ lanes: 8 });
    for (let name = 0; name < 40; name += 1) await world.put(`p${String(name)}`, name);
    const [one, two] = [await fetched("one"), await fetched("two")];
    const { position } = two.json.events[0].event;
    const said = await acked({ token: tokenOf(one), items: [{ position, verdict: "ack" }] });
    expect(said.json.outcomes).toEqual([{ position, outcome: "not_lent" }]);
    const upTo = (await seen()).newest;
    const all = await acked({ token: tokenOf(one), upTo });
    expect(all.json.outcomes).toHaveLength(one.json.events.length);
    expect((await seen()).lag).toBe(40 - one.json.events.length);
    expect((await allDone(two)).json.outcomes).toHaveLength(two.json.events.length);
  });

  it("begins a lease again by extend, and gives back what follows an event of its key that is to come again", async () => {
    await group({ leaseSeconds: 30, maxAttempts: 2 });
    for (const value of [1, 2, 3]) await world.put("a", value);
    const lent = await fetched("one");
    const [first, second] = lent.json.events.map(({ event }: any) => event.position);
    world.whole.now += 20_000;
    const token = tokenOf(lent);
    const until = new Date(world.whole.now + 30_000).toISOString();
    expect((await acked({ token, extend: true })).json.leases).toMatchObject([{ until }]);
    world.whole.now += 20_000;
    expect((await fetched("two")).status).toBe(423);
    const items = [{ position: first, verdict: "retry", delaySeconds: 0 }];
    expect((await acked({ token, items })).json.outcomes).toMatchObject([{ outcome: "retried" }]);
    const again = await fetched("two");
    expect(again.json.events.map(({ event, attempt }: any) => [event.data.value, attempt])).toEqual([
      [1, 2],
      [2, 1],
      [3, 1],
    ]);
    expect((await acked({ token, items: [{ position: second, verdict: "ack" }] })).status).toBe(409);
  });

  it("tries the event at which it stopped from its first attempt on once it is resumed", async () => {
    await group({ maxAttempts: 2, onExhausted: "stop" });
    await world.put("a", 1);
    const failed = async (): Promise<number> => {
      const lent = await fetched("one");
      const [{ event, attempt }] = lent.json.events;
      const items = [{ position: event.position, verdict: "retry", delaySeconds: 0 }];
      await acked({ token: tokenOf(lent), items, done: true });
      return attempt;
    };
    expect([await failed(), await failed(), (await seen()).status]).toEqual([1, 2, "stopped"]);
    await world.ask("POST", "/groups/billing/resume");
    expect([await failed(), await failed(), (await seen()).status]).toEqual([1, 2, "stopped"]);
  });

  it.each([1, 4])(
    "of strict order has one lane, however many are asked for (%i): one consumer has it",
    async (lanes) => {
      const made = await group({ lanes, order: "strict" });
      expect([made.status, made.json.lanes]).toMatchObject([201, [{ lane: 0 }]]);
      expect((await group({ lanes: 2, order: "strict" })).status).toBe(200);
      const order: unknown[] = [];
      for (let value = 0; value < 4; value += 1) await world.put(["b", "a"][value % 2] ?? "", value);
      for (let batch = 0; batch < 2; batch += 1) {
        const lent = await fetched("one", { max: 2 });
        order.push(...lent.json.events.map((each: any) => each.event.data.value));
        const other = await fetched("two");
        expect([other.status, other.json.error, Number(other.headers["retry-after"]) > 0]).toMatchObject([
          423,
          { code: "held", holder: "one", until: lent.json.leases[0].until },
          true,
        ]);
        await allDone(lent);
      }
      expect([order, (await fetched("two")).status]).toEqual([[0, 1, 2, 3], 204]);
      expect((await world.ask("PUT", "/groups/billing", { json: await seen() })).status).toBe(200);
      const reset = await world.ask("POST", "/groups/billing/reset", { json: { to: "earliest", lanes: 2 } });
      expect(reset.json.lanes).toHaveLength(1);
      expect([(await fetched("two")).status, (await fetched("one")).status]).toEqual([200, 423]);
    },
  );

  it("leaves lanes to other consumers, however many events one of them asks for", async () => {
    await group({ lanes: 8 });
    for (let name = 0; name < 80; name += 1) await world.put(`p${String(name)}`, name);
    const lent = [];
    for (const consumer of ["one", "two", "three"]) lent.push(await fetched(consumer, { max: 100 }));
    expect(lent.map(({ status, json }) => [status, json.leases.length])).toEqual([
      [200, 4],
      [200, 2],
      [200, 1],
    ]);
    const all = lent.flatMap(topics);
    expect(new Set(all).size).toBe(all.length);
    let count = all.length;
    for (const each of lent) await allDone(each);
    for (let next = await fetched("one"); next.status === 200; next = await fetched("one")) {
      count += topics(next).length;
      await allDone(next);
    }
    expect([count, (await seen()).lag]).toEqual([80, 0]);
  });

  it("passes the deletion of all properties only when every earlier event is done, in every lane", async () => {
    await group({ lanes: 8 });
    for (const name of ["a", "b", "c"]) await world.put(name, 1);
    await world.ask("DELETE", "/properties");
    await world.put("a", 2);
    const before = await fetched("one");
    expect(topics(before).toSorted()).toEqual(["properties.a", "properties.b", "properties.c"]);
    const early = await fetched("two");
    expect([204, 423]).toContain(early.status);
    await allDone(before);
    const barrier = await fetched("two");
    expect(topics(barrier)).toEqual(["properties"]);
    expect([204, 423]).toContain((await fetched("one")).status);
    await allDone(barrier);
    expect(topics(await fetched("one"))).toEqual(["properties.a"]);
  });

  it("keeps its floor through failed deliveries and a replay with a checkpoint in between", async () => {
    await group({ maxAttempts: 10, leaseSeconds: 10 });
    await world.put("a", 1);
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      const lent = await fetched("one");
      expect(lent.json.events[0].attempt, `attempt ${String(attempt)}`).toBe(attempt);
      const { position } = lent.json.events[0].event;
      await acked({ token: tokenOf(lent), items: [{ position, verdict: "retry", delaySeconds: 0 }], done: true });
    }
    const [parked] = (await world.ask("GET", "/parked?source=group:billing")).json.data;
    expect(parked).toMatchObject({ topic: "properties.a", status: "parked" });
    await world.put("a", 2);
    await allDone(await fetched("one"));
    const checkpoint = (await seen()).floor;
    await world.ask("POST", `/parked/${String(parked.id)}`, { json: { action: "retry" } });
    await world.put("a", 3);
    const replayed = await fetched("one", { max: 1 });
    expect(replayed.json.events[0].event.data).toMatchObject({ value: 1 });
    expect((await allDone(replayed)).status).toBe(200);
    expect((await seen()).floor).toBe(checkpoint);
    const next = await fetched("one");
    expect(next.json.events[0].event.data).toMatchObject({ value: 3 });
    await allDone(next);
    expect((await seen()).floor > checkpoint).toBe(true);
  });

  it("counts no attempt for what is released, and one for what is not answered", async () => {
    await group({ leaseSeconds: 5 });
    await world.put("a", 1);
    const lent = await fetched("one");
    const { position } = lent.json.events[0].event;
    await acked({ token: tokenOf(lent), items: [{ position, verdict: "release" }], done: true });
    expect((await fetched("one")).json.events[0].attempt).toBe(1);
    world.whole.now += 6_000;
    expect((await fetched("two")).json.events[0].attempt).toBe(2);
  });

  it.each([
    ["park", "active"],
    ["stop", "stopped"],
  ])("gives an event up after as many deliveries without an answer as the group allows: %s", async (how, status) => {
    await group({ maxAttempts: 2, onExhausted: how });
    await world.put("a", 1);
    for (const attempt of [1, 2]) {
      expect((await fetched("dies")).json.events).toMatchObject([{ attempt, event: { subject: "properties.a" } }]);
      world.whole.now += 31_000;
    }
    expect((await fetched("one")).status).toBe(204);
    const now = await seen();
    expect([now.status, now.parked, now.lag]).toEqual([status, how === "park" ? 1 : 0, how === "park" ? 0 : 1]);
  });

  it("gives many events up at once, some with each fetch", async () => {
    await group({ maxAttempts: 1 });
    for (let name = 0; name < 60; name += 1) await world.put(`p${String(name)}`, name);
    expect(topics(await fetched("dies"))).toHaveLength(60);
    world.whole.now += 31_000;
    for (let fetches = 0; fetches < 4; fetches += 1) expect((await fetched("one")).status).toBe(204);
    expect(await seen()).toMatchObject({ parked: 60, lag: 0 });
  });

  it("gives a failed event up an hour before its record expires, and one that never failed not", async () => {
    await group({ maxAttempts: 20 });
    await world.put("a", 1);
    await world.put("b", 1);
    const lent = await fetched("one", { max: 1 });
    const { position } = lent.json.events[0].event;
    await acked({ token: tokenOf(lent), items: [{ position, verdict: "retry", delaySeconds: 0 }], done: true });
    world.whole.now += 30 * DAY_MS - 3_000_000;
    const late = await fetched("one");
    expect(topics(late)).toEqual(["properties.b"]);
    await acked({ token: tokenOf(late), done: true });
    expect(topics(await fetched("one"))).toEqual(["properties.b"]);
    expect((await world.ask("GET", "/parked?source=group:billing")).json.data).toMatchObject([
      { topic: "properties.a", attempts: [{ error: "expiring" }] },
    ]);
  });

  it("leaves a failed event that no consumer answers with its person, and lends the others", async () => {
    await group({ maxAttempts: 2 });
    await world.put("a", 1);
    const first = await fetched("one");
    const { position } = first.json.events[0].event;
    await acked({ token: tokenOf(first), items: [{ position, verdict: "park" }] });
    const [parked] = (await world.ask("GET", "/parked?source=group:billing")).json.data;
    for (let times = 0; times < 2; times += 1) {
      await world.ask("POST", `/parked/${String(parked.id)}`, { json: { action: "retry" } });
    }
    for (const attempt of [2, 3]) {
      const lent = await fetched("dies");
      expect(lent.json.events).toHaveLength(1);
      expect(lent.json.events[0]).toMatchObject({ attempt, event: { subject: "properties.a" } });
      world.whole.now += 31_000;
    }
    await world.put("b", 1);
    expect(topics(await fetched("one"))).toEqual(["properties.b"]);
    expect((await world.ask("GET", "/parked?source=group:billing")).json.data).toMatchObject([{ id: parked.id }]);
  });

  it("gives no number to what it is reset to before its beginning, and the same numbers as before after it", async () => {
    for (const name of ["a", "b", "a"]) await world.put(name, name);
    await group();
    for (const name of ["c", "a"]) await world.put(name, name);
    const numbers = (lent: Answer) =>
      lent.json.events.map(({ event }: any) => [event.data.name, event.sequence ?? null]);
    const since = [
      ["c", "0000000000000001"],
      ["a", "0000000000000002"],
    ];
    const first = await fetched("one");
    expect(numbers(first)).toEqual(since);
    await allDone(first);
    expect((await world.ask("POST", "/groups/billing/reset", { json: { to: "earliest" } })).status).toBe(200);
    const again = await fetched("one", { max: 2 });
    expect(numbers(again)).toEqual([
      ["a", null],
      ["b", null],
    ]);
    const { position } = again.json.events[1].event;
    const upTo = again.json.events[0].event.position;
    await acked({ token: tokenOf(again), upTo, items: [{ position, verdict: "park" }] });
    const [parked] = (await world.ask("GET", "/parked?source=group:billing")).json.data;
    expect(parked).toMatchObject({ position, topic: "properties.b" });
    expect(parked).not.toHaveProperty("sequence");
    const rest = await fetched("one");
    expect(numbers(rest)).toEqual([["a", null], ...since]);
  });

  it("hears the log again by the topics that held, and keeps its numbers across them", async () => {
    const made = await group({ topics: ["properties.a"] });
    for (const name of ["a", "b"]) await world.put(name, name);
    await allDone(await fetched("one"));
    const json = { topics: ["properties.b"] };
    const headers = { "if-match": made.headers["etag"] ?? "" };
    expect((await world.ask("PUT", "/groups/billing", { json, headers })).status).toBe(200);
    for (const name of ["a", "b"]) await world.put(name, name);
    const both = [
      ["properties.a", 1],
      ["properties.b", 2],
    ];
    const numbered = (lent: Answer) =>
      lent.json.events.map(({ event }: any) => [event.subject, Number(event.sequence)]);
    const second = await fetched("one");
    expect(numbered(second)).toEqual(both.slice(1));
    await allDone(second);
    await world.ask("POST", "/groups/billing/reset", { json: { to: "earliest" } });
    expect(numbered(await fetched("one"))).toEqual(both);
  });

  it("stops where its position is gone, and continues after a reset", async () => {
    await group();
    await world.put("a", 1);
    await world.put("b", 1);
    world.whole.now += 40 * DAY_MS;
    await world.put("c", 1);
    const lost = await fetched("one");
    expect([lost.status, lost.json.error.code]).toEqual([410, "position_gone"]);
    expect(await seen()).toMatchObject({ status: "stopped", stopped: { reason: "position_gone" } });
    expect((await world.ask("POST", "/groups/billing/reset", { json: { to: "earliest" } })).status).toBe(200);
    expect(topics(await fetched("one"))).toEqual(["properties.c"]);
  });

  it.each([1, 3])("waits for %i s: for an event, and for the last lease", async (seconds) => {
    let meanwhile: () => Promise<unknown> = () => Promise.resolve();
    const slept: number[] = [];
    const sleep = async (ms: number): Promise<void> => {
      // A clock is never exact.
      world.whole.now += ms + 1;
      slept.push(ms);
      if (slept.reduce((sum, each) => sum + each, 0) >= seconds * 1_000 - 100) await meanwhile();
    };
    world = await WebhookWorld.begin({ ports: { sleep } });
    await group({ leaseSeconds: 60 });
    world.whole.now += 1;
    expect((await fetched("one", { waitSeconds: seconds })).status).toBe(204);
    expect(slept.length).toBe(seconds);
    slept.length = 0;
    meanwhile = async () => await world.put("a", 1);
    const lent = await fetched("one", { waitSeconds: seconds });
    expect(topics(lent)).toEqual(["properties.a"]);
    slept.length = 0;
    meanwhile = async () => await allDone(lent);
    const drained = await world.ask("DELETE", `/groups/billing?drainSeconds=${String(seconds)}`);
    expect([drained.status, drained.json]).toEqual([200, { drained: true }]);
  });

  it("ends with its actor", async () => {
    await group({ maxAttempts: 1 });
    await world.put("a", 1);
    const lent = await fetched("one");
    const { position } = lent.json.events[0].event;
    await acked({ token: tokenOf(lent), items: [{ position, verdict: "park" }] });
    expect((await world.ask("DELETE", "")).status).toBe(204);
    await world.pass(60_000);
    expect((await world.whole.table.query({ pk: listenerPartition(world.owner.id), prefix: "" })).items).toEqual([]);
  });
});
