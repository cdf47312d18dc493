/** Scopes of subscriptions, and places in properties. */

/**
 * What a subscription covers. On the wire a part can be `null`, `""` or absent, which mean the same; here it is absent.
 */
export interface Scope {
  readonly target: string;
  readonly subtarget?: string;
  /** A path below the subtarget, segments joined with `/`. */
  readonly resource?: string;
}

/** A target, or a subtarget of it, whose changes make no diffs for a while. */
export type Suspension = Omit<Scope, "resource">;

/** The target whose state this service keeps itself: an actor's own properties. */
export const PROPERTIES = "properties";

/** A place in an actor's properties: `[]` is all of them, `[name]` one, `[name, key, …]` a part of one. */
export type Place = readonly string[];

/** The place that a subscription covers within its target. */
export function placeOf(scope: Scope): Place {
  if (scope.subtarget === undefined) return [];
  if (scope.resource === undefined) return [scope.subtarget];
  return [scope.subtarget, ...scope.resource.split("/").filter((segment) => segment !== "")];
}

/** True when `outer` covers `inner`; a place covers itself. */
export function covers(outer: Place, inner: Place): boolean {
  return outer.length <= inner.length && outer.every((segment, index) => segment === inner[index]);
}

/** True when both are the same place. */
export function samePlace(one: Place, other: Place): boolean {
  return one.length === other.length && covers(one, other);
}
