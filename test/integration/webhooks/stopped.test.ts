/** Webhooks that have stopped, and how they go on. */
import { describe, expect, it } from "vitest";
import {
  failedEventIdKey,
  failedEventKey,
  failedEventPrefix,
  sourceText,
} from "../../../lib/dynamodb/keys/failed-events.ts";
import { listenerKey } from "../../../lib/dynamodb/keys/listeners.ts";
import { actorPartition } from "../../../lib/dynamodb/keys/partition.ts";
import { queryAll } from "../../../lib/dynamodb/paging.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import { WebhookWorld } from "./webhook-world.ts";

const DAY = 86_400_000;
const SOURCE = sourceText({ kind: "webhook", id: "one" });

async function begun(answering: () => number = () => 204, settings: object = {}): Promise<WebhookWorld> {
  const world = await WebhookWorld.begin({ environment: { DIFF_RETENTION_DAYS: "1" }, ports: { random: () => 0.5 } });
  const url = world.receiver("hooks.example", answering);
  await world.webhook("one", { url, topics: ["properties.>"], ...settings });
  return world;
}
const resume = async (world: WebhookWorld, json: object = {}) =>
  await world.ask("POST", "/webhooks/one/resume", { json });

describe("a webhook whose records have expired", () => {
  /** It took `a`, was paused when `b` and `c` came, and these have expired. */
  async function overtaken(): Promise<WebhookWorld> {
    const world = await begun();
    await world.put("a", 1);
    await world.ask("POST", "/webhooks/one/pause");
    for (const name of ["b", "c"]) await world.put(name, 1);
    world.whole.now += 2 * DAY;
    await world.put("d", 1);
    expect((await resume(world)).status).toBe(200);
    await world.pass(0);
    expect(await world.seen("one")).toMatchObject({ status: "stopped", reason: "position_gone" });
    return world;
  }
  const names = (world: WebhookWorld) => world.received.map(({ event }) => [event.data.name, Number(event.sequence)]);

  it("begins again where it is asked to, and says what it never hears", async () => {
    const world = await overtaken();
    const before = await world.seen("one");
    const resumed = await resume(world, { from: "earliest" });
    expect([resumed.status, resumed.json]).toMatchObject([
      200,
      { status: "active", skipped: { from: before.position } },
    ]);
    expect(resumed.json.skipped.to).toBe(resumed.json.position);
    expect(resumed.json.skipped.to > before.position).toBe(true);
    await world.pass(0);
    await world.put("e", 1);
    expect(names(world)).toEqual([
      ["a", 1],
      ["d", 2],
      ["e", 3],
    ]);
    expect((await resume(world)).json).not.toHaveProperty("skipped");
  });

  it("begins now, or after a position", async () => {
    const world = await overtaken();
    expect((await resume(world, { from: "now" })).json).toMatchObject({ status: "active", lag: 0 });
    await world.put("e", 1);
    expect(names(world).map(([name]) => name)).toEqual(["a", "e"]);
    const other = await overtaken();
    await other.put("e", 1);
    const { json } = await other.ask("PUT", "/webhooks/two", {
      json: { url: "https://hooks.example/hook", topics: ["properties.>"], from: "earliest" },
    });
    expect((await resume(other, { from: json.position })).json.skipped.to).toBe(json.position);
    other.secrets.clear();
    await other.pass(0);
    expect(new Set(other.received.map(({ event }) => event.data.name))).toEqual(new Set(["a", "d", "e"]));
  });

  it.each([
    [{}, 400, "from"],
    [{ skip: true }, 400, "from"],
    [{ skip: true, from: "now" }, 400, "skip"],
    [{ from: 7 }, 400, "from"],
    [{ from: "" }, 400, "from"],
    [{ from: "nowhere" }, 410, "from"],
    [{ from: "0001-0000000000000001-z" }, 410, "from"],
    [{ from: "0001-0000000000000099-z" }, 410, "from"],
    [{ from: "0002-0000000000000001-z" }, 410, "from"],
  ])("stays as it is when it is asked to resume by %j", async (json, status, field) => {
    const world = await overtaken();
    const refused = await resume(world, json);
    expect([refused.status, refused.json.error.field]).toEqual([status, field]);
    if (status === 410) {
      expect(refused.json.error.code).toBe("position_gone");
      expect(refused.headers["link"]).toBe(`<${world.owner.root}/properties>; rel="snapshot"`);
    }
    expect(await world.seen("one")).toMatchObject({ status: "stopped", reason: "position_gone" });
  });
});

