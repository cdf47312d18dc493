/** Which parts of a copied value its publisher has closed to us: they stay as they are when the rest is read again. */
import type { Json } from "../../system/ports.ts";
import { isObject, own } from "../json/json.ts";
import type { Place } from "../terms/scope.ts";
import type { Reads } from "../policy/visibility.ts";

/** True when the place, and all below it, is closed. */
export const isHidden = (place: Place, reads: Reads): boolean => !reads.at(place) && !reads.below(place);

/** What of a value is closed; undefined when nothing is. */
export function hiddenPart(value: Json, place: Place, reads: Reads): Json | undefined {
  if (reads.whole(place)) return undefined;
  if (isHidden(place, reads)) return value;
  if (!isObject(value)) return reads.at(place) ? undefined : value;
  const parts = Object.entries(value).flatMap(([key, inner]): [string, Json][] => {
    const hidden = hiddenPart(inner, [...place, key], reads);
    return hidden === undefined ? [] : [[key, hidden]];
  });
  return parts.length === 0 ? undefined : Object.fromEntries(parts);
}

/** What was read, with the closed parts that it lacks. What both have is as it was read. */
export function withHidden(read: Json, hidden: Json | undefined): Json {
  if (hidden === undefined || !isObject(read) || !isObject(hidden)) return read;
  const missing = Object.entries(hidden).filter(([key]) => !Object.hasOwn(read, key));
  const both = Object.entries(read).map(([key, value]): [string, Json] => [key, withHidden(value, own(hidden, key))]);
  return Object.fromEntries([...both, ...missing]);
}
