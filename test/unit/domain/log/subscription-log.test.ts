import { describe, expect, test } from "vitest";
import type { LogRecord, NamedScope } from "../../../../lib/domain/diff/change-record.ts";
import { backlogAfter, locate, recordsFor } from "../../../../lib/domain/log/render-backlog.ts";
import { renderSlice } from "../../../support/render-slice.ts";
import { MAX_RUNS } from "../../../../lib/domain/log/subscription-backlog.ts";
import {
  advance,
  clear,
  currentContext,
  isTooLarge,
  restart,
  startState,
  type RenderedDiff,
  type Subscriber,
  type SubscriptionState,
} from "../../../../lib/domain/log/subscription-log.ts";
import type { PropertyPermissions } from "../../../../lib/domain/policy/permissions.ts";
import { READS_ALL, readsOf, type Reads } from "../../../../lib/domain/policy/visibility.ts";
import type { Json } from "../../../../lib/system/ports.ts";

const at = "2026-11-21T00:00:00.000000Z";
const open: PropertyPermissions = { patterns: ["*"], excluded_patterns: [], operations: ["read"] };
const hiding = (...excluded_patterns: string[]): PropertyPermissions => ({ ...open, excluded_patterns });
const broad: Subscriber = { peerId: "p1", id: "s1", target: "properties" };
const onColor: Subscriber = { ...broad, subtarget: "color" };
const scopeOf = (
  { id, target, subtarget }: Subscriber,
  granularity: NamedScope["granularity"] = "high",
): NamedScope => ({
  id,
  target,
  granularity,
  ...(subtarget === undefined ? {} : { subtarget }),
});
const set = (name: string, value: Json): LogRecord => ({
  kind: "change",
  at,
  changes: [{ do: "set", path: [name], value }],
});
const suspend = (subtarget?: string): LogRecord => ({
  kind: "suspend",
  at,
  target: "properties",
  ...(subtarget === undefined ? {} : { subtarget }),
});
const resume = (subtarget?: string): LogRecord => ({ ...suspend(subtarget), kind: "resume" }) as LogRecord;
const permit = (permissions: PropertyPermissions): LogRecord => ({
  kind: "permissions",
  at,
  peerId: "p1",
  permissions,
});
const subscriptionsRecord = (...subscriptions: NamedScope[]): LogRecord => ({
  kind: "subscriptions",
  at,
  peerId: "p1",
  subscriptions,
});

class Log {
  readonly records: LogRecord[] = [];
  readonly who: Subscriber;
  state: SubscriptionState;
  made: RenderedDiff[] = [];

  constructor(who: Subscriber = broad) {
    this.who = who;
    this.state = startState(who, 0, { permissions: open, subscriptions: [scopeOf(who)], suspensions: [] });
  }

  add(...records: LogRecord[]): this {
    for (const record of records) {
      this.records.push(record);
      const step = advance(this.state, this.who, this.records.length, record);
      this.state = step.state;
      if (step.made !== undefined) this.made.push(step.made);
    }
    return this;
  }

  get contents(): Json[] {
    return this.made.map(({ content }) => (content === "resync" ? content : content.data));
  }

  rendered(reads: Reads = READS_ALL, after = 0): RenderedDiff[] {
    return backlogAfter(this.state, after, 1_000_000).flatMap((slice) => {
      const { first, last } = recordsFor(slice) ?? { first: 1, last: 0 };
      const read = new Map(this.records.slice(first - 1, last).map((record, index) => [first + index, record]));
      return [...renderSlice(this.state, this.who, slice, read, reads)];
    });
  }
}

test("a record out of scope moves only the cursor, one already passed moves nothing, a later one is an error", () => {
  const { state } = new Log(onColor).add(set("size", 1));
  expect(state).toMatchObject({ cursor: 1, sequence: 0, runs: [] });
  expect(advance(state, onColor, 1, set("color", 1))).toEqual({ state });
  expect(() => advance(state, onColor, 3, set("color", 1))).toThrow(RangeError);
});

