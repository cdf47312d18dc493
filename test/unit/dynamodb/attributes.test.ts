import { describe, expect, it } from "vitest";
import { convertToAttr, type marshallOptions } from "@aws-sdk/util-dynamodb";
import { attributeBytes, fromWire, itemBytes, NotStorable, toWire } from "../../../lib/dynamodb/attributes.ts";
import type { Attribute } from "../../../lib/dynamodb/table.ts";

describe("itemBytes", () => {
  it("counts names and values in UTF-8 bytes", () => {
    expect(itemBytes({ pk: "A", sk: "é" })).toBe(2 + 1 + 2 + 2);
    expect(itemBytes({ pk: "A", sk: "B", flag: true, nothing: null })).toBe(6 + 4 + 1 + 7 + 1);
  });

  it("counts numbers by their digits, rounding up", () => {
    expect([0, 9, 99, 100, -100, 1_700_000_000_000].map((n) => attributeBytes(n))).toEqual([2, 2, 2, 3, 4, 8]);
    expect(attributeBytes(Number.MAX_SAFE_INTEGER)).toBeLessThanOrEqual(11);
  });

  it("counts three bytes for a list or map and one more for each member", () => {
    expect(attributeBytes([])).toBe(3);
    expect(attributeBytes({ ab: "c", d: ["e"] })).toBe(3 + (1 + 2 + 1) + (1 + 1 + 3 + 1 + 1));
    expect(attributeBytes(new Set(["ab", "c"]))).toBe(3);
    expect(attributeBytes(new Uint8Array(5))).toBe(5);
  });

  it("refuses what cannot be stored", () => {
    expect(() => itemBytes({ pk: "A", sk: "\ud800" })).toThrow(NotStorable);
    expect(() => attributeBytes({ deep: [new Set<number>()] })).toThrow(NotStorable);
    expect(() => attributeBytes(1e200)).toThrow(NotStorable);
  });
});

describe("toWire and fromWire", () => {
  const values: Attribute[] = [
    ...["", "a", 0, -1.5, 2 ** 60, 1e21, true, false, null, new Uint8Array([1, 2])],
    ...[new Set([1, 2]), new Set(["a"]), [], {}, [1, ["b"], { c: null }]],
    { constructor: { name: "x" }, toString: 1 },
  ];

  it.each(values.map((value) => [value]))("carry %j as the document client of AWS does", (value) => {
    const options = { allowImpreciseNumbers: true };
    const wire = toWire(value);
    expect(wire).toEqual(marshalled(value, options));
    expect(fromWire(wire)).toEqual(value);
  });

  it("leave out members that are undefined", () => {
    expect(toWire({ a: undefined, b: 1 } as unknown as Attribute)).toEqual({ M: { b: { N: "1" } } });
  });

  it("refuse a type that is never stored", () => {
    expect(() => fromWire({ BS: [new Uint8Array(1)] })).toThrow(/BS/);
  });

  it("carry a member named __proto__ through objects that would lose it", () => {
    const value = JSON.parse('{"__proto__": {"x": 1}, "\\\\__proto__": 2, "proto": 3}') as Record<string, never>;
    const wire = toWire(value);
    expect(Object.keys(wire.M ?? {})).toEqual(["\\__proto__", "\\\\__proto__", "proto"]);
    const read = fromWire(wire) as object;
    expect(Object.keys(read)).toEqual(["__proto__", "\\__proto__", "proto"]);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });
});

/** By the library of AWS, which takes an object whose member `constructor` is no class for one it does not know. */
function marshalled(value: Attribute, options: marshallOptions): unknown {
  const isMap = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return convertToAttr(isMap ? new Map(Object.entries(value)) : value, options);
}
