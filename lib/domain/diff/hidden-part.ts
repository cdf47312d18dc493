/**
 * The parts of a replicated value that its publisher hides from us: they stay as they are when the rest is read again.
 */
import type { Json } from "../../system/ports.ts";
import { isObject, own } from "../json/json.ts";
import type { Place } from "../terms/scope.ts";
import type { Reads } from "../policy/visibility.ts";

/** True when the place and all below it are hidden. */
export const isHidden = (place: Place, reads: Reads): boolean => !reads.at(place) && !reads.below(place);

/** The hidden part of a value; undefined when nothing is hidden. */
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

/** The value that was read, with the hidden parts that it lacks. Where both have a value, the read one counts. */
export function withHidden(read: Json, hidden: Json | undefined): Json {
  if (hidden === undefined || !isObject(read) || !isObject(hidden)) return read;
  const missing = Object.entries(hidden).filter(([key]) => !Object.hasOwn(read, key));
  const both = Object.entries(read).map(([key, value]): [string, Json] => [key, withHidden(value, own(hidden, key))]);
  return Object.fromEntries([...both, ...missing]);
}
