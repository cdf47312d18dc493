/** What callers ask of a list, worked out against the list as it is: steps on its tree, and what the log says of them. */
import { recordList } from "../domain/change-record.ts";
import type { ListChange } from "../domain/change-record.ts";
import { splitExtend } from "../domain/diff-limits.ts";
import { editFor, readListOperation, valueToFind } from "../domain/list-operations.ts";
import type { ListAction, ListEdit, ListOperation } from "../domain/list-operations.ts";
import type { Table } from "../dynamodb/table.ts";
import { ServiceError } from "../errors.ts";
import type { Path } from "../peer-data/list-edit.ts";
import { findRows } from "../peer-data/list-index.ts";
import type { Row } from "../peer-data/list-index.ts";
import { digestOf } from "../peer-data/list-pages.ts";
import type { PageReader } from "../peer-data/list-pages.ts";
import type { Json, JsonObject } from "../ports.ts";
import { MAX_ITEMS_BYTES, checkItem, checkSize, checkWords } from "./limits.ts";
import { FIELDS, demandActedOn } from "./operation-fields.ts";
import type { ListWords, OwnList } from "./own-list.ts";

/** One step on a list; the indices of a splice are those after the steps before it. */
export type ListStep =
  | {
      readonly do: "splice";
      readonly start: number;
      readonly remove: 0 | 1;
      readonly insert: readonly Json[];
      /** The way to `start`, when it has been found already. */
      readonly path?: Path;
    }
  | { readonly do: "clear" }
  | { readonly do: "drop" }
  | { readonly do: "words"; readonly words: ListWords };

export interface ListSteps {
  readonly steps: readonly ListStep[];
  /** What the log tells, in order. None: nothing changes. */
  readonly changes: readonly ListChange[];
  /** Of the first item that the last request added, changed or took away; null when there is none such. */
  readonly index: number | null;
  /** How many items there are afterwards. */
  readonly count: number;
}

/**
 * Works out requests, each in the wire's form of an operation (`{operation, item, …}`, without `list` and `length`),
 * one after another. Only the first may look for a value.
 *
 * @throws ServiceError request.invalid, request.too_large, resource.not_found when no item is at the index or equals the
 *   value, resource.conflict when several do and none is named by its index
 */
export async function listSteps(
  table: Table,
  pages: PageReader,
  list: OwnList,
  requests: readonly JsonObject[],
): Promise<ListSteps> {
  const steps: ListStep[] = [];
  const changes: ListChange[] = [];
  let index: number | null = null;
  let { count } = list.shape;
  for (const request of requests) {
    const operation = parsed(list.name, request);
    const sought = valueToFind(operation);
    const rows = sought === undefined ? [] : await rowsOf(table, pages, list, operation, sought);
    const [first] = rows;
    const edit = editFor(operation, count, {
      count: rows.length,
      ...(first === undefined ? {} : { first: first.index }),
    });
    const step = stepOf(edit, list, rows);
    if (step === undefined) continue;
    steps.push(step);
    for (const told of toldOf(operation.action, step, String(request["operation"]))) {
      count = lengthAfter(step, count, told);
      changes.push(recordList(list.name, told, count));
    }
    index = step.do === "splice" ? step.start : null;
  }
  return { steps, changes, index, count };
}

function parsed(name: string, request: JsonObject): ListOperation {
  const fields = Object.entries(request).filter(([field]) => FIELDS.includes(field));
  const operation = readListOperation({ list: name, ...Object.fromEntries(fields) }, name);
  if (operation === undefined) {
    throw new ServiceError("request.invalid", "There is no such list operation.", { field: "operation" });
  }
  checkSize(request["index"], "index");
  const { action } = operation;
  if (action.kind === "malformed") {
    throw new ServiceError("request.invalid", "The list operation lacks an item, or an index of 0 or more.");
  }
  demandActedOn(String(request["operation"]), request);
  const items = action.kind === "append" ? action.items : "item" in action ? [action.item] : [];
  const bytes = items.reduce<number>((sum, item) => sum + checkItem(item), 0);
  if (bytes > MAX_ITEMS_BYTES) {
    throw new ServiceError("request.too_large", "This is more than one change brings into a list; make it in several.");
  }
  return operation;
}

async function rowsOf(
  table: Table,
  pages: PageReader,
  list: OwnList,
  operation: ListOperation,
  sought: Json,
): Promise<readonly Row[]> {
  // Whether a row is unique is known at the second; the first of all is known only with all.
  const enough = operation.action.kind === "update" ? 2 : Infinity;
  return await findRows(table, pages, list.shape, digestOf(sought), enough);
}

function inapplicable(rows: number): ServiceError {
  if (rows > 1) return new ServiceError("resource.conflict", "Several items equal old_item: say which by its index.");
  return new ServiceError("resource.not_found", "The list has no such item.");
}

function stepOf(edit: ListEdit, list: OwnList, rows: readonly Row[]): ListStep | undefined {
  switch (edit.kind) {
    case "inapplicable":
      throw inapplicable(rows.length);
    case "splice": {
      const { start, remove, insert } = edit;
      if (remove + insert.length === 0) return undefined;
      const path = remove === 1 ? rows.find((row) => row.index === start)?.path : undefined;
      return { do: "splice", start, remove, insert, ...(path === undefined ? {} : { path }) };
    }
    case "clear":
      return list.shape.count === 0 ? undefined : { do: "clear" };
    case "delete_all":
      return { do: "drop" };
    case "metadata": {
      const { description = list.description, explanation = list.explanation } = edit;
      checkWords({ description, explanation });
      // A list that is not stored yet is made by saying what it is.
      const same = description === list.description && explanation === list.explanation && list.last > 0;
      return same ? undefined : { do: "words", words: { description, explanation } };
    }
  }
}

/**
 * What subscribers are told. An item is named by its index; by its value too when that is how the caller named it, for
 * subscribers that find rows only so. What is too much for one diff is told in several.
 */
function toldOf(action: ListAction, step: ListStep, name: string): readonly JsonObject[] {
  if (step.do === "clear") return [{ operation: "clear" }];
  if (step.do === "drop") return [{ operation: "delete_all" }];
  if (step.do === "words") return [{ operation: "metadata", ...step.words }];
  const { start: index, insert } = step;
  const [item = null] = insert;
  switch (action.kind) {
    case "append":
      if (name === "append" && insert.length === 1) return [{ operation: "append", item }];
      return splitExtend(insert).map((items) => ({ operation: "extend", items }));
    case "insert":
      return [{ operation: "insert", index, item }];
    case "update": {
      const old = action.oldItem === undefined ? {} : { old_item: action.oldItem };
      return [{ operation: "update", index, item, ...old }];
    }
    case "pop":
      return [{ operation: "pop", ...(action.index === undefined ? {} : { index }) }];
    case "remove":
      return [{ operation: "remove", index, item: action.item }];
    default:
      return [{ operation: "delete", index }];
  }
}

function lengthAfter(step: ListStep, count: number, told: JsonObject): number {
  if (step.do === "clear" || step.do === "drop") return 0;
  if (step.do === "words") return count;
  const items = told["items"];
  return count - step.remove + (Array.isArray(items) ? items.length : step.insert.length);
}

/** The items after the steps. */
export function afterSteps(items: readonly Json[], steps: readonly ListStep[]): readonly Json[] {
  const after = [...items];
  for (const step of steps) {
    if (step.do === "splice") after.splice(step.start, step.remove, ...step.insert);
    else if (step.do !== "words") after.length = 0;
  }
  return after;
}
