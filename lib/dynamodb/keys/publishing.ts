/** The keys of the publishing side: an actor's change log and its own properties. Each access pattern is documented here. */
import { bucketOf } from "../../domain/log/buckets.ts";
import type { InboundRef } from "../../domain/terms/refs.ts";
import { actorPartition, number16 } from "./partition.ts";
import type { Key } from "../table.ts";

/** The sort key of every change log's head. */
export const LOG_SK = "LOG";

/**
 * The head of an actor's change log: `newest`, the number of its last record, and `cleared`, that of the last one that
 * deleted all properties; `subscribers`, how many inbound heads there are, and `buckets`, how many in each bucket; `suspended`,
 * the suspended places as JSON text; `deletedUpTo`, up to which the records are deleted, or are to be; `rules`, what relationships allowed when that was recorded last. Every
 * change is one transaction that moves it on the condition that `newest` is as read, which makes it the one item all
 * writers of an actor meet at, alone in its partition. In the due index while there is maintenance to do: heads to move, callbacks to send, records or
 * deleted properties to remove.
 */
export const logHeadKey = (actorId: string): Key => ({ pk: `H#${actorId}`, sk: LOG_SK });

/** The partition of an actor's log records. Queried by a range of numbers; whole only for deletion. */
export const recordPartition = (actorId: string): string => `R#${actorId}`;

/**
 * One part of a record, 0 the first. Put once, on `itemMissing`, in the transaction of its change; expires (`ttl`). The parts
 * of a record follow one another, so a range of numbers is one query for each MB.
 */
export const logRecordKey = (actorId: string, recordNumber: number, part = 0): Key => ({
  pk: recordPartition(actorId),
  sk: part === 0 ? number16(recordNumber) : `${number16(recordNumber)}#${String(part)}`,
});

/** Above every part of this record in sort order, and below the next record. */
export const endOfRecord = (recordNumber: number): string => `${number16(recordNumber)}#~`;

/** The partition of an actor's own properties. Queried by prefix `V#` for all of them: one page for each MB. */
export const ownPartition = (actorId: string): string => `O#${actorId}`;

/** Prefix of the properties' sort keys. */
export const OWN_PREFIX = "V#";

/**
 * One property of an actor: its JSON text, its bytes, and `last`, the number of the record of its last change. Read by
 * key together with the log's head (one request); put or deleted in the transaction of a change, on `last` as read.
 */
export const ownPropertyKey = (actorId: string, name: string): Key => ({
  pk: ownPartition(actorId),
  sk: `${OWN_PREFIX}${name}`,
});

/**
 * The partition of one bucket of inbound heads, at most 100 of them (see `domain/log/buckets.ts`). Queried whole where many of
 * its heads are needed: one page for each MB.
 */
export const bucketPartition = (actorId: string, bucket: number): string => `B#${actorId}#${String(bucket)}`;

/**
 * The head of an inbound subscription, in the bucket that its id names. Made and deleted in one transaction with its markers,
 * the log's head and a record that names the peer's subscriptions; moved by updates conditional on `version`, delivered by the
 * holder of its lease. In the due index while its peer refuses it, until the next try: the same write notes the refusal and
 * when that is.
 */
export const inboundHeadKey = ({ actorId, peerId, id }: InboundRef): Key => ({
  pk: bucketPartition(actorId, bucketOf(id)),
  sk: `IN#${peerId}#${id}`,
});

/** The ids in an inbound head's sort key; undefined when the key is another's. */
export function inboundOfKey(sk: string): { readonly peerId: string; readonly id: string } | undefined {
  const [kind, peerId, id] = sk.split("#");
  return kind !== "IN" || peerId === undefined || id === undefined ? undefined : { peerId, id };
}

/** The heads of one bucket, and up to which record of the log their numbers are to be delivered. */
export interface Slice {
  readonly actorId: string;
  readonly bucket: number;
  readonly upTo: number;
}

/** Names a slice in a delayed message. There is no such item: the log's head is due until all its slices are delivered. */
export const sliceKey = ({ actorId, bucket, upTo }: Slice): Key => ({
  pk: bucketPartition(actorId, bucket),
  sk: `SLICE#${String(upTo)}`,
});

