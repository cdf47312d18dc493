/** Peers that say they undo compressed callbacks, and do not. */
import { trustKey } from "../../dynamodb/keys/actors.ts";
import { ConditionFailed, all, equals, missing } from "../../dynamodb/table.ts";
import type { Table } from "../../dynamodb/table.ts";
import type { TrustRecord } from "../../trust/trust-record.ts";
import type { TrustCache } from "./trust-cache.ts";

/**
 * Notes beside a peer's capabilities that callbacks go to it plain. It holds for what is kept of them now: what the peer
 * says when it is asked again, once a day, is believed again. 1 write; nothing happens to another trust.
 */
export async function notePlain(
  { table, trustCache }: { readonly table: Pick<Table, "update">; readonly trustCache: Pick<TrustCache, "put"> },
  { actorId, peerId, secret, capabilities }: TrustRecord,
): Promise<void> {
  if (capabilities === undefined) return;
  const key = trustKey(actorId, peerId);
  try {
    const stands = all(equals("secret", secret), missing("ending"));
    trustCache.put(key, await table.update(key, { set: { plainSince: capabilities.fetchedAt } }, stands));
  } catch (error) {
    if (!(error instanceof ConditionFailed)) throw error;
  }
}
