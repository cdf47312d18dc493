/** Subscriptions of one peer that overlap, and suspensions that cover their places. */
import type { NamedScope } from "./change-record.ts";
import { covers, placeOf, type Place, type Scope } from "../terms/scope.ts";

/**
 * The places inside a subscription's own that narrower subscriptions of the same peer cover, outermost only, in a fixed
 * order. Subscriptions with granularity `none` cover nothing, and nothing is taken from them.
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

/** The places that no other one among them covers, each once, sorted. */
export function outermost(places: readonly Place[]): readonly Place[] {
  const byKey = new Map(places.map((place) => [JSON.stringify(place), place]));
  const all = [...byKey].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, place]) => place);
  return all.filter((place) => !all.some((other) => other.length < place.length && covers(other, place)));
}

/** True when no place in `after` covers some place in `before`: the wider subscription gets that place back. */
export function comesBack(before: readonly Place[], after: readonly Place[]): boolean {
  return before.some((place) => !after.some((other) => covers(other, place)));
}

/** True when changes at `path` make no diffs for the scope, because its own place or the path is suspended. */
export function isSuspended(suspended: readonly Place[], scope: Scope, path: Place): boolean {
  const own = placeOf(scope);
  return suspended.some((place) => covers(place, path) || covers(place, own));
}
