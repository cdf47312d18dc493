/** Places inside a JSON value, by the keys of objects that lead there. */
import type { Json } from "../../system/ports.ts";
import { isObject, own } from "./json.ts";

/** The value at a place; undefined when there is none. Only keys of objects lead further, never indices of arrays. */
export function valueAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  let at = value;
  for (const key of path) at = isObject(at) ? own(at, key) : undefined;
  return at;
}

/**
 * A copy of the value with `part` at a place: objects on the way are created, other values on the way are replaced.
 * With undefined, the place is deleted and the objects above it stay. The input is not changed.
 */
export function withValueAt(
  value: Json | undefined,
  path: readonly string[],
  part: Json | undefined,
): Json | undefined {
  const [key, ...deeper] = path;
  if (key === undefined) return part;
  if (part === undefined && !isObject(value)) return value;
  const object = isObject(value) ? value : {};
  const inner = withValueAt(own(object, key), deeper, part);
  // A Map and Object.fromEntries: a key `__proto__` stays a key, and an existing key keeps its position.
  const entries = new Map<string, Json>(Object.entries(object));
  if (inner === undefined) entries.delete(key);
  else entries.set(key, inner);
  return Object.fromEntries(entries);
}

/** The value nested under keys: `["a", "b"]` and 1 give `{"a": {"b": 1}}`. */
export function nestedUnder(path: readonly string[], value: Json): Json {
  return path.reduceRight<Json>((inner, key) => Object.fromEntries([[key, inner]]), value);
}
