import { describe, expect, test } from "vitest";
import {
  recordDelete,
  recordDeleteAll,
  recordList,
  recordSet,
  type Change,
  type RecordedChange,
} from "../../../../lib/domain/diff/change-record.ts";
import { shapeDiff, type ShapedDiff } from "../../../../lib/domain/diff/shape-diff.ts";
import type { Place, Scope } from "../../../../lib/domain/terms/scope.ts";
import { READS_ALL, readsOf, type Reads } from "../../../../lib/domain/policy/visibility.ts";
import { planDiff } from "../../../../lib/receiving/replica/diff-plan.ts";
import type { Json } from "../../../../lib/system/ports.ts";

const properties = (subtarget?: string, resource?: string): Scope => ({
  target: "properties",
  ...(subtarget === undefined ? {} : { subtarget }),
  ...(resource === undefined ? {} : { resource }),
});
const whole = properties();
const onTest = properties("test");
const onResource = properties("test", "resource");

function see(
  changes: readonly Change[] | Change,
  scope: Scope,
  view: { narrower?: readonly Place[]; reads?: Reads } = {},
): ShapedDiff | undefined {
  const list = "do" in changes ? [changes] : changes;
  return shapeDiff(list, scope, { narrower: view.narrower ?? [], suspended: [], reads: view.reads ?? READS_ALL });
}

const made = (result: RecordedChange | string): Change => {
  if (typeof result === "string") throw new Error(`nothing was recorded: ${result}`);
  return result.change;
};
const set = (before: Json | undefined, path: Place, value: Json): Change => made(recordSet(before, path, value));
const removed = (before: Json, path: Place): Change => made(recordDelete(before, path));
const says = (data: Json, ...overwritten: string[]): ShapedDiff => ({ data, overwritten });
const excluding = (...excluded: string[]): Reads =>
  readsOf({ patterns: ["*"], excluded_patterns: excluded, operations: ["read"] });
const onlyOn = (...patterns: string[]): Reads => readsOf({ patterns, excluded_patterns: [], operations: ["read"] });

const object = { resource: { a: 1, b: "x" }, other: 2 };

describe("diffs beyond the worked examples", () => {
  test("several places of one property changed at once are one diff", () => {
    const changes = [
      set(object, ["test", "other"], 5),
      removed(object, ["test", "resource"]),
      set(undefined, ["b"], 1),
    ];
    expect(see(changes, whole)).toEqual(says({ test: { other: 5, resource: "" }, b: 1 }, "/test/other", "/b"));
    expect(see(changes, onTest)).toEqual(says({ other: 5, resource: "" }, "/other"));
  });

  test("a later change in a record counts over an earlier one", () => {
    const [deleted, again] = [removed(object, ["test"]), set(undefined, ["test", "a"], 1)];
    expect(see([deleted, again], whole)).toEqual(says({ test: { a: 1 } }, "/test"));
    expect(see([again, removed({ a: 1 }, ["test"])], whole)).toEqual(says({ test: "" }));
    expect(see([set(1, ["test"], object), removed(object, ["test", "resource", "a"])], onTest)).toEqual(
      says({ resource: { b: "x" }, other: 2 }, ""),
    );
  });

  test("slashes and tildes of keys are escaped in pointers", () => {
    expect(see(set({}, ["test", "a/b~c"], 1), whole)?.overwritten).toEqual(["/test/a~1b~0c"]);
  });

  test("a removed value whose parts are unknown makes a diff for each subscription to a part", () => {
    expect(see({ do: "delete", path: ["test"], removed: null }, onResource)).toEqual(says(""));
    expect(see({ do: "set", path: ["test"], value: 1, removed: null }, onResource)).toEqual(says(""));
    expect(
      see({ do: "set", path: ["test"], value: 1, removed: { resource: null } }, properties("test", "resource/a")),
    ).toEqual(says(""));
    expect(see({ do: "delete", path: [], removed: null }, whole)).toEqual(says({}, ""));
    expect(see(recordDeleteAll(["test"]), onResource)).toEqual(says(""));
    // A list has no parts with subscriptions.
    expect(see(recordDeleteAll(["test"], ["test"]), onResource)).toBeUndefined();
    expect(see(recordDeleteAll(["test"], ["test"]), onTest)).toEqual(says(""));
  });

  test("a key __proto__ is a key like any other", () => {
    const value = JSON.parse('{"__proto__": {"x": 1}}') as Json;
    const diff = see(set(undefined, ["__proto__"], value), whole);
    expect(JSON.stringify(diff)).toBe('{"data":{"__proto__":{"__proto__":{"x":1}}},"overwritten":["/__proto__"]}');
    expect(see(removed(value, ["__proto__", "__proto__"]), properties("__proto__", "__proto__/x"))).toEqual(says(""));
  });
});

