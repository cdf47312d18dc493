/** What an actor's change log holds: one record is one atomic change, numbered by the log. */
import type { Json, JsonObject } from "../../system/ports.ts";
import { removedKeysBetween, isNothing, createdObjectsBetween } from "../terms/removed-keys.ts";
import type { RemovedKeys, CreatedObjects } from "../terms/removed-keys.ts";
import { isObject, jsonBytes } from "../json/json.ts";
import { valueAt, withValueAt } from "../json/json-path.ts";
import { applyToArray, readListOperation } from "./list-operations.ts";
import type { PropertyPermissions } from "../policy/permissions.ts";
import type { Place, Scope } from "../terms/scope.ts";

export type Granularity = "high" | "low" | "none";

/** A place got a value, which stands there literally. */
export interface SetChange {
  readonly do: "set";
  readonly path: Place;
  readonly value: Json;
  /** What was at or below the path before and is not any more. Absent: nothing. */
  readonly removed?: RemovedKeys;
  /** Relative to the path: where objects stand and none stood before. Absent: nowhere. */
  readonly created?: CreatedObjects;
  /** The objects on the way that were made too are those of at least so many of the path's segments. Absent: none. */
  readonly createdFrom?: number;
  /** What the property's second level (`name/key`) holds afterwards, for subscriptions with a resource. */
  readonly resource?: Json;
}

/** A place was taken away, all properties when the path is empty. */
export interface DeleteChange {
  readonly do: "delete";
  readonly path: Place;
  readonly removed: RemovedKeys;
  readonly resource?: Json;
}

/** One operation on a list property, in the wire's fields: `list`, `operation`, `length`, `item`, … */
export interface ListChange {
  readonly do: "list";
  readonly name: string;
  readonly operation: JsonObject;
}

/** An app event: something new at a target whose state the application keeps. */
export interface NotifyChange extends Scope {
  readonly do: "notify";
  readonly data: Json;
}

export type PropertyChange = SetChange | DeleteChange | ListChange;
export type Change = PropertyChange | NotifyChange;

/** One inbound subscription of a peer, as a `subscriptions` record names it. */
export interface NamedScope extends Scope {
  readonly id: string;
  readonly granularity: Granularity;
}

/**
 * A record of the log. `at` is ISO 8601 with microseconds and `Z`. The kinds beside `change` are there because how a
 * subscription moves along the log must follow from the log alone; each says what holds from here on.
 */
export type LogRecord =
  | { readonly kind: "change"; readonly at: string; readonly changes: readonly Change[] }
  | {
      readonly kind: "permissions";
      readonly at: string;
      readonly peerId: string;
      readonly permissions: PropertyPermissions;
    }
  | {
      readonly kind: "subscriptions";
      readonly at: string;
      readonly peerId: string;
      readonly subscriptions: readonly NamedScope[];
    }
  | { readonly kind: "suspend" | "resume"; readonly at: string; readonly target: string; readonly subtarget?: string };

type Untimed<T> = T extends unknown ? Omit<T, "at"> : never;
/** A record that is yet to be committed, and has its time from there. */
export type NewRecord = Untimed<LogRecord>;

/** A change with what its property holds afterwards. */
export interface RecordedChange {
  readonly after: Json | undefined;
  readonly change: PropertyChange;
}

/** Up to this many bytes of JSON a change below a resource carries the resource's whole value with it: any property's. */
export const MAX_RESOURCE_BYTES = 262_144;
/** Up to this many bytes of JSON the deletion of all names what went. */
const MAX_NAMES_BYTES = 65_536;

/**
 * Puts a value at a place of a property. `before` is the whole property, undefined when there is none; `path` begins with
 * its name. `blocked`: the way leads through something that is no object (409), nothing is made.
 */
export function recordSet(before: Json | undefined, path: Place, value: Json): RecordedChange | "blocked" {
  const inside = path.slice(1);
  if (isBlocked(before, inside)) return "blocked";
  const after = withValueAt(before, inside, value);
  const old = valueAt(before, inside);
  const removed = removedKeysBetween(old, value);
  const created = createdObjectsBetween(old, value);
  const change: SetChange = {
    do: "set",
    path,
    value,
    ...(isNothing(removed) ? {} : { removed }),
    ...(isNothing(created) ? {} : { created }),
    ...createdOnTheWay(before, path),
    ...resourceOf(after, path),
  };
  return { after, change };
}

