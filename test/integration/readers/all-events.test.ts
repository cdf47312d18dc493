/** The events of all actors, read by the operator. */
import { beforeEach, describe, expect, it } from "vitest";
import { INDEX_AND_CLOCKS_MS } from "../../../lib/domain/events/feed-time.ts";
import { positionOf } from "../../../lib/domain/events/position.ts";
import { eventsOf } from "../../../lib/domain/events/record-events.ts";
import { feedShards } from "../../../lib/dynamodb/keys/feed.ts";
import { feedTimes, type FeedIndex, type FeedItem, type Table } from "../../../lib/dynamodb/table.ts";
import { FaultyTable, type Effect } from "../../support/faulty-table.ts";
import { bearer, type Answer } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { seeded, type Random } from "../../support/publisher/random.ts";
import { sized } from "../../support/sizes.ts";
import type { Hosted, WholeService } from "../../support/whole-service.ts";
import { ReaderWorld, type ReadEvent } from "./reader-world.ts";

const ENVIRONMENT = { ALL_EVENTS: "true", OPERATOR_TOKEN: "operator" };
/** After so long everything that was committed can be read, ms. */
const SETTLED_MS = 20_000;
const ACTORS = sized(40, 200);
const CHANGES = sized(4, 40);

interface AllEvent extends ReadEvent {
  readonly source: string;
}

let world: ReaderWorld;
beforeEach(async () => {
  world = await ReaderWorld.begin({ environment: ENVIRONMENT });
});

const next = ({ headers }: Answer): string => headers["stream-next-offset"] ?? "";

async function read(query: Record<string, string | number> = {}, headers = bearer("operator")): Promise<Answer> {
  const text = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  );
  return await world.whole.ask("GET", `/events?${text.toString()}`, { headers });
}

/** Reads until it is up to date. @returns the events, and where to go on */
async function readAll(query: Record<string, string | number>): Promise<{ events: AllEvent[]; from: string }> {
  const events: AllEvent[] = [];
  let from = String(query["from"] ?? "earliest");
  for (let answers = 0; answers < 10_000; answers += 1) {
    const answer = await read({ ...query, from });
    expect(answer.status).toBe(200);
    events.push(...answer.json);
    from = next(answer);
    expect(from).toMatch(/^[A-Za-z0-9._-]{1,300}$/);
    if (answer.headers["stream-up-to-date"] === "true") return { events, from };
  }
  throw new Error("never up to date");
}

async function put(actor: Hosted, name: string, value: unknown): Promise<Answer> {
  return await world.whole.ask("PUT", `${actor.root}/properties/${name}`, { headers: actor.as, json: value });
}

/** The events of an actor as its log has them. */
async function logged({ id, root }: Hosted): Promise<readonly (readonly [string, string])[]> {
  const { changeLog } = world.whole.service;
  const { records } = await changeLog.read(id, 0, await changeLog.newest(id));
  return records.flatMap(({ number, record }) =>
    eventsOf(record).map((event) => [root, positionOf(1, number, event)] as const),
  );
}