describe("suspension", () => {
  test("of the target makes no diffs, and resuming makes one resync", () => {
    expect(
      new Log().add(set("a", 1), suspend(), set("a", 2), suspend(), resume(), resume(), set("a", 3)).contents,
    ).toEqual([{ a: 1 }, "resync", { a: 3 }]);
  });

  test("of one property leaves the others, and its end is a resync for subscriptions that cover it", () => {
    const records = [suspend("color"), set("color", 1), set("size", 1), resume("color")];
    expect(new Log().add(...records).contents).toEqual([{ size: 1 }, "resync"]);
    expect(new Log(onColor).add(...records).contents).toEqual(["resync"]);
    expect(new Log({ ...broad, subtarget: "size" }).add(...records).contents).toEqual([1]);
    expect(new Log({ ...broad, target: "resources" }).add(...records).contents).toEqual([]);
  });

  test("of the subscription's own place also covers changes around that place", () => {
    const all: LogRecord = { kind: "change", at, changes: [{ do: "delete", path: [], removed: null }] };
    expect(new Log(onColor).add(suspend("color"), all).contents).toEqual([]);
    expect(new Log().add(suspend("color"), all).contents).toEqual([{}]);
  });

  test("leaves the resync for a narrower one's end to its own end", () => {
    const narrow: NamedScope = { id: "s2", target: "properties", subtarget: "color", granularity: "high" };
    const log = new Log().add(
      subscriptionsRecord(scopeOf(broad), narrow),
      suspend(),
      subscriptionsRecord(scopeOf(broad)),
    );
    expect(log.contents).toEqual([]);
    expect(log.add(resume()).contents).toEqual(["resync"]);
  });

  test("by two suspensions ends with the last of them", () => {
    expect(
      new Log(onColor).add(suspend(), suspend("color"), resume(), set("color", 1), resume("color")).contents,
    ).toEqual(["resync"]);
  });
});

describe("a narrower subscription of the same peer", () => {
  const narrow: NamedScope = { id: "s2", target: "properties", subtarget: "color", granularity: "high" };

  test("takes its place over while it lives, and its end is a resync", () => {
    const log = new Log().add(
      subscriptionsRecord(scopeOf(broad), narrow),
      set("color", 1),
      set("size", 1),
      subscriptionsRecord(scopeOf(broad)),
      set("color", 2),
    );
    expect(log.contents).toEqual([{ size: 1 }, "resync", { color: 2 }]);
  });

  test.each(["high", "low"] as const)(
    "costs no number when the %s one becomes none, which is recorded as a whole from then on",
    (before) => {
      const log = new Log().add(
        subscriptionsRecord(scopeOf(broad, before), narrow),
        set("color", 1),
        subscriptionsRecord(scopeOf(broad, "none"), narrow),
        set("color", 2),
        subscriptionsRecord(scopeOf(broad, before), narrow),
        set("color", 3),
      );
      expect(log.contents).toEqual([{ color: 2 }]);
    },
  );

  test.each([
    ["ends", []],
    ["becomes none too", [{ ...narrow, granularity: "none" as const }]],
  ])("that %s after the broader one has become none is a resync: it alone got the earlier changes", (_, left) => {
    const log = new Log().add(
      subscriptionsRecord(scopeOf(broad), narrow),
      set("color", 1),
      subscriptionsRecord(scopeOf(broad, "none"), narrow),
      set("size", 2),
      subscriptionsRecord(scopeOf(broad, "none"), ...left),
      set("color", 3),
    );
    expect(log.contents).toEqual([{ size: 2 }, "resync", { color: 3 }]);
    // Once is enough.
    expect(
      log.add(subscriptionsRecord(scopeOf(broad)), subscriptionsRecord(scopeOf(broad, "none"))).contents,
    ).toHaveLength(3);
  });

  test("that ends after a resync, or that began when the broader one was none, makes no resync", () => {
    const none = scopeOf(broad, "none");
    const log = new Log().add(
      subscriptionsRecord(scopeOf(broad), narrow),
      subscriptionsRecord(none, narrow),
      suspend(),
      resume(),
      subscriptionsRecord(none),
    );
    expect(log.contents).toEqual(["resync"]);
    expect(
      new Log().add(
        subscriptionsRecord(none),
        subscriptionsRecord(none, narrow),
        set("color", 1),
        subscriptionsRecord(none),
      ).contents,
    ).toEqual([{ color: 1 }]);
  });

  test("that ends in the moment in which the broader one becomes none is a resync", () => {
    const log = new Log().add(
      subscriptionsRecord(scopeOf(broad), narrow),
      set("color", 1),
      subscriptionsRecord(scopeOf(broad, "none")),
    );
    expect(log.contents).toEqual(["resync"]);
  });

  test("with granularity none takes nothing over, and no subscription takes anything over from one with none", () => {
    expect(
      new Log().add(subscriptionsRecord(scopeOf(broad), { ...narrow, granularity: "none" }), set("color", 1)).contents,
    ).toEqual([{ color: 1 }]);
    expect(new Log().add(subscriptionsRecord(scopeOf(broad, "none"), narrow), set("color", 1)).contents).toEqual([
      { color: 1 },
    ]);
  });

  test("of another peer changes nothing", () => {
    expect(
      new Log().add({ ...subscriptionsRecord(narrow), peerId: "p2" } as LogRecord, set("color", 1)).contents,
    ).toEqual([{ color: 1 }]);
  });
});