describe("where a narrower subscription of the same peer covers a place", () => {
  const narrower = [["test", "resource"]];

  test("its part is left out, and the rest is named member by member", () => {
    expect(see(set(object, ["test"], { ...object, other: 3 }), whole, { narrower })).toEqual(
      says({ test: { other: 3 } }, "/test/other"),
    );
  });

  test("members removed beside it are named as removed", () => {
    expect(see(set(object, ["test"], { resource: 1 }), whole, { narrower })).toEqual(says({ test: { other: "" } }));
  });

  test("there is no diff when nothing else changed", () => {
    expect(see(set(object, ["test", "resource", "a"], 3), whole, { narrower })).toBeUndefined();
    expect(see(removed(object, ["test", "resource"]), whole, { narrower })).toBeUndefined();
    expect(see(recordList("rows", { operation: "clear" }, 0), whole, { narrower: [["rows"]] })).toBeUndefined();
  });

  test("a value that was no object before becomes an object for the broader one too", () => {
    expect(see(set(5, ["test"], { resource: 1 }), whole, { narrower })).toEqual(says({ test: {} }));
  });

  test("a new object of which it covers every member is named once", () => {
    expect(see(set(undefined, ["test"], {}), whole, { narrower })).toEqual(says({ test: {} }));
    expect(see(set(undefined, ["test"], { resource: 1 }), whole, { narrower })).toEqual(says({ test: {} }));
    expect(see(set(undefined, ["test", "resource"], 1), whole, { narrower })).toEqual(says({ test: {} }));
    expect(see(set({ resource: 1 }, ["test"], { resource: 2 }), whole, { narrower })).toBeUndefined();
    expect(see(set({}, ["test", "resource"], 1), whole, { narrower })).toBeUndefined();
    const deep = [["test", "resource", "a"]];
    expect(see(set(5, ["test"], { resource: { a: 1 } }), whole, { narrower: deep })).toEqual(
      says({ test: { resource: {} } }),
    );
    expect(see(set({}, ["test", "resource", "a"], 1), onTest, { narrower: deep })).toEqual(says({ resource: {} }));
    expect(see(set(undefined, ["test", "resource", "a"], 1), onResource, { narrower: deep })).toEqual(says({}));
  });

  test("a subscription with a resource gets what changed beside it, not its full value", () => {
    const change = set({ resource: { a: 1, b: "x" } }, ["test", "resource", "a"], 2);
    expect(see(change, onResource, { narrower: [["test", "resource", "b"]] })).toEqual(says({ a: 2 }, "/a"));
  });

  test("a removal of a value around it makes a diff for both", () => {
    expect(see(removed(object, ["test"]), whole, { narrower })).toEqual(says({ test: "" }));
  });
});

