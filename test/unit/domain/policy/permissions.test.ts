import { describe, expect, it } from "vitest";
import {
  coveredByAny,
  defaultPermissions,
  isOpen,
  matchesGlob,
  mayRead,
  mayWrite,
  mergePermissions,
} from "../../../../lib/domain/policy/permissions.ts";

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

  it("reads a hostile pattern and text a bounded number of times", () => {
    const [pattern, text] = [`${"*a".repeat(20)}b`, "a".repeat(500)];
    let reads = 0;
    const counted = (value: string): string =>
      new Proxy(Object(value) as object, {
        get: (target, at) => {
          reads += 1;
          // Thrown, because what tries every way would never come back.
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
});

describe("relationships", () => {
  it("let associates read and friends write, but never what is private", () => {
    const associate = defaultPermissions("associate");
    const friend = defaultPermissions("friend");
    expect([mayRead(associate, ["x"]), mayWrite(associate, ["x"])]).toEqual([true, false]);
    expect([mayRead(friend, ["x"]), mayWrite(friend, ["x"])]).toEqual([true, true]);
    for (const name of ["private", "security", "_internal"]) expect(mayRead(friend, [name, "x"])).toBe(false);
    expect(mayRead(defaultPermissions("admin"), ["private"])).toBe(true);
  });

  it("let only admins delete unless it was set for a peer", () => {
    const deleting = ["associate", "friend", "partner", "admin", "cousin"].filter((name) =>
      defaultPermissions(name).properties.operations.includes("delete"),
    );
    expect(deleting).toEqual(["admin"]);
    const set = mergePermissions(defaultPermissions("friend"), { properties: { operations: ["read", "delete"] } });
    expect(set.properties.operations).toEqual(["read", "delete"]);
  });

  it("give an unknown one what an associate may, also one named like a member of every object", () => {
    expect(defaultPermissions("cousin")).toEqual(defaultPermissions("associate"));
    expect(defaultPermissions("constructor")).toEqual(defaultPermissions("associate"));
  });

  it("can be defined by the deployment", () => {
    const cousin = defaultPermissions("admin");
    expect(defaultPermissions("cousin", { cousin })).toBe(cousin);
  });
});

describe("merging", () => {
  it("unites patterns and exclusions and replaces every other field", () => {
    const merged = mergePermissions(defaultPermissions("friend"), {
      properties: { patterns: ["more"], excluded_patterns: ["hidden"], operations: ["read"] },
      tools: { allowed: ["t"] },
    });
    expect(merged.properties).toEqual({
      patterns: ["*", "more"],
      excluded_patterns: ["private/*", "security/*", "_internal/*", "hidden"],
      operations: ["read"],
    });
    expect(merged.tools).toEqual({ allowed: ["t"] });
    expect(merged.methods).toEqual(defaultPermissions("friend").methods);
    expect(isOpen(merged.properties, ["hidden", "deep"])).toBe(false);
  });

  it("unites the topics that may be published, which are none but an admin's", () => {
    expect(mergePermissions(defaultPermissions("friend"), {}).publish).toEqual([]);
    expect(mergePermissions(defaultPermissions("friend"), { publish: ["orders.>"] }).publish).toEqual(["orders.>"]);
    expect(mergePermissions(defaultPermissions("admin"), { publish: ["orders.>"] }).publish).toEqual([">", "orders.>"]);
  });
});
