import { describe, expect, it } from "vitest";
import { readTopicUrl, topicLinks, topicUrl } from "../../../../lib/domain/wire/hub-topic.ts";

const ROOT = "https://api.example/stage/alice";

describe("the URL of a topic", () => {
  it.each([
    ["https://api.example/stage/alice/properties/blog", ["properties", "blog"]],
    ["https://API.example:443/stage/alice/properties/blog/", ["properties", "blog"]],
    ["https://api.example/stage/%61lice/%70roperties/b%6Cog", ["properties", "blog"]],
    ["https://api.example/stage/alice/properties/caf%C3%A9/%7Ex", ["properties", "café", "~x"]],
    ["https://api.example/stage/alice/properties/café/~x", ["properties", "café", "~x"]],
    ["https://api.example/stage/alice/properties", ["properties"]],
    ["https://api.example/stage/alice/alerts/sports", ["alerts", "sports"]],
  ])("%s leads to %j", (text, path) => {
    expect(readTopicUrl(text, ROOT)).toEqual(path);
  });

  it.each([
    ["another host", "https://other.example/stage/alice/properties/blog"],
    ["another scheme", "http://api.example/stage/alice/properties/blog"],
    ["another actor", "https://api.example/stage/bob/properties/blog"],
    ["an actor whose id begins the same", "https://api.example/stage/alicex/properties/blog"],
    ["the actor itself", "https://api.example/stage/alice"],
    ["a path above", "https://api.example/stage/alice/../bob/properties/blog"],
    ["a query", "https://api.example/stage/alice/properties/blog?x=1"],
    ["an empty query", "https://api.example/stage/alice/properties/blog?"],
    ["a fragment", "https://api.example/stage/alice/properties/blog#x"],
    ["a password", "https://a:b@api.example/stage/alice/properties/blog"],
    ["an encoded slash", "https://api.example/stage/alice/properties/a%2Fb"],
    ["a name encoded twice", "https://api.example/stage/alice/properties/%2561"],
    ["an empty name", "https://api.example/stage/alice/properties//blog"],
    ["broken encoding", "https://api.example/stage/alice/properties/%ff"],
    ["no URL", "properties/blog"],
  ])("with %s leads nowhere", (_, text) => {
    expect(readTopicUrl(text, ROOT)).toBeUndefined();
  });

  it("is printed so that it leads back, and stands in one header with that of the hub", () => {
    const path = ["properties", "a b", "café", "x'(1)"];
    expect(readTopicUrl(topicUrl(ROOT, path), ROOT)).toEqual(path);
    expect(topicLinks(ROOT, ["alerts"])).toBe(`<${ROOT}/hub>; rel="hub", <${ROOT}/alerts>; rel="self"`);
  });
});
