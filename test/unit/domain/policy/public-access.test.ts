import { describe, expect, it } from "vitest";
import { isNeverPublic, isPublic, NOTHING_PUBLIC } from "../../../../lib/domain/policy/public-access.ts";

const access = { properties: ["blog", "notes/shared", "pic*"], targets: ["alerts"] };

describe("what anyone may read", () => {
  it.each([
    ["properties/blog", true],
    ["properties/blog/title", true],
    ["properties/blogs", false],
    ["properties/notes", false],
    ["properties/notes/shared/1", true],
    ["properties/pictures", true],
    ["properties", false],
    ["alerts", true],
    ["alerts/sports/today", true],
    ["alertsletter", false],
  ])("%s: %s", (path, open) => {
    expect(isPublic(access, path.split("/"))).toBe(open);
  });

  it("is nothing of an actor whose owner has opened nothing", () => {
    expect(isPublic(undefined, ["properties", "blog"])).toBe(false);
    expect(isPublic(NOTHING_PUBLIC, ["properties"])).toBe(false);
  });

  it.each(["private", "private/x", "security/keys", "_internal"])("is never %s, whatever the globs", (place) => {
    expect(isPublic({ properties: ["*", "p*", place], targets: [] }, ["properties", ...place.split("/")])).toBe(false);
  });

  it("are all properties at once only with the glob *", () => {
    expect(isPublic({ properties: ["*"], targets: [] }, ["properties"])).toBe(true);
    expect(isPublic({ properties: ["?*"], targets: [] }, ["properties"])).toBe(false);
  });

  it.each(["private", "private/*", "private/a/b", "security/*", "_internal/x"])("refuses the glob %s", (glob) => {
    expect(isNeverPublic(glob)).toBe(true);
  });

  it.each(["*", "privateer", "p*", "public/private"])("takes the glob %s", (glob) => {
    expect(isNeverPublic(glob)).toBe(false);
  });
});
