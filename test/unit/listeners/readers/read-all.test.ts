/** One answer with the events of all actors: what bounds it, and where the next one begins. */
import { beforeEach, describe, expect, it } from "vitest";
import { appendWrites } from "../../../../lib/change-log/append-writes.ts";
import { ChangeLog } from "../../../../lib/change-log/change-log.ts";
import { recordTime } from "../../../../lib/change-log/record-time.ts";
import type { Change } from "../../../../lib/domain/diff/change-record.ts";
import { FEED_INTERVAL_MS, POSITION_AHEAD_MS, SETTLED_AFTER_MS } from "../../../../lib/domain/events/feed-time.ts";
import { logHeadKey } from "../../../../lib/dynamodb/keys/publishing.ts";
import { always, type FeedIndex, type FeedItem } from "../../../../lib/dynamodb/table.ts";
import { readAll, type AllReading, type ReadAllDeps } from "../../../../lib/listeners/readers/read-all.ts";
import type { EventPage } from "../../../../lib/listeners/readers/read-events.ts";
import { MemoryTable } from "../../../support/memory-table.ts";

const BEGIN = Date.UTC(2026, 0, 1);

let table: MemoryTable;
let now: number;
let changeLog: ChangeLog;
let deps: ReadAllDeps;
const clock = { now: () => now };
beforeEach(() => {
  now = BEGIN;
  table = new MemoryTable();
  changeLog = new ChangeLog({ table, clock, retentionDays: 30, allEvents: true });
  deps = { table, changeLog, clock, epoch: 1, retentionDays: 30, rootOf: (id) => `https://us.example/${id}` };
});

/** Records of one event each, at the time of the clock. */
async function append(actorId: string, values: readonly unknown[], path = "a"): Promise<void> {
  const head = await changeLog.head(actorId);
  const at = Math.max(now * 1_000, head.at + 1);
  const records = values.map((value) => {
    const changes: Change[] = [{ do: "set", path: [path], value: value as string }];
    return { kind: "change", changes, at: recordTime(Math.floor(at / 1_000), at % 1_000) } as const;
  });
  await table.transact(appendWrites(changeLog.settings, actorId, head, { records, at }));
}

const ALL: AllReading = { from: "earliest", selectionOf: () => ({ topics: [">"] }), limit: 1_000, mostBytes: 1e9 };
async function read(from: string, more: Partial<AllReading> = {}): Promise<EventPage> {
  const page = await readAll(deps, { ...ALL, ...more, from });
  if (typeof page === "string") throw new Error(page);
  return page;
}
const namesOf = ({ events }: EventPage): readonly string[] =>
  events.map(({ source, data }) => `${String(source).slice(-1)}${String((data as { value: unknown }).value)}`);

/** All answers up to date, and each one's events. */
async function pages(from: string, more: Partial<AllReading> = {}): Promise<readonly EventPage[]> {
  const all: EventPage[] = [];
  for (let upToDate = false; !upToDate;) {
    const page = await read(all.at(-1)?.next ?? from, more);
    all.push(page);
    ({ upToDate } = page);
  }
  return all;
}

const settle = (): void => void (now += SETTLED_AFTER_MS + FEED_INTERVAL_MS);

