/** Operating an actor: its peers and what is held of them, suspended targets, and hook events that did not go through. */
import { routesOf } from "./handler.ts";
import type { RouteMap } from "./handler.ts";
import { PeerRoutes } from "./peer-routes.ts";
import { SuspensionRoutes } from "./suspension-routes.ts";
import type { Service } from "../compose/service.ts";

/** What the peers area answers. */
export function routes(services: Service): RouteMap {
  const peers = new PeerRoutes(services);
  const suspensions = new SuspensionRoutes(services);
  return routesOf("peers", {
    "GET /{actorId}/suspensions": async (request) => await suspensions.list(request),
    "POST /{actorId}/suspensions": async (request) => await suspensions.suspend(request),
    "DELETE /{actorId}/suspensions/{target}": async (request) => await suspensions.resume(request),
    "DELETE /{actorId}/suspensions/{target}/{subtarget}": async (request) => await suspensions.resume(request),
    "GET /{actorId}/peers": async (request) => await peers.peers(request),
    "GET /{actorId}/peers/{peerId}/properties": async (request) => await peers.properties(request),
    "GET /{actorId}/peers/{peerId}/properties/{name}": async (request) => await peers.property(request),
    "DELETE /{actorId}/peers/{peerId}/breaker": async (request) => await peers.closeBreaker(request),
    "GET /{actorId}/parked": async (request) => await peers.failedEvents(request),
    "POST /{actorId}/parked/{eventId}": async (request) => await peers.retryOrSkip(request),
  });
}
