import { beforeEach, describe, expect, it } from "vitest";
import { deleteFailedEvents } from "../../../lib/failed-events/failed-event-deletion.ts";
import { FailedEventStore } from "../../../lib/failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../../../lib/failed-events/hook-event.ts";
import { always, any, below, missing, type Key } from "../../../lib/dynamodb/table.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const LISTENER: Key = { pk: "W#actor", sk: "L" };
const START = Date.UTC(2026, 0, 1);

let table: MemoryTable;
let now: number;
let store: FailedEventStore<ListenerEvent>;

beforeEach(() => {
  table = new MemoryTable();
  now = START;
  store = new FailedEventStore<ListenerEvent>({
    table,
    clock: { now: () => now },
    epoch: 1,
    source: {
      recorded: () => ({
        update: LISTENER,
        change: { add: { failures: 1 } },
        condition: any(missing("failures"), below("failures", 2)),
      }),
      stopped: () => Promise.resolve(undefined),
      resolved: () =>
        Promise.resolve({ write: { update: LISTENER, change: { add: { failures: -1 } }, condition: always } }),
    },
  });
});

const eventOf = (sequence: number, source: ListenerEvent["source"] = "webhook:w"): ListenerEvent => ({
  ...{ id: `${source.replace(":", "-")}-${String(sequence)}`, actorId: "actor", source, sequence },
  ...{ topic: "orders.new", type: "org.actingweb.event", position: "p", event: { data: "x".repeat(sequence) } },
});
const record = async (sequence: number, keptUntil?: number) =>
  await store.record(eventOf(sequence), {
    ...{ status: "parked", starts: 1, attempts: [{ at: now, error: "no" }] },
    ...(keptUntil !== undefined && { keptUntil }),
  });
const count = () => table.itemAt(LISTENER)?.["failures"];

describe("a failed event of a listener", () => {
  it("is counted at its source once, however often it is recorded", async () => {
    expect(await record(1)).toBe(true);
    expect(await record(1)).toBe(true);
    expect(count()).toBe(1);
    expect(await store.count("actor", "webhook:w")).toBe(1);
  });

  it("is not recorded when its source may keep no more", async () => {
    expect([await record(1), await record(2), await record(3)]).toEqual([true, true, false]);
    expect(await store.of(eventOf(3))).toBeUndefined();
    // One that is recorded already stays so.
    expect(await record(2)).toBe(true);
    const [first] = (await store.page("actor", { source: "webhook:w", limit: 10 })).events;
    if (first === undefined) throw new Error("nothing is recorded");
    expect(await store.resolve(first, { now })).toEqual({});
    expect(count()).toBe(1);
    expect(await record(3)).toBe(true);
  });

  it("keeps what it was about, in the order of the listener's numbers", async () => {
    await record(2);
    await record(1);
    const { events } = await store.page("actor", { source: "webhook:w", limit: 10 });
    expect(events.map(({ event }) => event)).toEqual([eventOf(1), eventOf(2)]);
    const { summaries } = await store.summaries("actor", { limit: 10 }, { attributes: [], read: () => undefined });
    const about = { topic: "orders.new", type: "org.actingweb.event", position: "p" };
    expect(summaries).toMatchObject([
      { source: "webhook:w", sequence: 1, about },
      { source: "webhook:w", sequence: 2, about },
    ]);
  });

  it.each([
    ["0007-0000000000000003-z", "0001-0000000000000003-z"],
    ["actor.0007-0000000000000003-z", "actor.0001-0000000000000003-z"],
  ])("is read with its position in the present epoch: %s", async (stored, sent) => {
    const position = "0007-0000000000000003-z";
    const event = { ...eventOf(1), position, event: { position: stored, data: "x" } };
    await store.record(event, { status: "parked", starts: 1, attempts: [] });
    const now = "0001-0000000000000003-z";
    expect((await store.of(event))?.event).toEqual({ ...event, position: now, event: { position: sent, data: "x" } });
    const { summaries } = await store.summaries("actor", { limit: 10 }, { attributes: [], read: () => undefined });
    expect(summaries).toMatchObject([{ about: { position: now } }]);
  });

  it("is gone once it has expired, in every read", async () => {
    await record(1, now + 5_000);
    expect(await store.of(eventOf(1))).toBeDefined();
    now += 5_000;
    expect(await store.of(eventOf(1))).toBeUndefined();
    expect(await store.page("actor", { limit: 10 })).toEqual({ events: [] });
    expect(await store.count("actor", "webhook:w")).toBe(0);
    const item = await store.find("actor", eventOf(1).id);
    expect(item === undefined ? undefined : await store.read(item)).toBeUndefined();
  });

  it("is deleted with its source, and no other", async () => {
    await record(1);
    await store.record(eventOf(1, "webhook:other"), { status: "parked", starts: 1, attempts: [] });
    await deleteFailedEvents(table, "actor", { source: "webhook:w" });
    const { events } = await store.page("actor", { limit: 10 });
    expect(events.map(({ event }) => event.source)).toEqual(["webhook:other"]);
    expect(await store.find("actor", eventOf(1).id)).toBeUndefined();
  });
});
