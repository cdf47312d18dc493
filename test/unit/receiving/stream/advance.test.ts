/** The writes of an advance, by the numbers buffered before and after it, and by the requested recovery. */
import { describe, expect, it } from "vitest";
import { outboundHeadKey } from "../../../../lib/dynamodb/keys/streams.ts";
import { holds } from "../../../support/memory-expressions.ts";
import { advanceChange, type Advance } from "../../../../lib/receiving/stream/advance.ts";
import { readHead } from "../../../../lib/receiving/stream/head.ts";
import { writeOf } from "../../../../lib/receiving/stream/stream-changes.ts";
import type { Item } from "../../../../lib/dynamodb/table.ts";

const KEY = outboundHeadKey({ actorId: "actor", peerId: "peer", subscriptionId: "sub" });
const NOW = 1_000_000;
const GAP_MS = 5_000;
const REVISION = 4;
const LEASE = { leaseToken: "mine", leaseUntil: NOW + 30_000, incarnation: "1" };
/** A leased stream with number 1 applied. */
const LEASED = {
  ...{ ...KEY, ...LEASE, state: "live", epoch: 1, lastSeq: 1, starts: 1, version: 9, recoveryRevision: REVISION },
  ...{ reconcileAt: NOW + 60_000, dueShard: "0", dueAt: NOW - 1 },
};

function write(item: Partial<Item>, advance: Partial<Advance>) {
  const seen = { ...LEASED, ...item } as Item;
  const change = advanceChange(readHead(seen), "mine", { to: 2, keepLease: false, ...advance }, NOW, GAP_MS);
  return { seen, ...writeOf(KEY, change) };
}

/** What is written of some attributes: its value, `gone`, or undefined where it stays. */
function effects(item: Partial<Item>, advance: Partial<Advance>) {
  const { change } = write(item, advance);
  const of = (name: string): unknown => (change.remove?.includes(name) === true ? "gone" : change.set?.[name]);
  return {
    buffered: of("buffered") ?? (change.discard === undefined ? undefined : [...(change.discard["buffered"] ?? [])]),
    gapSince: of("gapSince"),
    dueAt: of("dueAt"),
    requested: of("recoveryRequested"),
    contradicted: of("contradicted"),
    lease: of("leaseToken"),
  };
}

const numbers = (...of: number[]) => ({ buffered: new Set(of), gapSince: NOW - 900 });
const NOTHING = {
  ...{ buffered: undefined, gapSince: undefined, dueAt: undefined, requested: undefined, contradicted: undefined },
  lease: "gone",
};
const EMPTIED = { ...NOTHING, buffered: "gone", gapSince: "gone" };
const RESTS = { dueAt: NOW + 60_000 };
const NEW_GAP = { gapSince: NOW, dueAt: NOW + GAP_MS };
const REQUESTED = { recoveryRequested: "catch_up" };
const DONE = { completes: REVISION };
const OLD = { completes: REVISION - 1 };

describe("with nothing buffered before", () => {
  it.each([
    ["nothing requested", {}, {}, NOTHING],
    ["nothing requested, the lease kept", {}, { keepLease: true }, { ...NOTHING, lease: undefined }],
    ["a recovery requested", REQUESTED, {}, NOTHING],
    ["the requested recovery completed", REQUESTED, DONE, { ...NOTHING, ...RESTS, requested: "gone" }],
    ["a newer recovery requested", REQUESTED, OLD, NOTHING],
    [
      "one requested with it",
      REQUESTED,
      { ...DONE, fields: { recoveryRequested: "resync" as const, dueAt: NOW + 7 } },
      { ...NOTHING, requested: "resync", dueAt: NOW + 7 },
    ],
    ["hooks that resume", { hooksResuming: true }, DONE, { ...NOTHING, requested: "gone" }],
    [
      "hooks that have resumed",
      { hooksResuming: true },
      { ...DONE, fields: { hooksResuming: false } },
      { ...NOTHING, ...RESTS, requested: "gone" },
    ],
    ["no reconciliation to come", { reconcileAt: undefined }, DONE, { ...NOTHING, dueAt: "gone", requested: "gone" }],
    ["a contradiction found", {}, { contradicts: true }, { ...NOTHING, dueAt: NOW, contradicted: true }],
    [
      "a contradiction known and the state read",
      { contradicted: true },
      { ...DONE, stateRead: true },
      { ...NOTHING, ...RESTS, requested: "gone", contradicted: "gone" },
    ],
    [
      "a contradiction known, the state not read",
      { contradicted: true },
      DONE,
      { ...NOTHING, dueAt: NOW, requested: "gone" },
    ],
    [
      "a contradiction that is newer than the state read",
      { contradicted: true },
      { ...OLD, stateRead: true },
      { ...NOTHING, dueAt: NOW },
    ],
  ] as const)("%s", (_, item, advance, expected) => {
    expect(effects(item as Partial<Item>, advance)).toEqual(expected);
  });
});

