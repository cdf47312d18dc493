/** Operations on list properties: reading them from a diff, and what they do to a sequence. */
import { compact } from "../../system/compact.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import { sameJson } from "../json/canonical-json.ts";
import { isObject, own } from "../json/json.ts";

/** The operations on a list that a diff can carry. */
export const LIST_OPERATIONS = [
  "append",
  "insert",
  "update",
  "delete",
  "pop",
  "extend",
  "clear",
  "remove",
  "delete_all",
  "metadata",
] as const;

/** An operation as it was read. `malformed`: a known operation lacks a field that it needs. */
export type ListAction =
  | { readonly kind: "append"; readonly items: readonly Json[] }
  | { readonly kind: "insert"; readonly index: number; readonly item: Json }
  | { readonly kind: "update"; readonly item: Json; readonly oldItem?: Json; readonly index?: number }
  | { readonly kind: "delete"; readonly index: number }
  | { readonly kind: "pop"; readonly index?: number }
  | { readonly kind: "remove"; readonly item: Json }
  | { readonly kind: "clear" | "delete_all" | "malformed" }
  | { readonly kind: "metadata"; readonly description?: string; readonly explanation?: string };

/** An operation on one list. */
export interface ListOperation {
  /** The name of the list, without a `list:` prefix. */
  readonly list: string;
  readonly action: ListAction;
  /** The length of the publisher's list after the operation. */
  readonly length?: number;
}

/**
 * An operation as an edit of a sequence of known length. `inapplicable`: nothing changes, and the list is read again.
 */
export type ListEdit =
  | { readonly kind: "splice"; readonly start: number; readonly remove: 0 | 1; readonly insert: readonly Json[] }
  | { readonly kind: "clear" | "delete_all" | "inapplicable" }
  | { readonly kind: "metadata"; readonly description?: string; readonly explanation?: string };

/** The rows that equal a value: the index of one of them, and their number (2 stands for more than one). */
export interface Matches {
  readonly first?: number;
  readonly count: number;
}

const KNOWN: ReadonlySet<string> = new Set(LIST_OPERATIONS);

/** The name of a list without the `list:` prefix that some publishers put before it. */
export function listName(name: string): string {
  return name.startsWith("list:") && name.length > 5 ? name.slice(5) : name;
}

/**
 * Reads a list operation: an object with `list` and a known `operation`, whatever its key in the diff. Undefined for
 * every other value. Fields of a wrong type make the operation malformed, never an error.
 */
export function readListOperation(value: Json, key: string): ListOperation | undefined {
  if (!isObject(value)) return undefined;
  const list = own(value, "list");
  const operation = own(value, "operation");
  if (list === undefined || typeof operation !== "string" || !KNOWN.has(operation)) return undefined;
  const length = own(value, "length");
  return compact({
    list: listName(typeof list === "string" && list !== "" ? list : key),
    action: readAction(operation as (typeof LIST_OPERATIONS)[number], value),
    length: isIndex(length) ? length : undefined,
  });
}

const MALFORMED: ListAction = { kind: "malformed" };

function readAction(operation: (typeof LIST_OPERATIONS)[number], fields: JsonObject): ListAction {
  const item = own(fields, "item");
  const items = own(fields, "items");
  const index = own(fields, "index");
  const oldItem = own(fields, "old_item");
  switch (operation) {
    case "append":
    case "extend":
      if (Array.isArray(items)) return { kind: "append", items };
      return item === undefined ? MALFORMED : { kind: "append", items: [item] };
    case "insert":
      return item === undefined || !isIndex(index) ? MALFORMED : { kind: "insert", index, item };
    case "update":
      if (item === undefined || (oldItem === undefined && !isIndex(index))) return MALFORMED;
      return compact({ kind: "update", item, oldItem, index: isIndex(index) ? index : undefined });
    case "delete":
      return isIndex(index) ? { kind: "delete", index } : MALFORMED;
    case "pop":
      if (index === undefined || index === null || index === -1) return { kind: "pop" };
      return isIndex(index) ? { kind: "pop", index } : MALFORMED;
    case "remove":
      if (item !== undefined) return { kind: "remove", item };
      return isIndex(index) ? { kind: "delete", index } : MALFORMED;
    case "metadata":
      return readMetadata(fields, item);
    case "clear":
    case "delete_all":
      return { kind: operation };
  }
}

