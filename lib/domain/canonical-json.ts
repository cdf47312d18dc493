import type { Json } from "../ports.ts";

/**
 * A text that two JSON values share exactly when they are deeply equal: keys sorted, numbers in JavaScript's shortest
 * form. It is for comparing and digesting; what is stored keeps the order it came in.
 */
export function canonicalJson(value: Json): string {
  return JSON.stringify(value, (_key, part: Json) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}

/** Deep equality of JSON values; the order of keys does not matter. */
export function sameJson(one: Json, other: Json): boolean {
  return canonicalJson(one) === canonicalJson(other);
}
