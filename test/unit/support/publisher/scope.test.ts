import { describe, expect, it } from "vitest";
import { render, type Scope } from "../../../support/publisher/scope.ts";
import { PublishedState, type Change } from "../../../support/publisher/state.ts";

const whole: Scope = { target: "properties", subtarget: null, resource: null };
const test: Scope = { ...whole, subtarget: "test" };
const resource: Scope = { ...test, resource: "deep" };

function changed(prepare: (state: PublishedState) => void, change: (state: PublishedState) => Change[]) {
  const state = new PublishedState();
  prepare(state);
  const changes = change(state);
  return (scope: Scope) => render(changes, scope, (path) => state.read(path));
}

describe("a publisher's diff", () => {
  it("names the property in the broad subscription and is bare in the narrow one", () => {
    const see = changed(
      () => undefined,
      (state) => state.set(["test"], { v: 1 }),
    );
    expect(see(whole)).toEqual({ data: { test: { v: 1 } }, overwritten: ["/test"] });
    expect(see(test)).toEqual({ data: { v: 1 }, overwritten: [""] });
    expect(see({ ...test, subtarget: "other" })).toBeUndefined();
  });

  it("nests a deeper change, and gives a resource its full value", () => {
    const see = changed(
      (state) => state.set(["test"], { deep: { a: 1 } }),
      (state) => state.set(["test", "deep", "b"], 2),
    );
    expect(see(whole)).toEqual({ data: { test: { deep: { b: 2 } } }, overwritten: ["/test/deep/b"] });
    expect(see(resource)).toEqual({ data: { a: 1, b: 2 }, overwritten: [""] });
  });

  it("sends a deeper subscription a deletion when a higher change took its place away", () => {
    const see = changed(
      (state) => state.set(["test"], { deep: 1 }),
      (state) => state.set(["test"], { other: 1 }),
    );
    expect(see(resource)).toEqual({ data: "", overwritten: [] });
  });

  it("sends nothing for a deeper place that is absent before and after", () => {
    const see = changed(
      () => undefined,
      (state) => state.set(["test"], { other: 1 }),
    );
    expect(see(resource)).toBeUndefined();
  });
});

describe("the published lists", () => {
  it("carry all ten operations with the length after each", () => {
    const state = new PublishedState();
    const apply = (...args: Parameters<PublishedState["list"]>) => {
      const [change] = state.list(...args);
      return change?.kind === "list" ? change.wire["length"] : undefined;
    };
    const lengths = [
      apply("l", { operation: "append", item: "a" }),
      apply("l", { operation: "extend", items: ["b", "c", "d"] }),
      apply("l", { operation: "insert", index: 1, item: "x" }),
      apply("l", { operation: "update", index: 0, item: "A" }),
      apply("l", { operation: "delete", index: 2 }),
      apply("l", { operation: "pop" }),
      apply("l", { operation: "remove", item: "x" }),
      apply("l", { operation: "metadata", description: "letters" }),
    ];
    expect(lengths).toEqual([1, 4, 5, 5, 4, 3, 2, 2]);
    expect(state.snapshot()).toEqual({ l: ["A", "c"] });
    expect([apply("l", { operation: "clear" }), apply("l", { operation: "delete_all" })]).toEqual([0, 0]);
    expect(state.snapshot()).toEqual({});
  });
});
