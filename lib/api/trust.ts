/** Trust: who an actor's peers are, and what each of them may do. */
import { routesOf } from "./handler.ts";
import type { RouteMap } from "./handler.ts";
import type { Runtime } from "../compose/runtime.ts";
import type { Service } from "../compose/service.ts";
import { TrustRoutes } from "./trust-routes.ts";

/** What the trust area answers. */
export function routes(services: Pick<Service, keyof Runtime | "trust">): RouteMap {
  const trusts = new TrustRoutes(services);
  return routesOf("trust", {
    "GET /{actorId}/trust": async (...given) => await trusts.list(...given),
    "POST /{actorId}/trust": async (...given) => await trusts.initiate(...given),
    "GET /{actorId}/trust/{relationship}": async (...given) => await trusts.listOfRelationship(...given),
    "POST /{actorId}/trust/{relationship}": async (...given) => await trusts.receive(...given),
    "PUT /{actorId}/trust/{relationship}": async (...given) => await trusts.setTrustee(...given),
    "GET /{actorId}/trust/{relationship}/{peerId}": async (...given) => await trusts.show(...given),
    "POST /{actorId}/trust/{relationship}/{peerId}": async (...given) => await trusts.peerApproved(...given),
    "PUT /{actorId}/trust/{relationship}/{peerId}": async (...given) => await trusts.change(...given),
    "DELETE /{actorId}/trust/{relationship}/{peerId}": async (...given) => await trusts.end(...given),
    "GET /{actorId}/trust/{relationship}/{peerId}/permissions": async (...given) => await trusts.permissions(...given),
    "PUT /{actorId}/trust/{relationship}/{peerId}/permissions": async (...given) =>
      await trusts.setPermissions(...given),
    "DELETE /{actorId}/trust/{relationship}/{peerId}/permissions": async (...given) =>
      await trusts.clearPermissions(...given),
    "GET /{actorId}/permissions/{peerId}": async (...given) => await trusts.effectivePermissions(...given),
  });
}
