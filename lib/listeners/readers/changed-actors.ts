/** Finds the actors that have changed, by the feed indexes. */
import { actorOfKey } from "../../dynamodb/keys/partition.ts";
import type { FeedIndex, FeedItem, Table } from "../../dynamodb/table.ts";

type FeedTable = Pick<Table, "queryFeed">;

/**
 * The actors of a shard that may have changed after a time (ms since 1970), in the order of their ids: all that changed
 * between it and the settled time, and possibly others. One query for each MB of each of the two indexes.
 */
export async function changedActors(table: FeedTable, shard: string, after: number): Promise<readonly string[]> {
  const found = await Promise.all([
    changedIn(table, "feed1", { shard, after }),
    changedIn(table, "feed2", { shard, after }),
  ]);
  return [...new Set(found.flat())].sort();
}

async function changedIn(
  table: FeedTable,
  index: FeedIndex,
  { shard, after }: { readonly shard: string; readonly after: number },
): Promise<readonly string[]> {
  const found: string[] = [];
  let next: FeedItem | undefined;
  do {
    const page = await table.queryFeed(index, shard, after, next);
    found.push(...page.items.map(actorOfKey));
    ({ next } = page);
  } while (next !== undefined);
  return found;
}
