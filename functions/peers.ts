/** Operating an actor: its peers and what is held of them, suspended targets, and hook events that did not go through. */
import type { RouteKey } from "../lib/api/route-table.ts";
import type { Access } from "../lib/trust/callers.ts";
import type { Handler } from "../lib/api/handler.ts";
import { PeerRoutes } from "../lib/api/peer-routes.ts";
import { SuspensionRoutes } from "../lib/api/suspension-routes.ts";
import type { Service } from "../lib/compose/service.ts";

const OWNER: readonly Access[] = ["creator", "trustee"];

/** What the peers area answers. */
export function routes(services: Service): Record<RouteKey<"peers">, Handler> {
  const peers = new PeerRoutes(services);
  const suspensions = new SuspensionRoutes(services);
  return {
    "GET /{actorId}/suspensions": { access: OWNER, handle: async (request) => await suspensions.list(request) },
    "POST /{actorId}/suspensions": { access: OWNER, handle: async (request) => await suspensions.suspend(request) },
    "DELETE /{actorId}/suspensions/{target}": {
      access: OWNER,
      handle: async (request) => await suspensions.resume(request),
    },
    "DELETE /{actorId}/suspensions/{target}/{subtarget}": {
      access: OWNER,
      handle: async (request) => await suspensions.resume(request),
    },
    "GET /{actorId}/peers": { access: OWNER, handle: async (request) => await peers.peers(request) },
    "GET /{actorId}/peers/{peerId}/properties": {
      access: OWNER,
      handle: async (request) => await peers.properties(request),
    },
    "GET /{actorId}/peers/{peerId}/properties/{name}": {
      access: OWNER,
      handle: async (request) => await peers.property(request),
    },
    "DELETE /{actorId}/peers/{peerId}/breaker": {
      access: OWNER,
      handle: async (request) => await peers.closeBreaker(request),
    },
    "GET /{actorId}/parked": { access: OWNER, handle: async (request) => await peers.parked(request) },
    "POST /{actorId}/parked/{eventId}": { access: OWNER, handle: async (request) => await peers.settle(request) },
  };
}