describe("with the last buffered number passed", () => {
  it.each([
    ["nothing requested", numbers(2), {}, { ...EMPTIED, ...RESTS }],
    ["a recovery requested", { ...numbers(2), ...REQUESTED }, {}, EMPTIED],
    [
      "the requested recovery completed",
      { ...numbers(2), ...REQUESTED },
      DONE,
      { ...EMPTIED, ...RESTS, requested: "gone" },
    ],
    ["hooks that resume", { ...numbers(2), hooksResuming: true }, {}, EMPTIED],
    ["a contradiction known", { ...numbers(2), contradicted: true }, {}, { ...EMPTIED, dueAt: NOW }],
    ["the numbering beginning again", numbers(2, 8), { restart: true, to: 0 }, { ...EMPTIED, ...RESTS }],
  ] as const)("%s", (_, item, advance, expected) => {
    expect(effects(item as Partial<Item>, advance)).toEqual(expected);
  });
});

describe("with a number left in the buffer", () => {
  it.each([
    ["behind the same gap", numbers(9), {}, { ...NOTHING, buffered: [2] }],
    ["behind a new gap, after a drain", numbers(2, 9), {}, { ...NOTHING, ...NEW_GAP, buffered: [2] }],
    [
      "behind a gap that a recovery left",
      numbers(9),
      DONE,
      { ...NOTHING, ...NEW_GAP, buffered: [2], requested: "gone" },
    ],
    ["that is next", numbers(3), {}, { ...NOTHING, buffered: [2], dueAt: NOW }],
    ["that is next, the lease kept", numbers(3), { keepLease: true }, { ...NOTHING, buffered: [2], lease: undefined }],
    [
      "a contradiction known and the state read",
      { ...numbers(9), contradicted: true },
      { ...DONE, stateRead: true },
      { ...NOTHING, ...NEW_GAP, buffered: [2], requested: "gone" },
    ],
    [
      "that is next, the lease kept, with a gap that is due after it",
      { ...numbers(3), dueAt: NOW + 90_000 },
      { keepLease: true },
      { ...NOTHING, buffered: [2], lease: undefined, dueAt: LEASE.leaseUntil },
    ],
    [
      "behind the same gap, the lease kept, with a gap that is due after it",
      { ...numbers(9), dueAt: NOW + 90_000 },
      { keepLease: true },
      { ...NOTHING, buffered: [2], lease: undefined, dueAt: LEASE.leaseUntil },
    ],
    [
      "behind a new gap, the lease kept for less than its time",
      { ...numbers(2, 9), leaseUntil: NOW + 1_000 },
      { keepLease: true },
      { ...NOTHING, buffered: [2], lease: undefined, gapSince: NOW, dueAt: NOW + 1_000 },
    ],
    [
      "more passed than can be named",
      { buffered: new Set([7, 999]), gapSince: NOW - 900 },
      { to: 500 },
      { ...NOTHING, ...NEW_GAP, buffered: [7] },
    ],
  ] as const)("%s", (_, item, advance, expected) => {
    expect(effects(item as Partial<Item>, advance)).toEqual(expected);
  });
});

describe("the condition of an advance", () => {
  const goes = (item: Partial<Item>, advance: Partial<Advance>, meanwhile: Partial<Item>): boolean => {
    const { seen, condition } = write(item, advance);
    return holds(condition, { ...seen, ...meanwhile } as Item);
  };
  const LATE = { dueAt: LEASE.leaseUntil + 1 };
  const MORE = { recoveryRevision: REVISION + 1 };
  it.each([
    ["a lost lease", {}, {}, { leaseToken: "another" }, false],
    ["an ended stream", {}, {}, { state: "ended" }, false],
    ["the first number buffered", {}, {}, numbers(9), false],
    ["one more buffered while the buffer is emptied", numbers(2), {}, numbers(2, 9), false],
    ["one more buffered behind what stays", numbers(9), {}, numbers(9, 11), true],
    ["a copy of what is passed unseen", numbers(9), { unseen: [2] }, numbers(2, 9), false],
    ["a copy of what is passed, seen", numbers(9), {}, numbers(2, 9), true],
    ["any number more where none may be passed unseen", numbers(9), { exact: true }, numbers(9, 11), false],
    ["what is next then buffered behind what stays", numbers(9), {}, numbers(9, 3), false],
    ["what is next then buffered, the lease kept", numbers(9), { keepLease: true }, numbers(9, 3), true],
    ["a due time put off beyond the lease that is kept", numbers(9), { keepLease: true }, LATE, false],
    ["a due time put off, the lease given back", numbers(9), {}, LATE, true],
    ["a request while nothing is completed", {}, {}, MORE, true],
    ["a request while one is completed", {}, DONE, MORE, false],
    ["a request while something is buffered", numbers(9), {}, MORE, false],
  ] as const)("with %s", (_, item, advance, meanwhile, expected) => {
    expect(goes(item as Partial<Item>, advance, {})).toBe(true);
    expect(goes(item as Partial<Item>, advance, meanwhile as Partial<Item>)).toBe(expected);
  });
});