/**
 * Takes away a place of a property, or the whole of it. `missing`: nothing is there (404). The objects above stay, empty
 * or not. Pass `[]` as the path for all properties, with an object of them (or of their names) as `before`.
 */
export function recordDelete(before: Json | undefined, path: Place): RecordedChange | "missing" {
  const inside = path.slice(1);
  const old = valueAt(before, inside);
  if (old === undefined) return "missing";
  const after = withValueAt(before, inside, undefined);
  return {
    after: path.length === 0 ? undefined : after,
    change: { do: "delete", path, removed: removedKeysBetween(old, undefined), ...resourceOf(after, path) },
  };
}

/** All properties went, of which only the names are known; `lists` are those of lists, which have nothing below them. */
export function recordDeleteAll(names: readonly string[], lists: readonly string[] = []): DeleteChange {
  const noParts = new Set(lists);
  const tree: RemovedKeys = Object.fromEntries(names.map((name) => [name, noParts.has(name) ? {} : null]));
  return { do: "delete", path: [], removed: jsonBytes(tree) <= MAX_NAMES_BYTES ? tree : null };
}

/** One operation on a list, with the length the list has afterwards. */
export function recordList(name: string, operation: JsonObject, length: number): ListChange {
  return { do: "list", name, operation: Object.fromEntries(Object.entries({ list: name, ...operation, length })) };
}

function isBlocked(before: Json | undefined, inside: Place): boolean {
  return inside.some((_, depth) => {
    const above = valueAt(before, inside.slice(0, depth));
    return above !== undefined && !isObject(above);
  });
}

function createdOnTheWay(before: Json | undefined, path: Place): { createdFrom?: number } {
  const missing = path.findIndex((_, depth) => valueAt(before, path.slice(1, depth + 1)) === undefined);
  return missing < 0 || missing === path.length - 1 ? {} : { createdFrom: missing + 1 };
}

function resourceOf(after: Json | undefined, path: Place): { resource?: Json } {
  if (path.length <= 2) return {};
  const resource = valueAt(after, path.slice(1, 2));
  return resource === undefined || jsonBytes(resource) > MAX_RESOURCE_BYTES ? {} : { resource };
}

/**
 * What a property that is no list holds after a change, so that one read at an older position can be brought up to date.
 * `value` is the whole property; changes of other properties leave it as it is.
 */
export function applyChange(name: string, value: Json | undefined, change: Change): Json | undefined {
  if (change.do === "notify" || change.do === "list") return value;
  if (change.path.length === 0) return undefined;
  if (change.path[0] !== name) return value;
  return withValueAt(value, change.path.slice(1), change.do === "set" ? change.value : undefined);
}

/** The same for a list's items; undefined is no list. @throws RangeError when the operation cannot have been made on it */
export function applyListChange(
  name: string,
  items: readonly Json[] | undefined,
  change: Change,
): readonly Json[] | undefined {
  if (change.do === "delete") return change.path.length === 0 ? undefined : items;
  if (change.do !== "list" || change.name !== name) return items;
  const operation = readListOperation(change.operation, name);
  const applied = operation === undefined ? "inapplicable" : applyToArray(items ?? [], operation);
  if (applied === "inapplicable")
    throw new RangeError("a list operation of the log does not fit the list it was made on");
  return applied.items;
}

/**
 * Splits changes made at once into as few records as can tell them: a diff can carry one operation for each list, and
 * deleting everything stands alone before what follows it.
 */
export function recordsOf(changes: readonly Change[]): readonly (readonly Change[])[] {
  const records: Change[][] = [];
  let named = new Set<string>();
  let open: Change[] | undefined;
  for (const change of changes) {
    const name = change.do === "list" ? `list ${change.name}` : change.do === "notify" ? notifyKey(change) : undefined;
    if (open === undefined || (name !== undefined && named.has(name))) {
      open = [];
      records.push(open);
      named = new Set();
    }
    if (name !== undefined) named.add(name);
    open.push(change);
    if (change.do === "delete" && change.path.length === 0) open = undefined;
  }
  return records;
}

const notifyKey = (change: NotifyChange): string => `notify ${change.target}`;
