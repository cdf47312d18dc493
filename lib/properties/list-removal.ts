/** The end of all lists of an actor. */
import { ownListPartition } from "../dynamodb/keys/replica.ts";
import { OWN_PREFIX, ownPartition } from "../dynamodb/keys/publishing.ts";
import type { Table } from "../dynamodb/table.ts";
import { emptyPartition } from "../lists/list-garbage.ts";

/**
 * Deletes the pages of all lists of an actor that is being deleted; their heads stay, so that it can be done again. One
 * query for each MB of properties, and one request for each 25 items of the lists. False when `mayGoOn` ended it early.
 */
export async function removeOwnLists(table: Table, actorId: string, mayGoOn: () => boolean): Promise<boolean> {
  let after: string | undefined;
  do {
    const range = { pk: ownPartition(actorId), prefix: OWN_PREFIX, only: ["generation"] };
    const page = await table.query(after === undefined ? range : { ...range, after });
    for (const { generation } of page.items) {
      if (generation === undefined) continue;
      if (!mayGoOn()) return false;
      await emptyPartition(table, ownListPartition(actorId, String(generation)));
    }
    after = page.next;
  } while (after !== undefined);
  return true;
}
