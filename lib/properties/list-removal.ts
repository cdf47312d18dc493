/** The end of all lists of an actor. */
import { ownListPartition } from "../dynamodb/keys/replica.ts";
import { OWN_PREFIX, ownPartition } from "../dynamodb/keys/publishing.ts";
import { deleteRange, itemsOf } from "../dynamodb/paging.ts";
import type { Table } from "../dynamodb/table.ts";

/**
 * Deletes the pages of all lists of an actor that is being deleted. The heads stay, so that this can be done again. One
 * query for each MB of properties, and one request for each 25 items of the lists.
 *
 * @returns false when `mayGoOn` ended it early
 */
export async function removeOwnLists(table: Table, actorId: string, mayGoOn: () => boolean): Promise<boolean> {
  const range = { pk: ownPartition(actorId), prefix: OWN_PREFIX, only: ["generation"] };
  for await (const { generation } of itemsOf(table, range)) {
    if (generation === undefined) continue;
    if (!mayGoOn()) return false;
    await deleteRange(table, { pk: ownListPartition(actorId, String(generation)), prefix: "" });
  }
  return true;
}
