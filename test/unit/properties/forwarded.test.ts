import { describe, expect, it } from "vitest";
import { recordDelete, recordDeleteAll, recordSet } from "../../../lib/domain/change-record.ts";
import type { Change } from "../../../lib/domain/change-record.ts";
import { recordList } from "../../../lib/domain/change-record.ts";
import type { Json } from "../../../lib/ports.ts";
import { absentAt, changesAfter, forwarded, namesIn } from "../../../lib/properties/forwarded.ts";

const set = (path: readonly string[], value: Json, before?: Json): Change => {
  const made = recordSet(before, path, value);
  if (made === "blocked") throw new Error("blocked");
  return made.change;
};
const gone = (name: string, before: Json): Change => {
  const made = recordDelete(before, [name]);
  if (made === "missing") throw new Error("missing");
  return made.change;
};
const allGone = recordDeleteAll(["a", "b"]);
const numbered = (...changes: readonly (readonly [number, Change])[]) =>
  changes.map(([number, change]) => ({ number, change }));

describe("a property that was read in the middle of a stretch of the log", () => {
  it("gets what was changed after the record that it is of, and nothing twice", () => {
    const changes = numbered(
      [5, set(["a", "x"], 5)],
      [6, set(["a", "x"], 6)],
      [7, set(["b"], 7)],
      [8, set(["a", "y"], 8)],
    );
    expect(forwarded("a", { value: { x: 6 }, at: 6 }, changes)).toEqual({ x: 6, y: 8 });
    expect(changesAfter("a", 6, changes).map(({ number }) => number)).toEqual([7, 8]);
  });

  it("is there again when it was made after it was read as absent", () => {
    expect(forwarded("a", undefined, numbered([5, set(["a"], 1)]))).toBe(1);
    const twice = numbered([5, gone("a", { old: 1 })], [6, set(["a", "k"], 1)]);
    expect(forwarded("a", undefined, twice)).toEqual({ k: 1 });
  });

  it("does not get what was changed before it went", () => {
    const changes = numbered([5, set(["a", "k"], 5, { k: 1 })], [6, gone("a", { k: 5 })], [7, set(["a", "l"], 7)]);
    expect(changesAfter("a", "nothing there", changes).map(({ number }) => number)).toEqual([7]);
  });

  it("goes with all others", () => {
    expect(forwarded("a", { value: 1, at: 4 }, numbered([5, allGone]))).toBeUndefined();
    expect(forwarded("a", { value: 1, at: 5 }, numbered([5, allGone]))).toBe(1);
    expect(changesAfter("a", "nothing there", numbered([5, set(["a"], 1)], [6, allGone]))).toEqual([]);
  });
});

describe("a property that was absent when it was read", () => {
  it.each([
    ["nobody has touched it", numbered([5, set(["b"], 1)]), 4],
    ["it went at 5", numbered([5, gone("a", 1)]), 5],
    ["it went at 5, and others changed", numbered([5, gone("a", 1)], [6, set(["b"], 1)]), 6],
    ["it went at 5 and came back", numbered([5, gone("a", 1)], [6, set(["a"], 1)]), 5],
    ["it came, went and came", numbered([5, set(["a"], 1)], [6, allGone], [7, set(["a"], 1)]), 6],
    ["it was made", numbered([6, set(["a"], 1)]), 4],
    ["it went and came in one record", numbered([5, gone("a", 1)], [5, set(["a"], 1)]), 4],
    ["a list of that name went", numbered([5, recordList("a", { operation: "delete_all" }, 0)]), 5],
    ["a list of that name was made", numbered([5, recordList("a", { operation: "append", item: 1 }, 1)]), 4],
  ])("is absent at the right record when %s", (_, changes, record) => {
    expect(absentAt("a", 4, changes)).toBe(record);
  });
});

describe("the names in a stretch", () => {
  it("are those of properties only, each once", () => {
    const news: Change = { do: "notify", target: "resources", data: 1 };
    const list = recordList("l", { operation: "clear" }, 0);
    expect(namesIn(numbered([1, set(["a", "b"], 1)], [2, allGone], [3, news], [4, list], [5, set(["a"], 1)]))).toEqual([
      ...["a", "l"],
    ]);
  });
});
