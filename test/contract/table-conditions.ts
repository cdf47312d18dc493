import { beforeAll, describe, expect, it } from "vitest";
import {
  above,
  all,
  always,
  any,
  atLeast,
  atMost,
  below,
  ConditionFailed,
  contains,
  differs,
  equals,
  exists,
  itemExists,
  itemMissing,
  missing,
  not,
  sizeBelow,
  sizeEquals,
  TransactionRefused,
  type Condition,
  type Key,
  type Write,
} from "../../lib/dynamodb/table.ts";
import { freshPartition, type TableSource } from "./table-source.ts";

const ITEM = {
  n: 5,
  text: "héllo",
  ascii: "hello",
  flag: false,
  nothing: null,
  numbers: new Set([1, 2, 3]),
  tags: new Set(["a", "b"]),
  list: ["x", 1],
  map: { a: [1, { b: "c" }] },
  bytes: new Uint8Array([1, 2]),
};

/** [what, condition, whether it holds for ITEM, whether it holds when there is no item] */
const CASES: readonly (readonly [string, Condition, boolean, boolean])[] = [
  ["always", always, true, true],
  ["exists", exists("n"), true, false],
  ["exists, of null", exists("nothing"), true, false],
  ["exists, missing", exists("none"), false, false],
  ["missing", missing("n"), false, true],
  ["missing, missing", missing("none"), true, true],
  ["item exists", itemExists, true, false],
  ["item missing", itemMissing, false, true],
  ["equals a number", equals("n", 5), true, false],
  ["equals another number", equals("n", 6), false, false],
  ["equals another type", equals("n", "5"), false, false],
  ["equals a string", equals("text", "héllo"), true, false],
  ["equals a boolean", equals("flag", false), true, false],
  ["equals null", equals("nothing", null), true, false],
  ["equals a set in another order", equals("numbers", new Set([3, 2, 1])), true, false],
  ["equals a smaller set", equals("numbers", new Set([1, 2])), false, false],
  ["equals bytes", equals("bytes", new Uint8Array([1, 2])), true, false],
  ["equals, missing", equals("none", 5), false, false],
  ["differs", differs("n", 6), true, true],
  ["differs from the same", differs("n", 5), false, true],
  ["differs from another type", differs("n", "5"), true, true],
  ["differs, missing", differs("none", 5), true, true],
  ["below", below("n", 6), true, false],
  ["below the same", below("n", 5), false, false],
  ["below, missing", below("none", 6), false, false],
  ["below, another type", below("text", 6), false, false],
  ["below, strings by their bytes", below("text", "hf"), false, false],
  ["at most the same", atMost("n", 5), true, false],
  ["at most less", atMost("n", 4), false, false],
  ["at most, missing", atMost("none", 6), false, false],
  ["above", above("n", 4), true, false],
  ["above the same", above("n", 5), false, false],
  ["above, missing", above("none", 4), false, false],
  ["at least the same", atLeast("n", 5), true, false],
  ["at least more", atLeast("n", 6), false, false],
  ["at least, a string", atLeast("text", "h"), true, false],
  ["at least, missing", atLeast("none", 0), false, false],
  ["contains a number", contains("numbers", 2), true, false],
  ["contains another number", contains("numbers", 4), false, false],
  ["contains a string for a number", contains("numbers", "2"), false, false],
  ["contains a string", contains("tags", "a"), true, false],
  ["contains, missing", contains("none", 2), false, false],
  ["size of a set below", sizeBelow("numbers", 4), true, false],
  ["size of a set not below", sizeBelow("numbers", 3), false, false],
  ["size of a string", sizeEquals("ascii", 5), true, false],
  ["size of a list", sizeEquals("list", 2), true, false],
  ["size, missing", sizeBelow("none", 100), false, false],
  ["size equals, missing", sizeEquals("none", 0), false, false],
  ["all", all(equals("n", 5), exists("text"), missing("none")), true, false],
  ["all but one", all(equals("n", 5), exists("none")), false, false],
  ["all of nothing", all(), true, true],
  ["any", any(equals("n", 6), exists("text")), true, false],
  ["any of none that hold", any(equals("n", 6), exists("none")), false, false],
  ["any of nothing", any(), false, false],
  ["any with always", any(always, exists("none")), true, true],
  ["all with always", all(always, exists("n")), true, false],
  ["all with any of nothing", all(exists("n"), any()), false, false],
  ["not", not(equals("n", 5)), false, true],
  ["not, missing", not(below("none", 5)), true, true],
  ["not always", not(always), false, false],
  ["not not", not(not(exists("n"))), true, false],
  ["not of all", not(all(exists("n"), exists("none"))), true, true],
  [
    "groups in groups",
    any(all(exists("none"), exists("n")), all(exists("n"), any(exists("none"), exists("text")))),
    true,
    false,
  ],
  [
    "groups of one kind",
    all(all(exists("n"), all(exists("text"))), any(any(exists("none"), exists("flag")))),
    true,
    false,
  ],
  [
    "a free place among pending ones",
    all(equals("n", 5), any(missing("numbers"), contains("numbers", 9), sizeBelow("numbers", 4))),
    true,
    false,
  ],
];

export function conditionContract(table: TableSource): void {
  describe("conditions", () => {
    let item: Key;
    let none: Key;
    beforeAll(async () => {
      const pk = freshPartition();
      item = { pk, sk: "item" };
      none = { pk, sk: "none" };
      await table().put({ ...item, ...ITEM }, always);
    });

    it.each(CASES)("%s", async (_what, condition, onItem, onNothing) => {
      expect(await passes(table().update(item, {}, condition))).toBe(onItem);
      // A refused put on a missing item leaves it missing; an accepted one is taken back.
      const put = await passes(table().put({ ...none, n: 1 }, condition));
      if (put) await table().delete(none, always);
      expect(put).toBe(onNothing);
    });

    it.each(CASES)("%s, as a transaction's check", async (_what, condition, onItem, onNothing) => {
      const other = { pk: freshPartition(), sk: "other" };
      for (const [key, expected] of [
        [item, onItem],
        [none, onNothing],
      ] as const) {
        const writes: Write[] = [
          { check: key, condition },
          { put: other, condition: always },
        ];
        const passed = await passes(table().transact(writes));
        expect(passed).toBe(expected);
      }
    });

    it("refuses to compare lists and maps, which not every table can", async () => {
      await expect(table().update(item, {}, equals("list", ["x", 1]))).rejects.toThrow(TypeError);
      await expect(table().update(item, {}, not(differs("map", {})))).rejects.toThrow(TypeError);
    });
  });
}

async function passes(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionFailed || error instanceof TransactionRefused) return false;
    throw error;
  }
}
