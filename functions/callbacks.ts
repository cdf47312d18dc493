/** Callbacks: what peers tell us about the subscriptions we have with them. */
import type { RouteKey } from "../lib/api/route-table.ts";
import { area } from "../lib/http/area.ts";
import type { Handler } from "../lib/api/handler.ts";
import { CallbackRoutes } from "../lib/api/callback-routes.ts";
import { service } from "../lib/compose/service.ts";
import type { Service } from "../lib/compose/service.ts";
import { app } from "./app.ts";

const SELF = "actor and credentials";

/** What the callbacks area answers. Credentials are a condition of the writes, so the handlers check them. */
export function routes(services: Service): Record<RouteKey<"callbacks">, Handler> {
  const callbacks = new CallbackRoutes(services);
  const receive: Handler = {
    access: ["peer"],
    checks: SELF,
    handle: async (request) => await callbacks.receive(request),
  };
  const custom: Handler = { access: ["hook"], handle: async (request) => await callbacks.custom(request) };
  return {
    "POST /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}": receive,
    "PUT /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}": receive,
    "DELETE /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}": {
      access: ["peer"],
      checks: SELF,
      handle: async (request) => await callbacks.leave(request),
    },
    "POST /{actorId}/callbacks/permissions/{peerId}": {
      access: ["peer"],
      checks: SELF,
      handle: async (request) => await callbacks.permission(request),
    },
    "GET /{actorId}/callbacks/{name+}": custom,
    "POST /{actorId}/callbacks/{name+}": custom,
    "PUT /{actorId}/callbacks/{name+}": custom,
    "DELETE /{actorId}/callbacks/{name+}": custom,
  };
}

export const handler = area("callbacks", routes, () => service(app));
