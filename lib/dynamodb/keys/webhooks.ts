/**
 * The keys of what a webhook leaves beside its own item, in the partition of the actor's listeners. Ids match
 * `[A-Za-z0-9._~-]`, so `#` separates safely.
 */
import type { Key } from "../table.ts";
import { actorOfKey, number16 } from "./partition.ts";

/** The partition of an actor's webhooks. Written when one is made, changed, or delivers; whole only for deletion. */
export const webhookPartition = (actorId: string): string => `W#${actorId}`;

/**
 * What its owner has said of a webhook, with its secrets, readable nowhere else. Put, updated and deleted on the version that was
 * read; read by key when the webhook delivers, together with its head. Listed by prefix. In the due index while the webhook ends.
 */
export const webhookKey = (actorId: string, webhookId: string): Key => ({
  pk: webhookPartition(actorId),
  sk: `${WEBHOOK_PREFIX}${webhookId}`,
});

/** Prefix of an actor's webhooks. */
export const WEBHOOK_PREFIX = "STATED#";

/** The webhook's id in the sort key of its item. */
export const webhookIdOf = ({ sk }: Pick<Key, "sk">): string => sk.slice(WEBHOOK_PREFIX.length);

/** The webhook that a key of its item names; undefined when the key is another's. */
export function webhookOfKey(key: Key): { readonly actorId: string; readonly id: string } | undefined {
  if (!key.pk.startsWith("W#") || !key.sk.startsWith(WEBHOOK_PREFIX)) return undefined;
  return { actorId: actorOfKey(key), id: webhookIdOf(key) };
}

/**
 * One attempt that was not taken, or the first that was taken after some, by the time when it began. Put once, and expires.
 * Queried by prefix, the newest first: one query.
 */
export const attemptKey = (
  actorId: string,
  webhookId: string,
  attempt: { readonly at: number; readonly position: string },
): Key => ({
  pk: webhookPartition(actorId),
  sk: `${attemptPrefix(webhookId)}${number16(attempt.at)}#${attempt.position}`,
});

/** Prefix of the attempts of one webhook. */
export const attemptPrefix = (webhookId: string): string => `TRY#${webhookId}#`;

/**
 * One task of an actor: put when it begins, updated with its progress in the writes that make it, and when it ends, from when on
 * it expires. Read by key.
 */
export const taskKey = (actorId: string, taskId: string): Key => ({
  pk: webhookPartition(actorId),
  sk: `TASK#${taskId}`,
});
