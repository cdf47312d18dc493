/** Which places of a subscription belong to narrower ones of the same peer. */
import type { NamedScope } from "./change-record.ts";
import { covers, placeOf } from "../terms/scope.ts";
import type { Place, Scope } from "../terms/scope.ts";

/**
 * The places inside a subscription's own that narrower ones of the same peer cover, outermost only, in a fixed order.
 * Those with granularity none do not count, and a subscription that is none itself always records the whole.
 */
export function narrowerPlaces(own: NamedScope, all: readonly NamedScope[]): readonly Place[] {
  if (own.granularity === "none") return [];
  const mine = placeOf(own);
  const inside = all
    .filter((other) => other.target === own.target && other.granularity !== "none")
    .map(placeOf)
    .filter((place) => place.length > mine.length && covers(mine, place));
  return outermost(inside);
}

/** The places that no other of them covers, each once, sorted. */
export function outermost(places: readonly Place[]): readonly Place[] {
  const byKey = new Map(places.map((place) => [JSON.stringify(place), place]));
  const all = [...byKey].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, place]) => place);
  return all.filter((place) => !all.some((other) => other.length < place.length && covers(other, place)));
}

/** True when a place that narrower subscriptions covered is not covered by any of the new ones: it comes back. */
export function comesBack(before: readonly Place[], after: readonly Place[]): boolean {
  return before.some((place) => !after.some((other) => covers(other, place)));
}

/** True when changes at `path` make no diffs for the scope, its own place or the changed one being suspended. */
export function isSuspended(suspended: readonly Place[], scope: Scope, path: Place): boolean {
  const own = placeOf(scope);
  return suspended.some((place) => covers(place, path) || covers(place, own));
}