/** Description and explanation are beside the operation, or together under `metadata` or `item`. */
function readMetadata(fields: JsonObject, item: Json | undefined): ListAction {
  const inner = own(fields, "metadata");
  const places = [fields, ...[inner, item].filter((place) => isObject(place))];
  const find = (name: string): string | undefined => {
    const found = places.map((place) => own(place, name)).find((value) => typeof value === "string");
    return typeof found === "string" ? found : undefined;
  };
  const description = find("description");
  const explanation = find("explanation");
  if (description === undefined && explanation === undefined) return MALFORMED;
  return compact({ kind: "metadata", description, explanation });
}

/** Whether a value is an index: a whole number from 0 to 2^53 − 1. */
export function isIndex(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The value whose rows must be found before the operation can become an edit; undefined when there is none. */
export function valueToFind(operation: ListOperation): Json | undefined {
  if (operation.action.kind === "update") return operation.action.oldItem;
  return operation.action.kind === "remove" ? operation.action.item : undefined;
}

/**
 * The edit that an operation makes on a list of `count` items, where `matches` are the rows that equal `valueToFind`.
 * When the publisher states a length and ours would differ, the lists have diverged: the operation is inapplicable.
 */
export function editFor(operation: ListOperation, count: number, matches: Matches = { count: 0 }): ListEdit {
  const edit = plainEdit(operation.action, count, matches);
  const after = lengthAfter(edit, count);
  if (after !== undefined && operation.length !== undefined && operation.length !== after) return INAPPLICABLE;
  return edit;
}

const INAPPLICABLE: ListEdit = { kind: "inapplicable" };

function plainEdit(action: ListAction, count: number, matches: Matches): ListEdit {
  switch (action.kind) {
    case "append":
      return { kind: "splice", start: count, remove: 0, insert: action.items };
    case "insert":
      return action.index <= count
        ? { kind: "splice", start: action.index, remove: 0, insert: [action.item] }
        : INAPPLICABLE;
    case "update":
      return removeAt(matches.count === 1 ? matches.first : action.index, count, [action.item]);
    case "delete":
      return removeAt(action.index, count, []);
    case "pop":
      return removeAt(action.index ?? count - 1, count, []);
    case "remove":
      // The publisher may have removed any of several equal rows.
      return removeAt(matches.count === 1 ? matches.first : undefined, count, []);
    case "clear":
    case "delete_all":
      return { kind: action.kind };
    case "metadata":
      return action;
    case "malformed":
      return INAPPLICABLE;
  }
}

function removeAt(start: number | undefined, count: number, insert: readonly Json[]): ListEdit {
  if (start === undefined || start < 0 || start >= count) return INAPPLICABLE;
  return { kind: "splice", start, remove: 1, insert };
}

function lengthAfter(edit: ListEdit, count: number): number | undefined {
  switch (edit.kind) {
    case "splice":
      return count - edit.remove + edit.insert.length;
    case "clear":
      return 0;
    case "metadata":
      return count;
    case "delete_all":
    case "inapplicable":
      return undefined;
  }
}

/**
 * Applies an operation to a plain array, which is not changed; the reference for how lists behave. After `delete_all`
 * there is no list: `items` is undefined.
 */
export function applyToArray(
  items: readonly Json[],
  operation: ListOperation,
): { readonly items: readonly Json[] | undefined } | "inapplicable" {
  const sought = valueToFind(operation);
  const rows = sought === undefined ? [] : items.flatMap((item, index) => (sameJson(item, sought) ? [index] : []));
  const [first] = rows;
  const edit = editFor(operation, items.length, compact({ count: rows.length, first }));
  switch (edit.kind) {
    case "splice":
      return { items: items.toSpliced(edit.start, edit.remove, ...edit.insert) };
    case "clear":
      return { items: [] };
    case "delete_all":
      return { items: undefined };
    case "metadata":
      return { items };
    case "inapplicable":
      return "inapplicable";
  }
}
