import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  comparePositions,
  eventIdOf,
  isAfter,
  parsePosition,
  positionAfter,
  positionOf,
  printPosition,
  resolvePosition,
  type Position,
} from "../../../../lib/domain/events/position.ts";

const position: fc.Arbitrary<Position> = fc.record({
  epoch: fc.integer({ min: 1, max: 9_999 }),
  record: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.maxSafeNat()),
  index: fc.oneof(fc.constant("all" as const), fc.integer({ min: 0, max: 999_999 })),
});

describe("positions", () => {
  it("are texts of the allowed characters, whose order is theirs", () => {
    fc.assert(
      fc.property(position, position, (one, other) => {
        const [left, right] = [printPosition(one), printPosition(other)];
        expect(left).toMatch(/^[A-Za-z0-9._-]+$/);
        expect(parsePosition(left)).toEqual(one);
        expect(Math.sign(comparePositions(one, other))).toBe(left < right ? -1 : left > right ? 1 : 0);
      }),
    );
  });

  it.each([
    "",
    "now ",
    "1-2-3",
    "0001-0000000000000001-",
    "0001-0000000000000001-Z",
    "x0001-0000000000000001-z",
    "0001-9999999999999999-z",
  ])("%j is none", (text) => {
    expect(parsePosition(text)).toBeUndefined();
  });

  it("of the last event of a record is that after the record", () => {
    expect(positionOf(1, 5, { index: 2, last: true })).toBe(positionAfter(1, 5));
    expect(positionOf(1, 5, { index: 2, last: false }) < positionAfter(1, 5)).toBe(true);
  });

  it("separate the events that were heard from those to come", () => {
    const at: Position = { epoch: 1, record: 5, index: 1 };
    expect([isAfter(at, 4, 9), isAfter(at, 5, 1), isAfter(at, 5, 2), isAfter(at, 6, 0)]).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(isAfter({ ...at, index: "all" }, 5, 999)).toBe(false);
  });

  const ends = { epoch: 2, oldest: 10, newest: 20 };
  it.each([
    ["now", { epoch: 2, record: 20, index: "all" }],
    ["earliest", { epoch: 2, record: 9, index: "all" }],
    [positionAfter(2, 20), { epoch: 2, record: 20, index: "all" }],
    [positionAfter(2, 9), { epoch: 2, record: 9, index: "all" }],
    ["0002-0000000000000010-000000", { epoch: 2, record: 10, index: 0 }],
    ["0002-0000000000000009-000000", "expired"],
    [positionAfter(2, 8), "expired"],
    [positionAfter(2, 21), "ahead"],
    [positionAfter(1, 15), "epoch"],
    [positionAfter(3, 15), "epoch"],
    ["nonsense", "unknown"],
    ["", "unknown"],
  ])("%s resolves to %j", (text, expected) => {
    expect(resolvePosition(text, ends)).toEqual(expected);
  });

  it("can be gone on at where nothing was ever written, and where all was read and has expired", () => {
    for (const text of ["now", "earliest", positionAfter(1, 0)]) {
      expect(resolvePosition(text, { epoch: 1, newest: 0 })).toEqual({ epoch: 1, record: 0, index: "all" });
    }
    expect(resolvePosition(positionAfter(1, 7), { epoch: 1, newest: 7 })).toMatchObject({ record: 7 });
    expect(resolvePosition(positionAfter(1, 6), { epoch: 1, newest: 7 })).toBe("expired");
    expect(resolvePosition("earliest", { epoch: 1, newest: 7 })).toMatchObject({ record: 7 });
  });
});

describe("the id of an event", () => {
  it("differs by actor, record, time and index, and has no dot", () => {
    const ref = { actorId: "a", record: 1, at: "t", index: 0 };
    const ids = [ref, { ...ref, actorId: "b" }, { ...ref, record: 2 }, { ...ref, at: "u" }, { ...ref, index: 1 }].map(
      eventIdOf,
    );
    expect(new Set(ids).size).toBe(5);
    expect(eventIdOf({ ...ref })).toBe(ids[0]);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });
});
