/** The keys of the replica of a peer: its places, the parts of big values, the pages of lists, and lists' garbage. */
import { hash } from "node:crypto";
import type { PeerRef } from "../../domain/terms/refs.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { actorPartition } from "./partition.ts";
import type { Key } from "../table.ts";

/** A control character: no readable segment contains one, so it separates segments and sorts before them all. */
const SEPARATOR = "\u0001";
/** Sorts after every part of a place, before every other name. */
const BEYOND_PARTS = "\u0002";
/** Sort keys hold at most 1 024 bytes. */
const MAX_NAME_BYTES = 256;
const MAX_PATH_BYTES = 600;

/** The partition of one actor's replica of one peer. Queried by prefix; whole only for deletion. */
export const peerPartition = (actorId: string, peerId: string): string => `P#${actorId}#${peerId}`;

/** Prefix of all places in a peer's partition. */
export const PLACE_PREFIX = "V#";

/**
 * One place: a property, a list's head, or a part owned by a narrower subscription. In order: one write, conditional on
 * the watermark (1 unit below 1 KB), after at most one read. A name that no property may have is stored as its digest.
 */
export const placeKey = (actorId: string, peerId: string, place: Place): Key => ({
  pk: peerPartition(actorId, peerId),
  sk: placeSortKey(place),
});

/** The sort key alone. `place` has at least one segment. */
export function placeSortKey(place: Place): string {
  const [name = "", ...path] = place;
  const head = isReadable(name) && Buffer.byteLength(name) <= MAX_NAME_BYTES ? name : `/${digest([name])}`;
  if (path.length === 0) return PLACE_PREFIX + head;
  const joined = path.join(SEPARATOR);
  const tail =
    path.every(isReadable) && Buffer.byteLength(joined) <= MAX_PATH_BYTES ? joined : SEPARATOR + digest(path);
  return PLACE_PREFIX + head + SEPARATOR + tail;
}

/** The sort keys of a property and all its parts: query with `prefix`, `until`. As `after`: the next property. */
export function propertyRange(name: string): { readonly prefix: string; readonly until: string } {
  const prefix = placeSortKey([name]);
  return { prefix, until: prefix + BEYOND_PARTS };
}

/**
 * The cursor of a listing of properties: the last property's name, or, for a name that no property may have, its digest. At
 * most 257 bytes.
 */
export const cursorOf = (name: string): string => placeSortKey([name]).slice(PLACE_PREFIX.length);

/** As `after` of a query with `PLACE_PREFIX`: continues behind the property of a cursor. */
export const beyondCursor = (cursor: string): string => PLACE_PREFIX + cursor + BEYOND_PARTS;

/** Whether a sort key is that of a property itself, not of a part of one. */
export const isPropertySortKey = (sortKey: string): boolean => !sortKey.includes(SEPARATOR);

/** The sort key of the property that a place's sort key belongs to. */
export const propertySortKeyOf = (sortKey: string): string => sortKey.split(SEPARATOR, 1)[0] ?? sortKey;

/**
 * One part of a value over 300 KB. Written before the place that names its version, without a condition: the version has a
 * digest of the content, so every writer of the key writes the same.
 */
export const valuePartKey = (of: PeerRef, place: Place, version: string, part: number): Key => ({
  pk: peerPartition(of.actorId, of.peerId),
  sk: `W#${digest(place)}#${version}#${String(part)}`,
});

/**
 * The partition of one generation of a list. Every item is written in a transaction with the list's head, or beforehand under
 * a key that nothing refers to yet.
 */
export const listPartition = ({ actorId, peerId }: PeerRef, place: Place, generation: string): string =>
  `L#${actorId}#${peerId}#${digest(place)}#${generation}`;

/** The partition of one generation of an actor's own list: no peer has an empty id. `generation` is unique among the actor's lists. */
export const ownListPartition = (actorId: string, generation: string): string => `L#${actorId}##${generation}`;

/** A page of a list (leaf or inner node): read by id, many at once. */
export const listPageKey = (partition: string, id: string): Key => ({ pk: partition, sk: `N#${id}` });

/** A part of an element that is too big for its leaf; read only with the element. */
export const listElementKey = (partition: string, id: string, part: number): Key => ({
  pk: partition,
  sk: `E#${id}#${String(part)}`,
});

/** A bucket of a list's value index: which leaves hold elements with a digest. All shards of a digest are one request. */
export const listBucketKey = (partition: string, bucket: string): Key => ({ pk: partition, sk: `X#${bucket}` });

/**
 * A generation that may be garbage: in the due index, so that the sweep deletes the pages that no head refers to. One small
 * write in the transaction that replaces the generation, or before the first page of a generation that is not linked yet.
 */
export const listGarbageKey = (actorId: string, partition: string): Key => ({
  pk: actorPartition(actorId),
  sk: `${LIST_GARBAGE_PREFIX}${partition}`,
});

/**
 * The pages that one wide change lays out in a generation that is in use: one put before, one update in the transaction that
 * links them; both on the condition that no outcome is noted yet, so that late copies do nothing.
 */
export const laidGarbageKey = (
  actorId: string,
  laid: { readonly partition: string; readonly change: string },
): Key => ({
  pk: actorPartition(actorId),
  sk: `${LIST_GARBAGE_PREFIX}${laid.partition}#${laid.change}`,
});

/** Prefix of an actor's list garbage. */
export const LIST_GARBAGE_PREFIX = "GC#";

function isReadable(segment: string): boolean {
  return segment !== "" && segment.isWellFormed() && !/[\p{Cc}/]/u.test(segment);
}

function digest(place: readonly string[]): string {
  return hash("sha256", JSON.stringify(place), "base64url").slice(0, 22);
}
