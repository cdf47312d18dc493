/** Reads one operation on a list from a request, with the checks that need no list. */
import { own } from "../domain/json/json.ts";
import { readListOperation } from "../domain/diff/list-operations.ts";
import type { ListOperation } from "../domain/diff/list-operations.ts";
import { ServiceError } from "../system/errors.ts";
import type { JsonObject } from "../system/ports.ts";
import { checkItem, MAX_ITEMS_BYTES } from "./limits.ts";
import { demandActedOn, FIELDS } from "./operation-fields.ts";

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
  if (index === null || (Number.isSafeInteger(index) && Number(index) >= 0)) return;
  if (index === -1 && request["operation"] === "pop") return;
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
