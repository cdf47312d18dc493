import { at, nest, pointer, type Json } from "./json.ts";
import type { Change } from "./state.ts";

/** What a subscription covers, below the target `properties`. Null is none. */
export interface Scope {
  target: string;
  subtarget: string | null;
  resource: string | null;
}

/** The place of a scope as a path: `[]` for the whole target. */
export function scopePath(scope: Scope): string[] {
  if (scope.subtarget === null) return [];
  return [scope.subtarget, ...(scope.resource === null ? [] : scope.resource.split("/"))];
}

export interface Rendered {
  data: Json;
  /** JSON Pointers into `data` where it stands literally. */
  overwritten: string[];
}

/** A set of changes as one subscription sees them; undefined when nothing of them is in its scope. */
export function render(changes: readonly Change[], scope: Scope, read: (path: string[]) => Json | undefined) {
  const parts = changes.map((change) => renderOne(change, scopePath(scope), read)).filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.reduce(combine);
}

function combine(a: Rendered, b: Rendered): Rendered {
  // Several changes at once only ever concern different properties, so the members do not meet.
  return { data: { ...(a.data as object), ...(b.data as object) }, overwritten: [...a.overwritten, ...b.overwritten] };
}

function renderOne(change: Change, scope: string[], read: (path: string[]) => Json | undefined): Rendered | undefined {
  if (change.kind === "list") {
    if (scope.length === 0) return { data: { [change.name]: change.wire }, overwritten: [] };
    return scope.length === 1 && scope[0] === change.name ? { data: change.wire, overwritten: [] } : undefined;
  }
  const shared = Math.min(scope.length, change.path.length);
  if (change.path.slice(0, shared).some((key, index) => key !== scope[index])) return undefined;
  // A subscription with a resource always carries that resource's full value.
  if (scope.length >= 2 && change.path.length >= scope.length) return { data: read(scope) ?? "", overwritten: [""] };
  if (change.path.length >= scope.length) {
    const below = change.path.slice(scope.length);
    if (change.after === undefined) return { data: nest(below, ""), overwritten: [] };
    return { data: nest(below, change.after), overwritten: [pointer(below)] };
  }
  const deeper = scope.slice(change.path.length);
  const now = at(change.after, deeper);
  if (now !== undefined) return { data: now, overwritten: [""] };
  return at(change.before, deeper) === undefined ? undefined : { data: "", overwritten: [] };
}

/** True when every one of the changed places lies inside the scope `inner`. */
export function covers(inner: Scope, change: Change): boolean {
  const path = change.kind === "list" ? [change.name] : change.path;
  const scope = scopePath(inner);
  return scope.length <= path.length && scope.every((key, index) => key === path[index]);
}
