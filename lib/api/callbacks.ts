/** Callbacks: what peers tell us about the subscriptions we have with them. */
import { routesOf } from "./handler.ts";
import type { Handler, RouteMap } from "./handler.ts";
import { CallbackRoutes } from "./callback-routes.ts";
import type { Service } from "../compose/service.ts";

/** What the callbacks area answers. Credentials are a condition of the writes, so the handlers check them. */
export function routes(services: Service): RouteMap {
  const callbacks = new CallbackRoutes(services);
  const receive: Handler = async (request) => await callbacks.receive(request);
  const custom: Handler = async (request) => await callbacks.custom(request);
  return routesOf("callbacks", {
    "POST /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}": receive,
    "PUT /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}": receive,
    "DELETE /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}": async (request) =>
      await callbacks.leave(request),
    "POST /{actorId}/callbacks/permissions/{peerId}": async (request) => await callbacks.permission(request),
    "GET /{actorId}/callbacks/{name+}": custom,
    "POST /{actorId}/callbacks/{name+}": custom,
    "PUT /{actorId}/callbacks/{name+}": custom,
    "DELETE /{actorId}/callbacks/{name+}": custom,
  });
}
