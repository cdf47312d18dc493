/** Operations on a list as it is stored: as steps on its tree, and as changes for the log. */
import { compact } from "../system/compact.ts";
import { recordList, type ListChange } from "../domain/diff/change-record.ts";
import { splitExtend } from "../domain/diff/diff-limits.ts";
import {
  editFor,
  valueToFind,
  type ListAction,
  type ListEdit,
  type ListOperation,
} from "../domain/diff/list-operations.ts";
import type { Table } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import { findRows, type Row } from "../lists/list-index.ts";
import { valueDigest, type PageReader } from "../lists/list-pages.ts";
import type { Path } from "../lists/list-read.ts";
import type { Json, JsonObject } from "../system/ports.ts";
import { checkWords } from "./limits.ts";
import { readRequest } from "./list-operation.ts";
import type { ListWords, OwnList } from "./own-list.ts";

/** One step on a list. The indices of a splice are those after the steps before it. */
export type ListStep =
  | {
      readonly do: "splice";
      readonly start: number;
      readonly remove: 0 | 1;
      readonly insert: readonly Json[];
      /** The path to `start`, when it has been found already. */
      readonly path?: Path;
    }
  | { readonly do: "clear" }
  | { readonly do: "drop" }
  | { readonly do: "words"; readonly words: ListWords };

/** The result of operations on one list. */
export interface ListSteps {
  readonly steps: readonly ListStep[];
  /** The changes for the log, in order. None: nothing changes. */
  readonly changes: readonly ListChange[];
  /** The first item that the last request added, changed or removed; null when there is none. */
  readonly index: number | null;
  /** How many items there are afterwards. */
  readonly count: number;
}

/** Why an operation cannot be made on the list as it is. */
export interface Misfit {
  /** The field that names the item: an index, or a value that one row must equal. */
  readonly field: "index" | "item" | "old_item";
  /** The number of rows that the field names: none, or more than one. */
  readonly rows: number;
}

/** Makes the error for a misfit. */
export type MisfitError = (misfit: Misfit) => ServiceError;

/**
 * Works out requests one after another, each in the wire's form of an operation (`{operation, item, …}`, without `list`
 * and `length`). Only the first may name its item by value.
 *
 * @param misfit makes the error when a request names no item, or not exactly one; by default resource.not_found, or
 *   resource.conflict for several items
 * @throws ServiceError request.invalid, request.too_large, and what `misfit` makes
 */
export async function listSteps(
  table: Table,
  pages: PageReader,
  list: OwnList,
  requests: readonly JsonObject[],
  misfit: MisfitError = inapplicable,
): Promise<ListSteps> {
  const steps: ListStep[] = [];
  const changes: ListChange[] = [];
  let index: number | null = null;
  let { count } = list.shape;
  for (const request of requests) {
    const operation = readRequest(list.name, request);
    const sought = valueToFind(operation);
    const rows = sought === undefined ? [] : await rowsOf(table, pages, list, operation, sought);
    const edit = editOf(operation, count, rows);
    if ("field" in edit) throw misfit(edit);
    const step = stepOf(edit, list, rows);
    if (step === undefined) continue;
    steps.push(step);
    for (const recorded of recordedOf(operation.action, step, rows.length, String(request["operation"]))) {
      count = lengthAfter(step, count, recorded);
      changes.push(recordList(list.name, recorded, count));
    }
    index = step.do === "splice" ? step.start : null;
  }
  return { steps, changes, index, count };
}

/** The edit of an operation that fits the list. */
type FittingEdit = Exclude<ListEdit, { readonly kind: "clear" | "delete_all" | "inapplicable" }> | Whole;
interface Whole {
  readonly kind: "clear" | "delete_all";
}

/** The edit that the operation makes, where `rows` equal the value that it names; or why it makes none. */
function editOf(operation: ListOperation, count: number, rows: readonly Row[]): FittingEdit | Misfit {
  const { action } = operation;
  const [first] = rows;
  if (action.kind === "update" && action.oldItem !== undefined) {
    if (first === undefined || rows.length > 1) return { field: "old_item", rows: rows.length };
    if (action.index !== undefined && action.index >= count) return { field: "index", rows: 0 };
    return { kind: "splice", start: first.index, remove: 1, insert: [action.item] };
  }
  // Receivers remove no row when several equal the item; the publisher removes the first, and the diff names its index.
  if (action.kind === "remove") {
    if (first === undefined) return { field: "item", rows: 0 };
    return { kind: "splice", start: first.index, remove: 1, insert: [] };
  }
  if (action.kind === "clear" || action.kind === "delete_all") return { kind: action.kind };
  const edit = editFor(operation, count);
  return edit.kind === "splice" || edit.kind === "metadata" ? edit : { field: "index", rows: 0 };
}

async function rowsOf(
  table: Table,
  pages: PageReader,
  list: OwnList,
  operation: ListOperation,
  sought: Json,
): Promise<readonly Row[]> {
  // Two rows show that a row is not unique; which row is the first only all of them show.
  const enough = operation.action.kind === "update" ? 2 : Infinity;
  return await findRows(table, pages, list.shape, valueDigest(sought), enough);
}

function inapplicable({ rows }: Misfit): ServiceError {
  if (rows > 1) return new ServiceError("resource.conflict", "Several items equal old_item: name one by its index.");
  return new ServiceError("resource.not_found", "The list has no such item.");
}

function stepOf(edit: FittingEdit, list: OwnList, rows: readonly Row[]): ListStep | undefined {
  switch (edit.kind) {
    case "splice": {
      const { start, remove, insert } = edit;
      if (remove + insert.length === 0) return undefined;
      const path = remove === 1 ? rows.find((row) => row.index === start)?.path : undefined;
      return compact({ do: "splice", start, remove, insert, path });
    }
    case "clear":
      return list.shape.count === 0 ? undefined : { do: "clear" };
    case "delete_all":
      return { do: "drop" };
    case "metadata": {
      const { description = list.description, explanation = list.explanation } = edit;
      checkWords({ description, explanation });
      // On a list that is not stored yet this step creates it, whatever the words are.
      const same = description === list.description && explanation === list.explanation && list.last > 0;
      return same ? undefined : { do: "words", words: { description, explanation } };
    }
  }
}

/**
 * The operations that the log records for a step. They name an item by its index, and also by its value when the caller
 * did and only one row equals it: subscribers that find rows by value alone could pick another one of equal rows. An
 * extension that is too large for one diff is split.
 */
function recordedOf(action: ListAction, step: ListStep, equal: number, name: string): readonly JsonObject[] {
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
      return [compact({ operation: "update", index, item, old_item: action.oldItem })];
    }
    case "pop":
      return [compact({ operation: "pop", index: action.index === undefined ? undefined : index })];
    case "remove":
      return [equal > 1 ? { operation: "delete", index } : { operation: "remove", index, item: action.item }];
    default:
      return [{ operation: "delete", index }];
  }
}

function lengthAfter(step: ListStep, count: number, recorded: JsonObject): number {
  if (step.do === "clear" || step.do === "drop") return 0;
  if (step.do === "words") return count;
  const items = recorded["items"];
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
