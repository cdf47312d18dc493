import { describe, expect, expectTypeOf, it } from "vitest";
import { compact } from "../../../lib/system/compact.ts";

describe("compact", () => {
  it("leaves out members that are undefined and keeps null, false, 0 and the empty string", () => {
    const members = { a: undefined, b: null, c: false, d: 0, e: "" };
    expect(Object.keys(compact(members))).toEqual(["b", "c", "d", "e"]);
    expect(compact(members)).toEqual({ b: null, c: false, d: 0, e: "" });
  });

  it("keeps a member called __proto__ as a member of its own", () => {
    const members = JSON.parse('{"__proto__": 1}') as Record<string, number>;
    expect(Object.keys(compact(members))).toEqual(["__proto__"]);
  });

  it("makes exactly those members optional that may be undefined", () => {
    const members: { always: number; perhaps: string | undefined } = { always: 1, perhaps: "x" };
    expectTypeOf(compact(members)).toMatchObjectType<{ always: number; perhaps?: string }>();
    // @ts-expect-error with exact optional properties, undefined is no value of an optional member
    const wrong: { perhaps?: string } = { perhaps: undefined };
    expect(wrong).toEqual({ perhaps: undefined });
  });
});
