/** Which parts of a property a peer can see. */
import type { Json } from "../../system/ports.ts";
import type { RemovedKeys } from "../terms/removed-keys.ts";
import { isObject } from "../json/json.ts";
import { isOpen } from "./permissions.ts";
import type { PropertyPermissions } from "./permissions.ts";
import { coveredByAny, reachesBelow } from "../terms/glob.ts";
import { covers } from "../terms/scope.ts";
import type { Place } from "../terms/scope.ts";

/** What a peer may read. */
export interface Reads {
  /** True when the place itself is open; everything below it then is too, but for exclusions. */
  readonly at: (place: Place) => boolean;
  /** True when something below the place might be open although the place is not. */
  readonly below: (place: Place) => boolean;
  /** True when the place is open with everything that could be below it. */
  readonly whole: (place: Place) => boolean;
}

/** Everything. */
export const READS_ALL: Reads = { at: () => true, below: () => true, whole: () => true };

/** What these permissions let a peer read. */
export function readsOf(permissions: PropertyPermissions): Reads {
  const reading = permissions.operations.includes("read");
  const at = (place: Place): boolean => reading && isOpen(permissions, place);
  return {
    at,
    whole: (place) => at(place) && !reachesBelow(permissions.excluded_patterns, place),
    below: (place) =>
      reading &&
      !(place.length > 0 && coveredByAny(permissions.excluded_patterns, place)) &&
      reachesBelow(permissions.patterns, place),
  };
}

/** What both allow. */
export function bothReads(one: Reads, other: Reads): Reads {
  return {
    at: (place) => one.at(place) && other.at(place),
    whole: (place) => one.whole(place) && other.whole(place),
    below: (place) => (one.at(place) || one.below(place)) && (other.at(place) || other.below(place)),
  };
}

/**
 * A value as a peer sees it: hidden parts are not there. Undefined when the place is hidden and nothing below it is
 * open. An object above open parts is seen as an object with only those.
 */
export function visiblePart(value: Json, place: Place, reads: Reads, without: readonly Place[] = []): Json | undefined {
  if (without.some((other) => covers(other, place))) return undefined;
  const open = reads.at(place);
  // Most values are open as a whole, and going through each for every subscriber would cost what it is large.
  if (open && reads.whole(place) && !without.some((other) => covers(place, other))) return value;
  if (!isObject(value)) return open ? value : undefined;
  const parts = Object.entries(value).flatMap(([key, part]): [string, Json][] => {
    const visible = visiblePart(part, [...place, key], reads, without);
    return visible === undefined ? [] : [[key, visible]];
  });
  return open || parts.length > 0 ? Object.fromEntries(parts) : undefined;
}

/** True when a peer could see something of what went. */
export function sawRemoved(removed: RemovedKeys, place: Place, reads: Reads, without: readonly Place[] = []): boolean {
  if (without.some((other) => covers(other, place))) return false;
  if (place.length > 0 && reads.at(place)) return true;
  if (removed === null) return reads.at(place) || reads.below(place);
  return Object.entries(removed).some(([key, inner]) => sawRemoved(inner, [...place, key], reads, without));
}
