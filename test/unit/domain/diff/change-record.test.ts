import { describe, expect, test } from "vitest";
import {
  applyChange,
  applyListChange,
  MAX_RESOURCE_BYTES,
  recordDelete,
  recordDeleteAll,
  recordList,
  recordSet,
  recordsOf,
  type Change,
} from "../../../../lib/domain/diff/change-record.ts";
import type { Json } from "../../../../lib/system/ports.ts";

describe("setting a place", () => {
  test("names removed keys and created objects, and neither when there are none", () => {
    const before = { a: { x: 1, y: { z: 2 } }, b: 5, c: 1 };
    expect(recordSet(before, ["p"], { a: { x: 2 }, b: { n: 1 } })).toEqual({
      after: { a: { x: 2 }, b: { n: 1 } },
      change: {
        do: "set",
        path: ["p"],
        value: { a: { x: 2 }, b: { n: 1 } },
        removed: { a: { y: { z: {} } }, c: {} },
        created: { b: null },
      },
    });
    expect(recordSet(undefined, ["p"], 1)).toEqual({ after: 1, change: { do: "set", path: ["p"], value: 1 } });
  });

  test("creates objects on the way, and is blocked by a value that is no object", () => {
    expect(recordSet(undefined, ["p", "a", "b"], 1)).toMatchObject({ after: { a: { b: 1 } } });
    expect(recordSet({ a: 5 }, ["p", "a", "b"], 1)).toBe("blocked");
    expect(recordSet([1], ["p", "0"], 1)).toBe("blocked");
    expect(recordSet("text", ["p", "length"], 1)).toBe("blocked");
  });

  test("names created objects, also those on the way", () => {
    expect(recordSet(undefined, ["p"], {})).toMatchObject({ change: { created: null } });
    expect(recordSet({ a: {} }, ["p"], { a: { b: {} } })).toMatchObject({ change: { created: { a: { b: null } } } });
    expect(recordSet({ a: {} }, ["p", "a", "b", "c"], 1)).toMatchObject({ change: { createdFrom: 3 } });
    expect(recordSet(undefined, ["p", "a"], 1)).toMatchObject({ change: { createdFrom: 1 } });
    for (const made of [recordSet({ a: 1 }, ["p", "b"], 1), recordSet({}, ["p"], {}), recordSet(undefined, ["p"], 1)]) {
      const change = made === "blocked" ? undefined : made.change;
      expect(change).not.toHaveProperty("made");
      expect(change).not.toHaveProperty("created");
    }
    const [key, members] = ["long".repeat(2_000), Array.from({ length: 3_000 }, (_, index) => String(index))];
    const before = { [key]: Object.fromEntries(members.map((member) => [member, 1])) };
    const after = { [key]: Object.fromEntries(members.map((member) => [member, {}])) };
    expect(recordSet(before, ["p"], after)).toMatchObject({ change: { created: null } });
  });

  test("never keeps an old value", () => {
    const made = recordSet({ a: "old secret", b: { c: "old secret" } }, ["p"], 1);
    expect(JSON.stringify(made)).not.toContain("old secret");
  });

  test("cuts removed keys off when they are too many to keep", () => {
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`key number ${String(index)}`, 1]));
    expect(recordSet({ many }, ["p"], {})).toMatchObject({ change: { removed: { many: null } } });
    expect(recordSet(many, ["p"], {})).toMatchObject({ change: { removed: null } });
  });

  test("carries the resource's whole value unless it is large", () => {
    expect(recordSet({ r: { a: 1, b: 2 } }, ["p", "r", "a"], 3)).toMatchObject({
      change: { resource: { a: 3, b: 2 } },
    });
    const long = { r: { a: 1, b: "x".repeat(100_000) } };
    expect(recordSet(long, ["p", "r", "a"], 3)).toMatchObject({ change: { resource: { ...long.r, a: 3 } } });
    const large = { r: { a: 1, b: "x".repeat(MAX_RESOURCE_BYTES) } };
    const made = recordSet(large, ["p", "r", "a"], 3);
    expect(made === "blocked" ? undefined : made.change).not.toHaveProperty("resource");
  });
});

test("deleting a place leaves the objects above it, and reports a place without a value as missing", () => {
  expect(recordDelete({ a: { b: 1 } }, ["p", "a", "b"])).toMatchObject({ after: { a: {} }, change: { removed: {} } });
  expect(recordDelete({ a: 1 }, ["p"])).toMatchObject({ after: undefined, change: { removed: { a: {} } } });
  expect(recordDelete({ a: 1 }, ["p", "b"])).toBe("missing");
  expect(recordDelete(undefined, ["p"])).toBe("missing");
  expect(recordDelete({}, ["p", "constructor"])).toBe("missing");
});

test("an older value is brought up to date by the changes after it", () => {
  const changes: Change[] = [];
  let value: Json | undefined = { a: 1 };
  for (const [path, next] of [
    [["p", "b", "c"], 2],
    [["p", "__proto__"], { x: 1 }],
    [["p", "a"], null],
  ] as const) {
    const made = recordSet(value, path, next);
    if (made === "blocked") throw new Error("blocked");
    changes.push(made.change);
    value = made.after;
  }
  const other: Change = { do: "set", path: ["q"], value: 1 };
  const up = [...changes, other].reduce<Json | undefined>((at, change) => applyChange("p", at, change), { a: 1 });
  expect(JSON.stringify(up)).toBe('{"a":null,"b":{"c":2},"__proto__":{"x":1}}');
  expect(applyChange("p", up, recordDeleteAll(["p"]))).toBeUndefined();
});

test("an older list is brought up to date, and an operation that does not fit is an error", () => {
  const append = recordList("l", { operation: "append", item: 2 }, 2);
  expect(applyListChange("l", [1], append)).toEqual([1, 2]);
  expect(applyListChange("l", undefined, recordList("l", { operation: "extend", items: [] }, 0))).toEqual([]);
  expect(applyListChange("other", [1], append)).toEqual([1]);
  expect(applyListChange("l", [1], recordList("l", { operation: "delete_all" }, 0))).toBeUndefined();
  expect(() => applyListChange("l", [], append)).toThrow(RangeError);
});

test("a second operation on a list, and changes after a deletion of all, go into the next record", () => {
  const one = recordList("l", { operation: "append", item: 1 }, 1);
  const set: Change = { do: "set", path: ["p"], value: 1 };
  const all = recordDeleteAll(["p"]);
  expect(recordsOf([one, set, one, set])).toEqual([
    [one, set],
    [one, set],
  ]);
  expect(recordsOf([set, all, set])).toEqual([[set, all], [set]]);
  expect(recordsOf([])).toEqual([]);
});
