/** The events of a record as a peer may see them. The same permissions apply as to the peer's diffs. */
import type { Change } from "../diff/change-record.ts";
import { isObject } from "../json/json.ts";
import { sawRemoved, visiblePart, type Reads } from "../policy/visibility.ts";
import { placeOf, PROPERTIES } from "../terms/scope.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import { OWN_TYPES, type RecordEvent } from "./record-events.ts";

/** An event as a peer sees it. */
export interface VisibleEvent {
  readonly event: RecordEvent;
  /** Parts of the data are left out, so the event must not have a URL of the whole data. */
  readonly isCut: boolean;
}

/**
 * The part of an event that a peer sees; undefined: nothing. A new value of which the peer sees nothing looks deleted to
 * the peer when it may have seen the value before. Only the owner sees the service's own events.
 */
export function visibleEvent(event: RecordEvent, change: Change, reads: Reads): VisibleEvent | undefined {
  if (change.do === "sys") return undefined;
  if (change.do === "list") return reads.at([change.name]) ? { event, isCut: false } : undefined;
  if (change.do === "notify") {
    if (change.target !== PROPERTIES) return { event, isCut: false };
    const visible = visiblePart(change.data, placeOf(change), reads);
    return visible === undefined || isEmptied(visible, change.data) ? undefined : withData(event, change.data, visible);
  }
  const { path } = change;
  const removed = change.removed ?? (change.do === "set" ? {} : null);
  const wasSeen = (): boolean => sawRemoved(removed, path, reads);
  if (change.do === "set") {
    const visible = visiblePart(change.value, path, reads);
    const data = event.data as JsonObject;
    if (visible !== undefined) return withData(event, change.value, visible, { ...data, value: visible });
    if (!wasSeen()) return undefined;
    const { value: _, ...place } = data;
    return { event: { ...event, type: `${OWN_TYPES}property.deleted`, data: place }, isCut: true };
  }
  if (!wasSeen()) return undefined;
  if (path.length > 0 || !isObject(event.data) || removed === null) return { event, isCut: false };
  const { names } = event.data as { readonly names: readonly string[] };
  const visible = names.filter((name) => sawRemoved(removed[name] ?? null, [name], reads));
  return { event: { ...event, data: { names: visible } }, isCut: visible.length < names.length };
}

function withData(event: RecordEvent, whole: Json, visible: Json, data: Json = visible): VisibleEvent {
  // `visiblePart` returns the same object when all of it is visible.
  return visible === whole ? { event, isCut: false } : { event: { ...event, data }, isCut: true };
}

/** True for an object of which nothing is visible, which makes no event. An object that was published empty does. */
const isEmptied = (visible: Json, whole: Json): boolean =>
  isObject(visible) && Object.keys(visible).length === 0 && isObject(whole) && Object.keys(whole).length > 0;
