/**
 * Decides the effect of a request on an actor's properties, from the stored ones. Pure: nothing is read or written
 * here.
 */
import { recordDelete, recordSet, type RecordedChange } from "../domain/diff/change-record.ts";
import { parseText } from "../domain/json/json-text.ts";
import type { Place } from "../domain/terms/scope.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import type { Json, JsonObject } from "../system/ports.ts";
import { batch, batchOf, noListForBatch } from "./list-batch.ts";
import { asksForList, creation, deleting, indexFrom, putting, puttingItem } from "./list-requests.ts";
import type { MisfitError } from "./list-steps.ts";
import type { OwnList } from "./own-list.ts";
import type { Permit } from "./permit.ts";
import { isAValue, noSuchProperty, type Property } from "./property-item.ts";

/** A change of one value. */
export interface ValueChange extends RecordedChange {
  readonly name: string;
}

/** Operations on one list, in the wire's form: `{operation, item, …}`. Where there is no list, they make one. */
export interface ListRequests {
  readonly name: string;
  readonly requests: readonly JsonObject[];
  /** The error when the list has no such item, as for `listSteps`. */
  readonly misfit?: MisfitError;
  /** Whether the item that a single request removes is returned. */
  readonly returnsRemoved?: boolean;
}

/** What happens to one property. A change makes at most one decision for each name. */
export type DecidedChange = ValueChange | ListRequests;

/** The stored properties among those that a change names. */
export type StoredProperties = ReadonlyMap<string, Property>;

/** Decides a change. Called again with the properties stored then, each time another writer came first. */
export type DecideChanges = (stored: StoredProperties) => readonly DecidedChange[];

/** A place, and with `item` the index of a list's item as a query names it. A property that is no list has no items. */
export interface Target {
  readonly place: Place;
  readonly item: string | null;
}

/**
 * Sets a place of a property, or deletes it when the value is undefined. In a list a place is an index, or `metadata`.
 * @throws ServiceError auth.forbidden, resource.conflict for a path through a value that is no object or for a value in
 *   the place of a list, resource.not_found beyond the end of a list, request.invalid for what is no index in it
 */
export function decidePut(
  permit: Permit,
  stored: StoredProperties,
  { place, item }: Target,
  value: Json | undefined,
): readonly DecidedChange[] {
  const name = nameOf(place);
  const property = stored.get(name);
  if (property?.list !== undefined) {
    const { list } = property;
    if (place.length > 1) permit.demandWrite([name]);
    const requests = item === null ? putting(list, place.slice(1), value) : puttingItem(list, indexFrom(item), value);
    return [permitted(permit, list, requests)];
  }
  if (item !== null) throw property === undefined ? noSuchProperty() : isAValue();
  const before = valueOf(property);
  if (takesAway(value)) permit.demandDelete(place);
  const made = recordSet(before, place, value ?? null);
  if (made === "blocked") {
    throw new ServiceError("resource.conflict", "The path leads through a value that is no object.");
  }
  if (takesAway(value)) permit.demandDeleteBelow(place, before);
  else permit.demandWriteBelow(place, before, value);
  if (value !== undefined) return [{ name, ...made }];
  const removed = recordDelete(before, place);
  return removed === "missing" ? [] : [{ name, ...removed }];
}

/** Sets a property, deletes it (`""`), makes a list, or changes items of one. @throws ServiceError as `decidePut` */
export function decidePost(
  permit: Permit,
  stored: StoredProperties,
  name: string,
  value: Json,
): readonly DecidedChange[] {
  const property = stored.get(name);
  const list = property?.list;
  if (asksForList(value)) {
    if (property !== undefined && list === undefined) throw isAValue();
    return [{ name, requests: creation(value, list) }];
  }
  const entries = batchOf(value);
  if (entries !== undefined) {
    if (list === undefined) throw noListForBatch(name);
    return [permitted(permit, list, batch(entries, list))];
  }
  return decidePut(permit, stored, { place: [name], item: null }, value === "" ? undefined : value);
}

/**
 * Deletes a place; a property that is not there is deleted already.
 * @throws ServiceError auth.forbidden, resource.not_found for a place below a property, resource.conflict when an item
 *   is to be deleted of what is no list
 */
export function decideDelete(
  permit: Permit,
  stored: StoredProperties,
  { place, item }: Target,
): readonly DecidedChange[] {
  const name = nameOf(place);
  const property = stored.get(name);
  if (property?.list !== undefined) {
    if (place.length > 1) permit.demandWrite([name]);
    return [permitted(permit, property.list, deleting(place.slice(1), item))];
  }
  if (item === null) permit.demandDelete(place);
  if (property === undefined) return [];
  if (item !== null) throw isAValue();
  const before = valueOf(property);
  const removed = recordDelete(before, place);
  if (removed === "missing") throw noSuchProperty();
  permit.demandDeleteBelow(place, before);
  return [{ name, ...removed }];
}

/** Operates on a list. @throws ServiceError auth.forbidden, resource.not_found, resource.conflict when it is no list */
export function decideOperations(
  permit: Permit,
  property: Property | undefined,
  requests: (list: OwnList) => readonly JsonObject[],
  misfit?: MisfitError,
): readonly DecidedChange[] {
  if (property === undefined) throw noSuchProperty();
  if (property.list === undefined) throw isAValue();
  return [permitted(permit, property.list, requests(property.list), misfit)];
}

/** The requests, when the caller may make each of them. */
function permitted(
  permit: Permit,
  { name }: OwnList,
  requests: readonly JsonObject[],
  misfit?: MisfitError,
): ListRequests {
  for (const { operation } of requests) {
    if (operation === "delete_all") permit.demandDelete([name]);
    else permit.demandWrite([name]);
  }
  return compact({ name, requests, misfit });
}

/** True when setting the value needs the right to delete: undefined, an empty text, and null. */
export const takesAway = (value: Json | undefined): boolean => value === undefined || value === null || value === "";

/** The name of the property that a place is in. */
export const nameOf = (place: Place): string => place[0] ?? "";

const valueOf = (property: Property | undefined): Json | undefined =>
  property === undefined ? undefined : (parseText(property.text) as Json);
