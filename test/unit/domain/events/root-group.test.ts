import { describe, expect, it } from "vitest";
import { newGroupState, type GroupState } from "../../../../lib/domain/events/group-state.ts";
import {
  afterFetch,
  answeredLane,
  isWorthStoring,
  newRootLane,
  parseRootPosition,
  printRootPosition,
  spanOf,
  upToOf,
  withMet,
  withoutLost,
  withShardMet,
  withSpanMet,
  type RootLane,
} from "../../../../lib/domain/events/root-group.ts";

const at = (record: number): string => `0001-${String(record).padStart(16, "0")}-z`;
const ids = ({ met }: RootLane): readonly string[] => met.map(({ id }) => id);

describe("a lane over all actors", () => {
  it("meets as many actors as there is room for, and the rest of the span afterwards", () => {
    const span = spanOf(newRootLane(100), 200, 2)!;
    expect(span).toEqual({ after: 100, until: 200, shard: 0 });
    const full = withShardMet(newRootLane(100), span, { actorIds: ["c", "a", "b"], most: 2 });
    expect([ids(full), full.after, full.within]).toEqual([["a", "b"], 100, { until: 200, shard: 0, actorId: "b" }]);
    expect(spanOf(full, 300, 2)).toBeUndefined();
    const freed = afterFetch(full, { done: new Set(["a", "b"]), lent: [] }, { token: "t", consumer: "c", until: 1 });
    const rest = spanOf(freed, 300, 2)!;
    expect(rest).toEqual({ after: 100, until: 200, shard: 0 });
    const whole = withSpanMet(withShardMet(freed, rest, { actorIds: ["a", "b", "c"], most: 2 }), rest);
    expect([ids(whole), whole.after, whole.within]).toEqual([["c"], 200, undefined]);
  });

  it("passes no time that has not arrived, and looks again while it has nothing else", () => {
    const lane = newRootLane(200);
    expect(spanOf(lane, 150, 2)).toEqual({ after: 200, until: 200, shard: 0 });
    expect(spanOf(withMet(lane, "a"), 200, 2)).toBeUndefined();
  });

  it("is stored for what it has met, for leases, and seldom for time alone", () => {
    const lane = newRootLane(0);
    expect(isWorthStoring(lane, { ...lane, after: 5_000 })).toBe(false);
    expect(isWorthStoring(lane, { ...lane, after: 60_000 })).toBe(true);
    expect(isWorthStoring(lane, withMet(lane, "a"))).toBe(true);
  });

  it("is free when the last of its actors is answered, and lends those of one last", () => {
    const lease = { token: "t", consumer: "c", until: 10 };
    const met = withMet(withMet(withMet(newRootLane(0), "a"), "b"), "c");
    const leased = afterFetch(met, { done: new Set(), lent: ["a", "b"] }, lease);
    expect([ids(leased), leased.lease?.left]).toEqual([
      ["c", "a", "b"],
      ["a", "b"],
    ]);
    const partly = answeredLane(leased, { ended: new Set(["a"]), done: false, until: 20 });
    expect(partly.lease).toMatchObject({ until: 20, actors: ["a", "b"], left: ["b"] });
    expect(answeredLane(partly, { ended: new Set(["b"]), done: false }).lease).toBeUndefined();
    expect(answeredLane(leased, { ended: new Set(), done: true }).lease).toBeUndefined();
  });
});

describe("a position over all actors", () => {
  it("is the actor and a position of its log", () => {
    const position = { actorId: "a.b", position: at(3) };
    expect(parseRootPosition(printRootPosition(position))).toEqual(position);
    for (const text of ["", at(3), `.${at(3)}`, "a.x", "a"]) expect(parseRootPosition(text), text).toBeUndefined();
  });

  it("acknowledges what comes before it in the order of the lease", () => {
    const lease = { token: "t", consumer: "c", until: 0, actors: ["b", "a", "c"], left: [] };
    const upTo = { actorId: "a", position: at(3) };
    expect(["b", "a", "c"].map((id) => upToOf(lease, upTo, id))).toEqual(["~", at(3), undefined]);
    expect(upToOf(lease, { ...upTo, actorId: "x" }, "b")).toBeUndefined();
  });
});

describe("a member whose oldest records are gone", () => {
  const state = (open: readonly number[], behind: number, after: number): GroupState => ({
    ...newGroupState(at(0), { lanes: 1, selection: { topics: [">"] } }),
    lanes: [
      {
        ...{ after: at(after), number: after, replayed: [] },
        open: open.map((record) => ({
          ...{ position: at(record), number: record, key: "k", barrier: false, expiresAt: 0 },
          ...{ attempts: 1, tryAt: 0, lent: false },
        })),
        behind: [{ key: "k", after: at(behind), number: behind }],
      },
    ],
  });

  it("keeps what can be read, and says whether something was lost", () => {
    const left = withoutLost(state([2, 6], 3, 8), { from: at(4), number: 8 });
    expect(left.isUndone).toBe(true);
    expect(left.state.lanes[0]).toMatchObject({
      ...{ after: at(8), open: [{ position: at(6) }], behind: [{ after: at(4), number: 8 }] },
    });
    expect(withoutLost(state([6], 6, 8), { from: at(4), number: 8 }).isUndone).toBe(false);
  });
});
