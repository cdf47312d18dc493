/** One of an actor's own properties, as it is stored. */
import { OWN_PREFIX, ownPropertyKey } from "../dynamodb/keys/publishing.ts";
import { equals, itemMissing } from "../dynamodb/table.ts";
import type { Condition, Item, Write } from "../dynamodb/table.ts";
import type { Clock, Json } from "../system/ports.ts";
import { ServiceError } from "../system/errors.ts";
import { propertyText } from "./limits.ts";
import { leftGeneration } from "./list-writes.ts";
import { isListItem, listBytes, listItem, readList } from "./own-list.ts";
import type { OwnList } from "./own-list.ts";

/** One stored property. */
export interface Property {
  readonly name: string;
  /** As JSON; of a list what stands for it among other properties: `{"_list": true, "count": …}`. */
  readonly text: string;
  /** Of the text; of a list what its items take as an array. */
  readonly bytes: number;
  /** The record of its last change. */
  readonly last: number;
  /** When it is a list. */
  readonly list?: OwnList;
}

/** The name in a stored property's key. */
export const nameOfItem = (item: Item): string => item.sk.slice(OWN_PREFIX.length);

/** What an item says; undefined when it has gone with a deletion of all, the last of which was the record `cleared`. */
export function readProperty(item: Item, cleared: number): Property | undefined {
  const last = Number(item["last"]);
  if (last <= cleared) return undefined;
  const name = nameOfItem(item);
  if (!isListItem(item)) return { name, text: String(item["text"]), bytes: Number(item["bytes"]), last };
  const list = readList(name, item);
  const text = JSON.stringify({ _list: true, count: list.shape.count });
  return { name, text, bytes: listBytes(list), last, list };
}

/** Stores a value, or takes the property away, on the condition that it is as read. `last` is the record of the change. */
export function valueWrite(
  actorId: string,
  name: string,
  value: Json | undefined,
  stored: Item | undefined,
  last: number,
): Write {
  const key = ownPropertyKey(actorId, name);
  const condition = unchanged(stored);
  if (value !== undefined) return { put: { ...key, ...propertyText(value), last }, condition };
  return { delete: key, condition };
}

/** The same for a list's head. */
export function listWrite(
  actorId: string,
  name: string,
  list: OwnList | undefined,
  stored: Item | undefined,
  last: number,
): Write {
  const key = ownPropertyKey(actorId, name);
  const condition = unchanged(stored);
  return list === undefined ? { delete: key, condition } : { put: listItem(key, list, last), condition };
}

/** What tells the sweep of a list's pages that has gone with a deletion of all, and whose head is about to go too. */
export function leftover(clock: Clock, actorId: string, stored: Item | undefined, cleared: number): readonly Item[] {
  if (stored === undefined || !isListItem(stored) || Number(stored["last"]) > cleared) return [];
  return [leftGeneration(clock, actorId, { name: nameOfItem(stored), generation: String(stored["generation"]) })];
}

/** Each change of a property is another record. */
const unchanged = (stored: Item | undefined): Condition =>
  stored === undefined ? itemMissing : equals("last", stored["last"] ?? 0);

/** The answer to what is not there, or not for this caller. */
export const noSuchProperty = (): ServiceError =>
  new ServiceError("resource.not_found", "There is no such property, or nothing at this path in it.");

/** The answer to an operation on a list whose name stands for a value. */
export const isAValue = (): ServiceError =>
  new ServiceError("resource.conflict", "There is a property of this name that is no list.");

/** The answer to a value for a name that stands for a list. */
export const isAList = (): ServiceError =>
  new ServiceError("resource.conflict", "There is a list of this name; its items have paths of their own.");
