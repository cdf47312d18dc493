/** Comparison of JSON values. */
import type { Json } from "../../system/ports.ts";
import { comparable } from "./json-text.ts";

/**
 * A text that two JSON values share exactly when they are deeply equal: keys sorted, equal numbers alike (`1.0` and
 * `1`, `1e20` and its digits, which peers in some languages print for each other). It is for comparing and digesting;
 * stored values keep their order and form.
 */
export function canonicalJson(value: Json): string {
  return JSON.stringify(value, (_key, part: Json) => {
    const number = comparable(part);
    if (number !== undefined) return number;
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}

/** Deep equality of JSON values; the order of keys does not matter. */
export function sameJson(one: Json, other: Json): boolean {
  return canonicalJson(one) === canonicalJson(other);
}
