/**
 * The keys of the hub: an actor's WebSub topics and their subscriptions. A topic is named by its path below the actor's
 * root. Every access pattern is documented where its key is built.
 */
import { hash } from "node:crypto";
import type { Key } from "../table.ts";
import { actorOfKey } from "./partition.ts";

/** The partition of everything that an actor's hub stores. Queried by prefix; whole only for deletion. */
export const hubPartition = (actorId: string): string => `W#${actorId}`;

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

/** 22 characters of a SHA-256 that stand for a text in a key. */
function shortDigest(text: string): string {
  return hash("sha256", text, "base64url").slice(0, 22);
}
