/** Does what is due at a subscription: its verification, a retry, its end, or the rest of a delivery whose process died. */
import type { ActorStore } from "../../actors/actor-store.ts";
import { readActor } from "../../actors/actor-record.ts";
import { readLogHead } from "../../change-log/change-log.ts";
import { actorKey } from "../../dynamodb/keys/actors.ts";
import { hubPartition, hubTopicKey } from "../../dynamodb/keys/hub.ts";
import { actorOfKey } from "../../dynamodb/keys/partition.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import { deleteRange } from "../../dynamodb/paging.ts";
import { itemIn, type Key } from "../../dynamodb/table.ts";
import type { Deadline } from "../../system/ports.ts";
import { sendTo, topicToSend, type DistributionDeps } from "./distribution.ts";
import { readSubscription, type HubSubscription } from "./hub-subscription.ts";
import { asStored, changeSubscription, endSubscription, unverifySubscription } from "./hub-store.ts";
import { deny, verify, type VerificationDeps } from "./verification.ts";

export interface DueSubscriptionDeps extends VerificationDeps, DistributionDeps {
  readonly actors: Pick<ActorStore, "get">;
}

/** Does what is due at a subscription. May be called at any time, by several workers at once. */
export async function runDueSubscription(deps: DueSubscriptionDeps, key: Key, deadline: Deadline): Promise<void> {
  const { table, clock } = deps;
  const actorId = actorOfKey(key);
  const keys = [key, actorKey(actorId), logHeadKey(actorId)];
  const [item, actorItem, logItem] = keys.map(itemIn(await table.getMany(keys)));
  if (item === undefined) return;
  const actor = actorItem === undefined ? undefined : readActor(actorItem);
  if (actor === undefined) {
    // A request has stored a subscription while the actor was being deleted.
    await deleteRange(table, { pk: hubPartition(actorId), prefix: "" });
    return;
  }
  if (actor.deleting) return;
  const subscription = readSubscription(item);
  const { pending, active, lease } = subscription;
  const now = clock.now();
  if (subscription.withdrawnAt !== undefined) await withdraw(deps, subscription, deadline);
  else if (active !== undefined && active.leaseEnds <= now) {
    await (pending === undefined ? endSubscription(deps, subscription) : unverifySubscription(deps, subscription));
  } else if (pending !== undefined && pending.at <= now) {
    await verify(deps, { ...subscription, pending }, { actor, newest: readLogHead(logItem).newest }, deadline);
  } else if ((active?.retryAt ?? lease?.until ?? Infinity) <= now) {
    const topic = await table.get(hubTopicKey(actorId, subscription.path));
    const revision = Number(topic?.["revision"] ?? 0);
    await sendTo(deps, subscription, await topicToSend(deps, actor, { ...subscription, revision }), true);
  }
}

/**
 * Ends a subscription whose topic is no longer public, after it has notified the subscriber. If the worker dies in between,
 * the subscriber is notified again.
 *
 * @throws RangeError when others kept changing the subscription: it stays due
 */
export async function withdraw(deps: DueSubscriptionDeps, found: HubSubscription, deadline: Deadline): Promise<void> {
  let isNotified = false;
  const ended = await asStored(deps, found, async (subscription) => {
    const { active, withdrawnAt, callback } = subscription;
    // A subscription that was never verified is denied by its verification.
    if (active === undefined) return { done: true };
    const withdrawn =
      withdrawnAt !== undefined
        ? subscription
        : await changeSubscription(deps, subscription, { ...subscription, withdrawnAt: deps.clock.now() });
    if (withdrawn !== undefined && !isNotified) {
      isNotified = true;
      await deny(deps, callback, active.topic, deadline);
    }
    const isOver = withdrawn !== undefined && (await endSubscription(deps, withdrawn));
    return isOver ? { done: true } : undefined;
  });
  if (ended !== undefined) return;
  throw new RangeError("a subscription at the hub kept changing while it was withdrawn");
}
