import { describe, expect, it } from "vitest";
import {
  recordDelete,
  recordDeleteAll,
  recordSet,
  recordList,
  type Change,
} from "../../../../lib/domain/diff/change-record.ts";
import type { Json } from "../../../../lib/system/ports.ts";
import { absentAt, changesAfter, rolledForward, namesIn } from "../../../../lib/publishing/snapshots/roll-forward.ts";

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
  it("gets the changes after the record that it is of, and none twice", () => {
    const changes = numbered(
      [5, set(["a", "x"], 5)],
      [6, set(["a", "x"], 6)],
      [7, set(["b"], 7)],
      [8, set(["a", "y"], 8)],
    );
    expect(rolledForward("a", { content: { value: { x: 6 } }, at: 6 }, changes)).toEqual({ value: { x: 6, y: 8 } });
    expect(changesAfter("a", 6, changes).map(({ number }) => number)).toEqual([7, 8]);
  });

  it("is there again when it was made after it was read as absent", () => {
    expect(rolledForward("a", undefined, numbered([5, set(["a"], 1)]))).toEqual({ value: 1 });
    const twice = numbered([5, gone("a", { old: 1 })], [6, set(["a", "k"], 1)]);
    expect(rolledForward("a", undefined, twice)).toEqual({ value: { k: 1 } });
  });

  it("does not get changes from before its deletion", () => {
    const changes = numbered([5, set(["a", "k"], 5, { k: 1 })], [6, gone("a", { k: 5 })], [7, set(["a", "l"], 7)]);
    expect(changesAfter("a", "nothing there", changes).map(({ number }) => number)).toEqual([7]);
  });

  it("is deleted with all others", () => {
    expect(rolledForward("a", { content: { value: 1 }, at: 4 }, numbered([5, allGone]))).toBeUndefined();
    expect(rolledForward("a", { content: { value: 1 }, at: 5 }, numbered([5, allGone]))).toEqual({ value: 1 });
    expect(changesAfter("a", "nothing there", numbered([5, set(["a"], 1)], [6, allGone]))).toEqual([]);
  });
});

describe("a list that was read in the middle of a stretch of the log", () => {
  const words = { description: "d", explanation: "" };
  const append = (item: Json, length: number): Change => recordList("l", { operation: "append", item }, length);
  const changes = numbered(
    ...([[5, append("b", 2)]] as const),
    ...([[6, append("c", 3)]] as const),
    ...([[7, recordList("l", { operation: "metadata", description: "e" }, 3)]] as const),
    ...([[8, recordList("l", { operation: "delete", index: 0 }, 2)]] as const),
  );

  it("gets each later operation once", () => {
    const list = { ...words, count: 2, items: ["a", "b"] };
    expect(rolledForward("l", { content: { list }, at: 5 }, changes)).toEqual({
      list: { description: "e", explanation: "", count: 2, items: ["b", "c"] },
    });
  });

  it("counts without its items", () => {
    const list = { ...words, count: 2, items: undefined };
    expect(rolledForward("l", { content: { list }, at: 5 }, changes)).toEqual({
      list: { description: "e", explanation: "", count: 2, items: undefined },
    });
    const emptied = numbered([6, recordList("l", { operation: "clear" }, 0)], [7, append("x", 1)]);
    expect(rolledForward("l", { content: { list }, at: 5 }, emptied)).toMatchObject({
      list: { count: 1, items: ["x"] },
    });
  });

  it("follows from the operations after it was absent, and not from those before its deletion", () => {
    const made = numbered(
      [5, append("old", 9)],
      [6, recordList("l", { operation: "delete_all" }, 0)],
      [7, append(1, 1)],
    );
    expect(rolledForward("l", undefined, made)).toEqual({
      list: { description: "", explanation: "", count: 1, items: [1] },
    });
    expect(rolledForward("l", undefined, numbered([6, append(0, 1)], [7, append(1, 2)]))).toMatchObject({
      list: { items: [0, 1] },
    });
  });

  it("may have become a value", () => {
    const list = { ...words, count: 2, items: undefined };
    const other = numbered([6, recordList("l", { operation: "delete_all" }, 0)], [7, set(["l"], 7)]);
    expect(rolledForward("l", { content: { list }, at: 5 }, other)).toEqual({ value: 7 });
  });
});

describe("a property that was absent when it was read", () => {
  it.each([
    ["no change concerns it", numbered([5, set(["b"], 1)]), 4],
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
    const event: Change = { do: "notify", target: "resources", data: 1 };
    const list = recordList("l", { operation: "clear" }, 0);
    expect(namesIn(numbered([1, set(["a", "b"], 1)], [2, allGone], [3, event], [4, list], [5, set(["a"], 1)]))).toEqual(
      [...["a", "l"]],
    );
  });
});
