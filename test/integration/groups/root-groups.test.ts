/** Consumer groups over all actors, as their operator and their consumers use them. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Answer } from "../../support/in-process.ts";
import { RootWorld, tokenOf } from "./root-world.ts";

const SETTLED_MS = 20_000;
const DAY_MS = 86_400_000;
let world: RootWorld;
beforeEach(async () => {
  world = await RootWorld.begin();
});

const short = (answer: Answer): readonly string[] =>
  world.taken(answer).map(({ actor, name, value }) => `${actor}.${name}=${String(value)}`);
const positions = (answer: Answer): readonly string[] => world.taken(answer).map(({ position }) => position);
/** Takes everything that a fetch gives, until nothing is left. */
async function drained(json: object = {}): Promise<readonly string[]> {
  const all: string[] = [];
  for (;;) {
    const lent = await world.fetch(json);
    if (lent.status === 204) return all;
    expect(lent.status).toBe(200);
    all.push(...short(lent));
    expect((await world.ack({ token: tokenOf(lent), upTo: positions(lent).at(-1) })).json.leases).toEqual([]);
  }
}

describe("a group over all actors", () => {
  it("is the operator's, where there is one", async () => {
    await world.group();
    const path = "/groups/all";
    expect((await world.whole.ask("GET", path)).status).toBe(401);
    expect((await world.ask("GET", path, undefined, { authorization: "Bearer other" })).status).toBe(403);
    const off = await RootWorld.begin(1, { environment: {} });
    for (const [method, of] of [
      ["GET", ""],
      ["PUT", ""],
      ["DELETE", ""],
      ["POST", "/fetch"],
      ["POST", "/ack"],
    ]) {
      expect((await off.ask(method!, `${path}${of!}`, method === "GET" ? undefined : {})).status, method).toBe(404);
    }
  });

  it("is made, is the same again, and is changed only by those who know what it is", async () => {
    const made = await world.group({ lanes: 2 });
    expect([made.status, made.json]).toMatchObject([
      201,
      {
        name: "all",
        status: "active",
        lag: 0,
        parked: 0,
        lanes: [{ lane: 0, actors: 0, lent: 0 }, { lane: 1 }],
      },
    ]);
    expect((await world.group({ lanes: 2 })).status).toBe(200);
    expect((await world.group({ lanes: 2, maxAttempts: 3 })).json.error.code).toBe("precondition_required");
    expect((await world.group({ lanes: 3, maxAttempts: 3 })).json.error.code).toBe("precondition_required");
    const headers = { "if-match": made.headers["etag"] ?? "" };
    const changed = await world.ask("PUT", "/groups/all", { topics: [">"], lanes: 2, maxAttempts: 3 }, headers);
    expect([changed.status, changed.json.maxAttempts]).toEqual([200, 3]);
    expect((await world.ask("GET", "/groups")).json.data).toEqual([{ name: "all" }]);
    expect((await world.ask("GET", "/groups/none")).status).toBe(404);
    expect((await world.ask("POST", "/groups/none/fetch", { consumer: "c" })).status).toBe(404);
    const gone = await world.group({ from: "x" }, "other");
    expect([gone.status, gone.headers["link"]]).toEqual([410, undefined]);
    expect((await world.group({ topics: ["a.*x"] }, "other")).status).toBe(400);
  });

  it("takes what a GET shows: nothing differs, and one setting can be changed by it", async () => {
    const made = await world.group({ lanes: 3, types: ["org.actingweb.*"], order: "strict" });
    await world.put(0, "a", 1);
    await world.fetch();
    const shown = await world.seen();
    expect(shown.lanes).toHaveLength(3);
    const same = await world.ask("PUT", "/groups/all", shown);
    expect([same.status, same.json]).toEqual([200, shown]);
    const headers = { "if-match": made.headers["etag"] ?? "" };
    const changed = await world.ask("PUT", "/groups/all", { ...shown, maxAttempts: 2 }, headers);
    expect([changed.status, changed.json]).toEqual([200, { ...shown, maxAttempts: 2 }]);
  });

  it("lends each actor's events in order, and takes them as acknowledged", async () => {
    await world.group();
    expect((await world.fetch()).status).toBe(204);
    for (const value of [1, 2]) for (const actor of [0, 1, 2]) await world.put(actor, "a", value);
    const lent = await world.fetch({ max: 4 });
    expect([lent.status, lent.json.leases.length, lent.json.caughtUp]).toEqual([200, 1, false]);
    expect(lent.json.events[0].event.sequence).toBe("0000000000000001");
    expect(lent.json.events[0].event.position).toMatch(/^[0-9a-f]{32}\.0001-\d{16}-z$/);
    const other = await world.fetch({ consumer: "c2" });
    expect([other.status, other.json.error]).toMatchObject([423, { code: "held", holder: "c" }]);
    expect((await world.seen()).lanes).toMatchObject([{ holder: "c", actors: 3, lent: 2 }]);
    const said = await world.ack({ token: tokenOf(lent), upTo: positions(lent).at(-1) });
    expect(said.json).toEqual({
      outcomes: positions(lent).map((position) => ({ position, outcome: "done" })),
      leases: [],
    });
    const rest = await world.fetch();
    expect(rest.json.caughtUp).toBe(true);
    for (const actor of ["0", "1", "2"]) {
      const values = [...world.taken(lent), ...world.taken(rest)].filter((each) => each.actor === actor);
      expect(values.map(({ value }) => value)).toEqual([1, 2]);
    }
    await world.ack({ token: tokenOf(rest), items: positions(rest).map((position) => ({ position, verdict: "ack" })) });
    expect((await world.fetch()).status).toBe(204);
    expect(await world.seen()).toMatchObject({ lag: 0, oldestSeconds: 0 });
    await world.put(1, "a", 3);
    expect(await world.seen()).toMatchObject({ lag: 1 });
    expect(await drained()).toEqual(["1.a=3"]);
    world.whole.now += SETTLED_MS;
    expect(await drained()).toEqual([]);
  });

  it("hears what its patterns name, of changed topics only what comes after", async () => {
    const [first] = world.actors;
    const made = await world.group({ topics: [`${first!.id}.properties.a`, "*.properties.b"] });
    for (const actor of [0, 1]) for (const name of ["a", "b", "c"]) await world.put(actor, name, 1);
    expect((await drained()).toSorted()).toEqual(["0.a=1", "0.b=1", "1.b=1"]);
    const headers = { "if-match": made.headers["etag"] ?? "" };
    expect((await world.ask("PUT", "/groups/all", { topics: ["*.properties.c"] }, headers)).status).toBe(200);
    for (const actor of [0, 1, 2]) await world.put(actor, "c", 2);
    expect((await drained()).filter((each) => !each.endsWith("=1")).toSorted()).toEqual(["0.c=2", "1.c=2", "2.c=2"]);
  });

  it("begins at the oldest record, or at a position of the events of all actors", async () => {
    await world.put(0, "a", 1);
    world.whole.now += SETTLED_MS;
    const { newest } = (await world.group({}, "some")).json;
    await world.put(0, "a", 2);
    world.whole.now += SETTLED_MS;
    await world.group({ from: "earliest" });
    expect(await drained()).toEqual(["0.a=1", "0.a=2"]);
    await world.group({ from: newest }, "later");
    expect(short(await world.fetch({}, "later"))).toEqual(["0.a=2"]);
    await world.group({}, "now");
    expect((await world.fetch({}, "now")).status).toBe(204);
  });

  it("lends to several consumers, an actor to one of them at a time", async () => {
    world = await RootWorld.begin(12);
    await world.group({ lanes: 4 });
    for (let actor = 0; actor < 12; actor += 1) for (const value of [1, 2]) await world.put(actor, "a", value);
    const seen: string[][] = [];
    const lanes: number[] = [];
    for (let consumer = 0; consumer < 4; consumer += 1) {
      const lent = await world.fetch({ consumer: `c${String(consumer)}` });
      if (lent.status !== 200) break;
      lanes.push(lent.json.leases[0].lane);
      seen.push([...new Set(world.taken(lent).map(({ actor }) => actor))]);
    }
    expect(new Set(lanes).size).toBe(lanes.length);
    expect(seen.flat().toSorted((one, two) => Number(one) - Number(two))).toEqual(
      Array.from({ length: 12 }, (_, at) => String(at)),
    );
  });

  it("refuses a consumer whose lease has ended, and lends again what it had", async () => {
    await world.group();
    await world.put(0, "a", 1);
    await world.put(1, "a", 1);
    const frozen = await world.fetch();
    world.whole.now += 31_000;
    const second = await world.fetch({ consumer: "c2" });
    expect(world.taken(second).map(({ attempt }) => attempt)).toEqual([2, 2]);
    const late = await world.ack({ token: tokenOf(frozen), upTo: positions(frozen).at(-1) });
    expect([late.status, late.json.error.code]).toEqual([409, "fenced"]);
    const extended = await world.ack({ token: tokenOf(second), extend: true });
    expect(Date.parse(extended.json.leases[0].until)).toBe(world.whole.now + 30_000);
    expect((await world.ack({ token: tokenOf(second), done: true })).json.leases).toEqual([]);
    expect(world.taken(await world.fetch()).map(({ attempt }) => attempt)).toEqual([2, 2]);
  });

  it("gives a repeated fetch what its lost answer had, and counts no attempt", async () => {
    await world.group();
    await world.put(0, "a", 1);
    const asked = async (key: string): Promise<Answer> =>
      await world.ask("POST", "/groups/all/fetch", { consumer: "c" }, { "idempotency-key": key });
    const lost = await asked("k1");
    world.whole.now += 1;
    expect((await asked("k2")).status).toBe(423);
    const again = await asked("k1");
    expect(world.taken(again)).toEqual(world.taken(lost));
    expect((await world.ack({ token: tokenOf(lost), done: true })).status).toBe(409);
    expect((await world.ack({ token: tokenOf(again), upTo: positions(again)[0] })).status).toBe(200);
  });

  it("acknowledges by actor, holds back a key that failed, and parks it at its actor", async () => {
    await world.group({ maxAttempts: 2 });
    for (const actor of [0, 1]) for (const name of ["a", "b"]) await world.put(actor, name, 1);
    const first = await world.fetch();
    const [one, two, three, four] = positions(first);
    expect(short(first).map((each) => each.slice(2))).toEqual(["a=1", "b=1", "a=1", "b=1"]);
    const said = await world.ack({
      token: tokenOf(first),
      upTo: three,
      items: [{ position: one, verdict: "retry", delaySeconds: 60 }],
    });
    expect(said.json.outcomes).toEqual([
      { position: one, outcome: "retried" },
      { position: two, outcome: "done" },
      { position: three, outcome: "done" },
    ]);
    expect(said.json.leases).toHaveLength(1);
    const failing = world.taken(first)[0]!;
    await world.put(Number(failing.actor), "a", 2);
    await world.ack({ token: tokenOf(first), items: [{ position: four, verdict: "ack" }] });
    expect((await world.fetch()).status, "the key waits").toBe(204);
    world.whole.now += 61_000;
    const again = await world.fetch();
    expect(world.taken(again)).toMatchObject([
      { value: 1, attempt: 2, position: one },
      { value: 2, attempt: 1 },
    ]);
    const parked = await world.ack({ token: tokenOf(again), items: [{ position: one, verdict: "retry" }], done: true });
    expect(parked.json.outcomes).toEqual([{ position: one, outcome: "parked" }]);
    expect(await world.seen()).toMatchObject({ parked: 1, parkedAt: [world.actors[Number(failing.actor)]!.id] });
    const at = Number(failing.actor);
    const listed = await world.own(at, "GET", "/parked?source=root-group:all");
    expect(listed.json.data).toMatchObject([{ source: "root-group:all", kind: "root-group", status: "parked" }]);
    expect(await drained()).toEqual([`${String(at)}.a=2`]);
    const { id } = listed.json.data[0];
    expect((await world.own(at, "POST", `/parked/${String(id)}`, { action: "retry" })).json).toMatchObject({
      result: "retry",
    });
    const replayed = await world.fetch();
    expect(world.taken(replayed)).toMatchObject([{ value: 1, position: one }]);
    expect((await world.ack({ token: tokenOf(replayed), upTo: one })).json.outcomes).toEqual([
      { position: one, outcome: "done" },
    ]);
    expect(await world.seen()).toMatchObject({ parked: 0, parkedAt: [] });
    expect((await world.own(at, "GET", "/parked?source=root-group:all")).json.data).toEqual([]);
  });

  it("stops as a whole at one actor's event, and goes on without it", async () => {
    await world.group({ lanes: 1 });
    await world.put(0, "a", 1);
    await world.put(1, "a", 1);
    const first = await world.fetch();
    const [bad] = positions(first);
    await world.ack({ token: tokenOf(first), items: [{ position: bad, verdict: "stop" }], done: true });
    const refused = await world.fetch();
    expect([refused.status, refused.json.error]).toMatchObject([409, { status: "stopped", position: bad }]);
    expect(await world.seen()).toMatchObject({ status: "stopped", stopped: { reason: "exhausted", position: bad } });
    expect((await world.ask("POST", "/groups/all/resume", { skip: true })).json.status).toBe("active");
    expect(await drained()).toHaveLength(1);
    expect(await world.seen()).toMatchObject({ parked: 1, lag: 0 });
    expect((await world.ask("POST", "/groups/all/resume", { skip: true })).json.error.field).toBe("skip");
  });

  it("is paused, reset with other lanes, and drained", async () => {
    await world.group();
    await world.put(0, "a", 1);
    const lent = await world.fetch();
    expect((await world.ask("POST", "/groups/all/pause")).json.status).toBe("paused");
    expect((await world.ack({ token: tokenOf(lent), done: true })).status).toBe(200);
    expect((await world.fetch()).status).toBe(204);
    await world.ask("POST", "/groups/all/resume");
    const before = await world.fetch();
    const reset = await world.ask("POST", "/groups/all/reset", { to: "earliest", lanes: 3 });
    expect([reset.status, reset.json.lanes.length]).toEqual([200, 3]);
    expect((await world.ack({ token: tokenOf(before), upTo: positions(before)[0] })).status).toBe(409);
    const after = await world.fetch();
    expect([short(after), after.json.events[0].event.sequence, after.json.events[0].attempt]).toEqual([
      ["0.a=1"],
      "0000000000000001",
      1,
    ]);
    expect((await world.ask("POST", "/groups/all/reset", { to: "9" })).json.error.code).toBe("position_gone");
    const draining = await world.ask("DELETE", "/groups/all?drainSeconds=0");
    expect([draining.status, draining.json]).toEqual([202, { drained: false }]);
    expect((await world.fetch()).status).toBe(409);
    expect((await world.group({ lanes: 3 })).status).toBe(409);
    await world.ack({ token: tokenOf(after), items: [{ position: positions(after)[0], verdict: "park" }] });
    await world.pass(60_000);
    expect((await world.ask("GET", "/groups/all")).status).toBe(404);
    expect((await world.own(0, "GET", "/parked?source=root-group:all")).json.data).toEqual([]);
    expect((await world.ask("GET", "/groups")).json.data).toEqual([]);
    await world.group();
    expect((await world.ask("DELETE", "/groups/all")).status).toBe(200);
    expect((await world.ask("DELETE", "/groups/all")).status).toBe(404);
  });

  it.each(["earliest", "now"])(
    "lends no event twice at a time after a reset to %s before it is sent again",
    async (to) => {
      await world.group();
      await world.put(0, "a", 1);
      const lent = await world.fetch();
      await world.ack({ token: tokenOf(lent), items: [{ position: positions(lent)[0], verdict: "park" }] });
      const [{ id }] = (await world.own(0, "GET", "/parked?source=root-group:all")).json.data;
      await world.own(0, "POST", `/parked/${String(id)}`, { action: "retry" });
      await world.put(0, "b", 2);
      world.whole.now += 30_000;
      expect((await world.ask("POST", "/groups/all/reset", { to })).status).toBe(200);
      await world.put(0, "c", 3);
      const after = await world.fetch();
      // Sent again, or come by itself.
      const expected = to === "now" ? ["0.a=1", "0.c=3"] : ["0.a=1", "0.b=2", "0.c=3"];
      expect(short(after)).toEqual(expected);
      const items = positions(after).map((position) => ({ position, verdict: "ack" }));
      const said = await world.ack({ token: tokenOf(after), items });
      expect(said.json.outcomes.map(({ outcome }: any) => outcome)).toEqual(expected.map(() => "done"));
      expect(await world.seen()).toMatchObject({ lag: 0, parked: to === "now" ? 0 : 1 });
    },
  );

  it("lends an event that is sent again after a reset to now with other lanes, though its actor does not change", async () => {
    await world.group({ lanes: 2 });
    for (const actor of [0, 1, 2]) await world.put(actor, "a", actor);
    for (let lent = await world.fetch(); lent.status === 200; lent = await world.fetch()) {
      const items = positions(lent).map((position) => ({ position, verdict: "park" }));
      await world.ack({ token: tokenOf(lent), items });
    }
    for (const actor of [0, 1, 2]) {
      const [{ id }] = (await world.own(actor, "GET", "/parked?source=root-group:all")).json.data;
      await world.own(actor, "POST", `/parked/${String(id)}`, { action: "retry" });
    }
    world.whole.now += 120_000;
    await world.ask("POST", "/groups/all/reset", { to: "now", lanes: 5 });
    await world.ask("POST", "/groups/all/reset", { to: "now", lanes: 3 });
    expect((await drained()).toSorted()).toEqual(["0.a=0", "1.a=1", "2.a=2"]);
    expect(await world.seen()).toMatchObject({ lag: 0, parked: 0 });
  });

  it("is drained within ten minutes, however often its consumer extends", async () => {
    await world.group({ leaseSeconds: 600 });
    await world.put(0, "a", 1);
    const token = tokenOf(await world.fetch());
    const begun = world.whole.now;
    const drained = async (): Promise<number> => (await world.ask("DELETE", "/groups/all?drainSeconds=0")).status;
    expect(await drained()).toBe(202);
    for (let times = 1; times <= 3; times += 1) {
      await world.pass(190_000);
      const said = await world.ack({ token, extend: true });
      expect(Date.parse(said.json.leases[0].until) - begun).toBe(600_000);
      expect(await drained(), "another DELETE puts off nothing").toBe(202);
    }
    await world.pass(60_000);
    expect((await world.ack({ token, extend: true })).status).toBe(404);
  });

  it("loses no actor that it has not met when its list is full, and forgets those that are deleted", async () => {
    world = await RootWorld.begin(4);
    await world.group();
    for (const actor of [0, 1, 2, 3]) await world.put(actor, "a", 1);
    const lent = await world.fetch();
    await world.own(1, "DELETE", "");
    const said = await world.ack({ token: tokenOf(lent), upTo: positions(lent).at(-1) });
    expect(said.json.outcomes.filter(({ outcome }: any) => outcome === "done")).toHaveLength(3);
    expect((await world.fetch()).status).toBe(204);
    expect(await world.seen()).toMatchObject({ lag: 0, lanes: [{ actors: 0 }] });
  });

  it("goes on at the oldest record where one actor's have expired, and stops no other", async () => {
    await world.group();
    await world.put(0, "a", 1);
    await world.put(1, "a", 1);
    await drained();
    await world.put(0, "a", 2);
    const lent = await world.fetch();
    await world.ack({
      token: tokenOf(lent),
      items: [{ position: positions(lent)[0], verdict: "release", delaySeconds: 60 }],
    });
    world.whole.now += 31 * DAY_MS;
    await world.put(0, "b", 3);
    await world.put(1, "b", 3);
    expect((await drained()).toSorted()).toEqual(["0.b=3", "1.b=3"]);
    const troubles = world.whole.logged.filter(({ fields }) => fields?.["trouble"] === "listener");
    expect(troubles.map(({ fields }) => fields?.["actorId"])).toEqual([world.actors[0]!.id]);
  });

  it("waits for events", async () => {
    await world.group();
    const empty = await world.fetch({ waitSeconds: 20 });
    expect([empty.status, empty.headers["retry-after"]]).toEqual([204, "5"]);
    world.meanwhile = async () => {
      world.meanwhile = () => Promise.resolve();
      await world.put(0, "a", 1);
    };
    expect(short(await world.fetch({ waitSeconds: 20 }))).toEqual(["0.a=1"]);
  });

  it.each(["x", "earliest", "ACTOR.x", "other.0001-0000000000000001-z", "ACTOR.0001-0000000000000009-z"])(
    "takes nothing up to %s, which it has not come to",
    async (text) => {
      await world.group();
      await world.put(0, "a", 1);
      const lent = await world.fetch();
      const upTo = text.replace("ACTOR", world.actors[0]!.id);
      const refused = await world.ack({ token: tokenOf(lent), upTo });
      expect([refused.status, refused.json.error]).toMatchObject([410, { code: "position_gone", field: "upTo" }]);
      expect(refused.headers["link"]).toBeUndefined();
      expect(await world.seen()).toMatchObject({ lag: 1, lanes: [{ lent: 1 }] });
      const taken = await world.ack({ token: tokenOf(lent), upTo: positions(lent)[0] });
      expect(taken.json.outcomes).toMatchObject([{ outcome: "done" }]);
    },
  );

  it.each([
    [{ max: 101 }, "max"],
    [{ waitSeconds: 21 }, "waitSeconds"],
  ])("refuses a fetch %j", async (json, field) => {
    await world.group();
    expect((await world.fetch(json)).json.error.field).toBe(field);
    expect((await world.ack({ token: "t", upTo: "x" })).status).toBe(409);
  });
});
