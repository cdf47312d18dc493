import { narrowerPlaces } from "../../lib/domain/diff/overlap.ts";
import { applyChange, applyListChange, type Change, type NamedScope } from "../../lib/domain/diff/change-record.ts";
import { isArray, isObject } from "../../lib/domain/json/json.ts";
import { valueAt } from "../../lib/domain/json/json-path.ts";
import { applyToArray } from "../../lib/domain/diff/list-operations.ts";
import { mergeDiff } from "../../lib/domain/diff/merge-diff.ts";
import { placeOf, type Place } from "../../lib/domain/terms/scope.ts";
import type { ShapedDiff } from "../../lib/domain/diff/shape-diff.ts";
import { visiblePart, type Reads } from "../../lib/domain/policy/visibility.ts";
import { planDiff } from "../../lib/receiving/replica/diff-plan.ts";
import type { Json } from "../../lib/system/ports.ts";

/** All properties of an actor, lists as arrays. */
export type State = ReadonlyMap<string, Json>;

/** The state after the changes of one record. */
export function changed(state: State, changes: readonly Change[]): State {
  const names = new Set(state.keys());
  for (const one of changes) {
    if (one.do === "list") names.add(one.name);
    else if (one.do !== "notify" && one.do !== "sys" && one.path[0] !== undefined) names.add(one.path[0]);
  }
  const lists = new Set(changes.flatMap((one) => (one.do === "list" ? [one.name] : [])));
  const next = new Map<string, Json>();
  for (const name of names) {
    let value = state.get(name);
    for (const change of changes) {
      value = lists.has(name)
        ? applyListChange(name, isArray(value) ? value : undefined, change)
        : applyChange(name, value, change);
    }
    if (value !== undefined) next.set(name, value);
  }
  return next;
}

/** The part of the state that a subscription covers, by property name (or under "" for one with a subtarget). */
export function visibleState(state: State, scope: NamedScope, all: readonly NamedScope[], reads: Reads): Json {
  const own = placeOf(scope);
  const without = narrowerPlaces(scope, all);
  const [name, ...inside] = own;
  if (name === undefined) {
    const parts = [...state].map(([key, value]) => [key, visiblePart(value, [key], reads, without)] as const);
    return Object.fromEntries(parts.filter(([, value]) => value !== undefined)) as Json;
  }
  const value = valueAt(state.get(name), inside);
  const seen = value === undefined ? undefined : visiblePart(value, own, reads, without);
  return seen === undefined ? "nothing" : seen;
}

/** A subscriber's copy, kept as this service's own receiving side keeps it. */
export class Copy {
  readonly #replica = new Map<string, Json>();
  readonly #own: Place;
  readonly #excludedScopes: readonly Place[];

  constructor(scope: NamedScope, all: readonly NamedScope[]) {
    this.#own = placeOf(scope);
    this.#excludedScopes = narrowerPlaces(scope, all);
  }

  apply(diff: ShapedDiff): void {
    const plan = planDiff({ scope: this.#own, excludedScopes: this.#excludedScopes, ...diff, nested: "merge" });
    if (plan.othersGo) {
      const named = new Set(plan.steps.map((step) => JSON.stringify(step.place)));
      for (const key of [...this.#replica.keys()]) if (!named.has(key)) this.#replica.delete(key);
    }
    for (const step of plan.steps) {
      const key = JSON.stringify(step.place);
      const replica = this.#replica.get(key);
      if (step.kind === "reread") throw new Error("a diff of ours never needs the state read again");
      if (step.kind === "merge") {
        const merged = mergeDiff(replica, step.diff, step);
        if (merged.ambiguous) throw new Error("a diff of ours is never ambiguous");
        this.#put(key, merged.value);
      } else {
        const applied = applyToArray(isArray(replica) ? replica : [], step.operation);
        if (applied === "inapplicable") throw new Error("a list operation does not fit the copy");
        this.#put(key, applied.items);
      }
    }
  }

  #put(key: string, value: Json | undefined): void {
    if (value === undefined) this.#replica.delete(key);
    else this.#replica.set(key, value);
  }

  /** In the form of `visibleState`. */
  value(): Json {
    if (this.#own.length > 0) {
      const replica = this.#replica.get(JSON.stringify(this.#own));
      return replica === undefined ? "nothing" : replica;
    }
    return Object.fromEntries(
      [...this.#replica].map(([key, value]) => [(JSON.parse(key) as string[])[0] ?? "", value]),
    );
  }
}

/**
 * Without the empty objects at places that are not open themselves: no diff says when one stays whose last open part
 * was deleted. Every other empty object counts. `place` is where the value stands.
 */
export function withoutShells(value: Json | undefined, place: Place, reads: Reads): Json {
  const rest = value === undefined ? undefined : peeled(value, place, reads);
  return rest === undefined ? "nothing" : rest;
}

function peeled(value: Json, place: Place, reads: Reads): Json | undefined {
  if (!isObject(value)) return value;
  const parts = Object.entries(value).flatMap(([key, part]): [string, Json][] => {
    const rest = peeled(part, [...place, key], reads);
    return rest === undefined ? [] : [[key, rest]];
  });
  return parts.length > 0 || place.length === 0 || reads.at(place) ? Object.fromEntries(parts) : undefined;
}