describe("a reader of all actors", () => {
  it("gets each actor's events once and in order, some while after they were committed", async () => {
    const actors = [world.owner, await world.whole.actor(), await world.whole.actor()];
    const { from } = await readAll({ from: "now" });
    for (const value of [1, 2]) for (const actor of actors) await put(actor, "a", value);
    expect((await readAll({ from })).events).toEqual([]);
    world.whole.now += SETTLED_MS;
    const first = await readAll({ from, limit: 1 });
    for (const actor of actors) {
      const values = first.events.filter(({ source }) => source === actor.root).map(({ data }) => data.value);
      expect(values).toEqual([1, 2]);
    }
    await put(actors[1]!, "a", 3);
    world.whole.now += SETTLED_MS;
    const second = await readAll({ from: first.from });
    expect(second.events.map(({ source, data }) => [source, data.value])).toEqual([[actors[1]!.root, 3]]);
    expect((await readAll({})).events).toHaveLength(7);
  });

  it("gets what its patterns over actor and topic let through", async () => {
    const other = await world.whole.actor();
    for (const actor of [world.owner, other]) for (const name of ["a", "private"]) await put(actor, name, 1);
    world.whole.now += SETTLED_MS;
    const subjects = async (topics: string) =>
      (await readAll({ topics })).events.map(({ source, subject }) => [source === other.root, subject]);
    expect(await subjects(`${other.id}.>`)).toEqual([[true, "properties.a"]]);
    expect(await subjects(`${other.id}.properties.private`)).toEqual([[true, "properties.private"]]);
    expect(await subjects("*.properties.*")).toHaveLength(2);
    expect(await subjects("*.orders,unknown.>")).toEqual([]);
  });

  it("gets what its types let through, and the service's own events where a pattern names them", async () => {
    const { commits } = world.whole.service;
    const own = { do: "sys", event: "webhook.gone", listener: "webhook:w", data: { id: "w" } } as const;
    const records = [{ kind: "change", changes: [own] } as const];
    await put(world.owner, "a", 1);
    await commits.commit(world.owner.id, [], () => ({ records, writes: [] }));
    await world.ask("DELETE", "/properties/a");
    world.whole.now += SETTLED_MS;
    const typesOf = async (query: Record<string, string>) =>
      (await readAll(query)).events.map(({ type }) => type.slice("org.actingweb.".length));
    expect(await typesOf({})).toEqual(["property.set", "property.deleted"]);
    expect(await typesOf({ topics: "*.>" })).toEqual(["property.set", "property.deleted"]);
    expect(await typesOf({ types: "org.actingweb.property.deleted" })).toEqual(["property.deleted"]);
    expect(await typesOf({ types: "org.actingweb.property.*", topics: "*.properties.b" })).toEqual([]);
    for (const topics of ["*.$sys.>", `${world.owner.id}.$sys.webhook.*`]) {
      expect(await typesOf({ topics })).toEqual(["sys.webhook.gone"]);
    }
    expect(await typesOf({ topics: "$sys.>" })).toEqual([]);
    expect(await typesOf({ topics: "*.>,*.$sys.>", types: "org.actingweb.sys.*" })).toEqual(["sys.webhook.gone"]);
  });

  it("is answered 304 as long as the answer would be the same", async () => {
    const { from } = await readAll({ from: "now" });
    await put(world.owner, "a", 1);
    world.whole.now += SETTLED_MS;
    const { headers } = await read({ from });
    const etag = headers["etag"] ?? "";
    const same = await read({ from }, { ...bearer("operator"), "if-none-match": etag });
    expect([same.status, same.text, next(same)]).toEqual([304, "", headers["stream-next-offset"]]);
  });

  it("misses what was changed without ALL_EVENTS after its position, unless that lies before", async () => {
    const { from: before } = await readAll({ from: "now" });
    const off = await ReaderWorld.begin({ table: world.whole.table });
    const change = async (whole: WholeService, value: number): Promise<void> => {
      whole.now = world.whole.now;
      const asking = { headers: world.owner.as, json: value };
      expect((await whole.ask("PUT", `${world.owner.root}/properties/a`, asking)).status).toBe(204);
      world.whole.now += 2 * SETTLED_MS;
    };
    const valuesFrom = async (position: string) =>
      (await readAll({ from: position })).events.map(({ data }) => data.value);
    await change(world.whole, 1);
    const { from: between } = await readAll({ from: before });
    await change(off.whole, 2);
    const { events, from: after } = await readAll({ from: between });
    expect(events).toEqual([]);
    await change(world.whole, 3);
    expect(await valuesFrom(after)).toEqual([3]);
    expect(await valuesFrom(between)).toEqual([2, 3]);
    expect(await valuesFrom(before)).toEqual([1, 2, 3]);
  });

  it("is warned by the log of a commit that took longer than it waits, which the actor's own reader has", async () => {
    let isSlow = false;
    const table = new FaultyTable(new MemoryTable(), (operation) => {
      if (operation === "transact" && isSlow) world.whole.now += 2 * SETTLED_MS;
      return "ok";
    });
    world = await ReaderWorld.begin({ environment: ENVIRONMENT, table });
    await put(world.owner, "a", 1);
    const lines = () => world.whole.logged.filter(({ message }) => message === "a change was committed late");
    expect(lines()).toEqual([]);
    isSlow = true;
    expect((await put(world.owner, "a", 2)).status).toBe(204);
    const fields = { actorId: world.owner.id, record: 2, ms: 2 * SETTLED_MS, trouble: "listener" };
    expect(lines()).toMatchObject([{ level: "error", fields }]);
    expect((await world.readAll()).map(({ data }) => data.value)).toEqual([1, 2]);
  });

  it("waits for the next events", async () => {
    const { from } = await readAll({ from: "now" });
    await put(world.owner, "a", 1);
    const answer = await read({ from, wait: 20 });
    expect([answer.status, answer.json[0].data.value]).toEqual([200, 1]);
    const empty = await read({ from: next(answer), wait: 7 });
    expect([empty.status, empty.headers["stream-up-to-date"]]).toEqual([204, "true"]);
  });

  it("is the operator, where there is one", async () => {
    expect((await read({}, {})).status).toBe(401);
    expect((await read({}, bearer("other"))).status).toBe(403);
    for (const [environment, missing] of [
      [{}, "ALL_EVENTS"],
      [{ OPERATOR_TOKEN: "operator" }, "ALL_EVENTS"],
      [{ ALL_EVENTS: "true" }, "OPERATOR_TOKEN"],
    ] as const) {
      world = await ReaderWorld.begin({ environment });
      const { status, json } = await read();
      expect([status, json.error.message]).toEqual([404, expect.stringContaining(`has not set ${missing}.`)]);
    }
  });

  it("is answered 410 for a position that is none, ahead, of another epoch, or older than records", async () => {
    const { from } = await readAll({ from: "now" });
    const text = (...parts: unknown[]): string => Buffer.from(JSON.stringify(parts)).toString("base64url");
    const ahead = text(1, world.whole.now, null);
    for (const gone of ["x", ahead, text(2, 0, null), text(1, 0, null)]) {
      const { status, headers, json } = await read({ from: gone });
      expect([status, json.error.code, headers["link"]]).toEqual([410, "position_gone", undefined]);
    }
    world.whole.now += 31 * 86_400_000;
    expect((await read({ from })).status).toBe(410);
    expect((await read({ from: "earliest" })).status).toBe(200);
  });

  it("asks with HEAD for the position of now", async () => {
    const answer = await world.whole.ask("HEAD", "/events", { headers: bearer("operator") });
    expect([answer.status, (await read({ from: next(answer) })).json]).toEqual([200, []]);
  });
});

