/** Subscriptions: ours to peers, and those of peers to us, made, listed, read, brought up to date and ended. */
import type { RouteKey } from "../lib/api/route-table.ts";
import type { Access } from "../lib/trust/callers.ts";
import type { Handler } from "../lib/api/handler.ts";
import { InboundRoutes } from "../lib/api/inbound-routes.ts";
import { SubscriptionRoutes } from "../lib/api/subscription-routes.ts";
import type { Service } from "../lib/compose/service.ts";

const OWNER: readonly Access[] = ["creator", "trustee"];
const OWNER_OR_PEER: readonly Access[] = [...OWNER, "peer"];

/** What the subscriptions area answers. */
export function routes(services: Service): Record<RouteKey<"subscriptions">, Handler> {
  const inbound = new InboundRoutes(services);
  const subscriptions = new SubscriptionRoutes(services, inbound);
  return {
    "GET /{actorId}/subscriptions": { access: OWNER, handle: async (request) => await subscriptions.list(request) },
    "POST /{actorId}/subscriptions": {
      access: OWNER,
      handle: async (request) => await subscriptions.subscribe(request),
    },
    "GET /{actorId}/subscriptions/{peerId}": {
      access: OWNER_OR_PEER,
      handle: async (request, { caller }) => await subscriptions.listOfPeer(request, caller),
    },
    "POST /{actorId}/subscriptions/{peerId}": {
      access: ["peer"],
      handle: async (request, { caller }) => await inbound.create(request, caller),
    },
    "GET /{actorId}/subscriptions/{peerId}/{subscriptionId}": {
      access: OWNER_OR_PEER,
      handle: async (request, { caller }) => await subscriptions.show(request, caller),
    },
    "GET /{actorId}/subscriptions/{peerId}/{subscriptionId}/{sequence}": {
      access: OWNER_OR_PEER,
      handle: async (request) => await inbound.one(request),
    },
    "PUT /{actorId}/subscriptions/{peerId}/{subscriptionId}": {
      access: OWNER_OR_PEER,
      handle: async (request) => await inbound.clear(request),
    },
    "DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}": {
      access: OWNER_OR_PEER,
      handle: async (request, { caller }) => await subscriptions.end(request, caller),
    },
    "POST /{actorId}/subscriptions/{peerId}/{subscriptionId}/resync": {
      access: OWNER,
      handle: async (request) => await subscriptions.resync(request),
    },
    "GET /{actorId}/subscriptions/{peerId}/{subscriptionId}/state": {
      access: OWNER,
      handle: async (request) => await subscriptions.state(request),
    },
    "DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}/state": {
      access: OWNER,
      handle: async (request) => await subscriptions.clearState(request),
    },
  };
}
