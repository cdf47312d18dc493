/** What the owner of an actor has opened to anyone. */
import { coveredByAny } from "../terms/glob.ts";
import { PROPERTIES, type Place } from "../terms/scope.ts";
import { HIDDEN, isOpen, type PropertyPermissions } from "./permissions.ts";

/** Globs on places in properties, and names of targets, each with everything below it. */
export interface PublicAccess {
  readonly properties: readonly string[];
  readonly targets: readonly string[];
}

/** The access of an actor whose owner has opened nothing. */
export const NOTHING_PUBLIC: PublicAccess = { properties: [], targets: [] };

/** The permissions of anyone on an actor's properties. */
export const publicPermissions = ({ properties }: PublicAccess): PropertyPermissions => ({
  patterns: properties,
  excluded_patterns: HIDDEN,
  operations: ["read"],
});

/** True when anyone may read the URL at this path below the actor's root: `properties` and a place, or a target and a place. */
export function isPublic(access: PublicAccess | undefined, [target = "", ...place]: Place): boolean {
  if (access === undefined) return false;
  return target === PROPERTIES ? isOpen(publicPermissions(access), place) : access.targets.includes(target);
}

/** True for a glob that covers nothing but places that are never public. */
export const isNeverPublic = (glob: string): boolean => coveredByAny(HIDDEN, glob.split("/"));
