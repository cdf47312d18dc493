import { expect, it } from "vitest";
import { freeLanes, withoutRepeated } from "../../../../lib/domain/events/group-lanes.ts";
import { newGroupState, type GroupState } from "../../../../lib/domain/events/group-state.ts";
import { positionAfter } from "../../../../lib/domain/events/position.ts";

it.each([1, 2, 3])(
  "a fetch that lent a failed event alone right after a reset of %i lanes can be repeated",
  (count) => {
    const begun = newGroupState(positionAfter(1, 0), { lanes: count, selection: { topics: [">"] } });
    const lease = { token: "t", consumer: "c", asked: { key: "k", at: 1 }, until: 1_000 };
    const replayed = [{ id: "failed", position: positionAfter(1, 0), lent: true }];
    const lanes = begun.lanes.map((lane, index) => (index === 0 ? { ...lane, replayed, lease } : lane));
    const state: GroupState = { ...begun, lanes };
    const again = withoutRepeated(state, "c", { key: "k", at: 2 });
    expect(again.lanes[0]).toMatchObject({ replayed: [{ id: "failed", lent: false }] });
    expect(freeLanes(again, 10)).toEqual(begun.lanes.map((_, index) => index));
  },
);
