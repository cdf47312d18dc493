import { describe, expect, it } from "vitest";
import { consecutiveRun, decide, gapOverdue, type SequencingState } from "../../../../lib/domain/log/sequencing.ts";

const limits = { maxPending: 3, gapTimeoutMs: 5_000 };
const state = (more: Partial<SequencingState> = {}): SequencingState => ({
  lastSeq: 10,
  buffered: new Set(),
  busy: false,
  replacing: false,
  ...more,
});

describe("a number is", () => {
  it.each<[string, number, Partial<SequencingState>, ReturnType<typeof decide>]>([
    ["a duplicate at lastSeq", 10, {}, { is: "duplicate" }],
    ["a duplicate long before it", 1, { busy: true, replacing: true }, { is: "duplicate" }],
    ["next when no lease is live", 11, {}, { is: "next" }],
    ["kept when it is next but another works", 11, { busy: true }, { is: "buffer", overdue: false }],
    ["kept when it is next but the state is being replaced", 11, { replacing: true }, { is: "buffer", overdue: false }],
    ["kept behind a gap", 13, {}, { is: "buffer", overdue: false }],
    ["kept behind a young gap", 14, { buffered: new Set([13]), gapSince: 96_000 }, { is: "buffer", overdue: false }],
    [
      "buffered behind an old gap, which is overdue",
      14,
      { buffered: new Set([13]), gapSince: 95_000 },
      { is: "buffer", overdue: true },
    ],
    [
      "buffered behind an old gap while a lease is live, whose holder handles the gap when its work ends",
      14,
      { busy: true, buffered: new Set([13]), gapSince: 1 },
      { is: "buffer", overdue: false },
    ],
    ["already there", 13, { buffered: new Set([13]) }, { is: "already_buffered", drainable: false, overdue: false }],
    [
      "already buffered and drainable",
      11,
      { buffered: new Set([11]) },
      { is: "already_buffered", drainable: true, overdue: false },
    ],
    [
      "already buffered, whether or not the buffer is full",
      13,
      { buffered: new Set([13, 14, 15]) },
      { is: "already_buffered", drainable: false, overdue: false },
    ],
    ["refused when all slots are taken", 17, { buffered: new Set([13, 14, 15]) }, { is: "full", overdue: false }],
    ["next although all slots are taken", 11, { buffered: new Set([13, 14, 15]) }, { is: "next" }],
    [
      "refused when it is next, a lease is live and the buffer is full",
      11,
      { busy: true, buffered: new Set([13, 14, 15]) },
      { is: "full", overdue: false },
    ],
    ["refused with an old gap", 17, { buffered: new Set([13, 14, 15]), gapSince: 1 }, { is: "full", overdue: true }],
  ])("%s", (_, n, more, decision) => {
    expect(decide(state(more), n, 100_000, limits)).toEqual(decision);
  });
});

it("counts a gap as overdue from the moment of its time-out", () => {
  expect(gapOverdue(state({ gapSince: 1_000 }), 5_999, limits)).toBe(false);
  expect(gapOverdue(state({ gapSince: 1_000 }), 6_000, limits)).toBe(true);
  expect(gapOverdue(state(), 6_000, limits)).toBe(false);
});

it("gives the numbers from the next one to the first missing one, at most as many as asked for", () => {
  expect(consecutiveRun(4, new Set([8, 5, 6, 10]), 10)).toEqual([5, 6]);
  expect(consecutiveRun(4, new Set([5, 6, 7]), 2)).toEqual([5, 6]);
  expect(consecutiveRun(4, new Set([6]), 2)).toEqual([]);
});
