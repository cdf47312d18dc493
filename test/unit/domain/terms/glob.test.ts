import { describe, expect, it } from "vitest";
import { coveredByAny, matchesGlob, reachesBelow } from "../../../../lib/domain/terms/glob.ts";

describe("globs on property paths", () => {
  it.each([
    ["*", "a/b/c", true],
    ["a*", "abc", true],
    ["a*c", "abcbc", true],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["memory_*", "memory_travel", true],
    ["a.c", "abc", false],
    ["[ab]", "a", false],
    ["", "", true],
    ["", "a", false],
  ])("%j on %j: %s", (pattern, text, matches) => {
    expect(matchesGlob(pattern, text)).toBe(matches);
  });

  it("matches a hostile pattern in a bounded number of steps", () => {
    const [pattern, text] = [`${"*a".repeat(20)}b`, "a".repeat(500)];
    let reads = 0;
    const counted = (value: string): string =>
      new Proxy(Object(value) as object, {
        get: (target, at) => {
          reads += 1;
          // Throws, because an engine that tries every way would never return.
          if (reads > 10 * pattern.length * text.length) throw new Error("Too many steps.");
          return Reflect.get(target, at) as unknown;
        },
      }) as unknown as string;
    expect(matchesGlob(counted(pattern), counted(text))).toBe(false);
    expect(reads).toBeGreaterThan(text.length);
  });

  it("covers what lies below, and name/* covers name itself", () => {
    expect(coveredByAny(["notes"], ["notes", "a"])).toBe(true);
    expect(coveredByAny(["private/*"], ["private"])).toBe(true);
    expect(coveredByAny(["private/*"], ["private", "x", "y"])).toBe(true);
    expect(coveredByAny(["private/*"], ["privateer"])).toBe(false);
    expect(coveredByAny(["a/b"], ["a"])).toBe(false);
  });

  it.each([
    [["a/*"], ["a"], true],
    [["a/b/c"], ["a", "b"], true],
    [["a/b"], ["a", "c"], false],
    [["*z"], ["a"], true],
    [["a?/c"], ["ab"], true],
    [["ab"], ["a"], false],
    [["a"], [], true],
    [[], [], false],
    [["😀/b"], ["😀"], true],
  ])("%j reach below %j: %s", (patterns, place, reach) => {
    expect(reachesBelow(patterns, place)).toBe(reach);
  });
});
