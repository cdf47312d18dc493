/** The keys of actors, trusts and permissions. Every access pattern is documented where its key is built. */
import { actorPartition } from "./partition.ts";
import type { Key } from "../table.ts";

/**
 * One actor's record. Read by key (½ to 1 read unit) before every request that needs it; put once on `itemMissing`;
 * in the due index while the actor is being deleted, so that the sweep finishes the deletion.
 */
export const actorKey = (actorId: string): Key => ({ pk: actorPartition(actorId), sk: ACTOR_SK });

/** The sort key of every actor's record. */
export const ACTOR_SK = "ACTOR";

/**
 * The wrong passphrases of one minute, which began at `window` (ms): how many there were, and how many from each address,
 * in one item, so that one conditional update keeps both limits. Written for each guess that has to be computed; a right guess
 * is subtracted again. Read only as the item that a refused update returns. Expires an hour after its window began (`ttl`);
 * the actor's record says which window counts (`guessedAt`), so a late expiry changes nothing.
 */
export const guessKey = (actorId: string, window: number): Key => ({
  pk: actorPartition(actorId),
  sk: `GUESS#${String(window).padStart(16, "0")}`,
});

/** One trust, by the peer's id. Read by key; written on conditions that name its secret; in the due index while ending or propagating. */
export const trustKey = (actorId: string, peerId: string): Key => ({
  pk: actorPartition(actorId),
  sk: `${TRUST_PREFIX}${peerId}`,
});

/** Prefix of an actor's trusts: one query page per 1 MB (about 1 000 trusts). */
export const TRUST_PREFIX = "TRUST#";

/** The peer's id in a trust's sort key; undefined when the key is another's. */
export function peerOfTrustKey(sk: string): string | undefined {
  return sk.startsWith(TRUST_PREFIX) ? sk.slice(TRUST_PREFIX.length) : undefined;
}

/**
 * Which peer a bearer belongs to, by the digest of its secret, where the path names no peer. Written and deleted in one
 * transaction with the trust; a hint only: the trust's own secret decides.
 */
export const secretKey = (actorId: string, secretDigest: string): Key => ({
  pk: actorPartition(actorId),
  sk: `SECRET#${secretDigest}`,
});

/**
 * What a peer granted us, by its last permission callback. Put on the version that was read, in one transaction with the check
 * of the trust; in the due index until its consequences are done. Read by a recovery's replacement.
 */
export const grantKey = (actorId: string, peerId: string): Key => ({
  pk: actorPartition(actorId),
  sk: `${GRANT_PREFIX}${peerId}`,
});

const GRANT_PREFIX = "GRANT#";

/** The peer's id in a grant's sort key; undefined when the key is another's. */
export function peerOfGrantKey(sk: string): string | undefined {
  return sk.startsWith(GRANT_PREFIX) ? sk.slice(GRANT_PREFIX.length) : undefined;
}

/** Marks stored data kept after its trust ended, so that deleting the actor still finds it. */
export const keptKey = (actorId: string, peerId: string): Key => ({
  pk: actorPartition(actorId),
  sk: `${KEPT_PREFIX}${peerId}`,
});

/** Prefix of an actor's marks of kept data. */
export const KEPT_PREFIX = "KEPT#";

/**
 * The time of the next read of a subscribing peer's capabilities. In the due index while the peer has subscriptions to us: one
 * update for each subscription that is made, one for each read; deleted with the trust.
 */
export const capabilityKey = (actorId: string, peerId: string): Key => ({
  pk: actorPartition(actorId),
  sk: `${CAPABILITY_PREFIX}${peerId}`,
});

const CAPABILITY_PREFIX = "CAP#";

/** The peer's id in a capability key's sort key; undefined when the key is another's. */
export function peerOfCapabilityKey(sk: string): string | undefined {
  return sk.startsWith(CAPABILITY_PREFIX) ? sk.slice(CAPABILITY_PREFIX.length) : undefined;
}
