/** Requests on lists as operations in the wire's form: `{operation, item, …}`. */
import { compact } from "../system/compact.ts";
import { isIndex } from "../domain/diff/list-operations.ts";
import { isArray, isObject, own } from "../domain/json/json.ts";
import { ServiceError } from "../system/errors.ts";
import type { Json, JsonObject } from "../system/ports.ts";
import { MAX_ITEMS_AT_ONCE } from "./limits.ts";
import type { MisfitError } from "./list-steps.ts";
import { FIELDS, isGiven, notActedOn } from "./list-operation.ts";
import type { OwnList } from "./own-list.ts";
import { isAList } from "./property-item.ts";

/** Whether a value of a POST asks for a list. */
export const asksForList = (value: Json): value is JsonObject => isObject(value) && own(value, "_type") === "list";

/**
 * A POST that asks for a list: makes the list, or changes the description and explanation of the existing one.
 * @throws ServiceError request.invalid
 */
export function creation(value: JsonObject, current: OwnList | undefined): readonly JsonObject[] {
  if (own(value, "items") !== undefined) {
    const message = "A list is made without items; POST them to it once it is there.";
    throw new ServiceError("request.invalid", message, { field: "items" });
  }
  const words = wordsOf(value);
  if (current === undefined) return [{ operation: "metadata", description: "", explanation: "", ...words }];
  return Object.keys(words).length === 0 ? [] : [{ operation: "metadata", ...words }];
}

/** Changes the description and explanation of a list. @throws ServiceError request.invalid when neither is given */
function metadataOf(value: Json | undefined): readonly JsonObject[] {
  const words = value !== undefined && isObject(value) ? wordsOf(value) : {};
  if (Object.keys(words).length === 0) {
    throw new ServiceError("request.invalid", "It must be an object with a description or an explanation.");
  }
  return [{ operation: "metadata", ...words }];
}

function wordsOf(value: JsonObject): JsonObject {
  const words = ["description", "explanation"].flatMap((field): [string, Json][] => {
    const text = own(value, field);
    if (text === undefined || text === null) return [];
    if (typeof text !== "string") throw new ServiceError("request.invalid", `A list's ${field} is text.`, { field });
    return [[field, text]];
  });
  return Object.fromEntries(words);
}

/**
 * A PUT on a list, or below it; without a value, a deletion.
 * @throws ServiceError resource.conflict, resource.not_found, request.invalid
 */
export function putting(list: OwnList, path: readonly string[], value: Json | undefined): readonly JsonObject[] {
  const [key] = path;
  if (key === undefined) {
    if (value !== undefined) throw isAList();
    return [{ operation: "delete_all" }];
  }
  if (path.length === 1 && key === METADATA) {
    const name = value !== undefined && isObject(value) ? (own(value, "name") ?? list.name) : list.name;
    if (name !== list.name) throw new ServiceError("request.invalid", "A list's name stays.", { field: "name" });
    return metadataOf(value);
  }
  return puttingItem(list, indexOf(path), value);
}

/** A PUT of one item; at the length of the list it appends. Without a value, a deletion. */
export function puttingItem(list: OwnList, index: number, value: Json | undefined): readonly JsonObject[] {
  if (index === list.shape.count) return value === undefined ? [] : [{ operation: "append", item: value }];
  return [value === undefined ? { operation: "delete", index } : { operation: "update", index, item: value }];
}

/**
 * A DELETE of a list, or of one of its items, which the path below the list, or else `item`, names.
 * @throws ServiceError resource.not_found, request.invalid
 */
export function deleting(path: readonly string[], item: string | null): readonly JsonObject[] {
  if (path.length === 0 && item === null) return [{ operation: "delete_all" }];
  return [{ operation: "delete", index: path.length === 0 ? indexFrom(item ?? "") : indexOf(path) }];
}

/** The key below a list that names its description and explanation. */
export const METADATA = "metadata";
/** The key below a list that takes operations. */
export const ITEMS = "items";

const ACTIONS: Readonly<Record<string, string>> = { add: "append", update: "update", delete: "delete" };
/** The fields that an action does not act on, and another action does. */
const UNUSED: Readonly<Record<string, readonly string[]>> = { add: ["item_index"], delete: ["item_value"] };
/** The operations that add items: the answer to them has the index of the first added item. */
const ADDING: readonly Json[] = ["append", "extend", "insert"];

