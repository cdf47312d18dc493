import type { Json } from "../../system/ports.ts";
import { isObject, jsonBytes, own } from "../json/json.ts";

/**
 * The keys that lead to what a change took away, without any value: a key of the tree that the new value lacks stood for
 * something before. Null: what was below is not known (it was too much to keep, or never read).
 */
export type RemovedKeys = null | { readonly [key: string]: RemovedKeys };

/** Most bytes of JSON text that the tree of one change takes. */
export const MAX_REMOVED_KEYS_BYTES = 16_384;

const NONE: RemovedKeys = {};

/** What of `before` is no longer there in `after`; `{}` when all is. Cut off, with null, when it takes too much room. */
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

/** True when the tree names nothing. */
export function isNothing(tree: RemovedKeys): boolean {
  return tree !== null && Object.keys(tree).length === 0;
}

/** The part of the tree at a place: undefined when nothing is known to have been there, null when it may have been. */
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
 * Where objects came to be. The keys lead to the places, null stands where all objects at and below the place are new [or
 * may be: it was too much to keep]; `{}` is nowhere.
 */
export type CreatedObjects = RemovedKeys;

/** Where objects stand in `after` and none stood in `before`, at most `MAX_REMOVED_KEYS_BYTES`. */
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
