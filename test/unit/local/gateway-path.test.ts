import { describe, expect, it } from "vitest";
import { gatewayPath } from "../../../infra/local/gateway-path.ts";

describe("the path that a gateway passes on", () => {
  it.each([
    ["/a/properties/color", "/a/properties/color"],
    ["/a/properties/two%20words", "/a/properties/two words"],
    ["/a/properties/%23%C3%A9", "/a/properties/#é"],
    ["/a/properties/1+1", "/a/properties/1+1"],
    ["/a/properties/x%2Fy", "/a/properties/x/y"],
    ["/a/properties/x%252Fy", "/a/properties/x/y"],
    ["/x/question%3Fvalue", "/x/question"],
    ["/x/question%253Fvalue/more", "/x/question"],
    ["/%3Fx", "/"],
  ])("of %s is %s", (sent, path) => {
    expect(gatewayPath(sent)).toBe(path);
  });

  it.each(["/x/percent%25done", "/x/percent%25", "/x/%2525", "/x/%252541", "/x/%zz", "/x/%", "/x/%ff"])(
    "is none for %s",
    (sent) => {
      expect(gatewayPath(sent)).toBeUndefined();
    },
  );
});
