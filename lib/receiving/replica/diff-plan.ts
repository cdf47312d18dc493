import { listName, readListOperation, type ListOperation } from "../../domain/diff/list-operations.ts";
import { isObject, own } from "../../domain/json/json.ts";
import { literalBelow, literalPlaces, type LiteralPlaces } from "../../domain/diff/merge-diff.ts";
import { covers, type Place } from "../../domain/terms/scope.ts";
import type { Json } from "../../system/ports.ts";
import type { IncomingDiff } from "./incoming.ts";

/** What a diff does to one place. */
export type Step =
  | {
      readonly kind: "merge";
      readonly place: Place;
      readonly diff: Json;
      readonly at: LiteralPlaces | undefined;
      readonly nested: "merge" | "replace";
      /** The result does not depend on what is stored. */
      readonly exact: boolean;
    }
  | { readonly kind: "operation"; readonly place: Place; readonly operation: ListOperation }
  /** The diff does not say what the place contains now: the place is to be read. */
  | { readonly kind: "reread"; readonly place: Place };

export interface DiffPlan {
  /** At most one step for each place. */
  readonly steps: readonly Step[];
  /** The diff is the whole of all properties: every place that it does not name is removed. */
  readonly othersGo: boolean;
}

const ALL_LITERAL: LiteralPlaces = { here: true, below: new Map() };

/** Splits a diff into its steps, one for each place that the subscription owns. Never throws, whatever the data. */
export function planDiff(diff: IncomingDiff): DiffPlan {
  const { scope, data, overwritten } = diff;
  const literal = overwritten === undefined ? undefined : literalPlaces(overwritten);
  if (scope.length > 0) return { steps: asList(stepFor(diff, scope, data, literal)), othersGo: false };
  // Data that all properties cannot be: the sender cannot mean that everything is removed.
  if (!isObject(data)) return { steps: [], othersGo: false };
  const whole = literal?.here === true;
  const steps = new Map<string, Step>();
  for (const [name, value] of Object.entries(data)) {
    const step = stepFor(diff, [name], value, whole ? ALL_LITERAL : literalBelow(literal, name));
    if (step === undefined) continue;
    const key = JSON.stringify(step.place);
    // A diff that names one place twice, as {"x": …, "list:x": …} does, has no order between the two.
    steps.set(key, steps.has(key) ? { kind: "reread", place: step.place } : step);
  }
  return { steps: [...steps.values()], othersGo: whole };
}

const asList = (step: Step | undefined): Step[] => (step === undefined ? [] : [step]);

function stepFor(diff: IncomingDiff, named: Place, value: Json, at: LiteralPlaces | undefined): Step | undefined {
  const literal = at?.here === true;
  // A value of which some part is literal is no operation, even when it looks like one.
  const operation = literal || (at?.below.size ?? 0) > 0 ? undefined : operationIn(diff.scope, named, value);
  const place = operation === undefined || diff.scope.length > 0 ? named : [operation.list];
  if (diff.excludedScopes.some((other) => covers(other, place))) return undefined;
  if (operation !== undefined) return { kind: "operation", place, operation };
  if (at === undefined && isListNote(value)) return { kind: "reread", place };
  const inside = diff.excludedScopes.filter((other) => covers(place, other)).map((other) => other.slice(place.length));
  const rest = inside.reduce<Json | undefined>(
    (left, path) => (left === undefined ? left : without(left, path, at)),
    value,
  );
  if (rest === undefined) return undefined;
  const whole = at === undefined && diff.nested === "replace";
  return { kind: "merge", place, diff: rest, at, nested: diff.nested, exact: literal || whole || !isObject(rest) };
}

/** Reads an operation. A subscription to one property receives it bare; some publishers wrap it under the list's name. */
function operationIn(scope: Place, named: Place, value: Json): ListOperation | undefined {
  const [name = ""] = named;
  if (named.length > 1) return undefined;
  const direct = readListOperation(value, name);
  if (direct !== undefined || scope.length === 0 || !isObject(value)) return direct;
  const [key, ...more] = Object.keys(value);
  if (key === undefined || more.length > 0 || listName(key) !== name) return undefined;
  const wrapped = readListOperation(own(value, key) ?? null, key);
  return wrapped?.list === name ? wrapped : undefined;
}

/** True for what the reference implementation sends when its properties route creates a list or appends to one. */
function isListNote(value: Json): boolean {
  if (value === "[Empty list property created]") return true;
  if (!isObject(value) || typeof own(value, "action") !== "string") return false;
  const known = new Set(["action", "index", "value"]);
  return own(value, "index") !== undefined && Object.keys(value).every((key) => known.has(key));
}

/**
 * The value without what is at `path`. Objects that only led there are left out too, unless they are literal; undefined
 * when nothing is left.
 */
function without(value: Json, path: readonly string[], at: LiteralPlaces | undefined): Json | undefined {
  const [key, ...deeper] = path;
  if (key === undefined) return undefined;
  if (!isObject(value) || !Object.hasOwn(value, key)) return value;
  const below = at?.here === true ? at : literalBelow(at, key);
  const inner = deeper.length === 0 ? undefined : without(value[key] ?? null, deeper, below);
  const rest = Object.entries(value).filter(([other]) => other !== key);
  if (inner === undefined && rest.length === 0 && at?.here !== true) return undefined;
  return Object.fromEntries(inner === undefined ? rest : [...rest, [key, inner]]);
}

/** The value of a state without the places that other subscriptions own. */
export function withoutExcluded(value: Json, place: Place, excludedScopes: readonly Place[]): Json {
  return excludedScopes
    .filter((other) => covers(place, other) && other.length > place.length)
    .reduce<Json>((left, other) => without(left, other.slice(place.length), ALL_LITERAL) ?? {}, value);
}
