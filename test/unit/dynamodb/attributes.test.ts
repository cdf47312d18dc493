import { describe, expect, it } from "vitest";
import { attributeBytes, fromDocument, itemBytes, NotStorable, toDocument } from "../../../lib/dynamodb/attributes.ts";

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

describe("toDocument and fromDocument", () => {
  it("carry a member named __proto__ through marshalling that would lose it", () => {
    const value = JSON.parse('{"__proto__": {"x": 1}, "\\\\__proto__": 2, "proto": 3}') as Record<string, never>;
    const document = toDocument(value) as Map<string, unknown>;
    expect([...document.keys()]).toEqual(["\\__proto__", "\\\\__proto__", "proto"]);
    const marshalled = Object.fromEntries([...document].map(([key, member]) => [key, member === 2 ? 2 : { x: 1 }]));
    const read = fromDocument(marshalled) as object;
    expect(Object.keys(read)).toEqual(["__proto__", "\\__proto__", "proto"]);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });
});
