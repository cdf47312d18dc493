/** The names, sizes and depths that properties may have. */
import { printJson } from "../domain/json/json-text.ts";
import { isArray, isObject } from "../domain/json/json.ts";
import { isOwnName, OWN_NAME_RULE } from "../domain/terms/names.ts";
import type { Place } from "../domain/terms/scope.ts";
import { ServiceError } from "../system/errors.ts";
import type { Json } from "../system/ports.ts";

/** Most bytes of JSON text of one property. */
export const MAX_PROPERTY_BYTES = 256 * 1_024;
/** Most properties that one request changes: with the log's head and a record's parts they fit into one transaction. */
export const MAX_PROPERTIES_AT_ONCE = 90;
/** Most items that one request adds to a list: laying them out takes a few seconds. */
export const MAX_ITEMS_AT_ONCE = 10_000;
/**
 * Most levels of arrays and objects in a property: a callback around it stays within the 64 that peers like us parse.
 */
export const MAX_PROPERTY_DEPTH = 60;
/** Most levels of an item: in a poll it is two levels deeper than the value of a property. */
export const MAX_ITEM_DEPTH = 58;
/** Most bytes of JSON that one change adds to lists: with its records and pages they fit into one transaction. */
export const MAX_ITEMS_BYTES = 1_536 * 1_024;
/** Most bytes of a list's description, and of its explanation: each change of the list writes them again. */
export const MAX_WORDS_BYTES = 8 * 1_024;
/** Some publishers put this before a list's name in a diff, so receivers would cut it off a name. */
const LIST_PREFIX = "list:";

/** @throws ServiceError request.invalid when the text cannot be the name of a property of ours */
export function checkName(name: string): void {
  if (isOwnName(name) && !name.startsWith(LIST_PREFIX)) return;
  throw new ServiceError("request.invalid", `A property's name is ${OWN_NAME_RULE}, and does not begin with list:.`);
}

/** The place that a property's name and the rest of the path lead to. @throws ServiceError as `checkPlace` */
export function placeOfPath(name: string, path: string | undefined): Place {
  const place = path === undefined ? [name] : [name, ...path.replace(/\/$/, "").split("/")];
  checkPlace(place);
  return place;
}

/** @throws ServiceError request.invalid when the place cannot be in a property */
export function checkPlace(place: Place): void {
  const [name = "", ...keys] = place;
  checkName(name);
  if (keys.length >= MAX_PROPERTY_DEPTH) throw tooDeep(MAX_PROPERTY_DEPTH);
  if (keys.every(isOwnName)) return;
  throw new ServiceError(
    "request.invalid",
    `Each key in the path is ${OWN_NAME_RULE}, one slash between two. Other keys are changed through the value around them.`,
  );
}

/**
 * The bytes of JSON of a list's item. @throws ServiceError request.too_large, request.invalid when it nests too deep
 */
export function checkItem(value: Json): number {
  return propertyText(value, MAX_ITEM_DEPTH).bytes;
}

/** @throws ServiceError request.too_large for a text over `MAX_WORDS_BYTES` */
export function checkWords(words: { readonly description: string; readonly explanation: string }): void {
  for (const [field, text] of Object.entries(words)) {
    if (Buffer.byteLength(text) <= MAX_WORDS_BYTES) continue;
    const message = `A list's ${field} takes at most ${String(MAX_WORDS_BYTES)} bytes.`;
    throw new ServiceError("request.too_large", message, { field });
  }
}

/**
 * The JSON text of a property, and its length in bytes. @throws ServiceError request.too_large, request.invalid when it
 * nests too deep
 */
export function propertyText(
  value: Json,
  levels: number = MAX_PROPERTY_DEPTH,
): { readonly text: string; readonly bytes: number } {
  if (isDeeper(value, levels)) throw tooDeep(levels);
  const text = printJson(value);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_PROPERTY_BYTES) return { text, bytes };
  throw new ServiceError(
    "request.too_large",
    `A property, or an item, takes at most ${String(MAX_PROPERTY_BYTES)} bytes as JSON.`,
  );
}

function isDeeper(value: Json, levels: number): boolean {
  if (!isArray(value) && !isObject(value)) return false;
  return levels === 0 || Object.values(value).some((part: Json) => isDeeper(part, levels - 1));
}

const tooDeep = (levels: number): ServiceError =>
  new ServiceError("request.invalid", `It nests more than ${String(levels)} levels deep.`);
