/** An actor's own properties, and the application's own targets. */
import type { RouteKey } from "../lib/api/route-table.ts";
import { TargetRoutes } from "../lib/api/target-routes.ts";
import type { Access } from "../lib/trust/callers.ts";
import type { Handler } from "../lib/api/handler.ts";
import { PropertyRoutes } from "../lib/api/property-routes.ts";
import type { Service } from "../lib/compose/service.ts";

const OWNER_OR_PEER: readonly Access[] = ["creator", "peer"];

/** What the properties area answers. */
export function routes(
  services: Pick<Service, "properties" | "permissions" | "trusts" | "positioned" | "config" | "stateHooks">,
): Record<RouteKey<"properties">, Handler> {
  const properties = new PropertyRoutes(services);
  const get: Handler = { access: OWNER_OR_PEER, handle: async (...given) => await properties.get(...given) };
  const put: Handler = { access: OWNER_OR_PEER, handle: async (...given) => await properties.put(...given) };
  const remove: Handler = { access: OWNER_OR_PEER, handle: async (...given) => await properties.delete(...given) };
  const targets = new TargetRoutes(services.stateHooks);
  const state: Handler = {
    access: OWNER_OR_PEER,
    knows: (params) => targets.knows(params),
    handle: async (...given) => await targets.get(...given),
  };
  return {
    "GET /{actorId}/{target}": state,
    "GET /{actorId}/{target}/{path+}": state,
    "GET /{actorId}/properties": {
      access: OWNER_OR_PEER,
      handle: async (...given) => await properties.all(...given),
    },
    "POST /{actorId}/properties": {
      access: OWNER_OR_PEER,
      handle: async (...given) => await properties.post(...given),
    },
    "DELETE /{actorId}/properties": {
      access: OWNER_OR_PEER,
      handle: async (...given) => await properties.deleteAll(...given),
    },
    "GET /{actorId}/properties/{name}": get,
    "POST /{actorId}/properties/{name}": {
      access: OWNER_OR_PEER,
      handle: async (...given) => await properties.append(...given),
    },
    "PUT /{actorId}/properties/{name}": put,
    "DELETE /{actorId}/properties/{name}": remove,
    "GET /{actorId}/properties/{name}/{path+}": get,
    "POST /{actorId}/properties/{name}/{path+}": {
      access: OWNER_OR_PEER,
      handle: async (...given) => await properties.operate(...given),
    },
    "PUT /{actorId}/properties/{name}/{path+}": put,
    "DELETE /{actorId}/properties/{name}/{path+}": remove,
  };
}
