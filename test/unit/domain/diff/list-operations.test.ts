import { describe, expect, test } from "vitest";
import { applyToArray, readListOperation } from "../../../../lib/domain/diff/list-operations.ts";
import type { Json } from "../../../../lib/system/ports.ts";

function run(items: readonly Json[], fields: { readonly [key: string]: Json }): unknown {
  const operation = readListOperation({ list: "memo", ...fields }, "memo");
  if (operation === undefined) return "no operation";
  const outcome = applyToArray(items, operation);
  return outcome === "inapplicable" ? outcome : outcome.items;
}

describe("what an operation does to a list", () => {
  const rows: readonly [
    name: string,
    items: readonly Json[],
    fields: { readonly [key: string]: Json },
    after: unknown,
  ][] = [
    ["append puts an item at the end", ["a"], { operation: "append", item: "b" }, ["a", "b"]],
    ["append never writes at its index", ["a", "b"], { operation: "append", item: "c", index: 0 }, ["a", "b", "c"]],
    ["append takes several items", ["a"], { operation: "append", items: ["b", "c"] }, ["a", "b", "c"]],
    ["append of null is an item", [], { operation: "append", item: null }, [null]],
    ["append without an item is inapplicable", ["a"], { operation: "append" }, "inapplicable"],
    ["extend puts items at the end", [], { operation: "extend", items: [1, 2] }, [1, 2]],
    ["extend by nothing changes nothing", [1], { operation: "extend", items: [] }, [1]],
    ["insert puts an item before an index", ["a", "c"], { operation: "insert", index: 1, item: "b" }, ["a", "b", "c"]],
    ["insert may be at the end", ["a"], { operation: "insert", index: 1, item: "b" }, ["a", "b"]],
    ["insert beyond the end is inapplicable", ["a"], { operation: "insert", index: 2, item: "b" }, "inapplicable"],
    [
      "insert at a negative index is inapplicable",
      ["a"],
      { operation: "insert", index: -1, item: "b" },
      "inapplicable",
    ],
    [
      "update finds a unique old item",
      ["a", "b"],
      { operation: "update", item: "x", old_item: "b", index: 0 },
      ["a", "x"],
    ],
    [
      "update compares old items deeply",
      [{ a: 1, b: [2] }],
      { operation: "update", item: 1, old_item: { b: [2], a: 1 } },
      [1],
    ],
    [
      "update goes by index when two rows match",
      ["b", "b"],
      { operation: "update", item: "x", old_item: "b", index: 1 },
      ["b", "x"],
    ],
    [
      "update goes by index when none matches",
      ["a"],
      { operation: "update", item: "x", old_item: "z", index: 0 },
      ["x"],
    ],
    [
      "update without a row is inapplicable",
      ["b", "b"],
      { operation: "update", item: "x", old_item: "b" },
      "inapplicable",
    ],
    ["update at the length is inapplicable", ["a"], { operation: "update", item: "x", index: 1 }, "inapplicable"],
    ["delete takes out by index", ["a", "b"], { operation: "delete", index: 0 }, ["b"]],
    ["delete beyond the end is inapplicable", ["a"], { operation: "delete", index: 1 }, "inapplicable"],
    ["delete needs an index", ["a"], { operation: "delete" }, "inapplicable"],
    ["pop takes the last", ["a", "b"], { operation: "pop" }, ["a"]],
    ["pop at -1 takes the last", ["a", "b"], { operation: "pop", index: -1 }, ["a"]],
    ["pop takes out by index", ["a", "b"], { operation: "pop", index: 0 }, ["b"]],
    ["pop from nothing is inapplicable", [], { operation: "pop" }, "inapplicable"],
    ["pop at -2 is inapplicable", ["a", "b"], { operation: "pop", index: -2 }, "inapplicable"],
    ["clear empties", ["a"], { operation: "clear", length: 0 }, []],
    ["remove takes out the one equal item", ["a", "b"], { operation: "remove", item: "b", index: 0 }, ["a"]],
    [
      "remove with more than one equal item is inapplicable",
      ["a", "b", "a"],
      { operation: "remove", item: "a" },
      "inapplicable",
    ],
    [
      "remove with more than one equal item is inapplicable whatever index it names",
      ["a", "b", "a"],
      { operation: "remove", item: "a", index: 2 },
      "inapplicable",
    ],
    [
      "remove of what is not there is inapplicable",
      ["a"],
      { operation: "remove", item: "z", index: 0 },
      "inapplicable",
    ],
    ["remove without an item goes by index", ["a", "b"], { operation: "remove", index: 1 }, ["a"]],
    ["delete_all takes the list away", ["a"], { operation: "delete_all", length: 0 }, undefined],
    ["metadata leaves the items", ["a"], { operation: "metadata", description: "d", length: 1 }, ["a"]],
    ["metadata without words is inapplicable", ["a"], { operation: "metadata" }, "inapplicable"],
    ["a fractional index is inapplicable", ["a"], { operation: "delete", index: 0.5 }, "inapplicable"],
    ["a length that agrees is fine", ["a"], { operation: "append", item: "b", length: 2 }, ["a", "b"]],
    [
      "a length that differs means the lists diverged",
      ["a"],
      { operation: "append", item: "b", length: 3 },
      "inapplicable",
    ],
    ["a length that is no number says nothing", ["a"], { operation: "append", item: "b", length: "3" }, ["a", "b"]],
    ["an unknown operation is none", ["a"], { operation: "sort" }, "no operation"],
  ];
  test.each(rows)("%s", (_name, items, fields, after) => {
    expect(run(items, fields)).toEqual(after);
  });
});

describe("what is a list operation", () => {
  test("the operation names its list, with or without the prefix", () => {
    expect(readListOperation({ list: "list:memo", operation: "clear" }, "other")?.list).toBe("memo");
    expect(readListOperation({ list: "", operation: "clear" }, "list:memo")?.list).toBe("memo");
  });

  test.each([
    ["text"],
    [null],
    [["list", "operation"]],
    [{ operation: "clear" }],
    [{ list: "memo" }],
    [{ list: "m", operation: 1 }],
  ] as Json[][])("%j is none", (value) => {
    expect(readListOperation(value ?? null, "memo")).toBeUndefined();
  });

  test("inherited members are no fields", () => {
    expect(
      readListOperation(JSON.parse('{"__proto__":{"list":"x","operation":"clear"}}') as Json, "memo"),
    ).toBeUndefined();
  });

  test("metadata is found beside the operation or under a member", () => {
    const words = { description: "d", explanation: "e" };
    for (const fields of [words, { metadata: words }, { item: words }]) {
      expect(readListOperation({ list: "m", operation: "metadata", ...fields }, "m")?.action).toEqual({
        kind: "metadata",
        ...words,
      });
    }
  });
});