describe("what permissions hide", () => {
  test("is left out of the value around it", () => {
    const change = set(undefined, ["profile"], { name: "n", ssn: "hidden", deep: { ssn: "hidden" } });
    expect(see(change, whole, { reads: excluding("profile/ssn", "*/deep/ssn") })).toEqual(
      says({ profile: { name: "n", deep: {} } }, "/profile"),
    );
  });

  test("makes no number", () => {
    const reads = excluding("private/*", "test/resource");
    expect(see(set(undefined, ["private"], 1), whole, { reads })).toBeUndefined();
    expect(see(set(undefined, ["private", "deep", "er"], 1), whole, { reads })).toBeUndefined();
    expect(see(removed({ a: 1 }, ["private"]), whole, { reads })).toBeUndefined();
    expect(see(set(object, ["test", "resource", "a"], 1), onTest, { reads })).toBeUndefined();
    expect(see(set(object, ["test"], { other: 1 }), onResource, { reads })).toBeUndefined();
    expect(see(recordDeleteAll(["private"]), whole, { reads })).toBeUndefined();
    expect(see(recordList("private", { operation: "append", item: 1 }, 1), whole, { reads })).toBeUndefined();
  });

  test("leaves the object around it, which is named when it is new", () => {
    const reads = excluding("test/resource");
    expect(see(set(undefined, ["test", "resource"], 1), whole, { reads })).toEqual(says({ test: {} }));
    expect(see(set(undefined, ["test", "resource", "a"], 1), onTest, { reads })).toEqual(says({}));
    expect(see(set({}, ["test", "resource"], 1), whole, { reads })).toBeUndefined();
    const narrower = [["test", "other"]];
    expect(see(set(undefined, ["test"], { resource: 1 }), whole, { reads, narrower })).toEqual(says({ test: {} }));
  });

  test("can surround a part that a pattern opens inside a property", () => {
    const reads = onlyOn("test/resource/a");
    expect(see(set(undefined, ["test"], object), whole, { reads })).toEqual(
      says({ test: { resource: { a: 1 } } }, "/test"),
    );
    expect(see(set(object, ["test"], { other: 1 }), whole, { reads })).toEqual(says({ test: "" }));
    expect(see(set({ other: 2 }, ["test"], { other: 1 }), whole, { reads })).toBeUndefined();
    expect(see(recordDeleteAll(["test", "else"]), whole, { reads })).toEqual(says({ test: "" }));
    expect(see(recordDeleteAll(["else"]), whole, { reads })).toBeUndefined();
  });
});

describe("an app event", () => {
  const appEvent: Change = {
    do: "notify",
    target: "resources",
    subtarget: "tool",
    data: { state: "ready", part: { x: 1 } },
  };

  test("is nested for broader subscriptions and cut for narrower ones, never literal", () => {
    expect(see(appEvent, { target: "resources" })).toEqual(says({ tool: { state: "ready", part: { x: 1 } } }));
    expect(see(appEvent, { target: "resources", subtarget: "tool" })).toEqual(says({ state: "ready", part: { x: 1 } }));
    expect(see(appEvent, { target: "resources", subtarget: "tool", resource: "part" })).toEqual(says({ x: 1 }));
    expect(see(appEvent, { target: "resources", subtarget: "tool", resource: "none" })).toBeUndefined();
    expect(see(appEvent, { target: "resources", subtarget: "else" })).toBeUndefined();
    expect(see(appEvent, whole)).toBeUndefined();
  });
});

test("a property that looks like a list operation arrives as a value, whichever part is in the diff", () => {
  const alike = { list: "test", operation: "append", item: 1, resource: 2 };
  const shaped = [
    { scope: [], diff: see(set(undefined, ["test"], alike), whole, { narrower: [["test", "resource"]] }) },
    { scope: ["test"], diff: see(set(undefined, ["test"], alike), onTest) },
    { scope: ["test"], diff: see(set({}, ["test", "test"], alike), onTest) },
  ];
  for (const { scope, diff } of shaped) {
    const plan = planDiff({ scope, excludedScopes: [], nested: "merge", ...(diff ?? says("")) });
    expect(plan.steps.map((step) => step.kind)).toEqual(["merge"]);
  }
});
