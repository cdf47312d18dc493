import { describe, expect, it } from "vitest";
import { routes as actorRoutes } from "../../functions/actors.ts";
import { routes as trustRoutes } from "../../functions/trust.ts";
import { routes } from "../../lib/api/route-table.ts";
import type { RouteMap } from "../../lib/api/handler.ts";
import { InProcessService, Network } from "../support/in-process.ts";

describe("the handler maps", () => {
  const { services } = new InProcessService(new Network(), "https://a.example");
  const maps: Readonly<Record<string, RouteMap>> = {
    actors: actorRoutes(services),
    trust: trustRoutes(services),
  };
  const mine = routes.filter(({ area }) => area in maps);

  it.each(mine)("let in for $method $path whom the list of routes names", ({ area, method, path, access }) => {
    expect([...(maps[area]?.[`${method} ${path}`]?.access ?? [])].sort()).toEqual([...access].sort());
  });
});
