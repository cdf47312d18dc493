/** Names and keys in the properties of peers, whose rules differ from ours. */
import { listName, readListOperation } from "./list-operations.ts";
import { isPeerName } from "../terms/names.ts";
import { pathSegment } from "../terms/peer-url.ts";
import type { Place } from "../terms/scope.ts";
import type { Json, JsonObject } from "../../system/ports.ts";

/**
 * True for a key that reaches a peer unchanged as a segment of a path. Keys with `%` or `?` do not, because gateways
 * decode a path before they route it; nor do dot segments.
 */
export function isPathKey(key: string): boolean {
  return !key.includes("%") && !key.includes("?") && pathSegment(key) !== undefined;
}

/** The longest prefix of a place that a URL can name; the rest is found in the value there. */
export function pathOf(place: Place): Place {
  const end = place.findIndex((key) => !isPathKey(key));
  return end < 0 ? place : place.slice(0, end);
}

/**
 * The data of a whole target without the names that no replicated property can have; `leftOut` are those names. A list
 * operation counts by the name of its list.
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
