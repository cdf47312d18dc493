/** The records of an actor's change log: one record is one atomic change, numbered by the log. */
import { compact } from "../../system/compact.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import {
  removedKeysBetween,
  isNothing,
  createdObjectsBetween,
  type RemovedKeys,
  type CreatedObjects,
} from "../terms/removed-keys.ts";
import { isObject, jsonBytes } from "../json/json.ts";
import { valueAt, withValueAt } from "../json/json-path.ts";
import { applyToArray, readListOperation } from "./list-operations.ts";
import type { PropertyPermissions } from "../policy/permissions.ts";
import type { Place, Scope, Suspension } from "../terms/scope.ts";

/** What the callbacks of a subscription carry: the data, a URL to fetch it from, or nothing (no callbacks). */
export type Granularity = "high" | "low" | "none";

/** A place received a value, literally. */
export interface SetChange {
  readonly do: "set";
  readonly path: Place;
  readonly value: Json;
  /** The keys at or below the path that the change removed. Absent: none. */
  readonly removed?: RemovedKeys;
  /** Where objects were created, relative to the path. Absent: nowhere. */
  readonly created?: CreatedObjects;
  /** Objects on the way were created too: those at prefixes of the path of at least this length. Absent: none. */
  readonly createdFrom?: number;
  /** The whole value of the property's second level (`name/key`) afterwards, for subscriptions with a resource. */
  readonly resource?: Json;
}

/** A place was deleted; all properties when the path is empty. */
export interface DeleteChange {
  readonly do: "delete";
  readonly path: Place;
  /** The keys below the path that the deletion removed. */
  readonly removed: RemovedKeys;
  /** As in `SetChange`. */
  readonly resource?: Json;
}

/** One operation on a list property, with the fields of the wire: `list`, `operation`, `length`, `item`, … */
export interface ListChange {
  readonly do: "list";
  readonly name: string;
  readonly operation: JsonObject;
}

/** An app event: a change at a target whose state the application keeps itself. */
export interface NotifyChange extends Scope {
  readonly do: "notify";
  /** What was published: JSON, a text as a string, or other bytes as base64 (`attributes.base64`). */
  readonly data: Json;
  /** What was published with it. Absent: nothing. */
  readonly attributes?: EventAttributes;
}

/** What a publisher gives with an event. The record keeps it, so that every listener reads the same event. */
export interface EventAttributes {
  readonly type?: string;
  /** RFC 3339. Absent: the time of the record. */
  readonly time?: string;
  readonly dataschema?: string;
  /** Absent: `application/json`. */
  readonly datacontenttype?: string;
  /** `data` is base64. */
  readonly base64?: true;
  /** 1 to 128 bytes: events of one target with one `partitionkey` are kept in order. */
  readonly partitionkey?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** The `source` and `id` of the CloudEvent that was published. */
  readonly originsource?: string;
  readonly originid?: string;
  /** Further attributes of that CloudEvent. */
  readonly extensions?: Readonly<Record<string, string | number | boolean>>;
}

/**
 * The service's own event, for listeners of `$sys` alone: no diff follows from it. `event` is the topic without `$sys.`
 * (`webhook.failing`); the events of one `listener` are kept in order.
 */
export interface SysChange {
  readonly do: "sys";
  readonly event: string;
  readonly listener: string;
  readonly data: Json;
}

/** A change of the properties. */
export type PropertyChange = SetChange | DeleteChange | ListChange;
/** A change that a record can have. */
export type Change = PropertyChange | NotifyChange | SysChange;

/** One inbound subscription of a peer, as a `subscriptions` record names it. */
export interface NamedScope extends Scope {
  readonly id: string;
  readonly granularity: Granularity;
}

/**
 * A record of the log. `at` is ISO 8601 with microseconds and `Z`. A cursor's advance along the log must follow from
 * the log alone, so the log also records what decides it: each kind beside `change` says what holds from its record on.
 */
export type LogRecord =
  | ChangeRecord
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
  | ({ readonly kind: "suspend" | "resume"; readonly at: string } & Suspension)
  | ResyncRecord;

/** Changes that are one fact. `at` tells apart the records of one actor; see `LogRecord`. */
export interface ChangeRecord {
  readonly kind: "change";
  readonly at: string;
  readonly changes: readonly Change[];
  /** The W3C `traceparent` of the request that made the changes. Absent: it had none. */
  readonly traceparent?: string;
  /** How many hooks on events led to the changes, one after another. Absent: none. */
  readonly hops?: number;
}

/**
 * One subscription has one resync, with the number `sequence`, in place of everything before it. Committed together with
 * its head, so that the number means this record for ever. An id is never used again, so that it names one life.
 */
export interface ResyncRecord {
  readonly kind: "resync";
  readonly at: string;
  readonly peerId: string;
  readonly id: string;
  readonly sequence: number;
}

