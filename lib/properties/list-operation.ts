/** Reads one operation on a list from a request, with the checks that need no list. */
import { own } from "../domain/json/json.ts";
import { isIndex, readListOperation, type ListOperation } from "../domain/diff/list-operations.ts";
import { ServiceError } from "../system/errors.ts";
import type { JsonObject } from "../system/ports.ts";
import { checkItem, MAX_ITEMS_BYTES } from "./limits.ts";

/** The fields of a request that mean something; a caller's `length` does not. */
export const FIELDS = ["operation", "index", "item", "items", "old_item", "metadata", "description", "explanation"];

const ACTED_ON: Readonly<Record<string, readonly string[]>> = {
  append: ["item", "items"],
  extend: ["items", "item"],
  insert: ["index", "item"],
  update: ["index", "item", "old_item"],
  delete: ["index"],
  pop: ["index"],
  remove: ["item", "index"],
  clear: [],
  delete_all: [],
  metadata: ["metadata", "item", "description", "explanation"],
};

/** Where two fields can name the items, the operation acts on the first of the two. */
const ALTERNATIVES: Readonly<Record<string, readonly [string, string]>> = {
  append: ["items", "item"],
  extend: ["items", "item"],
  remove: ["item", "index"],
};

/** Whether a request has a field: null counts as absent. */
export const isGiven = (request: JsonObject, field: string): boolean => (own(request, field) ?? null) !== null;

/**
 * Refuses a field that the operation does not act on: `append` with an `index` would add the item elsewhere than the
 * client expects. Null counts as absent.
 * @throws ServiceError request.invalid with the field
 */
function demandActedOn(operation: string, request: JsonObject): void {
  const acted = Object.hasOwn(ACTED_ON, operation) ? ACTED_ON[operation] : undefined;
  if (acted === undefined) return;
  const given = FIELDS.filter((field) => field !== "operation" && isGiven(request, field));
  const [first = "", second = ""] = ALTERNATIVES[operation] ?? [];
  const both = given.includes(first) && given.includes(second) ? second : undefined;
  const field = given.find((name) => !acted.includes(name)) ?? both;
  if (field !== undefined) throw notActedOn(operation, field);
}

/** The error for a field that an operation would ignore. */
export const notActedOn = (operation: string, field: string): ServiceError =>
  new ServiceError("request.invalid", `The list operation ${operation} does not act on ${field} here; leave it out.`, {
    field,
  });

/**
 * The operation that a request asks of the list of that name.
 * @throws ServiceError request.invalid with the field, request.too_large
 */
export function readRequest(name: string, request: JsonObject): ListOperation {
  const fields = Object.entries(request).filter(([field]) => FIELDS.includes(field));
  const operation = readListOperation({ list: name, ...Object.fromEntries(fields) }, name);
  if (operation === undefined) {
    throw new ServiceError("request.invalid", "There is no such list operation.", { field: "operation" });
  }
  checkIndex(request);
  const { action } = operation;
  if (action.kind === "malformed") throw lacking(request);
  demandActedOn(String(request["operation"]), request);
  const items = action.kind === "append" ? action.items : "item" in action ? [action.item] : [];
  const bytes = items.reduce<number>((sum, item) => sum + checkItem(item), 0);
  if (bytes > MAX_ITEMS_BYTES) {
    throw new ServiceError("request.too_large", "This is more than one change can add to a list; make it in several.");
  }
  return operation;
}

/** A malformed index must not count as one that was left out. */
function checkIndex(request: JsonObject): void {
  const index = own(request, "index") ?? null;
  if (index === null || (index === -1 && request["operation"] === "pop") || isIndex(index)) return;
  throw new ServiceError("request.invalid", "An index is a whole number from 0 to 2^53 - 1.", { field: "index" });
}

/** The error for an operation that lacks what it needs. */
function lacking(request: JsonObject): ServiceError {
  const name = String(request["operation"]);
  const has = (field: string): boolean => own(request, field) !== undefined;
  const byIndex = name === "delete" || ((name === "insert" || name === "update") && has("item"));
  const field = name === "metadata" ? "description" : byIndex ? "index" : "item";
  return new ServiceError("request.invalid", `The list operation ${name} needs the field ${field}.`, { field });
}
