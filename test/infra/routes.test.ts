import { describe, expect, expectTypeOf, it } from "vitest";
import { servedBy, functions, type FunctionName } from "../../infra/functions.ts";
import { DEFAULT_AREA, routes, type Area, type RouteOf } from "../../lib/api/route-table.ts";
import { isOwnPath } from "../../lib/domain/terms/own-paths.ts";
import { functionsByName, serviceTemplates, type Resource } from "../support/service-templates.ts";

const { api } = serviceTemplates();

/** The function of each gateway route, by route key. */
function gatewayRoutes(): ReadonlyMap<string, string> {
  const integrations = api.findResources("AWS::ApiGatewayV2::Integration") as Record<string, Resource>;
  const nameOf = new Map([...functionsByName(api)].map(([name, { id }]) => [id, name]));
  const found = Object.values(api.findResources("AWS::ApiGatewayV2::Route") as Record<string, Resource>);
  return new Map(
    found.map(({ Properties }) => {
      const integration = integrations[Properties["Target"]["Fn::Join"][1][1].Ref];
      const target = integration?.Properties["IntegrationUri"]["Fn::GetAtt"][0];
      return [Properties["RouteKey"], nameOf.get(target) ?? "none"];
    }),
  );
}

describe("the routes", () => {
  it("are in the gateway, one ANY for each path, to the function that serves their area, and nothing else is", () => {
    const listed = new Map<string, string>(routes.map((route) => [`ANY ${route.path}`, servedBy[route.area]]));
    listed.set("$default", servedBy[DEFAULT_AREA]);
    expect(Object.fromEntries(gatewayRoutes())).toEqual(Object.fromEntries(listed));
  });

  it("keep all methods of one path in one area", () => {
    const areasOf = new Map<string, Set<Area>>();
    for (const { path, area } of routes) areasOf.set(path, (areasOf.get(path) ?? new Set()).add(area));
    expect([...areasOf].filter(([, found]) => found.size > 1)).toEqual([]);
  });

  it("name no method of a path twice", () => {
    const keys = routes.map(({ method, path }) => `${method} ${path}`);
    expect(keys).toEqual([...new Set(keys)]);
  });

  it("have paths that the gateway can distinguish", () => {
    const shapes = [...new Set(routes.map(({ path }) => path))].map((path) => path.replaceAll(/\{\w+(\+?)\}/g, "{$1}"));
    expect(shapes).toEqual([...new Set(shapes)]);
  });

  it("belong to functions that requests start; functions started otherwise have none", () => {
    const withRoutes = new Set<string>(routes.map(({ area }) => servedBy[area]));
    for (const [name, { startedBy }] of Object.entries(functions)) {
      expect([name, withRoutes.has(name)]).toEqual([name, startedBy === "requests"]);
    }
  });

  it("fall into areas, none of which is empty", () => {
    expect(new Set<string>(routes.map(({ area }) => area))).toEqual(new Set(Object.keys(servedBy)));
  });

  it("begin below an actor with names that no target of the application has", () => {
    const names = routes
      .map(({ path }) => path.split("/")[2])
      .filter((name) => name !== undefined && !name.startsWith("{"));
    expect(new Set(names).size).toBeGreaterThan(9);
    expect(names.filter((name) => !isOwnPath(String(name)))).toEqual([]);
    // Kept free for later routes.
    for (const name of ["events", "webhooks", "hub", "public", "parked", "tasks", "groups", "www"]) {
      expect([name, isOwnPath(name)]).toEqual([name, true]);
    }
  });

  it("type the handler maps of the areas", () => {
    expectTypeOf<"GET /{actorId}/parked">().toExtend<RouteOf<"peers">>();
    expectTypeOf<"POST /{actorId}/parked">().not.toExtend<RouteOf<"peers">>();
    expectTypeOf<"GET /{actorId}/parked">().not.toExtend<RouteOf<"callbacks">>();
  });

  it("let the gateway wait longer than the function runs, for a cold start does not count in the function's time", () => {
    api.allResourcesProperties("AWS::ApiGatewayV2::Integration", {
      TimeoutInMillis: 30_000,
      PayloadFormatVersion: "2.0",
    });
    for (const [name, { Properties }] of functionsByName(api)) {
      const requests = functions[name as FunctionName].startedBy === "requests";
      if (requests) expect([name, Properties["Timeout"]]).toEqual([name, 28]);
    }
  });

  it("are each allowed to call their function, $default too, which has no method", () => {
    const permissions = Object.values(api.findResources("AWS::Lambda::Permission") as Record<string, Resource>)
      .filter(({ Properties }) => Properties["Principal"] === "apigateway.amazonaws.com")
      .map(({ Properties }) => ({
        of: Properties["FunctionName"]["Fn::GetAtt"][0] as string,
        // What follows the API's id: `/<stage>/<method>/<path>`, or `/<stage>/$default`.
        allowed: new RegExp(
          `^${String(Properties["SourceArn"]["Fn::Join"][1].at(-1))
            .replaceAll(/[$.{}+]/g, "\\$&")
            .replaceAll("*", ".*")}$`,
        ),
      }));
    const idOf = new Map([...functionsByName(api)].map(([name, { id }]) => [name, id]));
    for (const [routeKey, name] of gatewayRoutes()) {
      const called = routeKey === "$default" ? "/$default/$default" : `/$default/${routeKey.replace("ANY ", "*")}`;
      const allowing = permissions.filter(({ of, allowed }) => of === idOf.get(name) && allowed.test(called));
      expect([routeKey, allowing.length > 0]).toEqual([routeKey, true]);
    }
  });
});