describe("a webhook that has not lost its position", () => {
  it("is resumed neither from elsewhere, nor without an event that did not stop it", async () => {
    const world = await begun(() => 422, { maxAttempts: 1, onExhausted: "stop" });
    expect((await resume(world, { from: "now" })).json.error.field).toBe("from");
    expect((await resume(world, { skip: true })).json.error.field).toBe("skip");
    await world.put("a", 1);
    expect((await resume(world, { from: "now" })).json.error.field).toBe("from");
    expect(await world.seen("one")).toMatchObject({ status: "stopped", reason: "exhausted" });
  });
});

describe("1,000 failed events", () => {
  /** One event was not taken; `others` more are kept, until `ttl`, and its head counts 1,000. */
  async function full(others: number, ttl: (parked: number) => number = (own) => own): Promise<WebhookWorld> {
    const world = await begun(() => 422, { maxAttempts: 1 });
    await world.put("a", 1);
    const { table } = world.whole;
    const pk = actorPartition(world.owner.id);
    const [one] = await queryAll(table, { pk, prefix: failedEventPrefix({ source: SOURCE }) });
    if (one === undefined) throw new Error("no event is kept");
    for (let at = 0; at < others; at += 1) {
      const id = `other${String(at)}`;
      const key = failedEventKey(world.owner.id, SOURCE, { epoch: 0, sequence: 10_000 + at, id });
      const until = ttl(Number(one["ttl"]));
      await table.put({ ...one, ...key, eventId: id, ttl: until }, always);
      await table.put({ ...failedEventIdKey(world.owner.id, id), at: key.sk, ttl: until }, always);
    }
    const head = listenerKey({ actorId: world.owner.id, kind: "webhook", id: "one" });
    await table.update(head, { set: { failedEvents: 1_000 } }, always);
    return world;
  }
  const count = async (world: WebhookWorld): Promise<number> =>
    await world.whole.service.listenerEvents.count(world.owner.id, SOURCE);

  it("stop their webhook, which goes on when a person has taken some away", async () => {
    const world = await full(999);
    await world.put("b", 1);
    await world.put("c", 1);
    const stopped = await world.seen("one");
    expect(stopped).toMatchObject({ status: "stopped", reason: "exhausted", blocked: [{ key: "properties.b" }] });
    expect(await count(world)).toBe(1_000);
    await resume(world, { skip: true });
    await world.pass(0);
    expect([(await world.seen("one")).status, await count(world)]).toEqual(["stopped", 1_000]);
    const { data } = (await world.ask("GET", "/parked?source=webhook:one")).json;
    for (const { id } of data.slice(0, 2)) {
      expect((await world.ask("POST", `/parked/${String(id)}`, { json: { action: "skip" } })).status).toBe(200);
    }
    await resume(world, { skip: true });
    await world.pass(0);
    expect(await count(world)).toBe(1_000);
    expect(await world.seen("one")).toMatchObject({ status: "active", lag: 0, blocked: [] });
  });

  it("are counted when they seem to be so many: those that have expired stop no webhook", async () => {
    const world = await full(5, () => Math.floor(Date.UTC(2026, 0, 1) / 1_000) - 1);
    const queries: string[] = [];
    const { table } = world;
    const query = table.query.bind(table);
    table.query = async (range) => {
      if (range.prefix === failedEventPrefix({ source: SOURCE })) queries.push(range.prefix);
      return await query(range);
    };
    await world.put("b", 1);
    await world.put("c", 1);
    expect(queries).toHaveLength(1);
    expect(await world.seen("one")).toMatchObject({ status: "active", lag: 0, blocked: [] });
    expect(await count(world)).toBe(3);
    const head = await table.get(listenerKey({ actorId: world.owner.id, kind: "webhook", id: "one" }));
    expect(head?.["failedEvents"]).toBe(3);
  });
});
