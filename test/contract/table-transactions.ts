import { describe, expect, it } from "vitest";
import {
  always,
  equals,
  exists,
  itemExists,
  itemMissing,
  MAX_TRANSACTION_WRITES,
  TransactionRefused,
  type Item,
  type Write,
} from "../../lib/dynamodb/table.ts";
import { freshPartition, type TableSource } from "./table-source.ts";

export function transactionContract(table: TableSource): void {
  describe("transactions", () => {
    it("does all four kinds of writes together", async () => {
      const pk = freshPartition();
      await table().put({ pk, sk: "updated", n: 1 }, always);
      await table().put({ pk, sk: "deleted" }, always);
      await table().put({ pk, sk: "checked", n: 1 }, always);
      await table().transact([
        { put: { pk, sk: "put", tags: new Set(["a"]), none: new Set<number>() }, condition: itemMissing },
        { update: { pk, sk: "updated" }, change: { add: { n: 1 }, set: { x: "y" } }, condition: equals("n", 1) },
        { delete: { pk, sk: "deleted" }, condition: itemExists },
        { check: { pk, sk: "checked" }, condition: equals("n", 1) },
      ]);
      expect(await itemsOf(pk)).toEqual([
        { pk, sk: "checked", n: 1 },
        { pk, sk: "put", tags: new Set(["a"]) },
        { pk, sk: "updated", n: 2, x: "y" },
      ]);
    });

    it("does nothing when one condition fails, and gives a reason for each write, with the items, in order", async () => {
      const pk = freshPartition();
      const first = { pk, sk: "1", n: 1, numbers: new Set([1]) };
      const third = { pk, sk: "3", n: 3, map: { constructor: [1] } };
      await table().put(first, always);
      await table().put(third, always);
      const writes: Write[] = [
        { update: { pk, sk: "1" }, change: { set: { n: 9 } }, condition: equals("n", 1) },
        { put: { pk, sk: "2" }, condition: itemMissing },
        { delete: { pk, sk: "3" }, condition: equals("n", 4) },
        { check: { pk, sk: "4" }, condition: itemExists },
        { check: { pk, sk: "5" }, condition: always },
      ];
      expect((await refusalOf(table().transact(writes))).reasons).toEqual([
        { code: "none" },
        { code: "none" },
        { code: "condition", item: third },
        { code: "condition" },
        { code: "none" },
      ]);
      expect(await itemsOf(pk)).toEqual([first, third]);
    });

    it("gives the item for every kind of write that is refused", async () => {
      const pk = freshPartition();
      const items = ["1", "2", "3", "4"].map((sk) => ({ pk, sk, n: Number(sk) }));
      await Promise.all(items.map((item) => table().put(item, always)));
      const [a, b, c, d] = items as unknown as [Item, Item, Item, Item];
      const refused = await refusalOf(
        table().transact([
          { put: { ...a, n: 0 }, condition: itemMissing },
          { update: b, change: { set: { n: 0 } }, condition: exists("none") },
          { delete: c, condition: equals("n", 0) },
          { check: d, condition: equals("n", 0) },
        ]),
      );
      expect(refused.reasons).toEqual(items.map((item) => ({ code: "condition", item })));
    });

    it("takes 100 writes and refuses 101, none, or one item twice", async () => {
      const pk = freshPartition();
      const puts = Array.from({ length: MAX_TRANSACTION_WRITES + 1 }, (_, at): Write => {
        return { put: { pk, sk: `item#${String(at)}` }, condition: itemMissing };
      });
      await expect(table().transact(puts)).rejects.toThrow();
      await expect(table().transact([])).rejects.toThrow();
      const twice: Write = { check: { pk, sk: "item#0" }, condition: always };
      await expect(table().transact([...puts.slice(0, 1), twice])).rejects.toThrow();
      expect(await itemsOf(pk)).toEqual([]);
      await table().transact(puts.slice(1));
      expect(await itemsOf(pk)).toHaveLength(MAX_TRANSACTION_WRITES);
    });

    it("refuses an update that changes nothing, which is a check", async () => {
      const update = { pk: freshPartition(), sk: "one" };
      await expect(table().transact([{ update, change: {}, condition: always }])).rejects.toThrow();
    });

    it("writes nothing when one write is impossible", async () => {
      const pk = freshPartition();
      await table().put({ pk, sk: "text", text: "x" }, always);
      const add: Write = { update: { pk, sk: "text" }, change: { add: { text: 1 } }, condition: always };
      await expect(table().transact([{ put: { pk, sk: "a" }, condition: always }, add])).rejects.toThrow();
      expect(await itemsOf(pk)).toEqual([{ pk, sk: "text", text: "x" }]);
    });

    it("lets exactly one of twenty racing transactions win", async () => {
      const pk = freshPartition();
      await table().put({ pk, sk: "head", n: 0 }, always);
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, at) =>
          table().transact([
            { update: { pk, sk: "head" }, change: { add: { n: 1 } }, condition: equals("n", 0) },
            { put: { pk, sk: `log#${String(at)}` }, condition: itemMissing },
          ]),
        ),
      );
      expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
      for (const result of results) {
        if (result.status === "rejected") expect(result.reason).toBeInstanceOf(TransactionRefused);
      }
      const items = await itemsOf(pk);
      expect(items).toHaveLength(2);
      expect(items[0]).toEqual({ pk, sk: "head", n: 1 });
    });

    it("keeps sums when transactions and single updates race", async () => {
      const pk = freshPartition();
      const move = () =>
        table().transact([
          { update: { pk, sk: "a" }, change: { add: { n: -1 } }, condition: always },
          { update: { pk, sk: "b" }, change: { add: { n: 1 } }, condition: always },
        ]);
      const grow = () => table().update({ pk, sk: "a" }, { add: { n: 1 } }, always);
      await Promise.all(Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? move() : grow())));
      expect(await itemsOf(pk)).toEqual([
        { pk, sk: "a", n: 0 },
        { pk, sk: "b", n: 10 },
      ]);
    });

    async function itemsOf(pk: string): Promise<readonly Item[]> {
      return (await table().query({ pk, prefix: "" })).items;
    }
  });
}

async function refusalOf(write: Promise<unknown>): Promise<TransactionRefused> {
  const failure: unknown = await write.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failure instanceof TransactionRefused)) throw new Error("It should have been refused.", { cause: failure });
  return failure;
}