describe("an answer", () => {
  it("has as many events as it may, and the next one continues within the actor", async () => {
    await append("a", [1, 2, 3]);
    await append("b", [1, 2]);
    settle();
    for (const limit of [1, 2, 3, 4, 5]) {
      const all = await pages("earliest", { limit });
      expect(all.flatMap(namesOf).toSorted()).toEqual(["a1", "a2", "a3", "b1", "b2"]);
      expect(Math.max(...all.map(({ events }) => events.length))).toBe(limit);
    }
    expect((await pages("earliest", { mostBytes: 1 })).map(({ events }) => events.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it("looks at 200 actors, whether they have something for the reader or not", async () => {
    for (let n = 0; n < 450; n += 1) await append(`actor-${String(n)}`, [n]);
    settle();
    const all = await pages("earliest");
    expect(all.map(({ events }) => events.length)).toEqual([200, 200, 50]);
    const none = await pages("earliest", { selectionOf: () => ({ topics: ["orders.>"] }) });
    expect(none.map(({ events, upToDate }) => [events.length, upToDate])).toEqual([
      [0, false],
      [0, false],
      [0, true],
    ]);
  });

  it("reads 2,000 records of one that selects little, and continues behind them", async () => {
    for (let made = 0; made < 4_500; made += 90) await append("a", Array(90).fill(0), "other");
    await append("a", [1]);
    await append("b", [1]);
    settle();
    const all = await pages("earliest", { selectionOf: () => ({ topics: ["properties.a"] }) });
    expect(all.flatMap(namesOf).toSorted()).toEqual(["a1", "b1"]);
    expect(all.length).toBeGreaterThanOrEqual(3);
  });

  it("begins no further actor after three seconds, and no answer is without progress", async () => {
    let from = (await read("now")).next;
    for (const id of ["a", "b", "c"]) await append(id, [1]);
    settle();
    const slow: ReadAllDeps = {
      ...deps,
      table: {
        queryFeed: async (...asked) => await table.queryFeed(...asked),
        getMany: async (keys) => {
          now += 3_001;
          return await table.getMany(keys);
        },
      },
    };
    const seen: string[] = [];
    for (let answers = 0; answers < 3; answers += 1) {
      const page = await readAll(slow, { ...ALL, from });
      if (typeof page === "string") throw new Error(page);
      expect(page.events).toHaveLength(1);
      seen.push(...namesOf(page));
      from = page.next;
    }
    expect(seen.toSorted()).toEqual(["a1", "b1", "c1"]);
  });

  it("has what a log has in the span, and not what came before or later", async () => {
    await append("a", [1, 2]);
    settle();
    const { next } = await read("now");
    for (let n = 3; n < 20; n += 1) {
      now += 400;
      await append("a", [n]);
    }
    settle();
    await append("a", [20]);
    const first = await read(next);
    expect(namesOf(first)).toEqual(Array.from({ length: 17 }, (_, n) => `a${String(n + 3)}`));
    settle();
    expect(namesOf(await read(first.next))).toEqual(["a20"]);
  });

  it("has nothing of an actor that was deleted meanwhile, and the rest", async () => {
    await append("a", [1, 2]);
    await append("b", [1]);
    settle();
    const first = await read("earliest", {
      limit: 1,
      selectionOf: (id) => (id === "a" ? { topics: [">"] } : undefined),
    });
    await table.delete(logHeadKey("a"), always);
    expect((await pages(first.next)).flatMap(namesOf).every((name) => name === "b1")).toBe(true);
    expect((await pages("earliest")).flatMap(namesOf)).toEqual(["b1"]);
  });
});

describe("an index that shows nothing of an actor whose entry moves", () => {
  it.each(["feed1", "feed2"] as const)("keeps no event back: %s", async (moving) => {
    const { next } = await read("now");
    for (let n = 1; n <= 4; n += 1) {
      now += SETTLED_AFTER_MS + FEED_INTERVAL_MS;
      await append("a", [n]);
    }
    deps = {
      ...deps,
      table: {
        getMany: async (keys) => await table.getMany(keys),
        queryFeed: async (index: FeedIndex, shard: string, after: number, from?: FeedItem) =>
          index === moving ? { items: [] } : await table.queryFeed(index, shard, after, from),
      },
    };
    expect((await pages(next)).flatMap(namesOf)).toEqual(["a1", "a2", "a3"]);
  });
});

it("a position in the log of an actor is continued there, whatever the indexes show", async () => {
  const { next } = await read("now");
  await append("a", [1, 2, 3]);
  settle();
  const first = await read(next, { limit: 1 });
  deps = {
    ...deps,
    table: { getMany: async (keys) => await table.getMany(keys), queryFeed: async () => ({ items: [] }) },
  };
  expect((await pages(first.next)).flatMap(namesOf)).toEqual(["a2", "a3"]);
});

describe("a position that another instance gave, whose clock is ahead", () => {
  it("is continued, with nothing before its time", async () => {
    await append("a", [1]);
    settle();
    const here = now;
    now = here + POSITION_AHEAD_MS;
    const { next } = await read("earliest");
    const { next: within } = await read("earliest", { mostBytes: 1, limit: 1 });
    now = here;
    await append("a", [2]);
    expect(await read(next)).toEqual({ events: [], next, upToDate: true });
    expect((await read(within)).events).toEqual([]);
    now = here + POSITION_AHEAD_MS;
    settle();
    expect((await pages(next)).flatMap(namesOf)).toEqual(["a2"]);
  });

  it("is refused when it is further ahead than clocks are apart", async () => {
    const { next } = await read("now");
    now -= POSITION_AHEAD_MS + FEED_INTERVAL_MS;
    expect(await readAll(deps, { ...ALL, from: next })).toBe("ahead");
  });
});
