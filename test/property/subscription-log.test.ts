import fc from "fast-check";
import { expect, test } from "vitest";
import type { LogRecord, NamedScope } from "../../lib/domain/diff/change-record.ts";
import type { PropertyPermissions } from "../../lib/domain/policy/permissions.ts";
import { backlogAfter, recordsFor } from "../../lib/domain/log/render-backlog.ts";
import { renderSlice } from "../support/render-slice.ts";
import { sized } from "../support/sizes.ts";
import {
  advance,
  clear,
  isTooLarge,
  startState,
  type RenderedDiff,
  type Subscriber,
  type SubscriptionState,
} from "../../lib/domain/log/subscription-log.ts";
import { READS_ALL } from "../../lib/domain/policy/visibility.ts";

const at = "2026-11-21T00:00:00.000000Z";
const who: Subscriber = { peerId: "p1", id: "s1", target: "properties" };
const open: PropertyPermissions = { patterns: ["*"], excluded_patterns: [], operations: ["read"] };
const some: PropertyPermissions = { patterns: ["*"], excluded_patterns: ["b*"], operations: ["read"] };
const mine = (granularity: NamedScope["granularity"]): NamedScope => ({ id: "s1", target: "properties", granularity });
const narrow = (name: string): NamedScope => ({
  id: `n${name}`,
  target: "properties",
  subtarget: name,
  granularity: "high",
});

const change = fc
  .array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.integer({ min: 0, max: 9 })), { minLength: 1, maxLength: 2 })
  .map((sets): LogRecord => ({
    kind: "change",
    at,
    changes: sets.map(([name, value]) => ({ do: "set", path: [name], value })),
  }));
const control = fc.oneof(
  fc
    .tuple(fc.constantFrom("p1", "p2"), fc.constantFrom(open, some))
    .map(([peerId, permissions]): LogRecord => ({ kind: "permissions", at, peerId, permissions })),
  fc
    .tuple(
      fc.constantFrom("p1", "p1", "p2"),
      fc.subarray(["a", "b"]),
      fc.constantFrom("high" as const, "none" as const),
    )
    .map(([peerId, names, granularity]): LogRecord => ({
      kind: "subscriptions",
      at,
      peerId,
      subscriptions: [mine(granularity), ...names.map(narrow)],
    })),
  fc
    .tuple(
      fc.constantFrom("suspend" as const, "resume" as const),
      fc.constantFrom("properties", "else"),
      fc.option(fc.constantFrom("a", "b"), { nil: undefined }),
    )
    .map(([kind, target, subtarget]): LogRecord => ({
      kind,
      at,
      target,
      ...(subtarget === undefined ? {} : { subtarget }),
    })),
);
const resync = fc
  .constantFrom("s1", "s2")
  .map((id): LogRecord => ({ kind: "resync", at, peerId: "p1", id, sequence: 0 }));
const log = (controls: number): fc.Arbitrary<readonly LogRecord[]> =>
  fc
    .array(
      fc.oneof(
        { weight: 20 - controls, arbitrary: change },
        { weight: controls, arbitrary: control },
        { weight: 1, arbitrary: resync },
      ),
      { maxLength: 200, size: "max" },
    )
    .map(numbered);

const begin = (): SubscriptionState =>
  startState(who, 0, { permissions: open, subscriptions: [mine("high")], suspensions: [] });

interface Moved {
  readonly state: SubscriptionState;
  readonly made: readonly RenderedDiff[];
}

/** The resyncs of the records take the numbers that are next, as those that are committed do. */
function numbered(records: readonly LogRecord[]): readonly LogRecord[] {
  let state = begin();
  return records.map((record, index) => {
    const each = record.kind === "resync" ? { ...record, sequence: state.sequence + 1 } : record;
    ({ state } = advance(state, who, index + 1, each));
    return each;
  });
}

