/** Withdraws places that an owner has made private again. */
import { isPublic, NOTHING_PUBLIC, type PublicAccess } from "../../domain/policy/public-access.ts";
import { hubPartition, HUB_TOPIC_PREFIX, PUBLISHED_STATE_PREFIX, withdrawalKey } from "../../dynamodb/keys/hub.ts";
import { deleteIf } from "../../dynamodb/outcomes.ts";
import { deleteRange, itemsOf, pagesOf } from "../../dynamodb/paging.ts";
import { equals, type Item, type Table } from "../../dynamodb/table.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import type { Deadline } from "../../system/ports.ts";
import { wakeUp } from "../../system/wake-up.ts";
import { withdraw, type DueSubscriptionDeps } from "./due-subscription.ts";
import { LEAST_MS, subscriptionsOf } from "./topics.ts";

/** Deletions, and notifications of subscribers, at the same time. */
const AT_ONCE = 20;

/**
 * Ends the subscriptions to topics that are no longer public, each with a notification, and deletes the published states of
 * such places. May be called at any time, by several workers at once.
 */
export async function runDueWithdrawal(deps: DueSubscriptionDeps, actorId: string, deadline: Deadline): Promise<void> {
  const { table, actors, clock } = deps;
  const key = withdrawalKey(actorId);
  const due = await table.get(key);
  if (due === undefined) return;
  const actor = await actors.get(actorId);
  if (actor === undefined) return await deleteRange(table, { pk: hubPartition(actorId), prefix: "" });
  if (actor.deleting) return;
  const access = actor.public ?? NOTHING_PUBLIC;
  const least = Math.max(LEAST_MS, deadline.stopStartingBelowMs ?? 0);
  for await (const topic of itemsOf(table, { pk: hubPartition(actorId), prefix: HUB_TOPIC_PREFIX })) {
    if (isOpen(access, topic)) continue;
    const subscriptions = await subscriptionsOf(table, topic);
    for (let from = 0; from < subscriptions.length; from += AT_ONCE) {
      if (deadline.remaining() <= least) return await wakeUp(deps, key, clock.now());
      await mapConcurrent(subscriptions.slice(from, from + AT_ONCE), AT_ONCE, async (subscription) => {
        // A subscription whose withdrawal has begun has a due time of its own.
        if (subscription.withdrawnAt === undefined) await withdraw(deps, subscription, deadline);
      });
    }
  }
  await deleteStates(table, actorId, access);
  await deleteIf(table, key, equals("revision", due["revision"] ?? ""));
}

async function deleteStates(table: Table, actorId: string, access: PublicAccess): Promise<void> {
  const range = { pk: hubPartition(actorId), prefix: PUBLISHED_STATE_PREFIX, only: ["path", "record"] };
  for await (const page of pagesOf(table, range)) {
    const closed = page.filter((item) => !isOpen(access, item));
    await mapConcurrent(closed, AT_ONCE, async ({ pk, sk, record = 0 }) => {
      // Not if a newer event was published, because the target was public again.
      await deleteIf(table, { pk, sk }, equals("record", record));
    });
  }
}

const isOpen = (access: PublicAccess, { path }: Item): boolean => isPublic(access, String(path).split("/"));
