import { expect, it } from "vitest";
import type { NumberedRecord } from "../../../../lib/change-log/change-log.ts";
import { newKeeperState, type Entry, type KeeperState } from "../../../../lib/domain/events/keeper-state.ts";
import { positionAfter } from "../../../../lib/domain/events/position.ts";
import type { Selection } from "../../../../lib/domain/events/selection.ts";
import { waitingOf } from "../../../../lib/listeners/webhooks/waiting.ts";

const NOON = Date.UTC(2026, 0, 1, 12);
const HOUR = 3_600_000;
const RETENTION = 30 * 24 * HOUR;

/** A log with one change of a property for each name, an hour apart. */
function logOf(names: readonly string[]) {
  let reads = 0;
  const records = names.map((name, at): NumberedRecord => {
    const time = new Date(NOON + at * HOUR).toISOString().replace("Z", "000Z");
    return {
      number: at + 1,
      record: { kind: "change", at: time, changes: [{ do: "set", path: [name], value: 1 }] },
    } as any;
  });
  return {
    reads: () => reads,
    log: {
      ...{ newest: names.length, epoch: 1, retentionMs: RETENTION },
      stream: async function* (after: number, upTo: number) {
        for (const record of records) {
          if (record.number <= after || record.number > upTo) continue;
          reads += 1;
          yield record;
        }
      },
    },
  };
}

const after = (record: number, number = record) => ({ after: positionAfter(1, record), number });
const begun = (changes: Partial<KeeperState<Selection>> = {}): KeeperState<Selection> => ({
  ...newKeeperState(positionAfter(1, 0), { selection: { topics: ["properties.*"] }, at: NOON }),
  ...changes,
});
const failing = (record: number) =>
  ({ position: positionAfter(1, record), expiresAt: NOON + (record - 1) * HOUR + RETENTION }) as Entry["failing"];

it("counts what lies beyond the floor, but for what is done ahead", async () => {
  const { log } = logOf(["a", "b", "c", "d"]);
  const keeper = begun({ floor: { ...after(1), ahead: [[2, 3]] } });
  expect(await waitingOf(log, keeper, "key")).toMatchObject({ count: 1, oldestAt: NOON + 3 * HOUR });
  expect(await waitingOf(log, begun({ floor: after(4) }), "key")).toEqual({ count: 0, behind: new Map() });
});

it("finds the oldest event of a key that catches up after a blocked event was taken", async () => {
  const { log } = logOf(["a", "b", "a", "a", "b"]);
  const entry = { ...after(1), ahead: [[3, 3]], key: "properties.a", scope: "key", waiting: 1 } as const;
  const keeper = begun({ floor: after(5), numbered: after(5), entries: [entry] });
  expect(await waitingOf(log, keeper, "key")).toMatchObject({ count: 1, oldestAt: NOON + 3 * HOUR });
});

it("counts for a blocked key what waits below the floor and beyond, and not the event itself", async () => {
  const { log } = logOf(["a", "a", "b", "a"]);
  const entry: Entry = { ...after(0), key: "properties.a", scope: "key", waiting: 2, failing: failing(1) } as any;
  const { count, oldestAt, behind } = await waitingOf(log, begun({ floor: after(2), entries: [entry] }), "key");
  expect([count, oldestAt, behind.get(entry)]).toEqual([4, NOON, 2]);
  // It failed while an earlier event was under way, so that the floor has not come to it.
  const early: Entry = { ...after(1), key: "properties.a", scope: "key", waiting: 0, failing: failing(2) } as any;
  const other = await waitingOf(log, begun({ entries: [early] }), "key");
  expect([other.count, other.oldestAt, other.behind.get(early)]).toEqual([4, NOON, 1]);
});

it("reads at most 1,000 records, and counts one event for each beyond", async () => {
  const { log, reads } = logOf(Array.from({ length: 1_200 }, (_, at) => (at % 2 === 0 ? "a" : "b")));
  const keeper = begun();
  const named = { ...keeper, selections: [{ after: positionAfter(1, 0), selection: { topics: ["properties.a"] } }] };
  expect(await waitingOf(log, named, "key")).toMatchObject({ count: 700, oldestAt: NOON });
  expect(reads()).toBe(1_000);
});
