/** What is due at a subscription: its verification, a retry, the end of its lease, or what is left of a delivery that died. */
import type { ActorStore } from "../../actors/actor-store.ts";
import { readActor } from "../../actors/actor-record.ts";
import { readLogHead } from "../../change-log/change-log.ts";
import { actorKey } from "../../dynamodb/keys/actors.ts";
import { hubPartition, hubTopicKey } from "../../dynamodb/keys/hub.ts";
import { actorOfKey } from "../../dynamodb/keys/partition.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import { deleteRange } from "../../dynamodb/paging.ts";
import type { Key } from "../../dynamodb/table.ts";
import type { Deadline } from "../../system/ports.ts";
import { sendTo, topicToSend, type DistributionDeps } from "./distribution.ts";
import { readSubscription, type HubSubscription } from "./hub-subscription.ts";
import { asStored, changeSubscription, endSubscription, unverifySubscription } from "./hub-store.ts";
import { deny, verify, type VerificationDeps } from "./verification.ts";

export interface DueSubscriptionDeps extends VerificationDeps, DistributionDeps {
  readonly actors: Pick<ActorStore, "get">;
}

/** Does what is due at a subscription. May be called at any time, by any number of workers at once. */
export async function runDueSubscription(deps: DueSubscriptionDeps, key: Key, deadline: Deadline): Promise<void> {
  const { table, clock } = deps;
  const actorId = actorOfKey(key);
  const heads = { actor: actorKey(actorId), log: logHeadKey(actorId) };
  const items = await table.getMany([key, heads.actor, heads.log]);
  const [item, actorItem, logItem] = [key, heads.actor, heads.log].map((of) =>
    items.find(({ pk, sk }) => pk === of.pk && sk === of.sk),
  );
  if (item === undefined) return;
  const actor = actorItem === undefined ? undefined : readActor(actorItem);
  if (actor === undefined) {
    // A request that came while the actor was deleted.
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
 * Ends a subscription whose topic is not public any more, and notifies the subscriber first: once, and again only when the
 * worker dies in between.
 */
export async function withdraw(deps: DueSubscriptionDeps, found: HubSubscription, deadline: Deadline): Promise<void> {
  let isNotified = false;
  const ended = await asStored(deps, found, async (subscription) => {
    const { active, withdrawnAt, callback } = subscription;
    // A new one is denied when it is verified.
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
