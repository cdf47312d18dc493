import { describe, expect, it } from "vitest";
import { liesUnder, pathSegment } from "../../../../lib/domain/terms/peer-url.ts";

describe("liesUnder", () => {
  const base = "https://peer.example/apps/actor";

  it.each([
    "https://peer.example/apps/actor",
    "https://peer.example/apps/actor/",
    "https://peer.example/apps/actor?x=1",
    "https://peer.example/apps/actor/properties/a%20b",
    "https://PEER.example:443/apps/actor/x",
    "https://peer.example/apps/actor/x/../y",
    "https://peer.example/apps/actor/100%25",
    "https://peer.example/apps/actor/a%25b%",
  ])("%s is under it", (url) => expect(liesUnder(url, base)).toBe(true));

  it.each([
    "http://peer.example/apps/actor/x",
    "https://peer.example:8443/apps/actor/x",
    "https://other.example/apps/actor/x",
    "https://peer.example.evil.com/apps/actor/x",
    "https://peer.example@evil.com/apps/actor/x",
    "https://u:p@peer.example/apps/actor/x",
    "https://peer.example/apps/actor2",
    "https://peer.example/apps",
    "https://peer.example/apps/actor/../actor2",
    "https://peer.example/apps/actor/%2e%2E/actor2",
    "https://peer.example/apps/actor\\..\\actor2",
    "https://peer.example/apps/actor/..%2factor2",
    "https://peer.example/apps/actor/%252e%252e%252factor2",
    "https://peer.example/apps/actor/..%5cactor2",
    "https://peer.example/apps/actor/%/..%2f..%2fother",
    "/apps/actor/x",
    "",
  ])("%s is not under it", (url) => expect(liesUnder(url, base)).toBe(false));

  it("accepts a base with a slash at its end, and one that is a whole host", () => {
    expect(liesUnder("https://peer.example/a/x", "https://peer.example/a/")).toBe(true);
    expect(liesUnder("https://peer.example/ab", "https://peer.example/a/")).toBe(false);
    expect(liesUnder("https://peer.example/anything", "https://peer.example")).toBe(true);
    expect(liesUnder("http://127.0.0.1/a/x", "http://2130706433/a")).toBe(true);
  });
});

describe("pathSegment", () => {
  it("encodes what a URL can carry, and is undefined for the rest", () => {
    expect(pathSegment("a b ø#+")).toBe("a%20b%20%C3%B8%23%2B");
    for (const text of ["", ".", "..", "%2e%2e", "a/../b", "\ud800"]) expect(pathSegment(text)).toBeUndefined();
  });

  it.each(["100%", "what?", "a%2Fb", "a/b"])("refuses %j, which a gateway would change", (text) => {
    expect(pathSegment(text)).toBeUndefined();
  });
});
