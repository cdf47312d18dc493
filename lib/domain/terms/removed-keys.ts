/** Trees of keys that say what a change removed and where it created objects, without any value. */
import type { Json } from "../../system/ports.ts";
import { isObject, jsonBytes, own } from "../json/json.ts";

/**
 * The keys that lead to what a change removed: a key of the tree that the new value lacks had a value before. Null:
 * what was below is unknown, because it was too much to keep or was never read.
 */
export type RemovedKeys = null | { readonly [key: string]: RemovedKeys };

/** Most bytes of JSON text of one tree. */
export const MAX_REMOVED_KEYS_BYTES = 16_384;

const NONE: RemovedKeys = {};

/** The keys of `before` that `after` lacks; `{}` when there are none. Cut off with null when the tree is too large. */
export function removedKeysBetween(before: Json | undefined, after: Json | undefined): RemovedKeys {
  const whole = lost(before, after, true);
  if (small(whole)) return whole;
  const roots = lost(before, after, false);
  return small(roots) ? roots : null;
}

const small = (tree: RemovedKeys): boolean => jsonBytes(tree) <= MAX_REMOVED_KEYS_BYTES;

function lost(before: Json | undefined, after: Json | undefined, contents: boolean): RemovedKeys {
  if (!isObject(before)) return NONE;
  const kept = isObject(after) ? after : {};
  return Object.fromEntries(
    Object.entries(before).flatMap(([key, value]): [string, RemovedKeys][] => {
      const now = own(kept, key);
      if (now === undefined) return [[key, contents ? lost(value, undefined, true) : isObject(value) ? null : NONE]];
      const inner = lost(value, now, contents);
      return isNothing(inner) ? [] : [[key, inner]];
    }),
  );
}

/** True when the tree has no key; null is not nothing. */
export function isNothing(tree: RemovedKeys): boolean {
  return tree !== null && Object.keys(tree).length === 0;
}

/** The part of the tree at a place: undefined when nothing was removed there, null when that is unknown. */
export function removedKeysAt(tree: RemovedKeys, path: readonly string[]): RemovedKeys | undefined {
  let at: RemovedKeys | undefined = tree;
  for (const key of path) {
    if (at === null) return null;
    at = own(at, key) as RemovedKeys | undefined;
    if (at === undefined) return undefined;
  }
  return at;
}

/**
 * Where objects were created. The keys lead to the places; null says that all objects at and below the place are new,
 * or may be, because the tree was too large; `{}` is nowhere.
 */
export type CreatedObjects = RemovedKeys;

/** The places where `after` has objects and `before` has none, in at most `MAX_REMOVED_KEYS_BYTES`. */
export function createdObjectsBetween(before: Json | undefined, after: Json): CreatedObjects {
  const whole = created(before, after);
  return small(whole) ? whole : null;
}

function created(before: Json | undefined, after: Json): CreatedObjects {
  if (!isObject(after)) return NONE;
  if (!isObject(before)) return null;
  return Object.fromEntries(
    Object.entries(after).flatMap(([key, value]): [string, CreatedObjects][] => {
      const inner = created(own(before, key), value);
      return isNothing(inner) ? [] : [[key, inner]];
    }),
  );
}
