import { describe, expect, it } from "vitest";
import {
  defaultPermissions,
  isOpen,
  mergePermissions,
  type Permissions,
} from "../../../../lib/domain/policy/permissions.ts";
import type { Place } from "../../../../lib/domain/terms/scope.ts";

const may = (operation: string, { properties }: Permissions, place: Place): boolean =>
  properties.operations.includes(operation) && isOpen(properties, place);

describe("relationships", () => {
  it("let associates read and friends write, but never what is private", () => {
    const associate = defaultPermissions("associate");
    const friend = defaultPermissions("friend");
    expect([may("read", associate, ["x"]), may("write", associate, ["x"])]).toEqual([true, false]);
    expect([may("read", friend, ["x"]), may("write", friend, ["x"])]).toEqual([true, true]);
    for (const name of ["private", "security", "_internal"]) expect(may("read", friend, [name, "x"])).toBe(false);
    expect(may("read", defaultPermissions("admin"), ["private"])).toBe(true);
  });

  it("let only admins delete, unless deletion was set for a peer", () => {
    const deleting = ["associate", "friend", "partner", "admin", "cousin"].filter((name) =>
      defaultPermissions(name).properties.operations.includes("delete"),
    );
    expect(deleting).toEqual(["admin"]);
    const set = mergePermissions(defaultPermissions("friend"), { properties: { operations: ["read", "delete"] } });
    expect(set.properties.operations).toEqual(["read", "delete"]);
  });

  it("give an unknown relationship the permissions of an associate, also one named like a member of every object", () => {
    expect(defaultPermissions("cousin")).toEqual(defaultPermissions("associate"));
    expect(defaultPermissions("constructor")).toEqual(defaultPermissions("associate"));
  });

  it("can be defined by a deployment", () => {
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

  it("unites the topics that may be published, of which only admins have any by default", () => {
    expect(mergePermissions(defaultPermissions("friend"), {}).publish).toEqual([]);
    expect(mergePermissions(defaultPermissions("friend"), { publish: ["orders.>"] }).publish).toEqual(["orders.>"]);
    expect(mergePermissions(defaultPermissions("admin"), { publish: ["orders.>"] }).publish).toEqual([">", "orders.>"]);
  });
});
