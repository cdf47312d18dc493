import fc from "fast-check";
import { expect, test } from "vitest";
import {
  recordDelete,
  recordDeleteAll,
  recordList,
  recordSet,
  recordsOf,
  type Change,
  type NamedScope,
} from "../../lib/domain/diff/change-record.ts";
import { nestedUnder, valueAt, withValueAt } from "../../lib/domain/json/json-path.ts";
import { isArray, isObject } from "../../lib/domain/json/json.ts";
import { applyToArray, readListOperation } from "../../lib/domain/diff/list-operations.ts";
import { narrowerPlaces } from "../../lib/domain/diff/overlap.ts";
import { covers, placeOf, type Place } from "../../lib/domain/terms/scope.ts";
import { shapeDiff, type ShapedDiff } from "../../lib/domain/diff/shape-diff.ts";
import { readsOf, type Reads } from "../../lib/domain/policy/visibility.ts";
import type { Json, JsonObject } from "../../lib/system/ports.ts";
import { changed, Copy, visibleState, withoutShells, type State } from "../support/shaped-world.ts";
import { sized } from "../support/sizes.ts";

const NAMES = ["test", "private", "__proto__"] as const;
const KEYS = ["a", "ssn", "pub", "list", "operation", "__proto__", "a/b~c"] as const;
const LISTS = ["rows", "private_rows"] as const;

const leaf = fc.constantFrom<Json>("x", "", null, 1, true, [], [{ a: "" }], {}, "append", {
  list: "test",
  operation: "append",
  item: 1,
});
const { value: anyValue } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc
      .array(fc.tuple(fc.constantFrom(...KEYS), tie("value")), { maxLength: 4 })
      .map((parts) => Object.fromEntries(parts) as Json),
  ),
}));
const path = fc
  .tuple(fc.constantFrom(...NAMES), fc.array(fc.constantFrom(...KEYS), { maxLength: 3 }))
  .map(([name, rest]) => [name, ...rest]);

type Intent =
  | { readonly is: "set"; readonly path: Place; readonly value: Json }
  | { readonly is: "delete"; readonly path: Place }
  | { readonly is: "delete all" }
  | { readonly is: "list"; readonly name: string; readonly operation: JsonObject };

const operation: fc.Arbitrary<JsonObject> = fc.oneof(
  leaf.map((item) => ({ operation: "append", item })),
  fc.array(leaf, { maxLength: 3 }).map((items) => ({ operation: "extend", items })),
  fc.tuple(fc.nat(3), leaf).map(([index, item]) => ({ operation: "insert", index, item })),
  fc.tuple(fc.nat(3), leaf).map(([index, item]) => ({ operation: "update", index, item })),
  fc.nat(3).map((index) => ({ operation: "delete", index })),
  leaf.map((item) => ({ operation: "remove", item })),
  fc.constantFrom<JsonObject>(
    { operation: "pop" },
    { operation: "clear" },
    { operation: "delete_all" },
    { operation: "metadata", description: "d" },
  ),
);
const requested: fc.Arbitrary<Intent> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ is: fc.constant("set" as const), path, value: anyValue }) },
  { weight: 3, arbitrary: fc.record({ is: fc.constant("delete" as const), path }) },
  { weight: 3, arbitrary: fc.record({ is: fc.constant("list" as const), name: fc.constantFrom(...LISTS), operation }) },
  { weight: 1, arbitrary: fc.constant({ is: "delete all" as const }) },
);

