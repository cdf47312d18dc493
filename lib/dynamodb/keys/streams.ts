/**
 * The keys of the receiving side. Every access pattern is documented where its key is built. Ids match
 * `[A-Za-z0-9._~-]`, so `#` separates safely.
 */
import type { StreamRef } from "../../domain/terms/refs.ts";
import type { Key } from "../table.ts";
import { actorOfKey, actorPartition, number16 } from "./partition.ts";

/**
 * The head of an outbound subscription. In-order callback: 2 conditional updates (lease, commit), 1 write unit each
 * while the item is below 1 KB, no index write. Listing: query by `outboundPrefix`.
 */
export const outboundHeadKey = ({ actorId, peerId, subscriptionId }: StreamRef): Key => ({
  pk: actorPartition(actorId),
  sk: `OUT#${peerId}#${subscriptionId}`,
});

/** Prefix of an actor's outbound heads; of one peer's when given. One query page per 1 MB (about 1 000 heads). */
export const outboundPrefix = (peerId?: string): string => (peerId === undefined ? "OUT#" : `OUT#${peerId}#`);

/**
 * Counts the changes of a peer's set of outbound subscriptions: incremented in the transaction that changes the set, read
 * before the ownership of places is recomputed, so that the newest recomputation wins. In the due index from that
 * transaction until the recomputation is done; deleted when the trust has ended and no head is left.
 */
export const ownershipKey = (actorId: string, peerId: string): Key => ({
  pk: actorPartition(actorId),
  sk: `${OWNERSHIP_PREFIX}${peerId}`,
});

const OWNERSHIP_PREFIX = "OWN#";

/** The peer's id in an ownership item's sort key; undefined when the key is another's. */
export function peerOfOwnershipKey(sk: string): string | undefined {
  return sk.startsWith(OWNERSHIP_PREFIX) ? sk.slice(OWNERSHIP_PREFIX.length) : undefined;
}

/**
 * The stream of a `CallbackProcessor` used on its own: a head without subscription, storage or hooks, never in the due
 * index. In order 2 conditional updates; put once on `itemMissing`. Listed by prefix when the peer's trust ends.
 */
export const standaloneStreamKey = ({ actorId, peerId, subscriptionId }: StreamRef): Key => ({
  pk: actorPartition(actorId),
  sk: `${standaloneStreamPrefix(peerId)}${subscriptionId}`,
});

/** Prefix of the standalone streams of one peer. */
export const standaloneStreamPrefix = (peerId: string): string => `SEQ#${peerId}#`;

/** True for the key of a standalone stream's head. */
export const isStandaloneStream = (key: Key): boolean => key.sk.startsWith("SEQ#");

/** The ids in an outbound head's or standalone stream's key; undefined when the key is another's. */
export function streamOfKey(key: Key): StreamRef | undefined {
  const [kind, peerId, subscriptionId] = key.sk.split("#");
  if ((kind !== "OUT" && kind !== "SEQ") || peerId === undefined || subscriptionId === undefined) return undefined;
  return { actorId: actorOfKey(key), peerId, subscriptionId };
}

/** The partition of a stream's buffered callbacks. Queried whole only for deletion. */
export const bufferPartition = (stream: Key): string => `Q#${actorOfKey(stream)}#${stream.sk}`;

/**
 * One buffered callback: put once (1 write of the body as sent), fetched and deleted in batches when the buffer is drained.
 * Keyed by epoch, so that a number of an earlier epoch is never taken for one of the current epoch.
 */
export const bufferedKey = (stream: Key, epoch: number, sequence: number): Key => ({
  pk: bufferPartition(stream),
  sk: `${number16(epoch)}#${number16(sequence)}`,
});

/** In a buffer's partition, sorts above the sort keys of all earlier epochs, and below those of this epoch. */
export const bufferEpoch = (epoch: number): string => number16(epoch);
