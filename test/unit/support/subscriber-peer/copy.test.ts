import { describe, expect, it } from "vitest";
import type { Json } from "../../../support/publisher/json.ts";
import { afterDiff, type ListDepth } from "../../../support/subscriber-peer/copy.ts";

const list = (operation: string, fields: Record<string, Json>): Json => ({
  memo: { list: "memo", operation, ...fields },
});

describe("the independent subscriber's copy", () => {
  it.each<[name: string, before: Json | undefined, data: Json, overwritten: string[], after: Json | undefined]>([
    ["keeps what a nested diff does not name", { a: { x: 1, y: 2 } }, { a: { x: 3 } }, [], { a: { x: 3, y: 2 } }],
    ["replaces literal places", { a: { x: 1, y: 2 } }, { a: { x: 3 } }, ["/a"], { a: { x: 3 } }],
    ["takes an empty string and null as gone", { a: 1, b: 2 }, { a: "", b: null }, [], {}],
    ["keeps an empty string that stands literally", { a: { x: 1 } }, { a: { x: "" } }, ["/a/x"], { a: { x: "" } }],
    ["keeps an empty object that stands literally", { a: { x: 1 } }, { a: {} }, ["/a"], { a: {} }],
    ["empties the whole where that is literal", { a: 1 }, {}, [""], {}],
    ["makes an object of what was none", { a: 1 }, { a: { x: 1 } }, [], { a: { x: 1 } }],
    ["keeps what looks like an operation where literal", {}, list("clear", {}), ["/memo"], list("clear", {})],
    [
      "finds places whose names need escaping",
      { "a/b": { "~": 1, y: 1 } },
      { "a/b": { "~": {} } },
      ["/a~1b/~0"],
      {
        ...{ "a/b": { "~": {}, y: 1 } },
      },
    ],
  ])("%s", (_name, before, data, overwritten, after) => {
    expect(afterDiff(before, { data, overwritten }, 1)).toEqual(after);
  });

  it.each<[operation: string, fields: Record<string, Json>, after: Json | undefined]>([
    ["append", { item: 9, length: 4 }, [1, 2, 3, 9]],
    ["insert", { index: 1, item: 9, length: 4 }, [1, 9, 2, 3]],
    ["update", { index: 1, item: 9, old_item: 2, length: 3 }, [1, 9, 3]],
    ["update", { old_item: 3, item: 9, length: 3 }, [1, 2, 9]],
    ["delete", { index: 0, length: 2 }, [2, 3]],
    ["pop", { length: 2 }, [1, 2]],
    ["pop", { index: 0, length: 2 }, [2, 3]],
    ["extend", { items: [8, 9], length: 5 }, [1, 2, 3, 8, 9]],
    ["clear", { length: 0 }, []],
    ["remove", { item: 2, length: 2 }, [1, 3]],
    ["delete_all", { length: 0 }, undefined],
    ["metadata", { description: "d", length: 3 }, [1, 2, 3]],
  ])("does %s on a list (%j)", (operation, fields, after) => {
    const expected = after === undefined ? {} : { memo: after };
    expect(afterDiff({ memo: [1, 2, 3] }, { data: list(operation, fields) }, 1)).toEqual(expected);
  });

  it("does operations on a subscription of one list, and none below that", () => {
    const operation = { list: "memo", operation: "append", item: 1, length: 1 };
    const after = (depth: ListDepth) => afterDiff(undefined, { data: operation }, depth);
    expect(after(0)).toEqual([1]);
    expect(after("nowhere")).toEqual(operation);
  });

  it.each<[why: string, operation: string, fields: Record<string, Json>]>([
    ["another length", "append", { item: 9, length: 9 }],
    ["no length", "append", { item: 9 }],
    ["an index beyond the end", "delete", { index: 3, length: 2 }],
    ["another item before", "update", { index: 0, old_item: 2, item: 9, length: 3 }],
    ["an item that is not there", "remove", { item: 7, length: 2 }],
    ["an unknown operation", "sort", { length: 3 }],
    ["a missing item", "append", { length: 4 }],
  ])("refuses %s", (_why, operation, fields) => {
    expect(() => afterDiff({ memo: [1, 2, 3] }, { data: list(operation, fields) }, 1)).toThrow("does not fit");
  });

  it("leaves the value it was given as it is", () => {
    const before = { a: { x: 1 }, memo: [1] };
    const frozen = structuredClone(before);
    afterDiff(before, { data: { a: { x: 2 }, memo: { list: "memo", operation: "clear", length: 0 } } }, 1);
    expect(before).toEqual(frozen);
  });
});
