/** What requests ask of lists, in the form that `listSteps` works out: `{operation, item, …}`. */
import { isArray, isObject, own } from "../domain/json.ts";
import { ServiceError } from "../errors.ts";
import type { Json, JsonObject } from "../ports.ts";
import { MAX_ITEMS_AT_ONCE, MAX_PROPERTIES_AT_ONCE, checkSize } from "./limits.ts";
import { isAList } from "./property-plan.ts";
import { notActedOn } from "./operation-fields.ts";
import type { OwnList } from "./own-list.ts";

/** Whether a value of a POST asks for a list. */
export const asksForList = (value: Json): value is JsonObject => isObject(value) && own(value, "_type") === "list";

/** The items of a value that changes some of a list; undefined when it has not that form. */
export function batchOf(value: Json): readonly Json[] | undefined {
  const items = isObject(value) ? own(value, "items") : undefined;
  return items !== undefined && isArray(items) ? items : undefined;
}

/**
 * Makes a list of what asks for one; of one that is there it changes what is said of it.
 * @throws ServiceError request.invalid
 */
export function creation(value: JsonObject, held: OwnList | undefined): readonly JsonObject[] {
  if (own(value, "items") !== undefined) {
    const message = "A list is made without items; POST them to it once it is there.";
    throw new ServiceError("request.invalid", message, { field: "items" });
  }
  const words = wordsOf(value);
  if (held === undefined) return [{ operation: "metadata", description: "", explanation: "", ...words }];
  return Object.keys(words).length === 0 ? [] : [{ operation: "metadata", ...words }];
}

/** Changes what is said of a list. @throws ServiceError request.invalid when nothing is said */
export function metadataOf(value: Json | undefined): readonly JsonObject[] {
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
 * The updates of a batch, then its deletions, highest first: each names an item as it was before the batch. One at the
 * length appends. @throws ServiceError request.invalid, resource.not_found beyond the length
 */
export function batch(items: readonly Json[], list: OwnList): readonly JsonObject[] {
  if (items.length > MAX_PROPERTIES_AT_ONCE) {
    const most = String(MAX_PROPERTIES_AT_ONCE);
    throw new ServiceError("request.too_large", `One request changes at most ${most} items of a list.`);
  }
  const updates: JsonObject[] = [];
  const deletions: number[] = [];
  const seen = new Set<number>();
  let { count } = list.shape;
  for (const each of items) {
    const index = isObject(each) ? own(each, "index") : undefined;
    if (!isObject(each) || !isIndex(index) || seen.has(index)) {
      throw new ServiceError("request.invalid", "Each of the items is an object with an index of its own.", {
        field: "items",
      });
    }
    seen.add(index);
    const item = Object.fromEntries(Object.entries(each).filter(([key]) => key !== "index"));
    if (Object.keys(item).length === 0) deletions.push(index);
    else {
      updates.push(index === count ? { operation: "append", item } : { operation: "update", index, item });
      if (index === count) count += 1;
    }
  }
  if (deletions.some((index) => index >= list.shape.count)) throw noSuchItem();
  deletions.sort((one, other) => other - one);
  return [...updates, ...deletions.map((index) => ({ operation: "delete", index }))];
}

/** A PUT on a list, or below it; without a value it deletes. @throws ServiceError resource.conflict, resource.not_found */
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
  const index = indexOf(path);
  if (index === list.shape.count) return value === undefined ? [] : [{ operation: "append", item: value }];
  return [value === undefined ? { operation: "delete", index } : { operation: "update", index, item: value }];
}

/** A DELETE on a list, or of one item. @throws ServiceError resource.not_found */
export function deleting(path: readonly string[]): readonly JsonObject[] {
  return [path.length === 0 ? { operation: "delete_all" } : { operation: "delete", index: indexOf(path) }];
}

/** The key below a list that its metadata stands under. */
export const METADATA = "metadata";
/** The key below a list that takes operations. */
export const ITEMS = "items";

const ACTIONS: Readonly<Record<string, string>> = { add: "append", update: "update", delete: "delete" };

/** A POST to a list's `items`, in either of its forms. @throws ServiceError request.invalid, request.too_large */
export function operationOf(body: JsonObject): JsonObject {
  const action = own(body, "action");
  if ((batchOf(body)?.length ?? 0) > MAX_ITEMS_AT_ONCE) {
    const most = String(MAX_ITEMS_AT_ONCE);
    throw new ServiceError("request.too_large", `One request brings at most ${most} items into a list.`);
  }
  if (own(body, "operation") !== undefined || action === undefined) return body;
  if (typeof action !== "string" || !Object.hasOwn(ACTIONS, action)) {
    throw new ServiceError("request.invalid", "An action is add, update or delete.", { field: "action" });
  }
  const [item, index] = [own(body, "item_value"), own(body, "item_index")];
  checkSize(index, "item_index");
  if (action === "add" && (index ?? null) !== null) throw notActedOn("add", "item_index");
  return {
    operation: ACTIONS[action] ?? action,
    ...(item === undefined || action === "delete" ? {} : { item }),
    ...(index === undefined || action === "add" ? {} : { index }),
  };
}

/**
 * The index that a path below a list names, to get, put or delete its item.
 * @throws ServiceError resource.not_found when it names none, method.not_allowed when it names what takes other methods
 */
export function indexOf(path: readonly string[]): number {
  const [key = ""] = path;
  if (path.length === 1 && (key === METADATA || key === ITEMS)) {
    const Allow = key === ITEMS ? "POST" : "GET, HEAD, PUT";
    throw new ServiceError("method.not_allowed", `A list's ${key} take other methods.`, { headers: { Allow } });
  }
  const index = path.length === 1 && /^(0|[1-9]\d{0,15})$/.test(key) ? Number(key) : Number.NaN;
  if (!isIndex(index)) throw noSuchItem();
  return index;
}

const isIndex = (value: Json | undefined): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** The answer to an index, or a path, that leads to nothing in a list. */
export const noSuchItem = (): ServiceError => new ServiceError("resource.not_found", "The list has no such item.");
