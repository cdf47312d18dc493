import { describe, expect, it } from "vitest";
import { RouteTable } from "../../../infra/local/route-table.ts";

const KEYS = [
  "$default",
  "ANY /{proxy+}",
  "GET /pets/{proxy+}",
  "GET /pets/dog/{id}",
  "GET /pets/dog/1",
  "ANY /pets/dog/{id}",
  "ANY /",
  "ANY /{actorId}",
  "ANY /{actorId}/meta/{leaf+}",
  "ANY /{actorId}/meta",
];

const tableOf = (keys: readonly string[]) =>
  new RouteTable(keys.map((routeKey) => ({ routeKey, functionName: "any", timeoutMs: 1000 })));
const all = tableOf(KEYS);
const chosen = (method: string, path: string) => all.match(method, path)?.route.routeKey;

describe("the choice of a route", () => {
  it.each([
    ["GET", "/pets/dog/1", "GET /pets/dog/1"],
    ["GET", "/pets/dog/2", "GET /pets/dog/{id}"],
    ["PUT", "/pets/dog/1", "ANY /pets/dog/{id}"],
    ["GET", "/pets/cat/1", "GET /pets/{proxy+}"],
    ["POST", "/pets/cat/1", "ANY /{proxy+}"],
    ["POST", "/test/5", "ANY /{proxy+}"],
    ["GET", "/", "ANY /"],
    ["GET", "/a1", "ANY /{actorId}"],
    ["GET", "/a1/meta", "ANY /{actorId}/meta"],
    ["GET", "/a1/meta/actingweb/version", "ANY /{actorId}/meta/{leaf+}"],
  ])("sends %s %s to %s", (method, path, routeKey) => {
    expect(chosen(method, path)).toBe(routeKey);
  });

  it("falls back to the default, without which there is no match", () => {
    expect(tableOf(["ANY /a", "$default"]).match("GET", "/b")?.route.routeKey).toBe("$default");
    expect(tableOf(["ANY /a"]).match("GET", "/b")).toBeUndefined();
  });

  it("does not take an empty segment for a variable, nor a path for a longer one", () => {
    const table = tableOf(["ANY /{actorId}/trust/{relationship}"]);
    expect(table.match("GET", "//trust/friend")).toBeUndefined();
    expect(table.match("GET", "/a/trust/")).toBeUndefined();
    expect(table.match("GET", "/a/trust")).toBeUndefined();
    expect(table.match("GET", "/a/trust/friend/")).toBeUndefined();
  });

  it("gives parameters as they stand in the path, which was decoded before", () => {
    const table = tableOf(["ANY /{actorId}/properties/{rest+}", "ANY /{actorId}"]);
    expect(table.match("GET", "/a%b")?.pathParameters).toEqual({ actorId: "a%b" });
    expect(table.match("GET", "/a/properties/x y/z/1")?.pathParameters).toEqual({ actorId: "a", rest: "x y/z/1" });
    expect(table.match("GET", "/__proto__")?.pathParameters).toEqual({ actorId: "__proto__" });
  });
});
