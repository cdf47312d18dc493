/** Everything that is asked of the service over HTTP, except callbacks. */
import type { AreaOf, RouteKey } from "../lib/api/route-table.ts";
import type { Handler } from "../lib/api/handler.ts";
import { area } from "../lib/http/area.ts";
import { service } from "../lib/compose/service.ts";
import type { Service } from "../lib/compose/service.ts";
import { routes as actors } from "./actors.ts";
import { app } from "./app.ts";
import { routes as peers } from "./peers.ts";
import { routes as properties } from "./properties.ts";
import { routes as subscriptions } from "./subscriptions.ts";
import { routes as trust } from "./trust.ts";

/** What the api function answers. */
export function routes(services: Service): Record<RouteKey<AreaOf<"api">>, Handler> {
  return {
    ...actors(services),
    ...trust(services),
    ...properties(services),
    ...subscriptions(services),
    ...peers(services),
  };
}

export const handler = area("api", routes, () => service(app));
