/** The parts of properties that permissions open to a peer. */
import type { Json } from "../../system/ports.ts";
import type { RemovedKeys } from "../terms/removed-keys.ts";
import { isObject } from "../json/json.ts";
import { isOpen, type PropertyPermissions } from "./permissions.ts";
import { coveredByAny, reachesBelow } from "../terms/glob.ts";
import { covers, type Place } from "../terms/scope.ts";

/** The places that are open to a peer, for reading or for another operation. */
export interface Reads {
  /** True when the place itself is open. Then everything below it is open too, but for exclusions. */
  readonly at: (place: Place) => boolean;
  /** True when a place below this one may be open although this one is not. */
  readonly below: (place: Place) => boolean;
  /** True when the place is open, with everything that can be below it. */
  readonly whole: (place: Place) => boolean;
}

/** All places are open. */
export const READS_ALL: Reads = { at: () => true, below: () => true, whole: () => true };

/** The places that these permissions open to an operation. */
export function readsOf(permissions: PropertyPermissions, operation = "read"): Reads {
  const permitted = permissions.operations.includes(operation);
  const at = (place: Place): boolean => permitted && isOpen(permissions, place);
  return {
    at,
    whole: (place) => at(place) && !reachesBelow(permissions.excluded_patterns, place),
    below: (place) =>
      permitted &&
      !(place.length > 0 && coveredByAny(permissions.excluded_patterns, place)) &&
      reachesBelow(permissions.patterns, place),
  };
}

/** The places that both open. */
export function bothReads(one: Reads, other: Reads): Reads {
  return {
    at: (place) => one.at(place) && other.at(place),
    whole: (place) => one.whole(place) && other.whole(place),
    below: (place) => (one.at(place) || one.below(place)) && (other.at(place) || other.below(place)),
  };
}

/**
 * The visible part of a value: hidden parts, and the places in `without`, are left out. Undefined when the place is
 * hidden and nothing below it is open. A hidden object with open parts is visible as an object with only those.
 */
export function visiblePart(value: Json, place: Place, reads: Reads, without: readonly Place[] = []): Json | undefined {
  if (without.some((other) => covers(other, place))) return undefined;
  const open = reads.at(place);
  // Most values are open as a whole. Copying each of them for every subscriber would take time by their size.
  if (open && reads.whole(place) && !without.some((other) => covers(place, other))) return value;
  if (!isObject(value)) return open ? value : undefined;
  const parts = Object.entries(value).flatMap(([key, part]): [string, Json][] => {
    const visible = visiblePart(part, [...place, key], reads, without);
    return visible === undefined ? [] : [[key, visible]];
  });
  return open || parts.length > 0 ? Object.fromEntries(parts) : undefined;
}

/** True when a peer could see something of what was removed. */
export function sawRemoved(removed: RemovedKeys, place: Place, reads: Reads, without: readonly Place[] = []): boolean {
  if (without.some((other) => covers(other, place))) return false;
  if (place.length > 0 && reads.at(place)) return true;
  if (removed === null) return reads.at(place) || reads.below(place);
  return Object.entries(removed).some(([key, inner]) => sawRemoved(inner, [...place, key], reads, without));
}