/** The slice that a key names; undefined when the key is another's. */
export function sliceOfKey({ pk, sk }: Key): Slice | undefined {
  const [letter, actorId, bucket] = pk.split("#");
  const [kind, upTo] = sk.split("#");
  if (letter !== "B" || kind !== "SLICE" || actorId === undefined) return undefined;
  return { actorId, bucket: Number(bucket), upTo: Number(upTo) };
}

/**
 * An inbound subscription that the owner has ended and whose peer was not notified: a poll of the peer is answered with 410.
 * Put in the transaction that deletes the head, deleted once the peer was notified, and expires. Read by key where a poll finds
 * no head; queried by `unnotifiedEndPrefix` when the peer's trust ends.
 */
export const unnotifiedEndKey = ({ actorId, peerId, id }: InboundRef): Key => ({
  pk: actorPartition(actorId),
  sk: `${unnotifiedEndPrefix(peerId)}${id}`,
});

/** Prefix of the unnotified ends of one peer's subscriptions. */
export const unnotifiedEndPrefix = (peerId: string): string => `END#${peerId}#`;

/**
 * What one caller published under a key: put in the transaction of the events, on `itemMissing` or on its expiry, and read with
 * the log's head. Expires after a day (`ttl`). `digest` names the caller and the key.
 */
export const publicationKey = (actorId: string, digest: string): Key => ({
  pk: actorPartition(actorId),
  sk: `PUBLISHED#${digest}`,
});

/** Separates the parts of a scope marker's key: no target or name contains it. */
const SCOPE_SEPARATOR = "\u0001";

/**
 * The partition of an actor's markers, written only when subscriptions come, change and go: which inbound subscriptions there
 * are for a target or a part of it, and which one peer has.
 */
export const scopePartition = (actorId: string): string => `S#${actorId}`;

/**
 * Prefix of the markers of one target (`scopePrefix(t)`), or only of its subscriptions with that subtarget (`""`: of
 * those without one). A change queries those without a subtarget and those of the names that it touches, one query each.
 */
export const scopePrefix = (target: string, subtarget?: string): string =>
  target + SCOPE_SEPARATOR + (subtarget === undefined ? "" : subtarget + SCOPE_SEPARATOR);

/** The marker of one inbound subscription, written in the transactions that make, change and delete its head. */
export const scopeKey = (head: InboundRef & { readonly target: string; readonly subtarget?: string }): Key => ({
  pk: scopePartition(head.actorId),
  sk: `${scopePrefix(head.target, head.subtarget ?? "")}${head.peerId}#${head.id}`,
});

/**
 * The marker of one peer: all its inbound subscriptions as JSON text, in order of creation. Put in the transactions that make,
 * change and end one of them, and deleted with the last. Read by key; the peers are queried by `PEER_MARKER_PREFIX`.
 */
export const peerMarkerKey = (actorId: string, peerId: string): Key => ({
  pk: scopePartition(actorId),
  sk: `${PEER_MARKER_PREFIX}${peerId}`,
});

/** Prefix of the markers of peers: no target begins with it. */
export const PEER_MARKER_PREFIX = SCOPE_SEPARATOR;

/** The peer's id in the sort key of its marker. */
export const peerOfMarker = ({ sk }: Pick<Key, "sk">): string => sk.slice(PEER_MARKER_PREFIX.length);

const BREAKER_PREFIX = "BRK#";

/**
 * Due work for a peer whose breaker is open, whose missed callbacks are being replayed, or that asked for a pause. The peer's
 * trust says what to do. Put in one transaction with the trust when that state begins, and deleted when it ends.
 */
export const breakerKey = (actorId: string, peerId: string): Key => ({
  pk: actorPartition(actorId),
  sk: `${BREAKER_PREFIX}${peerId}`,
});

/** The peer's id in a breaker's sort key; undefined when the key is another's. */
export const peerOfBreakerKey = (sk: string): string | undefined =>
  sk.startsWith(BREAKER_PREFIX) ? sk.slice(BREAKER_PREFIX.length) : undefined;
