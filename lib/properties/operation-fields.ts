/** The fields that list operations act on. */
import { own } from "../domain/json/json.ts";
import { ServiceError } from "../system/errors.ts";
import type { JsonObject } from "../system/ports.ts";

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
export function demandActedOn(operation: string, request: JsonObject): void {
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
