/**
 * The keys of the hub: an actor's WebSub topics and their subscriptions. A topic is named by its path below the actor's
 * root. Every access pattern is documented where its key is built.
 */
import { hash } from "node:crypto";
import type { Key } from "../table.ts";
import { actorOfKey } from "./partition.ts";

/** The partition of everything that an actor's hub stores. Queried by prefix; whole only for deletion. */
export const hubPartition = (actorId: string): string => `T#${actorId}`;

/** The newest event that was published at a place of a public target. Put in the transaction of the event's record; read by key. */
export const publishedStateKey = (actorId: string, path: readonly string[]): Key => ({
  pk: hubPartition(actorId),
  sk: `${PUBLISHED_STATE_PREFIX}${shortDigest(path.join("/"))}`,
});

/** Prefix of an actor's published states: queried when the owner changes what is public. */
export const PUBLISHED_STATE_PREFIX = "STATE#";

/**
 * Says that the owner has changed what is public: in the due index until the topics that are not public any more are
 * withdrawn. Put in the transaction of that change, deleted on the `revision` that was read.
 */
export const withdrawalKey = (actorId: string): Key => ({ pk: hubPartition(actorId), sk: WITHDRAWAL_SK });

const WITHDRAWAL_SK = "PUBLIC";

/** The actor of a withdrawal's key; undefined when the key is another's. */
export const actorOfWithdrawal = (key: Key): string | undefined =>
  key.sk === WITHDRAWAL_SK ? actorOfKey(key) : undefined;

/**
 * The counts of an actor's hub: `subscriptions`, verified or not, and `pending`, those that were never verified. Updated in
 * the transactions that make, verify and end subscriptions.
 */
export const hubCountsKey = (actorId: string): Key => ({ pk: hubPartition(actorId), sk: "COUNTS" });

/**
 * The counts of one callback origin: `subscriptions`, and `requests` since `windowAt` (ms). Updated like the counts of the
 * hub; expires (`ttl`) once it has no subscription.
 */
export const hubOriginKey = (actorId: string, origin: string): Key => ({
  pk: hubPartition(actorId),
  sk: `ORIGIN#${shortDigest(origin)}`,
});

/**
 * A topic that has subscriptions. Queried by `HUB_TOPIC_PREFIX` at each change of an actor whose log's head says that there
 * are some. Incremented (`revision`) when its state may have changed, and in the due index until that is distributed; `moves`
 * counts the subscriptions that begin and end, so that its deletion finds one that is being verified.
 */
export const hubTopicKey = (actorId: string, path: readonly string[]): Key => ({
  pk: hubPartition(actorId),
  sk: `${HUB_TOPIC_PREFIX}${shortDigest(path.join("/"))}`,
});

/** Prefix of an actor's topics. */
export const HUB_TOPIC_PREFIX = "TOPIC#";

/** True for the key of a topic. */
export const isHubTopic = (key: Key): boolean => isOfHub(key) && key.sk.startsWith(HUB_TOPIC_PREFIX);

/**
 * The subscription of one callback to one topic, whatever its state. Every write names the `version` that was read. In the
 * due index until its next attempt, or the end of its lease.
 */
export const hubSubscriptionKey = (actorId: string, path: readonly string[], callback: string): Key => ({
  pk: hubPartition(actorId),
  sk: `${hubSubscriptionPrefix(hubTopicKey(actorId, path))}${shortDigest(callback)}`,
});

/** Prefix of the subscriptions to one topic, by the topic's key. */
export const hubSubscriptionPrefix = (topic: Key): string =>
  `${HUB_SUBSCRIPTION_PREFIX}${topic.sk.slice(HUB_TOPIC_PREFIX.length)}#`;

const HUB_SUBSCRIPTION_PREFIX = "SUB#";

/** True for the key of a subscription at the hub. */
export const isHubSubscription = (key: Key): boolean => isOfHub(key) && key.sk.startsWith(HUB_SUBSCRIPTION_PREFIX);

const isOfHub = ({ pk }: Key): boolean => pk.startsWith("T#");

/** 22 characters of a SHA-256 that stand for a text in a key. */
function shortDigest(text: string): string {
  return hash("sha256", text, "base64url").slice(0, 22);
}
