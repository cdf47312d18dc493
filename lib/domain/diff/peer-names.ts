/** The names that peers give their properties, which follow other rules than our own. */
import { listName, readListOperation } from "./list-operations.ts";
import { isPeerName } from "../terms/names.ts";
import { pathSegment } from "../terms/peer-url.ts";
import type { Place } from "../terms/scope.ts";
import type { Json, JsonObject } from "../../system/ports.ts";

/**
 * True for a key that reaches a peer unchanged as a segment of a path. What has `%` or `?` does not: gateways decode a path
 * before they route it. Nor do dot segments.
 */
export function isPathKey(key: string): boolean {
  return !key.includes("%") && !key.includes("?") && pathSegment(key) !== undefined;
}

/** The part of a place that a URL can name, from the outside in; what lies deeper is found in its value. */
export function pathOf(place: Place): Place {
  const end = place.findIndex((key) => !isPathKey(key));
  return end < 0 ? place : place.slice(0, end);
}

/**
 * The data of a whole target without the names that no copied property can have; `leftOut` names them. A list operation
 * counts under the list it is for.
 */
export function namedData(data: JsonObject): { readonly data: JsonObject; readonly leftOut: readonly string[] } {
  const isNamed = ([key, value]: readonly [string, Json]): boolean =>
    isPeerName(readListOperation(value, key)?.list ?? listName(key));
  const entries = Object.entries(data);
  const named = entries.filter(isNamed);
  if (named.length === entries.length) return { data, leftOut: [] };
  const leftOut = entries.filter((entry) => !isNamed(entry)).map(([key]) => key);
  return { data: Object.fromEntries(named), leftOut };
}
