/** An actor's own properties, and the application's own targets. */
import { TargetRoutes } from "./target-routes.ts";
import { routesOf } from "./handler.ts";
import type { Handler, RouteMap } from "./handler.ts";
import { PropertyRoutes } from "./property-routes.ts";
import type { Service } from "../compose/service.ts";

/** What the properties area answers. */
export function routes(
  services: Pick<Service, "properties" | "permissions" | "trusts" | "positioned" | "config" | "stateHooks">,
): RouteMap {
  const properties = new PropertyRoutes(services);
  const get: Handler = async (...given) => await properties.get(...given);
  const put: Handler = async (...given) => await properties.put(...given);
  const remove: Handler = async (...given) => await properties.delete(...given);
  const targets = new TargetRoutes(services.stateHooks);
  const state: Handler = {
    knows: (params) => targets.knows(params),
    handle: async (...given) => await targets.get(...given),
  };
  return routesOf("properties", {
    "GET /{actorId}/{target}": state,
    "GET /{actorId}/{target}/{path+}": state,
    "GET /{actorId}/properties": async (...given) => await properties.all(...given),
    "POST /{actorId}/properties": async (...given) => await properties.post(...given),
    "DELETE /{actorId}/properties": async (...given) => await properties.deleteAll(...given),
    "GET /{actorId}/properties/{name}": get,
    "POST /{actorId}/properties/{name}": async (...given) => await properties.append(...given),
    "PUT /{actorId}/properties/{name}": put,
    "DELETE /{actorId}/properties/{name}": remove,
    "GET /{actorId}/properties/{name}/{path+}": get,
    "POST /{actorId}/properties/{name}/{path+}": async (...given) => await properties.operate(...given),
    "PUT /{actorId}/properties/{name}/{path+}": put,
    "DELETE /{actorId}/properties/{name}/{path+}": remove,
  });
}
