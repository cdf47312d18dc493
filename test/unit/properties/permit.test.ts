import { describe, expect, it } from "vitest";
import { Permit } from "../../../lib/properties/permit.ts";

const forbidden = expect.objectContaining({ code: "auth.forbidden" });

describe("deleting all properties", () => {
  it.each([
    [["*"], ["read", "write", "delete"], true],
    [["*"], ["delete"], true],
    [["*"], ["read", "write"], false],
    [["a", "b*"], ["read", "write", "delete"], false],
    [["?*"], ["delete"], false],
    [[], ["delete"], false],
  ])("with the patterns %j and the operations %j: %j", (patterns, operations, may) => {
    const permit = new Permit({ patterns, excluded_patterns: ["private/*"], operations });
    const demand = (): void => {
      permit.demandDeleteAll();
    };
    if (may) expect(demand).not.toThrow();
    else expect(demand).toThrow(forbidden);
  });

  it("is the owner's right", () => {
    const owner = new Permit();
    expect(() => {
      owner.demandDeleteAll();
    }).not.toThrow();
    expect(owner.deletesWhole([])).toBe(true);
  });
});
