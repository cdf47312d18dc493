import { describe, expect, it } from "vitest";
import { DueIndexTable } from "../../../lib/dynamodb/keys/due-index.ts";
import { logHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { failedEventKey, hookSource } from "../../../lib/dynamodb/keys/failed-events.ts";
import { outboundHeadKey } from "../../../lib/dynamodb/keys/streams.ts";
import { always, itemExists, type Key, type Table } from "../../../lib/dynamodb/table.ts";
import { Sweep } from "../../../lib/scheduler/sweep.ts";
import type { DueItem, FoundMessage, QueueDepth } from "../../../lib/system/ports.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const MINUTE = 60_000;
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const LONG = { remaining: () => MINUTE };
const START = Date.UTC(2026, 0, 1);

/** A sweep over a table in memory, and a queue that says what the test lets it say. */
class World {
  readonly memory = new MemoryTable();
  now = START;
  depth: QueueDepth | Error = { waiting: 0, inFlight: 0 };
  /** What the queue took, run by run. */
  sent: FoundMessage[] = [];
  /** The position of the message in its run that the queue does not take. */
  refused: number | undefined;
  /** Requests for pages of shards. */
  queries: string[] = [];
  unreadable: string | undefined;
  readonly table: Table;

  constructor(shards = 4) {
    this.table = new DueIndexTable(this.memory, shards);
  }

  sweeper(dueShards = 4): Sweep {
    return new Sweep({
      table: {
        queryDue: async (...asked) => {
          this.queries.push(asked[0]);
          if (asked[0] === this.unreadable) throw new Error("throttled");
          return await this.table.queryDue(...asked);
        },
      },
      queue: {
        send: () => Promise.reject(new Error("the sweep brings nothing forward")),
        sendFound: (messages) => {
          this.sent.push(...messages.filter((_, at) => at !== this.refused));
          return Promise.resolve(messages.filter((_, at) => at === this.refused));
        },
        depth: () => (this.depth instanceof Error ? Promise.reject(this.depth) : Promise.resolve(this.depth)),
      },
      clock: { now: () => this.now },
      random: () => 0.5,
      log: SILENT,
      dueShards,
    });
  }

  async due(keys: readonly Key[], since = START): Promise<void> {
    for (const [at, { pk, sk }] of keys.entries()) await this.table.put({ pk, sk, dueAt: since - MINUTE + at }, always);
  }

  /** The items of the messages sent since the last call. */
  items(): readonly DueItem[] {
    return this.sent.splice(0).flatMap(({ work }) => work.items);
  }
}

const logs = (count: number, prefix = "a"): Key[] =>
  Array.from({ length: count }, (_, index) => logHeadKey(`${prefix}${String(index)}`));
const names = (items: readonly Key[]): string[] => items.map(({ pk }) => pk).toSorted();

describe("the sweep", () => {
  it("asks each shard once when nothing is due", async () => {
    const world = new World();
    await world.table.put({ ...logHeadKey("later"), dueAt: START + 1 }, always);
    const report = await world.sweeper().run(LONG);
    expect(world.queries.toSorted()).toEqual(["due#0", "due#1", "due#2", "due#3"]);
    expect(report).toEqual({
      ...{ handedOver: 0, messages: 0, unsent: 0, waiting: 0, oldestDueMs: 0, unreadShards: 0 },
    });
  });

  it("hands over all that is due, 25 items a message, each with its due time", async () => {
    const world = new World();
    await world.due(logs(60));
    const report = await world.sweeper().run(LONG);
    expect(world.sent.map(({ work }) => work.items.length)).toEqual([25, 25, 10]);
    expect(report).toMatchObject({ handedOver: 60, messages: 3, unsent: 0, oldestDueMs: MINUTE });
    const items = world.items();
    expect(names(items)).toEqual(names(logs(60)));
    expect(items.find(({ pk }) => pk === logHeadKey("a7").pk)?.dueAt).toBe(START - MINUTE + 7);
  });

  it("spreads many messages over the minute, and lets a few arrive at once", async () => {
    const world = new World();
    await world.due(logs(20));
    await world.sweeper().run(LONG);
    expect(world.sent.map(({ delaySeconds }) => delaySeconds)).toEqual([0]);
    await world.due(logs(2_500));
    world.sent = [];
    await world.sweeper().run(LONG);
    const delays = world.sent.map(({ delaySeconds }) => delaySeconds);
    expect(delays).toHaveLength(100);
    expect([Math.min(...delays), Math.max(...delays)]).toEqual([0, 54]);
    const most = Math.max(...[...Map.groupBy(delays, (delay) => delay).values()].map((each) => each.length));
    expect(most).toBeLessThanOrEqual(2);
  });

  it("does not hand over again what is with the worker, until its pause is over", async () => {
    const world = new World();
    const sweep = world.sweeper();
    await world.due(logs(3));
    await sweep.run(LONG);
    expect(world.items()).toHaveLength(3);
    world.depth = { waiting: 1, inFlight: 0 };
    world.now += MINUTE;
    await sweep.run(LONG);
    expect(world.items()).toEqual([]);
    world.now += MINUTE;
    await sweep.run(LONG);
    expect(names(world.items())).toEqual(names(logs(3)));
  });

  it("hands over at once what is due at another time than it was handed over for", async () => {
    const world = new World();
    const sweep = world.sweeper();
    await world.due(logs(2));
    await sweep.run(LONG);
    world.sent = [];
    world.depth = { waiting: 1, inFlight: 0 };
    await world.table.update(logHeadKey("a1"), { set: { dueAt: START + 1 } }, itemExists);
    world.now += MINUTE;
    await sweep.run(LONG);
    expect(names(world.items())).toEqual(names([logHeadKey("a1")]));
  });

  it("hands over again in the next run when nothing is with the worker: the message is done or lost", async () => {
    const world = new World();
    const sweep = world.sweeper();
    await world.due(logs(3));
    await sweep.run(LONG);
    world.sent = [];
    world.now += MINUTE;
    await sweep.run(LONG);
    expect(world.items()).toHaveLength(3);
  });

  it("hands over again what the queue did not take, and counts it as held back", async () => {
    const world = new World();
    const sweep = world.sweeper();
    await world.due(logs(50));
    world.refused = 1;
    expect(await sweep.run(LONG)).toMatchObject({ handedOver: 25, unsent: 25 });
    const first = world.items();
    world.refused = undefined;
    world.depth = { waiting: 1, inFlight: 0 };
    world.now += MINUTE;
    expect(await sweep.run(LONG)).toMatchObject({ handedOver: 25, unsent: 0 });
    expect(names([...first, ...world.items()])).toEqual(names(logs(50)));
  });

  it("keeps no more with the worker than it does in two minutes", async () => {
    const world = new World();
    const sweep = world.sweeper();
    await world.due(logs(6_000));
    world.depth = { waiting: 190, inFlight: 10 };
    expect(await sweep.run(LONG)).toMatchObject({ messages: 10, handedOver: 250 });
    // A minute later 100 of the 200 are done: that is its pace.
    world.now += MINUTE;
    world.depth = { waiting: 100, inFlight: 10 };
    expect(await sweep.run(LONG)).toMatchObject({ messages: 100 });
    // Nothing was done since: the worker may have what the slowest does.
    world.now += MINUTE;
    world.depth = { waiting: 200, inFlight: 10 };
    const stuck = await sweep.run(LONG);
    expect(stuck).toMatchObject({ messages: 0, handedOver: 0 });
    expect(stuck.unsent).toBeGreaterThan(0);
  });

  it("hands over more each minute while the worker has nothing left", async () => {
    const world = new World();
    const sweep = world.sweeper();
    await world.due(logs(30_000));
    const sent: number[] = [];
    for (let minute = 0; minute < 4; minute += 1) {
      sent.push((await sweep.run(LONG)).messages);
      for (const { pk, sk } of world.items()) await world.memory.delete({ pk, sk }, always);
      world.now += MINUTE;
    }
    expect(sent).toEqual([200, 400, 600, 0]);
  });

  it("of an instance that was not used for an hour does not judge the worker by what was sent then", async () => {
    const world = new World();
    const sweep = world.sweeper();
    await world.due(logs(6_000));
    world.depth = { waiting: 190, inFlight: 10 };
    expect(await sweep.run(LONG)).toMatchObject({ messages: 10 });
    world.now += 60 * MINUTE;
    world.depth = { waiting: 150, inFlight: 10 };
    expect(await sweep.run(LONG)).toMatchObject({ messages: 50 });
  });

  it("of an instance that sweeps by turns with another does not prolong the pause of what was handed over", async () => {
    const world = new World();
    const sweep = world.sweeper();
    await world.due(logs(3));
    await sweep.run(LONG);
    expect(world.items()).toHaveLength(3);
    world.depth = { waiting: 1, inFlight: 0 };
    world.now += 2 * MINUTE;
    await sweep.run(LONG);
    expect(world.items()).toHaveLength(3);
  });

  it("hands over a minute's work when the queue does not say how much waits", async () => {
    const world = new World();
    await world.due(logs(6_000));
    world.depth = new Error("no answer");
    expect(await world.sweeper().run(LONG)).toMatchObject({ messages: 100, waiting: undefined });
  });

  it("reads the other shards when one cannot be read, and fails when none can", async () => {
    const world = new World();
    await world.due(logs(40));
    world.unreadable = "due#2";
    const report = await world.sweeper().run(LONG);
    expect(report.unreadShards).toBe(1);
    expect(report.handedOver).toBeGreaterThan(0);
    const single = new World(1);
    single.unreadable = "due#0";
    await expect(single.sweeper(1).run(LONG)).rejects.toThrow("throttled");
  });
});

describe("what is due at once", () => {
  it("of one full shard leaves room for every other shard", async () => {
    const world = new World();
    // Items of one shard, all due for longer than those of the others.
    for (const [at, { pk, sk }] of logs(6_000, "full").entries()) {
      await world.memory.put({ pk, sk, dueShard: "due#1", dueAt: START - 60 * MINUTE + at }, always);
    }
    await world.due(logs(40, "few"));
    world.depth = { waiting: 192, inFlight: 0 };
    const sweep = world.sweeper();
    // Eight messages a run: 200 items, a quarter of them for each shard.
    await sweep.run(LONG);
    const found = names(world.items());
    const others = logs(40, "few").filter((key) => world.memory.itemAt(key)?.["dueShard"] !== "due#1");
    expect(others.length).toBeGreaterThan(20);
    expect(found).toEqual(expect.arrayContaining(names(others)));
    expect(found).toHaveLength(200);
  });

  it("of one kind or one actor leaves room for the others", async () => {
    const world = new World(1);
    const gap = outboundHeadKey({ actorId: "receiver", peerId: "peer", subscriptionId: "sub" });
    const ids = { epoch: 1, sequence: 1, id: "e" };
    const failed = failedEventKey("receiver", hookSource({ peerId: "peer", subscriptionId: "sub" }), ids);
    const many = Array.from({ length: 100 }, (_, at) =>
      outboundHeadKey({ actorId: "many", peerId: "peer", subscriptionId: String(at) }),
    );
    await world.due([...logs(100), ...many, gap, failed]);
    world.depth = { waiting: 199, inFlight: 0 };
    await world.sweeper(1).run(LONG);
    const found = world.items().map(({ pk, sk }) => `${pk} ${sk}`);
    expect(found).toHaveLength(25);
    for (const key of [gap, failed]) expect(found).toContain(`${key.pk} ${key.sk}`);
  });

  it("puts what was handed over before and is due still behind the rest", async () => {
    const world = new World(1);
    const sweep = world.sweeper(1);
    await world.due(logs(25, "failing"));
    await sweep.run(LONG);
    world.sent = [];
    await world.due(logs(30, "next"));
    world.now += MINUTE;
    world.depth = { waiting: 0, inFlight: 0 };
    await sweep.run(LONG);
    expect(names(world.sent[0]?.work.items ?? []).every((pk) => pk.includes("next"))).toBe(true);
    expect(world.items()).toHaveLength(55);
  });
});

describe("a number of shards that changes", () => {
  it("from 4 to 16 to 8 leaves nothing unfound", async () => {
    const world = new World(4);
    await world.due(logs(100, "four"));
    await new DueIndexTable(world.memory, 16).put({ ...logHeadKey("first"), dueAt: 1 }, always);
    const sixteen = new DueIndexTable(world.memory, 16);
    for (const key of logs(100, "sixteen")) await sixteen.put({ ...key, dueAt: 1 }, always);
    const eight = new DueIndexTable(world.memory, 8);
    for (const key of logs(100, "eight")) await eight.put({ ...key, dueAt: 1 }, always);
    await world.sweeper(8).run(LONG);
    const all = [...logs(100, "four"), logHeadKey("first"), ...logs(100, "sixteen"), ...logs(100, "eight")];
    expect(names(world.items())).toEqual(names(all));
    expect(new Set(world.queries).size).toBe(16);
    expect(world.queries).toHaveLength(16);
  });

  it("is seen by the next sweep of an instance whose own setting is lower", async () => {
    const world = new World(4);
    const sweep = world.sweeper(4);
    await sweep.run(LONG);
    const wide = new DueIndexTable(world.memory, 64);
    for (const key of logs(200)) await wide.put({ ...key, dueAt: 1 }, always);
    world.now += MINUTE;
    await sweep.run(LONG);
    expect(names(world.items())).toEqual(names(logs(200)));
  });
});
