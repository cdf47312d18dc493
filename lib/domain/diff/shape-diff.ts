/** The diff that a change makes for one inbound subscription. */
import { compact } from "../../system/compact.ts";
import type { Json } from "../../system/ports.ts";
import type { Change, DeleteChange, ListChange, NotifyChange, SetChange } from "./change-record.ts";
import { combine, type Edit, type ShapedDiff } from "./diff-tree.ts";
import { isSuspended } from "./overlap.ts";
import { removedKeysAt, type RemovedKeys, type CreatedObjects } from "../terms/removed-keys.ts";
import { isObject } from "../json/json.ts";
import { valueAt } from "../json/json-path.ts";
import { covers, placeOf, PROPERTIES, type Place, type Scope } from "../terms/scope.ts";
import { READS_ALL, sawRemoved, visiblePart, type Reads } from "../policy/visibility.ts";

export type { ShapedDiff } from "./diff-tree.ts";

/** What shapes a diff beside the scope of the subscription. */
export interface DiffContext {
  /** Places that narrower subscriptions of the same peer cover (`narrowerPlaces`). */
  readonly narrower: readonly Place[];
  /** Suspended places of the subscription's target: changes there, or when they cover the scope any, make no diff. */
  readonly suspended: readonly Place[];
  /** The permissions of the peer. */
  readonly reads: Reads;
}

/**
 * The diff that the changes of one record make for a subscription: relative to its scope, without suspended changes, the
 * places of narrower subscriptions and what permissions hide. Undefined when nothing remains: then the record makes no
 * number. Several changes of one place count in their order.
 */
export function shapeDiff(
  changes: readonly Change[],
  scope: Scope,
  { narrower, suspended, reads }: DiffContext,
): ShapedDiff | undefined {
  const own = placeOf(scope);
  const inside = narrower.filter((place) => place.length > own.length && covers(own, place));
  const shaping: Shaping = { own, narrower: inside, reads };
  const concerned = changes.filter((change) => !isSuspended(suspended, scope, pathOf(change)));
  return combine(concerned.flatMap((change) => editsOf(change, scope.target, shaping)));
}

function pathOf(change: Change): Place {
  if (change.do === "notify") return placeOf(change);
  // No diff follows from it, wherever it is.
  if (change.do === "sys") return [];
  return change.do === "list" ? [change.name] : change.path;
}

interface Shaping extends Omit<DiffContext, "suspended"> {
  /** The subscription's own place. */
  readonly own: Place;
}

function editsOf(change: Change, target: string, shaping: Shaping): readonly Edit[] {
  if (change.do === "notify") return change.target === target ? ofAppEvent(change, shaping) : [];
  if (target !== PROPERTIES || change.do === "sys") return [];
  if (change.do === "list") return ofList(change, shaping);
  const { own } = shaping;
  if (covers(own, change.path)) {
    const edits =
      change.do === "set"
        ? [...ofWay(change, shaping), ...ofValue(change.path, change, shaping)]
        : ofRemoved(change.path, change.removed, shaping);
    return edits.length === 0 ? edits : (wholeResource(change, shaping) ?? edits);
  }
  if (!covers(change.path, own)) return [];
  const below = own.slice(change.path.length);
  const removed = removedKeysAt(change.removed === undefined ? NOTHING : change.removed, below);
  const value = change.do === "set" ? valueAt(change.value, below) : undefined;
  if (value === undefined) return removed === undefined ? [] : ofRemoved(own, removed, shaping);
  const created = change.do === "set" ? createdObjectsAt(change.created, below) : NOTHING;
  return ofValue(own, compact({ value, removed, created }), shaping);
}

const NOTHING: RemovedKeys = {};

/** Null, which says that all objects are new, must not become `{}`. */
function createdObjectsAt(created: CreatedObjects | undefined, path: Place): CreatedObjects {
  const at = removedKeysAt(created === undefined ? NOTHING : created, path);
  return at === undefined ? NOTHING : at;
}

/** The objects that were created on the way to a value: the subscription may see none of what is in them. */
function ofWay({ path, createdFrom = path.length }: SetChange, shaping: Shaping): readonly Edit[] {
  const from = Math.max(createdFrom, shaping.own.length);
  const lengths = Array.from({ length: Math.max(path.length - from, 0) }, (_, index) => from + index);
  return lengths.flatMap((length) => ofObject(path.slice(0, length), shaping));
}

/** An object was created at a place that the subscription covers. */
function ofObject(place: Place, shaping: Shaping): readonly Edit[] {
  if (!shaping.reads.at(place) || shaping.narrower.some((other) => covers(other, place))) return [];
  return [{ say: "object", path: relative(place, shaping) }];
}

