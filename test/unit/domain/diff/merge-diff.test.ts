import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isObject } from "../../../../lib/domain/json/json.ts";
import { literalPlaces, mergeDiff } from "../../../../lib/domain/diff/merge-diff.ts";
import type { Json } from "../../../../lib/system/ports.ts";

const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;

function merged(
  current: Json | undefined,
  diff: Json,
  overwritten?: readonly string[],
  nested: "merge" | "replace" = "merge",
) {
  return mergeDiff(current, diff, { at: overwritten === undefined ? undefined : literalPlaces(overwritten), nested });
}

describe("a diff with the field overwritten", () => {
  const rows: readonly [
    name: string,
    current: Json | undefined,
    diff: Json,
    overwritten: string[],
    after: Json | undefined,
  ][] = [
    ["merges objects by the keys it names", { a: 1, b: { c: 2 } }, { b: { d: 3 } }, [], { a: 1, b: { c: 2, d: 3 } }],
    ['deletes where it says ""', { a: 1, b: 2 }, { b: "" }, [], { a: 1 }],
    ["deletes where it says null", { a: { b: 1 } }, { a: { b: null } }, [], { a: {} }],
    ['deletes the whole where it is ""', { a: 1 }, "", [], undefined],
    ["keeps nothing empty where there was nothing", undefined, { a: "", b: { c: null, d: 1 } }, [], { b: { d: 1 } }],
    ["replaces arrays", [1, 2], [3], [], [3]],
    ["keeps what is in arrays as it is", undefined, [null, "", { a: "" }], [], [null, "", { a: "" }]],
    ["replaces a scalar by an object", "red", { v: 1 }, [], { v: 1 }],
    ["replaces an object by a scalar", { v: 1 }, "red", [], "red"],
    ["keeps false and 0", undefined, { a: false, b: 0 }, [], { a: false, b: 0 }],
    ["puts the whole literally", { a: 1 }, {}, [""], {}],
    ['puts "" literally', { a: 1 }, "", [""], ""],
    ["puts null literally", { a: 1 }, null, [""], null],
    [
      "replaces a literal part, and merges the rest",
      { a: { x: 1 }, b: 1 },
      { a: { y: "" }, b: "" },
      ["/a"],
      { a: { y: "" } },
    ],
    ["puts a deep part literally", { a: { b: { c: 1 } } }, { a: { b: {} } }, ["/a/b"], { a: { b: {} } }],
    [
      "reads escapes in pointers",
      { "a/b": { x: 1 }, "m~n": { x: 1 } },
      { "a/b": {}, "m~n": {} },
      ["/a~1b", "/m~0n"],
      { "a/b": {}, "m~n": {} },
    ],
    ["leaves out what is no pointer", { a: { x: 1 } }, { a: {} }, ["a", "/a~2"], { a: { x: 1 } }],
  ];
  test.each(rows)("%s", (_name, current, diff, overwritten, after) => {
    expect(merged(current, diff, overwritten)).toEqual({ value: after, ambiguous: false });
  });
});

describe("a diff without it", () => {
  test("is ambiguous when it lacks stored keys", () => {
    expect(merged({ a: 1, b: 2 }, { b: 3 })).toEqual({ value: { a: 1, b: 3 }, ambiguous: true });
    expect(merged({ a: { x: 1, y: 2 } }, { a: { y: 3 } })).toEqual({ value: { a: { x: 1, y: 3 } }, ambiguous: true });
  });

  test("is certain when it names all stored keys, or replaces the value", () => {
    expect(merged({ a: 1 }, { a: 2, b: 3 }).ambiguous).toBe(false);
    expect(merged({ a: 1 }, "text").ambiguous).toBe(false);
    expect(merged({ a: 1 }, "").ambiguous).toBe(false);
    expect(merged(undefined, { a: 1 }).ambiguous).toBe(false);
  });

  test("replaces the whole property when the deployment is configured so", () => {
    expect(merged({ a: 1 }, { b: { c: "" } }, undefined, "replace")).toEqual({
      value: { b: { c: "" } },
      ambiguous: false,
    });
    expect(merged({ a: 1 }, null, undefined, "replace").value).toBeUndefined();
  });
});

test("keys such as __proto__ are keys like any other", () => {
  const diff = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"x":2}}') as Json;
  const { value, ambiguous } = merged(JSON.parse('{"__proto__":{"kept":1}}') as Json, diff, []);
  expect(JSON.stringify(value)).toBe('{"__proto__":{"kept":1,"polluted":1},"constructor":{"x":2}}');
  expect(ambiguous).toBe(false);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test("very deep nesting does not exhaust the stack", () => {
  const deep = (levels: number): Json => {
    let value: Json = { end: 1 };
    for (let level = 0; level < levels; level++) value = { a: value };
    return value;
  };
  expect(merged(deep(50_000), deep(50_000)).ambiguous).toBe(true);
  expect(merged(undefined, deep(50_000), []).ambiguous).toBe(false);
});

test("merging a diff again changes nothing", () => {
  fc.assert(
    fc.property(json, json, (current, diff) => {
      const once = merged(current, diff, []).value;
      expect(merged(once, diff, []).value).toEqual(once);
    }),
  );
});

test("without literal values no empty text and no null stays nested in objects", () => {
  const clean = (value: Json | undefined): boolean =>
    !isObject(value) || Object.values(value).every((part) => part !== "" && part !== null && clean(part));
  fc.assert(
    fc.property(json, (diff) => {
      expect(clean(merged(undefined, diff, []).value)).toBe(true);
    }),
  );
});

test("a diff that is literal as a whole replaces any stored value", () => {
  fc.assert(
    fc.property(json, json, (current, diff) => {
      expect(merged(current, diff, [""])).toEqual({ value: diff, ambiguous: false });
    }),
  );
});
