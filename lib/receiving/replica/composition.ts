import { isObject, own } from "../../domain/json/json.ts";
import type { Json } from "../../system/ports.ts";

/** What one place of a property says. The property's own has no path; an undefined value takes away what is there. */
export interface Part {
  readonly path: readonly string[];
  readonly value: Json | undefined;
}

/**
 * The value of a property of which narrower subscriptions own parts: broader places first, narrower ones laid over. A
 * part whose way leads through something that is no object is not laid: the broader place has just lost it.
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
