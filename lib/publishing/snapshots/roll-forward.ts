/** Brings a property that was read at one record to a later record. */
import { applyChange, applyListChange, type Change, type ListChange } from "../../domain/diff/change-record.ts";
import { readListOperation } from "../../domain/diff/list-operations.ts";
import type { Json } from "../../system/ports.ts";
import type { NumberedRecord } from "../../change-log/change-log.ts";

/** A list as far as it was read. */
export interface ListContent {
  readonly count: number;
  readonly description: string;
  readonly explanation: string;
  /** Undefined: not read. */
  readonly items: readonly Json[] | undefined;
}

/** The content of a property: a value, or a list. */
export type Content = { readonly value: Json } | { readonly list: ListContent };

/** One change of a stretch of the log, with the number of its record. */
export interface NumberedChange {
  readonly number: number;
  readonly change: Change;
}

/** The changes of properties in a stretch, in order. */
export function changesOf(records: readonly NumberedRecord[]): readonly NumberedChange[] {
  return records.flatMap(({ number, record }) =>
    record.kind === "change" ? record.changes.map((change) => ({ number, change })) : [],
  );
}

/** The names of the properties that the changes make or change. */
export function namesIn(changes: readonly NumberedChange[]): readonly string[] {
  const names = changes.flatMap(({ change }) => {
    if (change.do === "notify" || change.do === "sys") return [];
    const name = change.do === "list" ? change.name : change.path[0];
    return name === undefined ? [] : [name];
  });
  return [...new Set(names)];
}

/** True when there is no property of that name after the change, whatever there was before. */
export function takesAway(name: string, change: Change): boolean {
  if (change.do === "list") return change.name === name && change.operation["operation"] === "delete_all";
  if (change.do !== "delete") return false;
  return change.path.length === 0 || (change.path.length === 1 && change.path[0] === name);
}

/** True when the change concerns that property. */
export function touches(name: string, change: Change): boolean {
  if (change.do === "notify" || change.do === "sys") return false;
  if (change.do === "list") return change.name === name;
  return change.path.length === 0 || change.path[0] === name;
}

/**
 * The changes to apply to a property that was read somewhere in the stretch: those after the record that its content is
 * of; for an absent property, those after the first change that took it away. An absent property was absent before the
 * stretch or taken away in it, and from its first removal on both are the same.
 */
export function changesAfter(
  name: string,
  readAt: number | "nothing there",
  changes: readonly NumberedChange[],
): readonly NumberedChange[] {
  if (readAt !== "nothing there") return changes.filter(({ number }) => number > readAt);
  return changes.slice(changes.findIndex(({ change }) => takesAway(name, change)) + 1);
}

/** The content of a property at the end of the stretch; undefined when there is no such property. */
export function rolledForward(
  name: string,
  read: { readonly content: Content; readonly at: number } | undefined,
  changes: readonly NumberedChange[],
): Content | undefined {
  const left = changesAfter(name, read?.at ?? "nothing there", changes);
  return left.reduce<Content | undefined>((content, { change }) => after(name, content, change), read?.content);
}

function after(name: string, content: Content | undefined, change: Change): Content | undefined {
  if (!touches(name, change)) return content;
  if (takesAway(name, change)) return undefined;
  if (change.do === "list") {
    const before = content !== undefined && "list" in content ? content.list : NO_LIST;
    return { list: listAfter(name, before, change) };
  }
  const value = applyChange(name, content !== undefined && "value" in content ? content.value : undefined, change);
  return value === undefined ? undefined : { value };
}

const NO_LIST: ListContent = { count: 0, description: "", explanation: "", items: [] };

function listAfter(name: string, list: ListContent, change: ListChange): ListContent {
  const operation = readListOperation(change.operation, name);
  const action = operation?.action;
  if (action?.kind === "clear") return { ...list, count: 0, items: [] };
  const { description = list.description, explanation = list.explanation } = action?.kind === "metadata" ? action : {};
  const items = list.items === undefined ? undefined : applyListChange(name, list.items, change);
  return { count: items?.length ?? operation?.length ?? list.count, description, explanation, items };
}

/**
 * The newest record at which a property is absent, for one that was absent when it was read after the record `from`, by
 * the changes that were made since.
 */
export function absentAt(name: string, from: number, changes: readonly NumberedChange[]): number {
  let absent: boolean | undefined;
  let at = from;
  for (const [index, { number, change }] of changes.entries()) {
    if (touches(name, change)) absent = takesAway(name, change);
    // The changes of one record take effect together.
    if (absent === true && changes[index + 1]?.number !== number) at = number;
  }
  return at;
}
