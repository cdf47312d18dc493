/** Applies a diff to the value of a place. */
import type { Json } from "../../system/ports.ts";
import { isObject, own } from "../json/json.ts";
import { parsePointer } from "../json/json-pointer.ts";

/** The literal values within a diff's data: the JSON Pointers of `overwritten`, as a tree. */
export interface LiteralPlaces {
  /** The value at this place itself is literal. */
  readonly here: boolean;
  readonly below: ReadonlyMap<string, LiteralPlaces>;
}

/** How a diff is merged. */
export interface MergeRules {
  /** The part of `overwritten` at this place; undefined when the publisher does not send the field. */
  readonly at: LiteralPlaces | undefined;
  /**
   * How an object is merged when the publisher does not send `overwritten`: key by key (perhaps ambiguously), or whole.
   */
  readonly nested: "merge" | "replace";
}

/** A place after a diff. */
export interface Merged {
  /** Undefined when nothing is at the place any more. */
  readonly value: Json | undefined;
  /** The publisher may have less than `value` shows; only reading the place again shows that. */
  readonly ambiguous: boolean;
}

/** Most levels of objects that are merged. Deeper values replace, so that hostile nesting cannot exhaust the stack. */
export const MAX_MERGE_DEPTH = 200;

const NOTHING_LITERAL: LiteralPlaces = { here: false, below: new Map() };

/** The tree of JSON Pointers. Texts that are no pointers, and pointers deeper than any merge, are left out. */
export function literalPlaces(pointers: readonly string[]): LiteralPlaces {
  interface Node {
    here: boolean;
    below: Map<string, Node>;
  }
  const root: Node = { here: false, below: new Map() };
  for (const pointer of pointers) {
    const segments = parsePointer(pointer);
    if (segments === undefined || segments.length > MAX_MERGE_DEPTH) continue;
    let node = root;
    for (const segment of segments) {
      let next = node.below.get(segment);
      if (next === undefined) node.below.set(segment, (next = { here: false, below: new Map() }));
      node = next;
    }
    node.here = true;
  }
  return root;
}

/** The part of the tree below one key: undefined only when the publisher does not send the field. */
export function literalBelow(places: LiteralPlaces | undefined, key: string): LiteralPlaces | undefined {
  return places === undefined ? undefined : (places.below.get(key) ?? NOTHING_LITERAL);
}

/**
 * The value of a place after a diff. Objects merge key by key; `""` and null delete; any other value replaces. Values
 * nested in objects follow the same rules, except where `overwritten` makes them literal. When the publisher does not
 * send that field, an object that lacks some of our keys is ambiguous. Neither input is changed.
 */
export function mergeDiff(current: Json | undefined, diff: Json, rules: MergeRules): Merged {
  if (rules.at === undefined && rules.nested === "replace") {
    return { value: diff === "" || diff === null ? undefined : diff, ambiguous: false };
  }
  return mergeAt(current, diff, rules.at, 0);
}

function mergeAt(current: Json | undefined, diff: Json, at: LiteralPlaces | undefined, depth: number): Merged {
  if (at?.here === true) return { value: diff, ambiguous: false };
  if (diff === "" || diff === null) return { value: undefined, ambiguous: false };
  if (!isObject(diff)) return { value: diff, ambiguous: false };
  if (depth >= MAX_MERGE_DEPTH) return { value: diff, ambiguous: current !== undefined };

  const object = isObject(current) ? current : {};
  const merged = new Map<string, Json>(Object.entries(object));
  let ambiguous = at === undefined && Object.keys(object).some((key) => !Object.hasOwn(diff, key));
  for (const [key, part] of Object.entries(diff)) {
    const inner = mergeAt(own(object, key), part, literalBelow(at, key), depth + 1);
    ambiguous ||= inner.ambiguous;
    if (inner.value === undefined) merged.delete(key);
    else merged.set(key, inner.value);
  }
  // Object.fromEntries defines own properties, so a key `__proto__` stays a key.
  return { value: Object.fromEntries(merged), ambiguous };
}
