import { covers, type Place } from "../../domain/terms/scope.ts";
import { PLACE_PREFIX, peerPartition, placeKey, placeSortKey, propertyRange } from "../../dynamodb/keys/replica.ts";
import { itemsOf, type Range } from "../../dynamodb/paging.ts";
import type { Item, Table } from "../../dynamodb/table.ts";
import type { PeerRef } from "../../domain/terms/refs.ts";
import { compact } from "../../system/compact.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import type { Clock } from "../../system/ports.ts";
import { fromItem, type ReplicaEntry } from "./replica-entry.ts";

/** How many places are written at the same time. */
export const WRITES_AT_ONCE = 16;
/** How many entries are read before the work on them begins. */
const GROUP = WRITES_AT_ONCE * 4;

/** What a subscription owns: the places inside its scope but those that other subscriptions own. */
export interface Owned {
  readonly scope: Place;
  readonly excludedScopes: readonly Place[];
}

/** The replica of one peer in the table, for reading. */
export interface ReplicaRef extends PeerRef {
  readonly table: Table;
}

/** The replica of one peer, for writing. */
export interface Replica extends ReplicaRef {
  readonly clock: Clock;
}

/** The entry of one place, tombstones included. One request. */
export async function readPlace(of: ReplicaRef, place: Place): Promise<ReplicaEntry | undefined> {
  const item = await of.table.get(placeKey(of.actorId, of.peerId, place));
  return item === undefined ? undefined : fromItem(item);
}

/** Items of a peer's partition, in the order of their keys. One request per megabyte. */
export const peerItems = (of: ReplicaRef, range: Omit<Range, "pk">): AsyncGenerator<Item> =>
  itemsOf(of.table, { ...range, pk: peerPartition(of.actorId, of.peerId) });

/** The sort keys between which everything inside a scope lies. */
export function rangeOf([name]: Place): Pick<Range, "prefix" | "until"> {
  return name === undefined ? { prefix: PLACE_PREFIX } : propertyRange(name);
}

/**
 * The entries inside a scope that the excluded scopes do not cover, tombstones included. One request per megabyte.
 *
 * @param only the attributes to read; all by default
 */
export async function* entriesIn(
  of: ReplicaRef,
  { scope, excludedScopes }: Owned,
  only?: readonly string[],
): AsyncGenerator<ReplicaEntry> {
  for await (const item of peerItems(of, compact({ ...rangeOf(scope), only }))) {
    const entry = fromItem(item);
    if (isOwned({ scope, excludedScopes }, entry.place)) yield entry;
  }
}

/** All of `entriesIn`, in a list. */
export async function placesIn(of: ReplicaRef, owned: Owned): Promise<ReplicaEntry[]> {
  const found: ReplicaEntry[] = [];
  for await (const entry of entriesIn(of, owned)) found.push(entry);
  return found;
}

/** True for a place inside the scope that no excluded scope covers. */
export function isOwned({ scope, excludedScopes }: Owned, place: Place): boolean {
  return covers(scope, place) && !excludedScopes.some((other) => covers(other, place));
}

/**
 * Works on entries while they are read, `WRITES_AT_ONCE` at a time.
 *
 * @param goesOn asked before each group of entries
 * @returns false when it ended early
 */
export async function eachEntry(
  entries: AsyncIterable<ReplicaEntry>,
  work: (entry: ReplicaEntry) => Promise<unknown>,
  goesOn: () => boolean = () => true,
): Promise<boolean> {
  let group: ReplicaEntry[] = [];
  for await (const entry of entries) {
    group.push(entry);
    if (group.length < GROUP) continue;
    if (!goesOn()) return false;
    await mapConcurrent(group, WRITES_AT_ONCE, work);
    group = [];
  }
  await mapConcurrent(group, WRITES_AT_ONCE, work);
  return true;
}

/** The sort key of a place, as the key of maps. */
export const keyOfPlace = (place: Place): string => placeSortKey(place);
