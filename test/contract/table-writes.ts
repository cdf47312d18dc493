import { describe, expect, it } from "vitest";
import { MAX_ITEM_BYTES } from "../../lib/dynamodb/attributes.ts";
import {
  all,
  always,
  below,
  ConditionFailed,
  equals,
  exists,
  itemExists,
  itemMissing,
  type Key,
} from "../../lib/dynamodb/table.ts";
import { freshPartition, type TableSource } from "./table-source.ts";

export function writeContract(table: TableSource): void {
  describe("single writes", () => {
    it("gives back a whole item, or nothing", async () => {
      const key = { pk: freshPartition(), sk: "one" };
      expect(await table().get(key)).toBeUndefined();
      await table().put({ ...key, n: 1, text: "x" }, always);
      expect(await table().get(key)).toEqual({ ...key, n: 1, text: "x" });
    });

    it("replaces the whole item with a put", async () => {
      const key = { pk: freshPartition(), sk: "one" };
      await table().put({ ...key, old: 1 }, always);
      await table().put({ ...key, new: 2 }, always);
      expect(await table().get(key)).toEqual({ ...key, new: 2 });
    });

    it("returns only the attributes asked for, and the key", async () => {
      const key = { pk: freshPartition(), sk: "one" };
      await table().put({ ...key, a: 1, b: 2 }, always);
      expect(await table().get(key, { only: ["b", "none", "sk"] })).toEqual({ ...key, b: 2 });
      expect(await table().get(key, { only: ["none"] })).toEqual(key);
    });

    it("refuses a put whose condition fails, and gives the item that was there", async () => {
      const item = { pk: freshPartition(), sk: "one", n: 1, set: new Set([1, 2]), map: { constructor: "x" } };
      await table().put(item, itemMissing);
      const failure = await refusalOf(table().put({ ...item, n: 2 }, itemMissing));
      expect(failure.item).toEqual(item);
      expect(await table().get(item)).toEqual(item);
    });

    it("refuses a write on an item that is not there without inventing one", async () => {
      const key = { pk: freshPartition(), sk: "one" };
      expect((await refusalOf(table().put({ ...key, n: 1 }, itemExists))).item).toBeUndefined();
      expect((await refusalOf(table().update(key, { set: { n: 1 } }, itemExists))).item).toBeUndefined();
      expect((await refusalOf(table().delete(key, itemExists))).item).toBeUndefined();
      expect(await table().get(key)).toBeUndefined();
    });

    it("deletes an item and returns it", async () => {
      const item = { pk: freshPartition(), sk: "one", n: 1 };
      await table().put(item, always);
      expect((await refusalOf(table().delete(item, equals("n", 2)))).item).toEqual(item);
      expect(await table().delete(item, equals("n", 1))).toEqual(item);
      expect(await table().delete(item, always)).toBeUndefined();
      expect(await table().get(item)).toBeUndefined();
    });

    it("updates with every kind of change at once and returns the new item", async () => {
      const key = { pk: freshPartition(), sk: "one" };
      await table().put(
        { ...key, kept: "k", there: 1, count: 5, tags: new Set(["a", "b"]), numbers: new Set([1, 2]), gone: true },
        always,
      );
      const after = await table().update(
        key,
        {
          set: { fresh: "f" },
          setIfMissing: { there: 2, absent: 3 },
          add: { count: -2, counter: 7, numbers: new Set([2, 3]) },
          discard: { tags: new Set(["a", "z"]), nothing: new Set(["a"]) },
          remove: ["gone", "never"],
        },
        itemExists,
      );
      const expected = {
        ...key,
        kept: "k",
        fresh: "f",
        there: 1,
        absent: 3,
        count: 3,
        counter: 7,
        numbers: new Set([1, 2, 3]),
        tags: new Set(["b"]),
      };
      expect(after).toEqual(expected);
      expect(await table().get(key)).toEqual(expected);
    });

    it("creates the item with an update when the condition lets it", async () => {
      const key = { pk: freshPartition(), sk: "one" };
      expect(await table().update(key, { add: { n: 1 } }, always)).toEqual({ ...key, n: 1 });
      const empty = { pk: key.pk, sk: "two" };
      expect(await table().update(empty, {}, always)).toEqual(empty);
      expect(await table().get(empty)).toEqual(empty);
    });

    it("gives the item as it is when an update's condition fails", async () => {
      const item = { pk: freshPartition(), sk: "one", lastSeq: 4, pending: new Set([6, 7]) };
      await table().put(item, always);
      const failure = await refusalOf(
        table().update(item, { set: { lastSeq: 6 } }, all(equals("lastSeq", 5), exists("pending"))),
      );
      expect(failure.item).toEqual(item);
    });

    it("refuses an update that names an attribute twice, or a key", async () => {
      const key = { pk: freshPartition(), sk: "one" };
      await expect(table().update(key, { set: { a: 1 }, add: { a: 1 } }, always)).rejects.toThrow();
      await expect(table().update(key, { set: { sk: "two" } }, always)).rejects.toThrow();
    });

    it("refuses to add to an attribute of another type, and changes nothing", async () => {
      const item = { pk: freshPartition(), sk: "one", text: "x", tags: new Set(["a"]) };
      await table().put(item, always);
      await expect(table().update(item, { add: { text: 1 } }, always)).rejects.toThrow();
      await expect(table().update(item, { add: { tags: new Set([1]) } }, always)).rejects.toThrow();
      await expect(table().update(item, { discard: { text: new Set(["x"]) } }, always)).rejects.toThrow();
      expect(await table().get(item)).toEqual(item);
    });

    it("lets exactly one of fifty concurrent conditional updates win", async () => {
      const key = { pk: freshPartition(), sk: "one" };
      await table().put({ ...key, lastSeq: 0 }, always);
      const attempts = Array.from({ length: 50 }, (_, at) =>
        table().update(key, { set: { lastSeq: 1, winner: at } }, equals("lastSeq", 0)),
      );
      const results = await Promise.allSettled(attempts);
      const won = results.filter((result) => result.status === "fulfilled");
      const lost = results.filter((result) => result.status === "rejected");
      expect(won).toHaveLength(1);
      for (const { reason } of lost) {
        expect(reason).toBeInstanceOf(ConditionFailed);
        expect((reason as ConditionFailed).item).toEqual(won[0]?.value);
      }
    });

    it("loses none of fifty concurrent additions", async () => {
      const key = { pk: freshPartition(), sk: "one" };
      const additions = Array.from({ length: 50 }, (_, at) =>
        table().update(key, { add: { count: 1, members: new Set([at]) } }, always),
      );
      const images = await Promise.all(additions);
      expect(new Set(images.map((image) => image["count"])).size).toBe(50);
      const item = await table().get(key);
      expect(item?.["members"]).toEqual(new Set(Array.from({ length: 50 }, (_, at) => at)));
    });

    it("refuses an item over 400 KB, put or grown", async () => {
      const key = { pk: freshPartition(), sk: "one" };
      const half = "x".repeat(MAX_ITEM_BYTES / 2);
      await expect(table().put({ ...key, half, other: half }, always)).rejects.toThrow();
      await table().put({ ...key, half }, always);
      await expect(table().update(key, { set: { other: half } }, always)).rejects.toThrow();
      expect(await table().get(key)).toEqual({ ...key, half });
    });

    it("refuses empty keys", async () => {
      const pk = freshPartition();
      await expect(table().put({ pk, sk: "" }, always)).rejects.toThrow();
      await expect(table().get({ pk: "", sk: "x" })).rejects.toThrow();
    });
  });

  describe("many items", () => {
    it("reads 250 items at once, asked for twice, leaving out those that are not there", async () => {
      const pk = freshPartition();
      const keys = keysOf(pk, 250);
      await Promise.all(keys.map((key, at) => table().put({ ...key, at }, always)));
      const items = await table().getMany([...keys, { pk, sk: "none" }, ...keys.slice(0, 3)]);
      const found = items.map((item) => item["at"] as number).sort((a, b) => a - b);
      expect(found).toEqual(keys.map((_key, at) => at));
    });

    it("reads no items without a key", async () => {
      expect(await table().getMany([])).toEqual([]);
    });

    it("deletes 60 items at once, there or not, named once or twice", async () => {
      const pk = freshPartition();
      const keys = keysOf(pk, 60);
      await Promise.all(keys.map((key, at) => table().put({ ...key, at }, always)));
      await table().put({ pk, sk: "kept" }, always);
      await table().deleteMany([...keys, ...keys.slice(0, 2), { pk, sk: "none" }]);
      expect((await table().query({ pk, prefix: "" })).items).toEqual([{ pk, sk: "kept" }]);
      await table().deleteMany([]);
    });
  });

  describe("watermarks", () => {
    it("accepts only a higher one, whatever the order of arrival", async () => {
      const key = { pk: freshPartition(), sk: "V#place" };
      for (const version of ["02", "01", "03", "03", "02"]) {
        const higher = below("version", version);
        const write = { set: { version, value: version } };
        await table()
          .update(key, write, { is: "any", of: [itemMissing, higher] })
          .catch((error: unknown) => expect(error).toBeInstanceOf(ConditionFailed));
      }
      expect(await table().get(key)).toEqual({ ...key, version: "03", value: "03" });
    });
  });
}

function keysOf(pk: string, count: number): Key[] {
  return Array.from({ length: count }, (_, at) => ({ pk, sk: `item#${String(at).padStart(4, "0")}` }));
}

async function refusalOf(write: Promise<unknown>): Promise<ConditionFailed> {
  const failure: unknown = await write.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failure instanceof ConditionFailed)) throw new Error("The condition should have failed.", { cause: failure });
  return failure;
}