/** A POST to a list's `items`, read. */
export interface ItemsRequest {
  /** In the wire's form of an operation. */
  readonly operation: JsonObject;
  /** Whether it adds items. */
  readonly adds: boolean;
  /** The error when the list has no such item. */
  readonly misfit: MisfitError;
}

/**
 * Reads a POST to a list's `items`, which names an `operation`, or an `action`. @throws ServiceError request.invalid,
 * request.too_large
 */
export function itemsRequest(body: JsonObject): ItemsRequest {
  const items = own(body, "items");
  if (items !== undefined && isArray(items) && items.length > MAX_ITEMS_AT_ONCE) {
    const most = String(MAX_ITEMS_AT_ONCE);
    const message = `One request adds at most ${most} items to a list.`;
    throw new ServiceError("request.too_large", message, { field: "items" });
  }
  const acts = !isGiven(body, "operation") && isGiven(body, "action");
  const operation = acts ? operationOfAction(body) : operationOf(body);
  return {
    operation,
    adds: ADDING.includes(own(operation, "operation") ?? null),
    misfit: ({ field, rows }) => misfitInBody(acts && field === "index" ? "item_index" : field, rows),
  };
}

/** The fields of a request that names an action; a request that names an operation has `FIELDS`. */
const ACTION_FIELDS = ["action", "item_value", "item_index"];

function operationOf(body: JsonObject): JsonObject {
  const name = own(body, "operation");
  const foreign = ACTION_FIELDS.find((field) => isGiven(body, field));
  if (typeof name === "string" && foreign !== undefined) throw notActedOn(name, foreign);
  return body;
}

function operationOfAction(body: JsonObject): JsonObject {
  const [action, item, index] = [own(body, "action"), own(body, "item_value"), own(body, "item_index")];
  if (typeof action !== "string" || !Object.hasOwn(ACTIONS, action)) {
    throw new ServiceError("request.invalid", "An action is add, update or delete.", { field: "action" });
  }
  if (item === undefined && action !== "delete") {
    throw new ServiceError("request.invalid", `The action ${action} needs an item_value.`, { field: "item_value" });
  }
  const foreign = [...FIELDS, ...(UNUSED[action] ?? [])].find((field) => isGiven(body, field));
  if (foreign !== undefined) throw notActedOn(action, foreign);
  if (!isIndex(index) && action !== "add") {
    const message = `The action ${action} needs an item_index, a whole number from 0 to 2^53 - 1.`;
    throw new ServiceError("request.invalid", message, { field: "item_index" });
  }
  return compact({
    operation: ACTIONS[action] ?? action,
    item: action === "delete" ? undefined : item,
    index: action === "add" ? undefined : index,
  });
}

function misfitInBody(field: string, rows: number): ServiceError {
  const message =
    rows > 1
      ? `Several items equal ${field}: name one by its index alone.`
      : `The list has no item that ${field} names.`;
  return new ServiceError("request.invalid", message, { field });
}

/**
 * The index in a path below a list, for a GET, PUT or DELETE of the item.
 * @throws ServiceError request.invalid when the path is no index, resource.not_found when it leads below an item,
 *   method.not_allowed for `metadata` and `items`, which take other methods
 */
export function indexOf(path: readonly string[]): number {
  const [key = ""] = path;
  if (path.length !== 1) throw noSuchItem();
  if (key === METADATA || key === ITEMS) {
    const Allow = key === ITEMS ? "GET, HEAD, POST" : "GET, HEAD, PUT";
    throw new ServiceError("method.not_allowed", `A list's ${key} take other methods.`, { headers: { Allow } });
  }
  return indexFrom(key);
}

/** Reads an index. @throws ServiceError request.invalid */
export function indexFrom(text: string): number {
  const index = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (isIndex(index)) return index;
  const message = "The index of an item is a whole number from 0 to 2^53 - 1.";
  throw new ServiceError("request.invalid", message, { field: "index" });
}

/** The error for an index, or a path, that leads to nothing in a list. */
export const noSuchItem = (): ServiceError => new ServiceError("resource.not_found", "The list has no such item.");