function move(state: SubscriptionState, records: readonly LogRecord[]): Moved {
  const made: RenderedDiff[] = [];
  for (const [index, record] of records.entries()) {
    const step = advance(state, who, index + 1, record);
    state = step.state;
    if (step.made !== undefined) made.push(step.made);
  }
  return { state, made };
}

function notified(
  state: SubscriptionState,
  records: readonly LogRecord[],
  reads = READS_ALL,
  from = 1,
): RenderedDiff[] {
  return backlogAfter(state, 0, Number.MAX_SAFE_INTEGER).flatMap((slice) => {
    const { first, last } = recordsFor(slice) ?? { first: 1, last: 0 };
    const read = new Map<number, LogRecord>();
    for (let number = Math.max(first, from); number <= last; number += 1) read.set(number, records[number - 1]!);
    return [...renderSlice(state, who, slice, read, reads)];
  });
}

test("numbers are dense, and each is rendered later as it was made", () => {
  fc.assert(
    fc.property(log(4), (records) => {
      const { state, made } = move(begin(), records);
      expect(made.map(({ sequence }) => sequence)).toEqual(made.map((_, index) => index + 1));
      expect(state.sequence).toBe(made.length);
      const last = records.findLastIndex(
        ({ kind, ...record }) => kind === "resync" && "id" in record && record.id === "s1",
      );
      if (last === records.length - 1 && last >= 0) expect(isTooLarge(state)).toBe(false);
      const said = notified(state, records);
      const kept = made.slice(made.length - said.length);
      expect(said).toEqual(kept);
      if (said.length < made.length) expect(said[0]?.content).toBe("resync");
    }),
    { numRuns: sized(80, 2_000) },
  );
});

test("the state is the same however the log is split, repeated, or stored between steps", () => {
  fc.assert(
    fc.property(log(6), fc.array(fc.nat(200), { maxLength: 6 }), (records, stops) => {
      let state = begin();
      for (const stop of stops)
        state = JSON.parse(JSON.stringify(move(state, records.slice(0, stop)).state)) as SubscriptionState;
      expect(move(state, records).state).toEqual(move(begin(), records).state);
    }),
    { numRuns: sized(80, 2_000) },
  );
});

test("what is cleared never comes back, and the rest stays as it was", () => {
  fc.assert(
    fc.property(log(2), fc.array(fc.tuple(fc.nat(200), fc.nat(200)), { maxLength: 4 }), (records, clears) => {
      let state = begin();
      let cleared = 0;
      for (const [stop, upTo] of clears) {
        state = move(state, records.slice(0, stop)).state;
        const number = Math.min(upTo, state.sequence);
        state = clear(state, number);
        cleared = Math.max(cleared, number);
        expect(notified(state, records).every(({ sequence }) => sequence > cleared)).toBe(true);
      }
      const { state: last, made } = move(begin(), records);
      state = move(state, records).state;
      expect(state.sequence).toBe(last.sequence);
      const rest = notified(state, records);
      if (rest[0]?.content === "resync") return;
      expect(rest.map(({ sequence, content }) => ({ sequence, content }))).toEqual(
        made.filter(({ sequence }) => sequence > cleared).map(({ sequence, content }) => ({ sequence, content })),
      );
    }),
    { numRuns: sized(80, 2_000) },
  );
});

test("when old records expire, the rest is rendered right", () => {
  fc.assert(
    fc.property(log(1), fc.integer({ min: 1, max: 200 }), (records, oldest) => {
      const { state, made } = move(begin(), records);
      const said = notified(state, records, READS_ALL, oldest);
      // A resync needs no record.
      const after = made.filter(({ recordNumber, content }) => recordNumber >= oldest || content === "resync");
      expect(said.map(({ sequence, content }) => ({ sequence, content }))).toEqual(
        after.slice(after.length - said.length).map(({ sequence, content }) => ({ sequence, content })),
      );
      if (said.length < after.length) expect(said[0]?.content).toBe("resync");
    }),
    { numRuns: sized(80, 2_000) },
  );
});
