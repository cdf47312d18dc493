import { describe, expect, it } from "vitest";
import { NotStorable } from "../../lib/dynamodb/attributes.ts";
import { always, contains, exists, type Attribute } from "../../lib/dynamodb/table.ts";
import { freshPartition, type TableSource } from "./table-source.ts";

const KEPT: Readonly<Record<string, Attribute>> = {
  "the largest exact integers": [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 53 - 2],
  "numbers beyond them": [2 ** 53, 2 ** 60, 1e21, -1e100],
  "fractions and small numbers": [0.1, -2.5, 1e-7, 5e-120, 1 / 3],
  "zero, empty string, false and null": [0, "", false, null],
  "empty lists and maps": { list: [], map: {}, deep: [{}, [[]]] },
  "text of every kind": ["tab\tnew\nnul\u0000", "é", "\uffff", "𝔘𐀀🎉", "e\u0301", "\u2028"],
  "member names that JavaScript knows": JSON.parse(
    '{"__proto__": {"x": 1}, "\\\\__proto__": 2, "constructor": {"name": "Set"}, "toString": 1, "hasOwnProperty": null, "length": 3}',
  ) as Attribute,
  "member names of every kind": { "": 1, " ": 2, "a.b": 3, "#n0": 4, ":v0": 5, "🎉": 6, S: "x", N: "1" },
  "a list of maps": [{ constructor: 1 }, { __proto__x: "y" }, [{ a: [1] }]],
  bytes: new Uint8Array([0, 255, 128]),
  "empty bytes": new Uint8Array(),
  "nested bytes and sets": { bytes: [new Uint8Array([1])], set: new Set(["a"]), numbers: [new Set([1, -2])] },
  "a set of numbers": new Set([1, 2 ** 53 - 1, -3.5]),
  "a set of strings": new Set(["", "𝔘", "a"]),
};

export function valueContract(table: TableSource): void {
  describe("values", () => {
    it.each(Object.entries(KEPT))("keeps %s", async (_what, value) => {
      const key = { pk: freshPartition(), sk: "one" };
      await table().put({ ...key, value }, always);
      const read = (await table().get(key))?.["value"] as Attribute;
      expect(spelledOut(read)).toEqual(spelledOut(value));
      const after = await table().update(key, { set: { copy: value } }, exists("value"));
      expect(spelledOut(after["copy"] as Attribute)).toEqual(spelledOut(value));
    });

    it("never stores an empty set", async () => {
      const key = { pk: freshPartition(), sk: "one" };
      const none = new Set<number>();
      await table().put({ ...key, none, n: 1 }, always);
      expect(await table().get(key)).toEqual({ ...key, n: 1 });
      await table().update(key, { set: { tags: new Set(["a"]), m: 2 } }, always);
      const change = { set: { tags: none }, setIfMissing: { x: none }, add: { y: none }, discard: { m: none } };
      expect(await table().update(key, change, always)).toEqual({ ...key, n: 1, m: 2 });
    });

    it("takes a set away with its last element", async () => {
      const key = { pk: freshPartition(), sk: "one" };
      await table().update(key, { add: { pending: new Set([7, 8]) } }, always);
      await table().update(key, { discard: { pending: new Set([7]) } }, contains("pending", 7));
      expect(await table().update(key, { discard: { pending: new Set([8, 9]) } }, always)).toEqual(key);
      expect(await table().get(key)).toEqual(key);
    });

    it("never stores undefined", async () => {
      const key = { pk: freshPartition(), sk: "one" };
      const sparse = { ...key, gone: undefined, map: { a: 1, gone: undefined } } as never;
      await table().put(sparse, always);
      expect(await table().get(key)).toEqual({ ...key, map: { a: 1 } });
      const change = { set: { n: undefined, m: { gone: undefined } }, add: { c: undefined } } as never;
      expect(await table().update(key, change, always)).toEqual({ ...key, map: { a: 1 }, m: {} });
    });

    it.each([
      ["a lone surrogate", "\ud800"],
      ["a lone surrogate in a name", { "x\udc00": 1 }],
      ["a number beyond the range", 1e126],
      ["a number too small", 1e-131],
      ["NaN", NaN],
      ["infinity", Infinity],
      ["an empty set within", [new Set<string>()]],
      ["a set of two types", new Set<never>(["a" as never, 1 as never])],
      ["33 levels", nested(33)],
      ["a function", (() => 1) as never],
      ["undefined in a list", [undefined as never]],
    ] as [string, Attribute][])("refuses %s", async (_what, value) => {
      const key = { pk: freshPartition(), sk: "one" };
      await expect(table().put({ ...key, value }, always)).rejects.toThrow(NotStorable);
      await expect(table().update(key, { set: { value } }, always)).rejects.toThrow(NotStorable);
      expect(await table().get(key)).toBeUndefined();
    });

    it("keeps 31 levels", async () => {
      const item = { pk: freshPartition(), sk: "one", value: nested(31) };
      await table().put(item, always);
      expect(await table().get(item)).toEqual(item);
    });

    it.each(["plain", "with space", "é", "𝔘🎉", "a#b.c~d-e_f", "nul\u0000", "\uffff", "x".repeat(1024)])(
      "takes the key %j",
      async (sk) => {
        const pk = `${freshPartition()}#${sk}`;
        const item = { pk, sk, n: 1 };
        await table().put(item, always);
        expect(await table().get({ pk, sk })).toEqual(item);
        expect((await table().query({ pk, prefix: sk.slice(0, 2) })).items).toEqual([item]);
      },
    );
  });
}

function nested(levels: number): Attribute {
  return levels === 0 ? "x" : [nested(levels - 1)];
}

/** The value as lists of pairs in the order of names, so that no member's name means anything to the comparison. */
function spelledOut(value: Attribute): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return { bytes: [...value] };
  if (value instanceof Set) return { set: [...(value as ReadonlySet<unknown>)].sort() };
  if (Array.isArray(value)) return value.map((element: Attribute) => spelledOut(element));
  const members = Object.entries(value as Record<string, Attribute>);
  return { map: members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, spelledOut(member)]) };
}
