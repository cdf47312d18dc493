import { beforeEach, describe, expect, it } from "vitest";
import type { Answer } from "../../support/in-process.ts";
import { WebhookWorld } from "../webhooks/webhook-world.ts";

let world: WebhookWorld;
beforeEach(async () => {
  world = await WebhookWorld.begin();
});

const GROUP = { topics: ["properties.>", "properties"] };
const group = async (name: string, json: object = {}): Promise<Answer> =>
  await world.ask("PUT", `/groups/${name}`, { json: { ...GROUP, ...json } });
const fetched = async (name: string, json: object = {}): Promise<Answer> =>
  await world.ask("POST", `/groups/${name}/fetch`, { json: { consumer: "c1", ...json } });
const acked = async (name: string, json: object): Promise<Answer> =>
  await world.ask("POST", `/groups/${name}/ack`, { json });
const names = (answer: Answer): readonly string[] => answer.json.events.map((each: any) => each.event.data.name);
const tokenOf = (answer: Answer): string => answer.json.leases[0].token;
const positions = (answer: Answer): readonly string[] => answer.json.events.map((each: any) => each.event.position);

describe("a group", () => {
  it("is made, is the same again, and is changed only by those who know what it is", async () => {
    const made = await group("billing");
    expect([made.status, made.json]).toMatchObject([
      201,
      {
        name: "billing",
        lanes: [{ lane: 0, lent: 0, blocked: [] }],
        order: "key",
        leaseSeconds: 30,
        maxAttempts: 5,
        onExhausted: "park",
        status: "active",
      },
    ]);
    const same = await group("billing");
    expect([same.status, same.headers["etag"]]).toEqual([200, made.headers["etag"]]);
    expect((await group("billing", { maxAttempts: 3 })).json.error).toMatchObject({
      code: "precondition_required",
      fields: ["maxAttempts"],
    });
    const stale = await world.ask("PUT", "/groups/billing", { json: GROUP, headers: { "if-match": '"x"' } });
    expect(stale.status).toBe(412);
    const headers = { "if-match": made.headers["etag"] ?? "" };
    const changed = await world.ask("PUT", "/groups/billing", { json: { ...GROUP, maxAttempts: 3 }, headers });
    expect([changed.status, changed.json.maxAttempts]).toEqual([200, 3]);
    const lanes = await world.ask("PUT", "/groups/billing", {
      json: { ...GROUP, maxAttempts: 3, lanes: 2 },
      headers: { "if-match": changed.headers["etag"] ?? "" },
    });
    expect([lanes.status, lanes.json.error.field]).toEqual([409, "lanes"]);
    for (const lanes of [0, 17, 1.5, "2", {}, [], Array<object>(17).fill({})]) {
      const { error } = (await group("billing", { lanes })).json;
      expect(error, JSON.stringify(lanes)).toMatchObject({ code: "bad_request", field: "lanes" });
    }
    expect((await world.ask("GET", "/groups")).json.data).toHaveLength(1);
    expect((await world.ask("GET", "/groups/none")).status).toBe(404);
  });

  it("takes what a GET shows: nothing differs, and one setting can be changed by it", async () => {
    const made = await group("billing", {
      lanes: 3,
      types: ["org.actingweb.*"],
      leaseSeconds: 60,
      onExhausted: "stop",
    });
    await world.put("a", 1);
    await fetched("billing");
    const shown = (await world.ask("GET", "/groups/billing")).json;
    expect(shown.lanes).toHaveLength(3);
    const same = await world.ask("PUT", "/groups/billing", { json: shown });
    expect([same.status, same.json]).toEqual([200, shown]);
    const headers = { "if-match": made.headers["etag"] ?? "" };
    const changed = await world.ask("PUT", "/groups/billing", { json: { ...shown, maxAttempts: 2 }, headers });
    expect([changed.status, changed.json]).toEqual([200, { ...shown, maxAttempts: 2 }]);
    const another = await world.ask("PUT", "/groups/another", { json: shown });
    expect([another.status, another.json.name, another.headers["etag"]]).toEqual([
      201,
      "another",
      made.headers["etag"],
    ]);
  });

  it("lends events in order under a lease, and takes them as acknowledged", async () => {
    await group("billing");
    expect((await fetched("billing")).status).toBe(204);
    for (const name of ["a", "b", "a"]) await world.put(name, name);
    const first = await fetched("billing", { max: 2 });
    expect([first.status, names(first), first.json.lag, first.json.caughtUp]).toEqual([200, ["a", "b"], 3, false]);
    expect(first.json.events[0]).toMatchObject({ attempt: 1, lane: 0, event: { sequence: "0000000000000001" } });
    const other = await fetched("billing", { consumer: "c2" });
    expect([other.status, other.json.error]).toMatchObject([423, { code: "held", holder: "c1" }]);
    const done = await acked("billing", { token: tokenOf(first), upTo: positions(first)[1] });
    expect([done.status, done.json.outcomes.map((each: any) => each.outcome), done.json.leases]).toEqual([
      200,
      ["done", "done"],
      [],
    ]);
    const rest = await fetched("billing", { consumer: "c2" });
    expect([names(rest), rest.json.caughtUp]).toEqual([["a"], true]);
    await acked("billing", { token: tokenOf(rest), items: [{ position: positions(rest)[0], verdict: "ack" }] });
    expect((await world.ask("GET", "/groups/billing")).json).toMatchObject({ lag: 0, oldestSeconds: 0, parked: 0 });
    expect((await fetched("billing")).status).toBe(204);
  });

  it("refuses a consumer whose lease has ended, and lends again what it had", async () => {
    await group("billing");
    await world.put("a", 1);
    const frozen = await fetched("billing");
    await world.pass(31_000);
    const second = await fetched("billing", { consumer: "c2" });
    expect(second.json.events[0]).toMatchObject({ attempt: 2 });
    const late = await acked("billing", { token: tokenOf(frozen), upTo: positions(frozen)[0] });
    expect([late.status, late.json.error.code]).toEqual([409, "fenced"]);
    expect((await acked("billing", { token: tokenOf(second), done: true })).status).toBe(200);
    expect((await fetched("billing")).json.events[0]).toMatchObject({ attempt: 2 });
  });

  it("lends again what a fetch lent whose answer was lost, when its consumer repeats it by its key", async () => {
    await group("billing");
    for (const name of ["a", "b"]) await world.put(name, 1);
    const asked = async (key: string, consumer = "c1"): Promise<Answer> =>
      await world.ask("POST", "/groups/billing/fetch", {
        json: { consumer, max: 1 },
        headers: { "idempotency-key": key },
      });
    const lost = await asked("one");
    world.whole.now += 1;
    for (const [key, consumer] of [
      ["two", "c1"],
      ["one", "c2"],
    ] as const) {
      const other = await asked(key, consumer);
      expect([other.status, other.json.error.holder], "neither the name nor the key alone").toEqual([423, "c1"]);
    }
    const again = await asked("one");
    expect(again.json.events).toEqual(lost.json.events);
    expect(again.json.events[0].attempt, "nothing failed").toBe(1);
    expect(tokenOf(again)).not.toBe(tokenOf(lost));
    const late = await acked("billing", { token: tokenOf(lost), upTo: positions(lost)[0] });
    expect([late.status, late.json.error.code]).toEqual([409, "fenced"]);
    expect((await acked("billing", { token: tokenOf(again), upTo: positions(again)[0] })).status).toBe(200);
    expect(names(await asked("three"))).toEqual(["b"]);
    const refused = await asked("é");
    expect([refused.status, refused.json.error.field]).toEqual([400, "Idempotency-Key"]);
  });

  it("retries with a pause, gives an event up after the last attempt, and sends it again without moving the floor", async () => {
    await group("billing", { maxAttempts: 2 });
    await world.put("a", 1);
    await world.put("b", 2);
    const first = await fetched("billing");
    const [a, b] = positions(first);
    const items = [
      { position: a, verdict: "retry", delaySeconds: 60 },
      { position: b, verdict: "ack" },
    ];
    const said = await acked("billing", { token: tokenOf(first), items });
    expect(said.json.outcomes.map((each: any) => each.outcome)).toEqual(["retried", "done"]);
    await world.put("a", 3);
    expect((await fetched("billing")).status, "the key waits").toBe(204);
    await world.pass(61_000);
    const again = await fetched("billing");
    expect(again.json.events.map((each: any) => [each.event.data.value, each.attempt])).toEqual([
      [1, 2],
      [3, 1],
    ]);
    const parked = await acked("billing", {
      token: tokenOf(again),
      items: [{ position: a, verdict: "retry" }],
      done: true,
    });
    expect(parked.json.outcomes).toEqual([{ position: a, outcome: "parked" }]);
    const listed = await world.ask("GET", "/parked?source=group:billing");
    expect(listed.json.data).toMatchObject([
      { source: "group:billing", kind: "group", status: "parked", topic: "properties.a" },
    ]);
    const rest = await fetched("billing");
    await acked("billing", { token: tokenOf(rest), upTo: positions(rest).at(-1) });
    const floor = (await world.ask("GET", "/groups/billing")).json.floor;
    const { id } = listed.json.data[0];
    expect((await world.ask("POST", `/parked/${id}`, { json: { action: "retry" } })).status).toBeLessThan(300);
    const replayed = await fetched("billing");
    expect(replayed.json.events).toMatchObject([{ event: { position: a, data: { value: 1 } } }]);
    expect((await acked("billing", { token: tokenOf(replayed), upTo: a })).json.outcomes).toEqual([
      { position: a, outcome: "done" },
    ]);
    expect((await world.ask("GET", "/groups/billing")).json).toMatchObject({ floor, parked: 0 });
    expect((await world.ask("GET", "/parked?source=group:billing")).json.data).toEqual([]);
  });

  it("shows where it stands: what is left and how old, who has which lane until when, and which keys wait", async () => {
    await group("billing", { lanes: 2 });
    await world.put("a", 1);
    await world.pass(10_000);
    for (const value of [2, 3]) await world.put("a", value);
    const view = async (): Promise<any> => (await world.ask("GET", "/groups/billing")).json;
    const before = await view();
    expect(before).toMatchObject({ status: "active", lag: 3, oldestSeconds: 10, parked: 0 });
    expect(before.lanes.map(({ lent, blocked }: any) => [lent, blocked])).toEqual([
      [0, []],
      [0, []],
    ]);
    expect([before.newest > before.floor, before.lanes.some(({ holder }: any) => holder !== undefined)]).toEqual([
      true,
      false,
    ]);

    const lent = await fetched("billing", { max: 2 });
    const [{ lane, until }] = lent.json.leases;
    const leased = (await view()).lanes[lane];
    expect(leased).toMatchObject({ lane, lent: 2, holder: "c1", until, blocked: [] });
    const [first, second] = positions(lent);
    await acked("billing", {
      token: tokenOf(lent),
      items: [{ position: first, verdict: "retry", delaySeconds: 60 }],
      done: true,
    });
    const blocked = (await view()).lanes[lane];
    expect(blocked.blocked, "the key once, at its first event").toMatchObject([
      { key: "properties.a", position: first, attempts: 1 },
    ]);
    expect(Date.parse(blocked.blocked[0].nextAttemptAt)).toBe(world.whole.now + 60_000);
    expect([blocked.lent, blocked.holder, blocked.until]).toEqual([0, undefined, undefined]);

    await world.pass(61_000);
    const again = await fetched("billing");
    expect(positions(again).slice(0, 2)).toEqual([first, second]);
    world.whole.now += 31_000;
    const lapsed = await view();
    expect(lapsed.lanes[lane], "a lease that ran out has no holder").toMatchObject({
      lent: 0,
      blocked: [{ key: "properties.a", position: first, attempts: 2 }],
    });
    expect(lapsed.lanes[lane].holder).toBeUndefined();
    const last = await fetched("billing", { consumer: "c2" });
    await acked("billing", { token: tokenOf(last), upTo: positions(last).at(-1) });
    const after = await view();
    expect([after.lag, after.oldestSeconds, after.floor]).toEqual([0, 0, after.newest]);
    expect(after).not.toHaveProperty("stopped");
  });

  it("stops at a verdict, is resumed, paused, reset and drained", async () => {
    await group("billing");
    await world.put("a", 1);
    await world.put("b", 1);
    const first = await fetched("billing");
    const [a] = positions(first);
    await acked("billing", { token: tokenOf(first), items: [{ position: a, verdict: "stop" }] });
    expect((await fetched("billing")).status).toBe(409);
    expect((await world.ask("GET", "/groups/billing")).json).toMatchObject({
      status: "stopped",
      stopped: { reason: "exhausted", position: a, key: "properties.a" },
    });
    expect((await world.ask("POST", "/groups/billing/resume", { json: { skip: true } })).status).toBe(200);
    const second = await fetched("billing");
    expect(names(second)).toEqual(["b"]);
    expect((await world.ask("GET", "/parked?source=group:billing")).json.data).toHaveLength(1);
    expect((await world.ask("POST", "/groups/billing/pause")).json.status).toBe("paused");
    await acked("billing", { token: tokenOf(second), done: true });
    expect((await fetched("billing")).status).toBe(204);
    await world.ask("POST", "/groups/billing/resume");
    const reset = await world.ask("POST", "/groups/billing/reset", { json: { to: "earliest", lanes: 4 } });
    expect([reset.status, reset.json.lanes.map(({ lane }: any) => lane)]).toEqual([200, [0, 1, 2, 3]]);
    const all = await fetched("billing");
    expect(all.json.events.map((each: any) => [each.event.data.name, Number(each.event.sequence)])).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    const draining = await world.ask("DELETE", "/groups/billing?drainSeconds=0");
    expect([draining.status, draining.json]).toEqual([202, { drained: false }]);
    expect((await fetched("billing", { consumer: "c2" })).status).toBe(409);
    await acked("billing", { token: tokenOf(all), upTo: positions(all).at(-1) });
    await world.pass(60_000);
    expect((await world.ask("GET", "/groups/billing")).status).toBe(404);
    await group("billing");
    expect((await world.ask("DELETE", "/groups/billing")).status).toBe(200);
    expect((await world.ask("DELETE", "/groups/billing")).status).toBe(404);
  });

  it("is drained within ten minutes, however often its consumer extends", async () => {
    await group("billing", { leaseSeconds: 60 });
    await world.put("a", 1);
    const token = tokenOf(await fetched("billing"));
    const begun = world.whole.now;
    const drained = async (): Promise<number> => (await world.ask("DELETE", "/groups/billing?drainSeconds=0")).status;
    expect(await drained()).toBe(202);
    const seconds: number[] = [];
    for (let times = 1; times <= 11; times += 1) {
      await world.pass(50_000);
      const said = await acked("billing", { token, extend: true });
      seconds.push((Date.parse(said.json.leases[0].until) - begun) / 1_000);
      expect(await drained(), "another DELETE puts off nothing").toBe(202);
    }
    expect(seconds).toEqual([110, 160, 210, 260, 310, 360, 410, 460, 510, 560, 600]);
    await world.pass(50_000);
    expect((await acked("billing", { token, extend: true })).status).toBe(404);
  });

  it.each([
    [{}, "consumer"],
    [{ consumer: "c", max: 101 }, "max"],
    [{ consumer: "c", waitSeconds: 21 }, "waitSeconds"],
  ])("refuses a fetch %j", async (json, field) => {
    await group("billing");
    const refused = await world.ask("POST", "/groups/billing/fetch", { json });
    expect([refused.status, refused.json.error.field]).toEqual([400, field]);
  });

  it.each(["earliest", "now", "undefined", "zzz", "0001-0000000000000003-z", "0002-0000000000000001-z"])(
    "takes nothing up to %s, which it has not come to",
    async (upTo) => {
      await group("billing");
      await world.put("a", 1);
      const lent = await fetched("billing");
      const refused = await acked("billing", { token: tokenOf(lent), upTo });
      expect([refused.status, refused.json.error]).toMatchObject([410, { code: "position_gone", field: "upTo" }]);
      expect((await world.ask("GET", "/groups/billing")).json).toMatchObject({ lag: 1, lanes: [{ lent: 1 }] });
      const taken = await acked("billing", { token: tokenOf(lent), upTo: positions(lent)[0] });
      expect(taken.json.outcomes).toMatchObject([{ outcome: "done" }]);
    },
  );

  it("takes no verdict on an event that the consumer does not have, under a token of the same lane", async () => {
    await group("billing");
    for (const name of ["a", "b"]) await world.put(name, name);
    const first = await fetched("billing");
    const [a, b] = positions(first);
    const items = [{ position: a, verdict: "retry", delaySeconds: 3_600 }];
    await acked("billing", { token: tokenOf(first), items, done: true });
    const second = await fetched("billing");
    expect(positions(second)).toEqual([b]);
    const said = await acked("billing", { token: tokenOf(second), items: [{ position: a, verdict: "ack" }] });
    expect(said.json.outcomes).toEqual([{ position: a, outcome: "not_lent" }]);
    expect((await world.ask("GET", "/groups/billing")).json).toMatchObject({ lag: 2 });
  });

  it("parks what a consumer says, and so many at once as it can, where the group stops at what is exhausted", async () => {
    await group("billing", { onExhausted: "stop" });
    for (let name = 0; name < 30; name += 1) await world.put(`p${String(name)}`, name);
    const lent = await fetched("billing");
    const items = positions(lent).map((position) => ({ position, verdict: "park" }));
    const outcomes = async (token: string): Promise<readonly string[]> =>
      (await acked("billing", { token, items })).json.outcomes.map(({ outcome }: any) => outcome);
    const first = await outcomes(tokenOf(lent));
    expect([first.filter((each) => each === "parked"), first.filter((each) => each === "late")]).toEqual([
      Array.from({ length: 20 }, () => "parked"),
      Array.from({ length: 10 }, () => "late"),
    ]);
    await outcomes(tokenOf(lent));
    expect((await world.ask("GET", "/groups/billing")).json).toMatchObject({ status: "active", parked: 30, lag: 0 });
  });

  it("refuses two verdicts for one event", async () => {
    await group("billing");
    const items = ["ack", "skip"].map((verdict) => ({ position: "p", verdict }));
    const refused = await acked("billing", { token: "t", items });
    expect([refused.status, refused.json.error.field]).toEqual([400, "items.1.position"]);
  });
});
