import { isObject, own } from "../../domain/json/json.ts";
import type { Json } from "../../system/ports.ts";

/** A stored part of a property. The property's own place has an empty path; an undefined value deletes what is there. */
export interface Part {
  readonly path: readonly string[];
  readonly value: Json | undefined;
}

/**
 * The value of a property of which narrower subscriptions own parts: broader parts first, narrower ones laid over them. A
 * part whose path leads through something that is no object is left out, because the broader place has just lost it.
 */
export function compose(parts: readonly Part[]): Json | undefined {
  return [...parts]
    .sort((one, other) => one.path.length - other.path.length)
    .reduce<Json | undefined>((value, part) => lay(value, part.path, part.value), undefined);
}

function lay(base: Json | undefined, path: readonly string[], value: Json | undefined): Json | undefined {
  const [key, ...deeper] = path;
  if (key === undefined) return value;
  if (base !== undefined && !isObject(base)) return base;
  if (base === undefined && value === undefined) return undefined;
  const object = base ?? {};
  const inner = lay(own(object, key), deeper, value);
  const rest = Object.entries(object).filter(([other]) => other !== key);
  return Object.fromEntries(inner === undefined ? rest : [...rest, [key, inner]]);
}
