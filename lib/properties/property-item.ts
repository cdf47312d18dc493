/** One of an actor's own properties as it is stored. */
import { OWN_PREFIX } from "../dynamodb/keys/publishing.ts";
import type { Item, Key } from "../dynamodb/table.ts";
import type { Clock, Json } from "../system/ports.ts";
import { ServiceError } from "../system/errors.ts";
import { propertyText } from "./limits.ts";
import { leftGeneration } from "./list-writes.ts";
import { isListItem, listBytes, readList, type OwnList } from "./own-list.ts";

/** One stored property. */
export interface Property {
  readonly name: string;
  /**
   * The JSON text of the value; of a list the text that shows it among other properties: `{"_list": true, "count": …}`.
   */
  readonly text: string;
  /** The bytes of the text; of a list those of its items as an array. */
  readonly bytes: number;
  /** The record of its last change. */
  readonly last: number;
  /** The head, when the property is a list. */
  readonly list?: OwnList;
}

/** The name in a stored property's key. */
export const nameOfItem = (item: Item): string => item.sk.slice(OWN_PREFIX.length);

/** Reads a property; undefined when a deletion of all removed it. `cleared` is the record of the last such deletion. */
export function readProperty(item: Item, cleared: number): Property | undefined {
  const last = Number(item["last"]);
  if (last <= cleared) return undefined;
  const name = nameOfItem(item);
  if (!isListItem(item)) return { name, text: String(item["text"]), bytes: Number(item["bytes"]), last };
  const list = readList(name, item);
  const text = JSON.stringify({ _list: true, count: list.shape.count });
  return { name, text, bytes: listBytes(list), last, list };
}

/** The stored form of a value; `last` is the record of the change that writes it. */
export const valueItem = (key: Key, value: Json, last: number): Item => ({ ...key, ...propertyText(value), last });

/**
 * The due work for the pages of a list that a deletion of all removed and whose stored head is about to be replaced or
 * deleted. None when the item is no such list.
 */
export function leftover(clock: Clock, actorId: string, stored: Item | undefined, cleared: number): readonly Item[] {
  if (stored === undefined || !isListItem(stored) || Number(stored["last"]) > cleared) return [];
  return [leftGeneration(clock, actorId, { name: nameOfItem(stored), generation: String(stored["generation"]) })];
}

/** The error for what is not there, or not visible to the caller. */
export const noSuchProperty = (): ServiceError =>
  new ServiceError("resource.not_found", "There is no such property, or nothing at this path in it.");

/** The error for an operation on a list when the name is that of a value. */
export const isAValue = (): ServiceError =>
  new ServiceError("resource.conflict", "There is a property of this name that is no list.");

/** The error for a value when the name is that of a list. */
export const isAList = (): ServiceError =>
  new ServiceError("resource.conflict", "There is a list of this name; its items have paths of their own.");