type Untimed<T> = T extends unknown ? Omit<T, "at"> : never;
/** A record before its commit, which gives it its time. */
export type NewRecord = Untimed<LogRecord>;

/** A change with the whole value of its property afterwards; undefined when the property is deleted. */
export interface RecordedChange {
  readonly after: Json | undefined;
  readonly change: PropertyChange;
}

/** A change below a resource carries the resource's whole value up to this many bytes of JSON: any property's value. */
export const MAX_RESOURCE_BYTES = 262_144;
/** A deletion of all names the deleted properties up to this many bytes of JSON. */
const MAX_NAMES_BYTES = 65_536;

/**
 * Sets a place of a property. `before` is the whole property, undefined when there is none; `path` begins with its
 * name.
 *
 * @returns `blocked` when the path leads through a value that is no object (409)
 */
export function recordSet(before: Json | undefined, path: Place, value: Json): RecordedChange | "blocked" {
  const inside = path.slice(1);
  if (isBlocked(before, inside)) return "blocked";
  const after = withValueAt(before, inside, value);
  const old = valueAt(before, inside);
  const removed = removedKeysBetween(old, value);
  const created = createdObjectsBetween(old, value);
  const change: SetChange = compact({
    do: "set",
    path,
    value,
    removed: isNothing(removed) ? undefined : removed,
    created: isNothing(created) ? undefined : created,
    createdFrom: createdFrom(before, path),
    resource: resourceOf(after, path),
  });
  return { after, change };
}

/**
 * Deletes a place of a property, or the whole property. The objects above the place stay, empty or not. With the path
 * `[]` it deletes all properties, with an object of them (or of their names) as `before`.
 *
 * @returns `missing` when nothing is at the place (404)
 */
export function recordDelete(before: Json | undefined, path: Place): RecordedChange | "missing" {
  const inside = path.slice(1);
  const old = valueAt(before, inside);
  if (old === undefined) return "missing";
  const after = withValueAt(before, inside, undefined);
  const removed = removedKeysBetween(old, undefined);
  return {
    after: path.length === 0 ? undefined : after,
    change: compact({ do: "delete", path, removed, resource: resourceOf(after, path) }),
  };
}

/**
 * Deletes all properties, of which only the names are known; `lists` are the names of lists, which have no keys below.
 */
export function recordDeleteAll(names: readonly string[], lists: readonly string[] = []): DeleteChange {
  const noParts = new Set(lists);
  const tree: RemovedKeys = Object.fromEntries(names.map((name) => [name, noParts.has(name) ? {} : null]));
  return { do: "delete", path: [], removed: jsonBytes(tree) <= MAX_NAMES_BYTES ? tree : null };
}

/** One operation on a list; `length` is that of the list afterwards. */
export function recordList(name: string, operation: JsonObject, length: number): ListChange {
  return { do: "list", name, operation: { list: name, ...operation, length } };
}

function isBlocked(before: Json | undefined, inside: Place): boolean {
  return inside.some((_, depth) => {
    const above = valueAt(before, inside.slice(0, depth));
    return above !== undefined && !isObject(above);
  });
}

function createdFrom(before: Json | undefined, path: Place): number | undefined {
  const missing = path.findIndex((_, depth) => valueAt(before, path.slice(1, depth + 1)) === undefined);
  return missing < 0 || missing === path.length - 1 ? undefined : missing + 1;
}

function resourceOf(after: Json | undefined, path: Place): Json | undefined {
  if (path.length <= 2) return undefined;
  const resource = valueAt(after, path.slice(1, 2));
  return resource === undefined || jsonBytes(resource) > MAX_RESOURCE_BYTES ? undefined : resource;
}

/**
 * Applies a change to a property that is no list, to bring a value that was read at an older position up to date.
 * `value` is the whole property; changes of other properties leave it as it is.
 */
export function applyChange(name: string, value: Json | undefined, change: Change): Json | undefined {
  if (change.do === "notify" || change.do === "list" || change.do === "sys") return value;
  if (change.path.length === 0) return undefined;
  if (change.path[0] !== name) return value;
  return withValueAt(value, change.path.slice(1), change.do === "set" ? change.value : undefined);
}

/**
 * The same for the items of a list; undefined is no list. @throws RangeError when the operation does not fit the list
 */
export function applyListChange(
  name: string,
  items: readonly Json[] | undefined,
  change: Change,
): readonly Json[] | undefined {
  if (change.do === "delete") return change.path.length === 0 ? undefined : items;
  if (change.do !== "list" || change.name !== name) return items;
  const operation = readListOperation(change.operation, name);
  const applied = operation === undefined ? "inapplicable" : applyToArray(items ?? [], operation);
  if (applied === "inapplicable") throw new RangeError("an operation of the log does not fit its list");
  return applied.items;
}

/**
 * Groups changes that are made at once into as few records as possible. A diff carries at most one operation for each
 * list and one event for each target, and a deletion of all ends its record.
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
