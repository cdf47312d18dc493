import { describe, expect, expectTypeOf, it } from "vitest";
import { routesOf, type Handle, type Handlers } from "../../../lib/api/handler.ts";
import { routes, type Area, type RouteOf } from "../../../lib/api/route-table.ts";

const areas: readonly Area[] = [
  "actors",
  "trust",
  "properties",
  "subscriptions",
  "callbacks",
  "peers",
  "events",
  "hub",
];
const handle: Handle = () => Promise.reject(new Error("not called"));

function handlersOf<A extends Area>(area: A): Handlers<A> {
  const own = routes.filter((route) => route.area === area);
  return Object.fromEntries(own.map(({ method, path }) => [`${method} ${path}`, handle])) as Handlers<A>;
}

describe("the routes of an area", () => {
  it.each(areas)("are those of the table, each with the access that the table names: %s", (area) => {
    const map = routesOf(area, handlersOf(area));
    const own = routes.filter((route) => route.area === area);
    expect(Object.keys(map).sort()).toEqual(own.map(({ method, path }) => `${method} ${path}`).sort());
    for (const { method, path, area: _area, ...rest } of own) {
      expect(map[`${method} ${path}`]).toEqual({ ...rest, handle });
    }
  });

  it("keep the function by which a handler knows its paths", () => {
    const knows = (): boolean => false;
    const handlers = { ...handlersOf("properties"), "GET /{actorId}/{target}": { knows, handle } };
    expect(routesOf("properties", handlers)["GET /{actorId}/{target}"]).toMatchObject({
      knows,
      access: ["creator", "peer"],
    });
  });

  it("do not compile with a handler too few, or of another area", () => {
    expectTypeOf<Handlers<"actors">>().toHaveProperty("GET /healthz");
    expectTypeOf<keyof Handlers<"peers">>().toEqualTypeOf<RouteOf<"peers">>();
    // @ts-expect-error the other routes are missing
    const few: Handlers<"actors"> = { "GET /": handle };
    expect(few).toBeDefined();
    // @ts-expect-error this route is of another area
    const more: Handlers<"peers"> = { ...handlersOf("peers"), "GET /healthz": handle };
    expect(more).toBeDefined();
  });
});