type Setting = Pick<SetChange, "value" | "removed" | "created">;

/**
 * A value at a place that the subscription covers. Where a narrower subscription has a part of the value, the edits
 * name it member by member: as a literal whole it would delete that part in a subscriber that keeps both in one place.
 */
function ofValue(
  place: Place,
  { value, removed = NOTHING, created = NOTHING }: Setting,
  shaping: Shaping,
): readonly Edit[] {
  const { narrower, reads } = shaping;
  if (narrower.some((other) => covers(other, place))) return [];
  const inside = narrower.some((other) => covers(place, other));
  if (!inside || !isObject(value) || removed === null) {
    const visible = visiblePart(value, place, reads, narrower);
    if (visible !== undefined) return [{ say: "value", path: relative(place, shaping), value: visible }];
    return ofRemoved(place, removed, shaping);
  }
  const kept = Object.entries(value).flatMap(([key, part]) => {
    const setting = {
      value: part,
      removed: removedKeysAt(removed, [key]),
      created: createdObjectsAt(created, [key]),
    };
    return ofValue([...place, key], compact(setting), shaping);
  });
  const lost = Object.keys(removed)
    .filter((key) => !Object.hasOwn(value, key))
    .flatMap((key) => ofRemoved([...place, key], removedKeysAt(removed, [key]) ?? null, shaping));
  return [...(created === null ? ofObject(place, shaping) : []), ...kept, ...lost];
}

/** Most properties that a diff names: receivers like this one accept no more. */
const MAX_NAMED = 1_000;

function ofRemoved(place: Place, removed: RemovedKeys, shaping: Shaping): readonly Edit[] {
  // The removed part may have been hidden from the peer: then the visible part is unchanged.
  if (!sawRemoved(removed, place, shaping.reads, shaping.narrower)) return [];
  const path = relative(place, shaping);
  if (place.length > 0) return [{ say: "removed", path }];
  const names = removed === null ? [] : Object.entries(removed);
  if (names.length > 0 && names.length <= MAX_NAMED) {
    return names.flatMap(([name, inner]) => ofRemoved([name], inner, shaping));
  }
  // Too many properties to name, or unknown ones: the diff of the target is the empty object, literally.
  return [{ say: "value", path, value: {} }];
}

/** A subscription with a resource gets the resource's full value, whatever below it changed, when the record has it. */
function wholeResource(change: SetChange | DeleteChange, shaping: Shaping): readonly Edit[] | undefined {
  const { own, narrower, reads } = shaping;
  if (own.length < 2 || own.length >= change.path.length || change.resource === undefined) return undefined;
  if (narrower.length > 0) return undefined;
  const value = valueAt(change.resource, own.slice(2));
  const visible = value === undefined ? undefined : visiblePart(value, own, reads);
  return visible === undefined ? undefined : [{ say: "value", path: [], value: visible }];
}

/** A list is one place: only subscriptions to the target and to the list itself get its operations. */
function ofList(change: ListChange, shaping: Shaping): readonly Edit[] {
  const place = [change.name];
  if (!covers(shaping.own, place) || !shaping.reads.at(place)) return [];
  if (shaping.narrower.some((other) => covers(other, place))) return [];
  return [{ say: "as is", path: relative(place, shaping), value: change.operation }];
}

/** The data of an app event, nested and cut as a value is, and never literal: the app defines what it means. */
function ofAppEvent(change: NotifyChange, shaping: Shaping): readonly Edit[] {
  const { own } = shaping;
  const place = placeOf(change);
  if (!covers(own, place) && !covers(place, own)) return [];
  const value = valueAt(change.data, own.slice(place.length));
  const at = covers(own, place) ? place : own;
  const reads = change.target === PROPERTIES ? shaping.reads : undefined;
  const visible = value === undefined ? undefined : visibleEvent(value, at, reads, shaping.narrower);
  return visible === undefined ? [] : [{ say: "as is", path: relative(at, shaping), value: visible }];
}

function visibleEvent(value: Json, at: Place, reads: Reads | undefined, narrower: readonly Place[]): Json | undefined {
  const visible = visiblePart(value, at, reads ?? READS_ALL, narrower);
  // An object of which nothing is visible makes no diff; an object that was empty from the start does.
  const emptied = visible !== undefined && isObject(visible) && Object.keys(visible).length === 0;
  return emptied && isObject(value) && Object.keys(value).length > 0 ? undefined : visible;
}

const relative = (place: Place, shaping: Shaping): Place => place.slice(shaping.own.length);
