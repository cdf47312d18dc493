/** What holds for a peer's subscriptions at the end of the log. */
import type { PropertyPermissions } from "../../domain/policy/permissions.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import type { Table } from "../../dynamodb/table.ts";
import { untilStill } from "../../properties/until-still.ts";
import { readLogHead } from "../../change-log/change-log.ts";
import type { InboundHeads } from "./inbound-heads.ts";
import type { SubscriptionContextAt } from "./log-resync.ts";

const MOST_ATTEMPTS = 20;

/** The permissions of a peer on the properties now; undefined without a trust. */
export type PermissionsOf = (actorId: string, peerId: string) => Promise<PropertyPermissions | undefined>;

/**
 * What holds for a peer after one record of the log, which was the newest as long as it was read: everything that decides
 * changes together with the log. Undefined without a trust.
 *
 * @throws ServiceError service.unavailable while the log grows all the time
 */
export async function readSubscriptionContext(
  deps: { readonly table: Table; readonly heads: InboundHeads; readonly permissions: PermissionsOf },
  actorId: string,
  peerId: string,
): Promise<SubscriptionContextAt | undefined> {
  const logHead = async () => readLogHead(await deps.table.get(logHeadKey(actorId)));
  let { newest } = await logHead();
  const read = async () => {
    const [permissions, subscriptions] = await Promise.all([
      deps.permissions(actorId, peerId),
      deps.heads.scopesOf(actorId, peerId),
    ]);
    const after = await logHead();
    if (after.newest !== newest) {
      ({ newest } = after);
      return undefined;
    }
    if (permissions === undefined) return { context: undefined };
    return { context: { newest, permissions, subscriptions, suspensions: after.suspended } };
  };
  return (await untilStill(read, { tries: MOST_ATTEMPTS, what: "This actor keeps" })).context;
}
