import { describe, expect, it } from "vitest";
import { newGroupState, type GroupState } from "../../../../lib/domain/events/group-state.ts";
import { newKeeperState, type Entry, type KeeperState } from "../../../../lib/domain/events/keeper-state.ts";
import { printPosition } from "../../../../lib/domain/events/position.ts";
import { groupIn, keeperIn, positionIn, sentPositionIn } from "../../../../lib/domain/events/present-epoch.ts";
import type { Selection } from "../../../../lib/domain/events/selection.ts";

/** Every optional field too, so that one that is added has to be added here. */
type Whole<T> = T extends readonly [unknown, ...unknown[]]
  ? T
  : T extends readonly (infer E)[]
    ? readonly Whole<E>[]
    : T extends object
      ? { readonly [K in keyof T]-?: Whole<Exclude<T[K], undefined>> }
      : T;

/** A key is none of ours, whatever it looks like. */
const KEY = printPosition({ epoch: 1, record: 3, index: "all" });
const selection = { topics: [KEY], types: [KEY] };

/** A keeper's state in which there is all that there can be. */
function keeperOf(epoch: number): KeeperState<Selection> {
  const at = (record: number, index: number | "all" = "all") => printPosition({ epoch, record, index });
  const front = (record: number) => ({
    after: at(record, 2),
    number: record,
    ahead: [[record + 2, record + 3]] as const,
  });
  const entry: Whole<Entry> = {
    ...{ ...front(3), key: KEY, scope: "key", waiting: 2, countedTo: at(5) },
    failing: {
      ...{ position: at(4), expiresAt: 9, attempts: 2, inRun: 1, run: true, evidence: "none", endpoint: false },
      ...{ triedAt: 1, tryAt: 2, countsAt: 3, retryAfter: 4, exhausted: "attempts" },
    },
  };
  const state: Whole<Omit<KeeperState<Selection>, "stopped">> = {
    ...{ floor: front(6), numbered: { after: at(9), number: 9 }, lagging: true },
    entries: [entry, { ...entry, key: "b" }],
    selections: [
      { after: at(0), selection },
      { after: at(5), selection },
    ],
    anchors: [{ after: at(1), number: 1, at: 7 }],
    health: { failures: 1, openUntil: 2, cooldown: 3, pausedUntil: 4, pace: { at: 5, every: 6 } },
    redrive: {
      ...{ id: "r", source: "log", after: at(1), number: 1, from: at(0), upTo: at(2, 0) },
      ...{ left: 2, done: 1, failed: 0, tries: 1 },
    },
  };
  return { ...state, stopped: { reason: "exhausted", key: KEY, position: at(4) } };
}

/** The same of a group. */
function groupOf(epoch: number): GroupState {
  const at = (record: number, index: number | "all" = "all") => printPosition({ epoch, record, index });
  const state: Whole<GroupState> = {
    lanes: [1, 2].map((lane) => ({
      ...{ after: at(8 + lane), number: 8 },
      open: [
        {
          ...{ position: at(3, 1), number: 3, key: KEY, barrier: false, expiresAt: 9 },
          attempts: 1,
          tryAt: 2,
          lent: true,
          skipped: true,
        },
      ],
      behind: [{ key: KEY, after: at(4), number: 4 }],
      replayed: [{ id: "f", position: at(1), lent: true, unanswered: 1, taken: true }],
      lease: { token: "t", consumer: "c", asked: { key: "k", at: 1 }, until: 5 },
    })),
    cleared: at(2),
    selections: [{ after: at(0), number: 0, selection }],
    numbered: { after: at(12), number: 11 },
    ...{ next: 1, lagging: true, stopped: { reason: "exhausted", position: at(3), key: KEY } },
  };
  return state;
}

describe("a stored position", () => {
  it.each([
    ["0001-0000000000000007-z", "0003-0000000000000007-z"],
    ["0009-0000000000000007-000012", "0003-0000000000000007-000012"],
    ["0003-0000000000000007-z", "0003-0000000000000007-z"],
    ["", ""],
    ["0001-7-z", "0001-7-z"],
  ])("%s is %s in the third epoch", (stored, read) => {
    expect(positionIn(3, stored)).toBe(read);
  });
});

it("a position that says its actor too keeps saying it", () => {
  expect(sentPositionIn(2, "actor.0001-0000000000000007-z")).toBe("actor.0002-0000000000000007-z");
  expect(sentPositionIn(2, "0001-0000000000000007-z")).toBe("0002-0000000000000007-z");
});

describe.each<[string, number]>([
  ["an earlier epoch", 1],
  ["a later epoch", 3],
  ["the same epoch", 2],
])("a state of %s", (_, stored) => {
  it("of an order keeper names the same places of the present log", () => {
    expect(keeperIn(2, keeperOf(stored))).toEqual(keeperOf(2));
  });

  it("of a group names the same places of the present log", () => {
    expect(groupIn(2, groupOf(stored))).toEqual(groupOf(2));
  });
});

describe("a state that has little", () => {
  it("gets no field more", () => {
    const keeper = newKeeperState("0001-0000000000000000-z", { selection, at: 1 });
    expect(Object.keys(keeperIn(2, keeper))).toEqual(Object.keys(keeper));
    const group = newGroupState("0001-0000000000000000-z", { lanes: 2, selection });
    const read = groupIn(2, group);
    expect(read).toStrictEqual(newGroupState("0002-0000000000000000-z", { lanes: 2, selection }));
    expect(keeperIn(2, { ...keeper, stopped: { reason: "gone" } }).stopped).toEqual({ reason: "gone" });
    expect(groupIn(2, { ...group, stopped: { reason: "position_gone" } }).stopped).toStrictEqual({
      reason: "position_gone",
    });
  });
});
