import { beforeAll, describe, expect, it } from "vitest";
import { always, type QueryRange } from "../../lib/dynamodb/table.ts";
import type { DueItem } from "../../lib/system/ports.ts";
import { freshPartition, type TableSource } from "./table-source.ts";

/** In the order of their UTF-8 bytes, which is not JavaScript's for the last ones. */
const KEYS = [
  "A",
  "Q#1",
  "Q#2",
  "Q#2\u0000",
  "Q#20",
  "Q#3",
  "Q#\u{10ffff}",
  "Q#\u{10ffff}x",
  "Q$",
  "R",
  "é",
  "\uffff",
  "𝔘",
];
const BIG = 300;

export function queryContract(table: TableSource): void {
  describe("queries", () => {
    let pk: string;
    beforeAll(async () => {
      pk = freshPartition();
      await Promise.all(KEYS.map((sk) => table().put({ pk, sk, n: 1, other: "x" }, always)));
    });

    const ranges: readonly (readonly [string, Omit<QueryRange, "pk">])[] = [
      ["a whole partition", { prefix: "" }],
      ["a prefix", { prefix: "Q#" }],
      ["a prefix that nothing has", { prefix: "Z" }],
      ["a prefix that is a whole key", { prefix: "Q#2" }],
      ["after", { prefix: "", after: "Q#2" }],
      ["after a key that is not there", { prefix: "", after: "Q#25" }],
      ["after the last", { prefix: "", after: "𝔘" }],
      ["until", { prefix: "", until: "Q#20" }],
      ["until before the first", { prefix: "", until: "0" }],
      ["after and until", { prefix: "", after: "Q#1", until: "Q#3" }],
      ["after the same as until", { prefix: "", after: "Q#2", until: "Q#2" }],
      ["after beyond until", { prefix: "", after: "R", until: "Q#2" }],
      ["after within a prefix", { prefix: "Q#", after: "Q#2" }],
      ["after the last of a prefix", { prefix: "Q#", after: "Q#\u{10ffff}x" }],
      ["after the prefix itself", { prefix: "Q#", after: "Q#" }],
      ["until within a prefix", { prefix: "Q#", until: "Q#2" }],
      ["after and until within a prefix", { prefix: "Q#", after: "Q#1", until: "Q#20" }],
      ["after that comes before the prefix", { prefix: "Q#", after: "B" }],
      ["after that comes behind the prefix", { prefix: "Q#", after: "Q$" }],
      ["until that comes before the prefix", { prefix: "Q#", until: "B" }],
      ["until that comes behind the prefix", { prefix: "Q#", until: "Z" }],
      ["bounds on both sides of the prefix", { prefix: "Q#", after: "A", until: "R" }],
      ["the end of the code points", { prefix: "𝔘", after: "𝔗" }],
    ];

    it.each(ranges)("finds %s, in the order of bytes", async (_what, range) => {
      const expected = within(range);
      expect(await keysOf({ pk, ...range })).toEqual(expected);
      expect(await keysOf({ pk, ...range, descending: true })).toEqual(expected.toReversed());
      const first = await table().query({ pk, ...range, limit: 1 });
      expect(first.items.map((item) => item.sk)).toEqual(expected.slice(0, 1));
      const last = await table().query({ pk, ...range, limit: 1, descending: true });
      expect(last.items.map((item) => item.sk)).toEqual(expected.slice(-1));
    });

    it.each(ranges)("pages through %s", async (_what, range) => {
      const found: string[] = [];
      let after = range.after;
      for (let pages = 0; pages <= KEYS.length; pages += 1) {
        const page = await table().query({ pk, ...range, ...(after !== undefined && { after }), limit: 2 });
        expect(page.items.length).toBeLessThanOrEqual(2);
        found.push(...page.items.map((item) => item.sk));
        after = page.next;
        if (after === undefined) break;
      }
      expect(after).toBeUndefined();
      expect(found).toEqual(within(range));
    });

    it("returns only the attributes asked for, and the key", async () => {
      const page = await table().query({ pk, prefix: "R", only: ["n", "pk", "none"] });
      expect(page).toEqual({ items: [{ pk, sk: "R", n: 1 }] });
    });

    it("reads without strong consistency on request", async () => {
      expect((await table().query({ pk, prefix: "R", consistent: false })).items).toHaveLength(1);
      expect(await table().get({ pk, sk: "R" }, { consistent: false })).toMatchObject({ n: 1 });
      expect(await table().getMany([{ pk, sk: "R" }], { consistent: false })).toHaveLength(1);
    });

    it("sees deletions and additions", async () => {
      const own = freshPartition();
      await table().put({ pk: own, sk: "b" }, always);
      expect(await keysOf({ pk: own, prefix: "" })).toEqual(["b"]);
      await table().put({ pk: own, sk: "a" }, always);
      await table().put({ pk: own, sk: "c" }, always);
      await table().delete({ pk: own, sk: "b" }, always);
      expect(await keysOf({ pk: own, prefix: "" })).toEqual(["a", "c"]);
    });

    it("finds nothing in a partition that is not there", async () => {
      expect(await table().query({ pk: freshPartition(), prefix: "" })).toEqual({ items: [] });
    });

    it("cuts a page at 1 MB and continues from there", async () => {
      const own = freshPartition();
      const value = "x".repeat(BIG * 1024);
      const keys = ["1", "2", "3", "4", "5"];
      await Promise.all(keys.map((sk) => table().put({ pk: own, sk, value }, always)));
      const first = await table().query({ pk: own, prefix: "" });
      expect(first.items.map((item) => item.sk)).toEqual(["1", "2", "3", "4"]);
      expect(first.next).toBe("4");
      const rest = await table().query({ pk: own, prefix: "", after: "4" });
      expect(rest.items.map((item) => item.sk)).toEqual(["5"]);
      expect(rest.next).toBeUndefined();
    });

    async function keysOf(range: QueryRange): Promise<string[]> {
      return (await table().query(range)).items.map((item) => item.sk);
    }
  });

  describe("the due index", () => {
    it("gives the due keys of a shard, earliest first, up to the limit", async () => {
      const shard = `due#${freshPartition()}`;
      const pk = freshPartition();
      for (const [sk, dueAt] of [
        ["late", 30],
        ["early", 10],
        ["middle", 20],
        ["later", 31],
      ] as const) {
        await table().put({ pk, sk, dueShard: shard, dueAt, more: "x" }, always);
      }
      await table().put({ pk, sk: "elsewhere", dueShard: shard + "!", dueAt: 1 }, always);
      await table().put({ pk, sk: "no time", dueShard: shard }, always);
      await table().put({ pk, sk: "no shard", dueAt: 1 }, always);
      const due = [
        { pk, sk: "early", dueAt: 10 },
        { pk, sk: "middle", dueAt: 20 },
        { pk, sk: "late", dueAt: 30 },
      ];
      expect(await table().queryDue(shard, 30, 10)).toEqual(due);
      expect(await table().queryDue(shard, 30, 2)).toEqual(due.slice(0, 2));
      expect(await table().queryDue(shard, 9, 10)).toEqual([]);
      expect(await table().queryDue(shard + "?", 30, 10)).toEqual([]);
    });

    it("gives the keys of a shard page by page, those that are due at the same time too", async () => {
      const shard = `due#${freshPartition()}`;
      const pk = freshPartition();
      const names = ["a", "b", "c", "d", "e", "f", "g"];
      await Promise.all(
        names.map((sk, at) => table().put({ pk, sk, dueShard: shard, dueAt: Math.floor(at / 3) - 1 }, always)),
      );
      const seen: DueItem[] = [];
      for (;;) {
        const page = await table().queryDue(shard, 30, 2, seen.at(-1));
        seen.push(...page);
        if (page.length < 2) break;
      }
      expect(seen.map(({ sk }) => sk).toSorted()).toEqual(names);
      expect(seen.map(({ dueAt }) => dueAt)).toEqual([-1, -1, -1, 0, 0, 0, 1]);
      // The item behind which a page begins may have moved on meanwhile.
      const [first] = seen;
      await table().delete({ pk, sk: first?.sk ?? "" }, always);
      expect(await table().queryDue(shard, 30, 10, first)).toEqual(seen.slice(1));
    });

    it("follows its items", async () => {
      const shard = `due#${freshPartition()}`;
      const key = { pk: freshPartition(), sk: "head" };
      await table().put({ ...key, n: 1 }, always);
      expect(await table().queryDue(shard, 100, 10)).toEqual([]);
      await table().update(key, { set: { dueShard: shard, dueAt: 50 } }, always);
      expect(await table().queryDue(shard, 100, 10)).toEqual([{ ...key, dueAt: 50 }]);
      await table().update(key, { set: { dueAt: 60 } }, always);
      expect(await table().queryDue(shard, 100, 10)).toEqual([{ ...key, dueAt: 60 }]);
      await table().update(key, { set: { n: 2 } }, always);
      expect(await table().queryDue(shard, 100, 10)).toEqual([{ ...key, dueAt: 60 }]);
      await table().update(key, { set: { dueShard: shard + "!" } }, always);
      expect(await table().queryDue(shard, 100, 10)).toEqual([]);
      expect(await table().queryDue(shard + "!", 100, 10)).toEqual([{ ...key, dueAt: 60 }]);
      await table().update(key, { remove: ["dueAt"] }, always);
      expect(await table().queryDue(shard + "!", 100, 10)).toEqual([]);
      await table().put({ ...key, dueShard: shard, dueAt: 70 }, always);
      await table().transact([{ put: { ...key, n: 3 }, condition: always }]);
      expect(await table().queryDue(shard, 100, 10)).toEqual([]);
      await table().put({ ...key, dueShard: shard, dueAt: 70 }, always);
      await table().delete(key, always);
      expect(await table().queryDue(shard, 100, 10)).toEqual([]);
      await table().put({ ...key, dueShard: shard, dueAt: 70 }, always);
      await table().deleteMany([key]);
      expect(await table().queryDue(shard, 100, 10)).toEqual([]);
    });

    it("has two others for the feed: keys of a shard after a time, earliest first, page by page, each by its own times", async () => {
      const [feedShard, pk] = [`feed#${freshPartition()}`, freshPartition()];
      const feed = [10, 20, 30].map((feedAt) => ({ pk, sk: `at ${String(feedAt)}`, feedAt }));
      for (const { feedAt, ...key } of feed.toReversed()) {
        await table().put({ ...key, feedShard, feedAt1: feedAt, feedAt2: 100 - feedAt, n: 1 }, always);
      }
      await table().put({ pk, sk: "no time", feedShard }, always);
      await table().put({ pk, sk: "elsewhere", feedShard: feedShard + "!", feedAt1: 40 }, always);
      expect((await table().queryFeed("feed1", feedShard, 0)).items).toEqual(feed);
      expect((await table().queryFeed("feed1", feedShard, 10)).items).toEqual(feed.slice(1));
      expect((await table().queryFeed("feed1", feedShard, 0, feed[1])).items).toEqual(feed.slice(2));
      const timesOf = async (index: "feed1" | "feed2") =>
        (await table().queryFeed(index, feedShard, 10)).items.map(({ feedAt }) => feedAt);
      await table().update({ pk, sk: "at 10" }, { set: { feedAt1: 50 } }, always);
      expect([await timesOf("feed1"), await timesOf("feed2")]).toEqual([
        [20, 30, 50],
        [70, 80, 90],
      ]);
    });

    it("refuses an item whose due attributes have another type", async () => {
      const key = { pk: freshPartition(), sk: "head" };
      await expect(table().put({ ...key, dueShard: 1, dueAt: 1 }, always)).rejects.toThrow();
      await expect(table().put({ ...key, dueShard: "x", dueAt: "1" }, always)).rejects.toThrow();
      await expect(table().update(key, { set: { dueAt: "1" } }, always)).rejects.toThrow();
    });
  });
}

function within({ prefix, after, until }: Omit<QueryRange, "pk">): string[] {
  const bytes = (text: string) => Buffer.from(text);
  return KEYS.filter((sk) => {
    if (!sk.startsWith(prefix)) return false;
    if (after !== undefined && Buffer.compare(bytes(sk), bytes(after)) <= 0) return false;
    return until === undefined || Buffer.compare(bytes(sk), bytes(until)) <= 0;
  });
}
