import { beforeEach, expect, it } from "vitest";
import { logHeadKey } from "../../../../lib/dynamodb/keys/publishing.ts";
import { always, type FeedIndex, type FeedItem } from "../../../../lib/dynamodb/table.ts";
import { changedActors } from "../../../../lib/listeners/readers/changed-actors.ts";
import { MemoryTable } from "../../../support/memory-table.ts";

let table: MemoryTable;
beforeEach(() => {
  table = new MemoryTable();
});

const stand = async (actorId: string, feedAt1: number, feedAt2?: number): Promise<void> =>
  await table.put(
    { ...logHeadKey(actorId), feedShard: "s", feedAt1, ...(feedAt2 !== undefined && { feedAt2 }) },
    always,
  );

it("are those that stand after the time in either index, each once, in the order of their ids", async () => {
  await stand("c", 20, 40);
  await stand("a", 10);
  await stand("d", 10, 11);
  await stand("b", 40, 20);
  expect(await changedActors(table, "s", 10)).toEqual(["b", "c", "d"]);
  expect(await changedActors(table, "s", 20)).toEqual(["b", "c"]);
  expect(await changedActors(table, "s", 40)).toEqual([]);
  expect(await changedActors(table, "other", 0)).toEqual([]);
});

it.each(["feed1", "feed2"] as const)(
  "are found while %s shows nothing of them, because they move there",
  async (moving) => {
    await stand("a", 20, 40);
    const lagging = {
      queryFeed: async (index: FeedIndex, shard: string, after: number, next?: FeedItem) =>
        index === moving ? { items: [] } : await table.queryFeed(index, shard, after, next),
    };
    expect(await changedActors(lagging, "s", 10)).toEqual(["a"]);
  },
);

it("are found page by page", async () => {
  for (const id of ["a", "b", "c"]) await stand(id, 20);
  const paged = {
    queryFeed: async (index: FeedIndex, shard: string, after: number, next?: FeedItem) => {
      const [first, ...more] = (await table.queryFeed(index, shard, after, next)).items;
      return {
        items: first === undefined ? [] : [first],
        ...(more.length > 0 && first !== undefined && { next: first }),
      };
    },
  };
  expect(await changedActors(paged, "s", 10)).toEqual(["a", "b", "c"]);
});
