import type { Json } from "../../system/ports.ts";
import { isObject, own } from "../json/json.ts";
import { parsePointer } from "../json/json-pointer.ts";

/** Where in a diff's data values stand literally: the JSON Pointers of `overwritten`, as a tree. */
export interface LiteralPlaces {
  /** The value at this very place stands exactly as given. */
  readonly here: boolean;
  readonly below: ReadonlyMap<string, LiteralPlaces>;
}

export interface MergeRules {
  /** The part of `overwritten` that falls at this place; undefined when the publisher does not send the field. */
  readonly at: LiteralPlaces | undefined;
  /** What an object diff does when the publisher does not say: merge (and perhaps read again), or replace whole. */
  readonly nested: "merge" | "replace";
}

export interface Merged {
  /** Undefined: there is nothing at this place any more. */
  readonly value: Json | undefined;
  /** The publisher may hold less than `value` shows: only reading the place again can tell. */
  readonly ambiguous: boolean;
}

/** Levels of objects that are merged; what lies deeper replaces, so that hostile nesting cannot exhaust the stack. */
export const MAX_MERGE_DEPTH = 200;

const NOTHING_LITERAL: LiteralPlaces = { here: false, below: new Map() };

/** The tree of a list of JSON Pointers. What is no pointer, or lies deeper than is ever merged, is left out. */
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

/** The part of the tree below one key; an empty part, not undefined, when the publisher sends the field. */
export function literalBelow(places: LiteralPlaces | undefined, key: string): LiteralPlaces | undefined {
  return places === undefined ? undefined : (places.below.get(key) ?? NOTHING_LITERAL);
}

/**
 * What a place holds after a diff. Objects merge by the keys they name; `""` and null delete; anything else replaces.
 * Nothing nested in objects is kept as `""` or null, except where `overwritten` says that values stand literally. An
 * object diff that lacks keys we hold is ambiguous when the publisher does not send that field. Neither input is changed.
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
  // fromEntries defines own properties, so a key `__proto__` stays a key.
  return { value: Object.fromEntries(merged), ambiguous };
}
