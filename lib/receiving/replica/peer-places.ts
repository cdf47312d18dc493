import { covers, samePlace } from "../../domain/terms/scope.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { PLACE_PREFIX, peerPartition, placeKey, placeSortKey, propertyRange } from "../../dynamodb/keys/replica.ts";
import type { Item, QueryRange, Table } from "../../dynamodb/table.ts";
import { fromItem } from "./replica-entry.ts";
import type { ReplicaEntry } from "./replica-entry.ts";

export interface PeerIds {
  readonly table: Table;
  readonly actorId: string;
  readonly peerId: string;
}

/** One place as stored, tombstones included. One request. */
export async function readPlace(ids: PeerIds, place: Place): Promise<ReplicaEntry | undefined> {
  const item = await ids.table.get(placeKey(ids.actorId, ids.peerId, place));
  return item === undefined ? undefined : fromItem(item);
}

/** Items of a peer's partition, in order, one request per megabyte. */
export async function* peerItems(ids: PeerIds, range: Omit<QueryRange, "pk">): AsyncGenerator<Item, void, undefined> {
  let after = range.after;
  for (;;) {
    const page = await ids.table.query({
      ...range,
      pk: peerPartition(ids.actorId, ids.peerId),
      ...(after === undefined ? {} : { after }),
    });
    yield* page.items;
    if (page.next === undefined) return;
    after = page.next;
  }
}

/** The sort keys among which everything inside a scope is. */
export function rangeOf([name]: Place): Pick<QueryRange, "prefix" | "until"> {
  return name === undefined ? { prefix: PLACE_PREFIX } : propertyRange(name);
}

/** Everything stored inside a scope that the excluded scopes do not cover, tombstones included. One request per megabyte. */
export async function placesIn(ids: PeerIds, scope: Place, excludedScopes: readonly Place[]): Promise<ReplicaEntry[]> {
  const found: ReplicaEntry[] = [];
  for await (const item of peerItems(ids, rangeOf(scope))) {
    const entry = fromItem(item);
    if (covers(scope, entry.place) && !excludedScopes.some((other) => covers(other, entry.place))) found.push(entry);
  }
  return found;
}

/** The place given by its sort key, for maps. */
export const keyOfPlace = (place: Place): string => placeSortKey(place);

/** Whether one of the places is this one. */
export const includesPlace = (places: readonly Place[], place: Place): boolean =>
  places.some((other) => samePlace(other, place));
