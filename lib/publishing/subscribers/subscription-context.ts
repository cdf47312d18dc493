/** What holds for a peer's subscriptions at the end of the log. */
import type { PropertyPermissions } from "../../domain/policy/permissions.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import type { Table } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import { readLogHead } from "../../change-log/change-log.ts";
import { scopeOf } from "./inbound-head.ts";
import type { InboundHeads } from "./inbound-heads.ts";
import type { SubscriptionContextAt } from "./cursor-store.ts";

const MOST_ATTEMPTS = 20;

/** What a peer may do with the properties now; undefined without a trust. */
export type PermissionsOf = (actorId: string, peerId: string) => Promise<PropertyPermissions | undefined>;

/**
 * What holds for a peer after the record that was the newest all the while it was read: whatever decides is changed
 * together with the log. Undefined without a trust.
 *
 * @throws ServiceError service.unavailable while the log grows all the time
 */
export async function readSubscriptionContext(
  deps: { readonly table: Table; readonly heads: InboundHeads; readonly permissions: PermissionsOf },
  actorId: string,
  peerId: string,
): Promise<SubscriptionContextAt | undefined> {
  const logHead = async () => readLogHead(await deps.table.get(logHeadKey(actorId)));
  let before = await logHead();
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    const [permissions, heads] = await Promise.all([
      deps.permissions(actorId, peerId),
      deps.heads.ofPeer(actorId, peerId),
    ]);
    const after = await logHead();
    if (after.newest !== before.newest) {
      before = after;
      continue;
    }
    if (permissions === undefined) return undefined;
    const subscriptions = heads.map((head) => ({ id: head.id, ...scopeOf(head), granularity: head.granularity }));
    return { newest: after.newest, permissions, subscriptions, suspensions: after.suspended };
  }
  throw new ServiceError("service.unavailable", "This actor keeps changing; try again in a moment.", {
    headers: { "Retry-After": "1" },
  });
}