describe("the feed indexes", () => {
  const entriesOf = async (index: FeedIndex): Promise<readonly number[]> => {
    const pages = await Promise.all(
      feedShards.map(async (shard) => await world.whole.table.queryFeed(index, shard, 0)),
    );
    return pages.flatMap(({ items }) => items.map(({ feedAt }) => feedAt));
  };
  const entries = async () => [await entriesOf("feed1"), await entriesOf("feed2")];

  it("have each actor once, moved by turns and only by changes that no entry covers, and none that was deleted", async () => {
    const begin = Date.UTC(2026, 0, 1) + 1;
    const changes: readonly [number, readonly number[], readonly number[]][] = [
      [0, [15_000], []],
      [15_000, [15_000], []],
      [15_001, [15_000], [30_001]],
      [30_001, [15_000], [30_001]],
      [40_000, [55_000], [30_001]],
      [99_000, [55_000], [114_000]],
    ];
    for (const [at, first, second] of changes) {
      world.whole.now = begin + at;
      await put(world.owner, "a", at);
      const ends = (times: readonly number[]): number[] => times.map((time) => begin + time);
      expect(await entries()).toEqual([ends(first), ends(second)]);
    }
    await world.ask("DELETE", "");
    world.whole.now += 60_000;
    await world.whole.sweep();
    expect(await entries()).toEqual([[], []]);
  });

  it("have nothing where the operator reads no events", async () => {
    world = await ReaderWorld.begin();
    await put(world.owner, "a", 1);
    expect(await entries()).toEqual([[], []]);
  });
});

