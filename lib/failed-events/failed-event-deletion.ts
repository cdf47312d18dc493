/** Deletes all failed events of what ends: a source, a peer, a listener whose name a later one may get. */
import { failedEventIdKeyOf, failedEventPrefix } from "../dynamodb/keys/failed-events.ts";
import { actorPartition } from "../dynamodb/keys/partition.ts";
import { refusedReasons } from "../dynamodb/outcomes.ts";
import { pagesOf } from "../dynamodb/paging.ts";
import { always, TransactionRefused, type Condition, type Key, type Table, type Write } from "../dynamodb/table.ts";

/**
 * Deletes all failed events of a source or of a peer, their places that could not be read, and the items that find both by
 * id.
 */
export async function deleteFailedEvents(
  table: Table,
  actorId: string,
  of: { readonly source: string } | { readonly peerId: string },
): Promise<void> {
  for await (const keys of keyPagesOf(table, actorId, of)) await table.deleteMany(keys);
}

/** Most keys of one transaction, beside the check: DynamoDB takes 100 operations. */
const MOST_KEYS = 99;

/**
 * The same for a source whose name a later one may get: deletes only as long as the check holds.
 *
 * @param source.is a check of the source's item that only the intended source passes
 * @returns false when the check failed before everything was deleted: the source is gone, or another one has its name
 */
export async function deleteFailedEventsOf(
  table: Table,
  actorId: string,
  { name, is }: { readonly name: string; readonly is: { readonly check: Key; readonly condition: Condition } },
): Promise<boolean> {
  for await (const keys of keyPagesOf(table, actorId, { source: name })) {
    for (let at = 0; at < keys.length; at += MOST_KEYS) {
      const gone = keys.slice(at, at + MOST_KEYS).map((key): Write => ({ delete: key, condition: always }));
      const refused = await refusedReasons(table, [is, ...gone]);
      if (refused?.[0]?.code === "condition") return false;
      if (refused !== undefined) throw new TransactionRefused(refused);
    }
  }
  return true;
}

/**
 * The keys of failed events, of places that could not be read, and of the items that find both by id: each once in its
 * page.
 */
async function* keyPagesOf(
  table: Table,
  actorId: string,
  of: { readonly source: string } | { readonly peerId: string },
): AsyncGenerator<readonly Key[]> {
  for await (const items of pagesOf(table, { pk: actorPartition(actorId), prefix: failedEventPrefix(of), only: [] })) {
    const keys = items.flatMap(({ pk, sk }) => [{ pk, sk }, failedEventIdKeyOf({ pk, sk })]);
    // The parts of a large event have the event's id, too.
    if (keys.length > 0) yield [...new Map(keys.map((key) => [key.sk, key])).values()];
  }
}
