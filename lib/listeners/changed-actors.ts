/** The actors that have changed, as the feed indexes show them. */
import { actorOfKey } from "../dynamodb/keys/partition.ts";
import type { FeedIndex, FeedItem, Table } from "../dynamodb/table.ts";

/**
 * The actors of one shard that may have changed after a time (ms since 1970), in the order of their ids. One request for each
 * MB of keys in each of the two indexes.
 */
export async function changedActors(
  table: Pick<Table, "queryFeed">,
  shard: string,
  after: number,
): Promise<readonly string[]> {
  const found = await Promise.all([changedIn(table, "feed1", shard, after), changedIn(table, "feed2", shard, after)]);
  return [...new Set(found.flat())].sort();
}

async function changedIn(
  table: Pick<Table, "queryFeed">,
  ...[index, shard, after]: readonly [FeedIndex, string, number]
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