test("a subscription that the log does not name any more makes no numbers", () => {
  const log = new Log().add(set("a", 1), subscriptionsRecord(), set("a", 2));
  expect(log.state).toMatchObject({ ended: true, sequence: 1, cursor: 3 });
});

describe("permissions", () => {
  test("decide from their record on, and hidden changes take no number", () => {
    expect(new Log().add(set("a", 1), permit(hiding("a")), set("a", 2), permit(open), set("a", 3)).contents).toEqual([
      { a: 1 },
      { a: 3 },
    ]);
  });

  test("that hide a numbered diff later leave {} of it, and those that open later add nothing", () => {
    const log = new Log().add(permit(hiding("a/secret")), set("a", { secret: 1, plain: 2 }), set("b", 1));
    const now = readsOf(hiding("b"));
    expect(log.rendered(now).map(({ content }) => content)).toEqual([
      { data: { a: { plain: 2 } }, overwritten: ["/a"] },
      { data: {}, overwritten: [] },
    ]);
  });
});

describe("the backlog", () => {
  test("of thousands of numbers stays small, and each is found again", () => {
    const log = new Log(onColor);
    for (let n = 0; n < 5000; n += 1) log.add(set((n * n + (n >> 3)) % 3 === 0 ? "color" : "size", n));
    expect(log.made.length).toBeGreaterThan(1000);
    expect(log.state.runs.length).toBeLessThanOrEqual(MAX_RUNS);
    expect(JSON.stringify(log.state).length).toBeLessThan(6000);
    const expected = log.made.map(({ sequence, recordNumber, content }) => ({ sequence, recordNumber, content, at }));
    expect(log.rendered()).toEqual(expected);
    log.state = clear(log.state, 777);
    expect(log.rendered()).toEqual(expected.slice(777));
    expect(log.rendered(READS_ALL, 900)).toEqual(expected.slice(900));
    expect(locate(log.state, 777)).toBeUndefined();
    expect(locate(log.state, 778)).toMatchObject({ from: 778, to: 778 });
    expect(locate(log.state, log.made.length + 1)).toBeUndefined();
  });

  test("with other changes in between shows about where each number is, also when cleared or expired in part", () => {
    const log = new Log(onColor);
    const records = 5_000;
    for (let n = 1; n <= records; n += 1) log.add(n % 2 === 0 || n % 7 === 0 ? set("color", n) : set("size", n));
    expect(JSON.stringify(log.state).length).toBeLessThan(6_000);
    expect(log.rendered().map(({ content }) => content)).toEqual(log.made.map(({ content }) => content));
    const cleared = clear(log.state, 1_000);
    for (const { state, oldest } of [
      { state: log.state, oldest: 1 },
      { state: cleared, oldest: 1 },
      { state: log.state, oldest: 2_345 },
    ]) {
      for (const { sequence, recordNumber, content } of log.made) {
        const slice = locate(state, sequence);
        expect(slice === undefined).toBe(sequence <= state.cleared);
        if (slice === undefined) continue;
        const { first, last } = recordsFor(slice) ?? { first: 0, last: -1 };
        expect(last - first).toBeLessThan(records / 25);
        const there = new Map<number, LogRecord>();
        for (let n = Math.max(first, oldest); n <= last; n += 1) there.set(n, log.records[n - 1]!);
        const rendered = renderSlice(state, onColor, slice, there, READS_ALL);
        expect(rendered.map((each) => each.content)).toEqual(recordNumber < oldest ? [] : [content]);
      }
    }
    const [rest] = backlogAfter(cleared, 0, 1);
    const needed = log.made[1_000]?.recordNumber ?? 0;
    expect(rest === undefined ? 0 : needed - (recordsFor(rest)?.first ?? 0)).toBeLessThan(records / 25);
    expect(needed - (cleared.runs[0]?.first ?? 0)).toBeLessThan(records / 25);
  });

  test("that cannot be kept small is too large until a record makes a resync of it", () => {
    const log = new Log();
    for (let n = 0; n < 40; n += 1) log.add(set("a", n), permit(n % 2 === 0 ? hiding(`x${String(n)}`) : open));
    expect(log.made.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(log.contents).not.toContain("resync");
    expect(isTooLarge(log.state)).toBe(true);
    const resync = { kind: "resync", at, peerId: broad.peerId, id: broad.id, sequence: 41 } as const;
    log.add({ ...resync, id: "another" }, { ...resync, peerId: "another" }, resync);
    expect(log.rendered()).toMatchObject([{ sequence: 41, recordNumber: 83, content: "resync" }]);
    expect(isTooLarge(log.state)).toBe(false);
    expect(log.state).toMatchObject({ cleared: 40, contexts: [currentContext(log.state)] });
  });

  test("cleared in part needs no record of what is cleared", () => {
    const { state } = new Log().add(set("a", 1), set("a", 2), set("a", 3));
    expect(backlogAfter(clear(state, 2), 0, 10).map(recordsFor)).toEqual([{ first: 3, last: 3 }]);
  });

  test("cleared whole keeps only the context that holds", () => {
    const log = new Log().add(set("a", 1), permit(hiding("x")), set("a", 2));
    expect(log.state.contexts).toHaveLength(2);
    const cleared = clear(log.state, 2);
    expect(cleared).toMatchObject({ runs: [], cleared: 2, sequence: 2 });
    expect(cleared.contexts).toEqual([currentContext(log.state)]);
    expect(clear(cleared, 1)).toBe(cleared);
    expect(() => clear(cleared, 3)).toThrow(RangeError);
  });
});

test("a subscription left behind by the log's expiry continues with one resync", () => {
  const log = new Log().add(set("a", 1));
  const now = {
    at: "2026-11-22T00:00:00.000000Z",
    permissions: hiding("b"),
    subscriptions: [scopeOf(broad)],
    suspensions: [],
  };
  const record = { kind: "resync", at, peerId: broad.peerId, id: broad.id, sequence: 90 } as const;
  const { state, made } = restart(log.state, broad, { number: 91, record }, now);
  expect(made).toEqual({ sequence: 90, recordNumber: 91, at, content: "resync" });
  expect(state).toMatchObject({ cursor: 91, cleared: 89 });
  expect(advance(state, broad, 92, set("b", 1)).made).toBeUndefined();
});
