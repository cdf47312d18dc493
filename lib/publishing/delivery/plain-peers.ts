/** Peers that announce compressed callbacks and cannot decompress them. */
import { trustKey } from "../../dynamodb/keys/actors.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import { all, equals, missing, type Table } from "../../dynamodb/table.ts";
import type { TrustRecord } from "../../trust/trust-record.ts";
import type { TrustCache } from "./trust-cache.ts";

/**
 * Notes beside a peer's capabilities that callbacks go to it uncompressed. That holds for the capabilities that are cached
 * now; the next ones, read once a day, count again. 1 write, which does nothing when the trust was made again or ends.
 */
export async function notePlain(
  { table, trustCache }: { readonly table: Pick<Table, "update">; readonly trustCache: Pick<TrustCache, "put"> },
  { actorId, peerId, secret, capabilities }: TrustRecord,
): Promise<void> {
  if (capabilities === undefined) return;
  const key = trustKey(actorId, peerId);
  const change = { set: { plainSince: capabilities.fetchedAt } };
  const { written, item } = await updateIf(table, key, change, all(equals("secret", secret), missing("ending")));
  if (written) trustCache.put(key, item);
}