/**
 * A table whose feed indexes show an entry up to `INDEX_AND_CLOCKS_MS` late; until then each query sees where it was, where it
 * is, or nothing of it.
 */
function withLateFeed(inner: MemoryTable, random: Random, now: () => number): Table {
  const moves: Record<
    FeedIndex,
    Map<string, { readonly at: number; readonly entry: FeedItem; readonly shard: string }[]>
  > = { feed1: new Map(), feed2: new Map() };
  const standing = new Map<string, string>();
  const transact: Table["transact"] = async (writes) => {
    await inner.transact(writes);
    for (const write of writes) {
      if (!("update" in write)) continue;
      const { pk, sk } = write.update;
      const { set = {} } = write.change;
      if (set["feedShard"] !== undefined) standing.set(pk, String(set["feedShard"]));
      for (const index of ["feed1", "feed2"] as const) {
        const feedAt = set[feedTimes[index]];
        if (feedAt === undefined) continue;
        const entry = { pk, sk, feedAt: Number(feedAt) };
        moves[index].set(pk, [...(moves[index].get(pk) ?? []), { at: now(), entry, shard: standing.get(pk) ?? "" }]);
      }
    }
  };
  const queryFeed: Table["queryFeed"] = (index, shard, after) => {
    const items = [...moves[index].values()].flatMap((of): FeedItem[] => {
      const settled = of.findLastIndex(({ at }) => at + INDEX_AND_CLOCKS_MS <= now());
      const late = of.slice(settled + 1);
      const [shown] = random.shuffle([...of.slice(Math.max(0, settled)), ...late.map(() => undefined)]);
      return shown !== undefined && shown.shard === shard && shown.entry.feedAt > after ? [shown.entry] : [];
    });
    return Promise.resolve({ items: items.sort((one, other) => one.feedAt - other.feedAt) });
  };
  const own: Partial<Table> = { transact, queryFeed };
  return new Proxy<Table>(inner, {
    get: (target, name) => {
      const member: unknown = Reflect.get({ ...own }, name) ?? Reflect.get(target, name);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}

it("many actors, writers at once, faults of the table, late indexes: each actor's events once and in order", async () => {
  const random = seeded(5);
  const effects: readonly Effect[] = ["throttle", "lost_answer", "repeat", "conflict"];
  let faulty = false;
  const late = withLateFeed(new MemoryTable(), random, () => world.whole.now);
  const table = new FaultyTable(late, (operation) =>
    faulty && operation === "transact" && random.below(8) === 0 ? effects[random.below(effects.length)]! : "ok",
  );
  world = await ReaderWorld.begin({ environment: ENVIRONMENT, table });
  const actors = await Promise.all(Array.from({ length: ACTORS }, async () => await world.whole.actor()));
  let { from } = await readAll({ from: "now" });
  const all: AllEvent[] = [];
  faulty = true;
  for (let round = 0; round < CHANGES; round += 1) {
    const some = actors.filter(() => random.below(3) > 0);
    const writes = some.flatMap((actor) => [put(actor, "a", round), put(actor, "b", round)]);
    // A reader reads while they write, and continues from where it was in pieces of any size.
    const answer = await read({ from, limit: 1 + random.below(40) });
    expect(answer.status).toBe(200);
    all.push(...answer.json);
    from = next(answer);
    await Promise.all(writes);
    world.whole.now += random.below(12_000);
  }
  faulty = false;
  world.whole.now += SETTLED_MS;
  all.push(...(await readAll({ from, limit: 1 + random.below(100) })).events);
  // A span that was left while more came is followed by the next one.
  const positions = Map.groupBy(all, ({ source }) => source);
  for (const actor of actors) {
    const events = (positions.get(actor.root) ?? []).map(({ source, position }) => [source, position]);
    expect(events).toEqual(await logged(actor));
  }
  expect(all.length).toBeGreaterThan(ACTORS * CHANGES);
});
