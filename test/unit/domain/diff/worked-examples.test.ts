/** The protocol's worked examples: one change, and its diffs for subscriptions on the target, a subtarget and a resource. */
import { expect, test } from "vitest";
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
import { READS_ALL } from "../../../../lib/domain/policy/visibility.ts";
import type { Json, JsonObject } from "../../../../lib/system/ports.ts";

/** Subscriptions on `properties`, `properties/test` and `properties/test/resource`. */
const SCOPES: readonly Scope[] = [
  { target: "properties" },
  { target: "properties", subtarget: "test" },
  { target: "properties", subtarget: "test", resource: "resource" },
];

const made = (result: RecordedChange | string): Change => {
  if (typeof result === "string") throw new Error(`nothing was recorded: ${result}`);
  return result.change;
};
const set = (before: Json | undefined, path: Place, value: Json): Change => made(recordSet(before, path, value));
const gone = (before: Json, path: Place): Change => made(recordDelete(before, path));
const list = (operation: JsonObject, length: number): Change => recordList("test", operation, length);

/** The data, and the places within it whose values are literal. */
const says = (data: Json, ...overwritten: string[]): ShapedDiff => ({ data, overwritten });
const nothing = undefined;

const object = { resource: { a: 1, b: "x" }, other: 2 };
const at = (...path: string[]): Place => ["test", ...path];

type RenderedDiff = ShapedDiff | undefined;
type Row = readonly [
  what: string,
  change: Change,
  onTarget: RenderedDiff,
  onSubtarget: RenderedDiff,
  onResource: RenderedDiff,
];

const MANY = Array.from({ length: 1_001 }, (_, n) => `n${String(n)}`);

const objects: readonly Row[] = [
  [
    "created: a nested object",
    set(undefined, at(), object),
    says({ test: object }, "/test"),
    says(object, ""),
    says(object.resource, ""),
  ],
  [
    "created: an object without the resource",
    set(undefined, at(), { other: 2 }),
    says({ test: { other: 2 } }, "/test"),
    says({ other: 2 }, ""),
    nothing,
  ],
  ["created: a text", set(undefined, at(), "plain"), says({ test: "plain" }, "/test"), says("plain", ""), nothing],
  [
    "created: the resource, where nothing was",
    set(undefined, at("resource"), { a: 1 }),
    says({ test: { resource: { a: 1 } } }, "/test/resource"),
    says({ resource: { a: 1 } }, "/resource"),
    says({ a: 1 }, ""),
  ],
  [
    "created: a value below the resource, where nothing was",
    set(undefined, at("resource", "a"), 1),
    says({ test: { resource: { a: 1 } } }, "/test/resource/a"),
    says({ resource: { a: 1 } }, "/resource/a"),
    says({ a: 1 }, ""),
  ],
  [
    "overwritten: by an object with another resource",
    set(object, at(), { resource: { c: 3 } }),
    says({ test: { resource: { c: 3 } } }, "/test"),
    says({ resource: { c: 3 } }, ""),
    says({ c: 3 }, ""),
  ],
  [
    "overwritten: by an object without the resource",
    set(object, at(), { other: 3 }),
    says({ test: { other: 3 } }, "/test"),
    says({ other: 3 }, ""),
    says(""),
  ],
  ["overwritten: by a text", set(object, at(), "plain"), says({ test: "plain" }, "/test"), says("plain", ""), says("")],
  ["overwritten: by an empty object", set(object, at(), {}), says({ test: {} }, "/test"), says({}, ""), says("")],
  [
    "overwritten: when neither had the resource",
    set({ other: 2 }, at(), { other: 3 }),
    says({ test: { other: 3 } }, "/test"),
    says({ other: 3 }, ""),
    nothing,
  ],
  [
    "overwritten: by values that delete elsewhere",
    set(undefined, at(), { resource: "", nothing: null, empty: {} }),
    says({ test: { resource: "", nothing: null, empty: {} } }, "/test"),
    says({ resource: "", nothing: null, empty: {} }, ""),
    says("", ""),
  ],
  [
    "changed by its path: the resource",
    set(object, at("resource"), { c: 1 }),
    says({ test: { resource: { c: 1 } } }, "/test/resource"),
    says({ resource: { c: 1 } }, "/resource"),
    says({ c: 1 }, ""),
  ],
  [
    "changed by its path: below the resource, whose subscription has its full value",
    set(object, at("resource", "a"), 9),
    says({ test: { resource: { a: 9 } } }, "/test/resource/a"),
    says({ resource: { a: 9 } }, "/resource/a"),
    says({ a: 9, b: "x" }, ""),
  ],
  [
    "changed by its path: beside the resource",
    set(object, at("other"), 9),
    says({ test: { other: 9 } }, "/test/other"),
    says({ other: 9 }, "/other"),
    nothing,
  ],
  [
    "changed by its path: another property",
    set(undefined, ["color"], "red"),
    says({ color: "red" }, "/color"),
    nothing,
    nothing,
  ],
  [
    "deleted: below the resource",
    gone(object, at("resource", "a")),
    says({ test: { resource: { a: "" } } }),
    says({ resource: { a: "" } }),
    says({ b: "x" }, ""),
  ],
  [
    "deleted: the resource",
    gone(object, at("resource")),
    says({ test: { resource: "" } }),
    says({ resource: "" }),
    says(""),
  ],
  [
    "deleted: beside the resource",
    gone(object, at("other")),
    says({ test: { other: "" } }),
    says({ other: "" }),
    nothing,
  ],
  ["deleted: the property", gone(object, at()), says({ test: "" }), says(""), says("")],
  ["deleted: the property, which had no resource", gone({ other: 2 }, at()), says({ test: "" }), says(""), nothing],
  ["deleted: all properties", recordDeleteAll(["test", "color"]), says({ test: "", color: "" }), says(""), says("")],
  [
    "deleted: all properties, this one not among them",
    recordDeleteAll(["color"]),
    says({ color: "" }),
    nothing,
    nothing,
  ],
  ["deleted: more properties at once than are worth naming", recordDeleteAll(MANY), says({}, ""), nothing, nothing],
];

/** A change of a list is sent as its operation, to subscriptions on the target and on the list. */
const operations: readonly (readonly [JsonObject, number])[] = [
  [{ operation: "append", item: { a: 1 } }, 3],
  [{ operation: "insert", index: 0, item: "x" }, 4],
  [{ operation: "update", index: 1, item: "y", old_item: "x" }, 4],
  [{ operation: "delete", index: 1, old_item: "y" }, 3],
  [{ operation: "pop", item: "z" }, 2],
  [{ operation: "extend", items: [1, 2] }, 4],
  [{ operation: "remove", item: 1 }, 3],
  [{ operation: "metadata", description: "d", explanation: "e" }, 3],
  [{ operation: "clear" }, 0],
  [{ operation: "delete_all" }, 0],
];
const lists = operations.map(([operation, length]): Row => {
  const diffs = { list: "test", ...operation, length };
  return [
    `a list: ${String(operation["operation"])}`,
    list(operation, length),
    says({ test: diffs }),
    says(diffs),
    nothing,
  ];
});

test.each([...objects, ...lists])("%s", (_, change, ...diffs) => {
  expect(SCOPES.map((scope) => shapeDiff([change], scope, { narrower: [], suspended: [], reads: READS_ALL }))).toEqual(
    diffs,
  );
});