const scopes: fc.Arbitrary<NamedScope[]> = fc
  .array(
    fc.record({
      place: fc.oneof(
        fc.constant([] as string[]),
        path,
        fc.constantFrom(...LISTS).map((name) => [name]),
      ),
      granularity: fc.constantFrom("high" as const, "high" as const, "low" as const, "none" as const),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((list) =>
    list
      .filter(({ place }) => !place.some((key) => key.includes("/")))
      .map(({ place: [subtarget, ...rest], granularity }, index) => ({
        id: `s${String(index)}`,
        target: "properties",
        granularity,
        ...(subtarget === undefined ? {} : { subtarget }),
        ...(rest.length === 0 ? {} : { resource: rest.join("/") }),
      })),
  );

const permissions = fc
  .constantFrom(
    { patterns: ["*"], excluded_patterns: [] },
    { patterns: ["*"], excluded_patterns: ["private/*", "private_rows"] },
    { patterns: ["*"], excluded_patterns: ["*/ssn", "private*"] },
    { patterns: ["test/pub", "test/a/pub", "rows"], excluded_patterns: [] },
    { patterns: ["*/a", "test"], excluded_patterns: ["test/list/*"] },
    { patterns: [], excluded_patterns: [] },
  )
  .map((set) => readsOf({ ...set, operations: ["read"] }));

let secrets = 0;
/** Gives every string in a hidden place a unique text; names and keys stay. */
function marked(value: Json, at: Place, reads: Reads): Json {
  if (isArray(value)) return reads.at(at) ? value : value.map((item) => (typeof item === "string" ? secret() : item));
  if (isObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, marked(part, [...at, key], reads)]));
  return reads.at(at) ? value : secret();
}
const secret = (): string => `secret${String(++secrets)}`;

function granted(state: State, requests: readonly Intent[], reads: Reads): Change[] {
  const values = new Map(state);
  const changes: Change[] = [];
  const note = (name: string, after: Json | undefined, change: Change): void => {
    if (after === undefined) values.delete(name);
    else values.set(name, after);
    changes.push(change);
  };
  for (const one of requests) {
    if (one.is === "delete all") {
      changes.push(recordDeleteAll([...values.keys()]));
      values.clear();
    } else if (one.is === "list") {
      const items = values.get(one.name);
      const replica = isArray(items) ? items : [];
      const marking = reads.at([one.name])
        ? one.operation
        : { ...one.operation, ...("item" in one.operation ? { item: secret() } : {}) };
      const read = readListOperation({ list: one.name, ...marking }, one.name);
      const applied = read === undefined ? "inapplicable" : applyToArray(replica, read);
      if (applied === "inapplicable") continue;
      note(one.name, applied.items, recordList(one.name, marking, applied.items?.length ?? 0));
    } else {
      const [name = ""] = one.path;
      const before = values.get(name);
      const made =
        one.is === "set"
          ? recordSet(before, one.path, marked(one.value, one.path, reads))
          : recordDelete(before, one.path);
      if (typeof made !== "string") note(name, made.after, made.change);
    }
  }
  return changes;
}

/** Every place that the data of a diff names. */
function places(data: Json, at: Place): Place[] {
  return [at, ...(isObject(data) ? Object.entries(data).flatMap(([key, part]) => places(part, [...at, key])) : [])];
}

/** The records of all rounds, each made after the one before was applied. */
function* history(
  rounds: readonly (readonly Intent[])[],
  state: () => State,
  reads: Reads,
): Iterable<readonly Change[]> {
  for (const requests of rounds) yield* recordsOf(granted(state(), requests, reads));
}

const steps = fc.array(fc.array(requested, { minLength: 1, maxLength: 4 }), { maxLength: 12, size: "max" });

test("after every record, every subscriber's copy equals the visible part of its scope", () => {
  fc.assert(
    fc.property(steps, scopes, permissions, fc.boolean(), (rounds, all, reads, cuts) => {
      let state: State = new Map();
      const copies = all.map((scope) => ({ scope, copy: new Copy(scope, all), narrower: narrowerPlaces(scope, all) }));
      for (const changes of history(rounds, () => state, reads)) {
        state = changed(state, changes);
        for (const { scope, copy, narrower } of copies) {
          const diff = shapeDiff(cuts ? changes.map(cut) : changes, scope, { narrower, suspended: [], reads });
          if (diff !== undefined) {
            copy.apply(diff);
            expect(JSON.stringify(diff)).not.toContain("secret");
          }
          const stripped = (value: Json): Json => withoutShells(value, placeOf(scope), reads);
          expect(stripped(copy.value())).toEqual(stripped(visibleState(state, scope, all, reads)));
        }
      }
    }),
    { numRuns: sized(400, 10_000) },
  );
});

/** The change as it is recorded when the removed keys are too many to keep, or were never read. */
const cut = (change: Change): Change =>
  (change.do === "set" || change.do === "delete") && change.removed !== undefined
    ? { ...change, removed: null }
    : change;

test("two overlapping subscriptions of one peer together hold the whole", () => {
  const pair = fc.tuple(path, fc.constantFrom(0, 1)).filter(([place]) => !place.some((key) => key.includes("/")));
  fc.assert(
    fc.property(steps, pair, permissions, (rounds, [[name = "", ...rest], depth], reads) => {
      const broad: NamedScope = {
        id: "broad",
        target: "properties",
        granularity: "high",
        ...(depth === 1 && rest.length > 0 ? { subtarget: name } : {}),
      };
      const narrow: NamedScope = {
        id: "narrow",
        target: "properties",
        granularity: "high",
        subtarget: name,
        ...(rest.length > 0 ? { resource: rest.join("/") } : {}),
      };
      const all = [broad, narrow];
      const inside = placeOf(narrow).slice(placeOf(broad).length);
      const copies = all.map((scope) => ({ scope, copy: new Copy(scope, all) }));
      // A subscriber that keeps both in one place; the narrower diff of a record arrives second.
      const together = new Copy(broad, [broad]);
      let state: State = new Map();
      for (const changes of history(rounds, () => state, reads)) {
        state = changed(state, changes);
        for (const { scope, copy } of copies) {
          const diff = shapeDiff(changes, scope, { narrower: narrowerPlaces(scope, all), suspended: [], reads });
          if (diff === undefined) continue;
          copy.apply(diff);
          // Removing a part of a value that is no object any more does nothing.
          if (
            scope === narrow &&
            diff.data === "" &&
            diff.overwritten.length === 0 &&
            valueAt(together.value(), inside) === undefined
          )
            continue;
          together.apply(scope === broad ? diff : lifted(diff, inside));
        }
        const stripped = (value: Json | undefined): Json => withoutShells(value, placeOf(broad), reads);
        const whole = stripped(visibleState(state, broad, [broad], reads));
        const [one, other] = copies.map(({ copy }) => copy.value());
        const seen = other === "nothing" ? one : withValueAt(one, inside, other);
        expect(stripped(seen)).toEqual(whole);
        expect(stripped(together.value())).toEqual(whole);
      }
    }),
    { numRuns: sized(200, 5_000) },
  );
});

/** A narrower diff as a change of the broader place. */
function lifted(diff: ShapedDiff, inside: Place): ShapedDiff {
  const prefix = inside.map((key) => `/${key}`).join("");
  return { data: nestedUnder(inside, diff.data), overwritten: diff.overwritten.map((pointer) => prefix + pointer) };
}

test("a diff names no place that is hidden or covered by a narrower subscription, and a wholly hidden change makes none", () => {
  fc.assert(
    fc.property(steps, scopes, permissions, (rounds, all, reads) => {
      let state: State = new Map();
      for (const changes of history(rounds, () => state, reads)) {
        state = changed(state, changes);
        for (const scope of all) {
          const narrower = narrowerPlaces(scope, all);
          const diff = shapeDiff(changes, scope, { narrower, suspended: [], reads });
          const lists = new Set(changes.flatMap((change) => (change.do === "list" ? [change.name] : [])));
          for (const place of diff === undefined ? [] : places(diff.data, placeOf(scope))) {
            if (place.length === 0 || lists.has(place[0] ?? "")) continue;
            expect(narrower.some((other) => covers(other, place))).toBe(false);
            expect(reads.at(place) || reads.below(place), JSON.stringify({ place, diff })).toBe(true);
          }
          const notified = changes.filter((change) => {
            const at =
              change.do === "list" ? [change.name] : change.do === "notify" || change.do === "sys" ? [] : change.path;
            const way = change.do === "set" ? at.slice(0, change.createdFrom ?? at.length) : at;
            return reads.at(at) || reads.below(at) || reads.at(way);
          });
          if (notified.length === 0) expect(diff).toBeUndefined();
        }
      }
    }),
    { numRuns: sized(200, 5_000) },
  );
});
