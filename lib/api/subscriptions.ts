/** Subscriptions: ours to peers, and those of peers to us, made, listed, read, brought up to date and ended. */
import { routesOf } from "./handler.ts";
import type { RouteMap } from "./handler.ts";
import { InboundRoutes } from "./inbound-routes.ts";
import { SubscriptionRoutes } from "./subscription-routes.ts";
import type { Service } from "../compose/service.ts";

/** What the subscriptions area answers. */
export function routes(services: Service): RouteMap {
  const inbound = new InboundRoutes(services);
  const subscriptions = new SubscriptionRoutes(services, inbound);
  return routesOf("subscriptions", {
    "GET /{actorId}/subscriptions": async (request) => await subscriptions.list(request),
    "POST /{actorId}/subscriptions": async (request) => await subscriptions.subscribe(request),
    "GET /{actorId}/subscriptions/{peerId}": async (request, { caller }) =>
      await subscriptions.listOfPeer(request, caller),
    "POST /{actorId}/subscriptions/{peerId}": async (request, { caller }) => await inbound.create(request, caller),
    "GET /{actorId}/subscriptions/{peerId}/{subscriptionId}": async (request, { caller }) =>
      await subscriptions.show(request, caller),
    "GET /{actorId}/subscriptions/{peerId}/{subscriptionId}/{sequence}": async (request) => await inbound.one(request),
    "PUT /{actorId}/subscriptions/{peerId}/{subscriptionId}": async (request) => await inbound.clear(request),
    "DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}": async (request, { caller }) =>
      await subscriptions.end(request, caller),
    "POST /{actorId}/subscriptions/{peerId}/{subscriptionId}/resync": async (request) =>
      await subscriptions.resync(request),
    "GET /{actorId}/subscriptions/{peerId}/{subscriptionId}/state": async (request) =>
      await subscriptions.state(request),
    "DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}/state": async (request) =>
      await subscriptions.clearState(request),
  });
}
