/** Trust: who an actor's peers are, and what each of them may do. */
import type { RouteKey } from "../lib/api/route-table.ts";
import type { Access } from "../lib/trust/callers.ts";
import type { Handler } from "../lib/api/handler.ts";
import type { Runtime } from "../lib/compose/runtime.ts";
import type { Service } from "../lib/compose/service.ts";
import { TrustRoutes } from "../lib/api/trust-routes.ts";

const OWNERS: readonly Access[] = ["creator", "trustee", "admin"];
const OWNERS_AND_PENDING: readonly Access[] = [...OWNERS, "pending"];

/** What the trust area answers. */
export function routes(services: Pick<Service, keyof Runtime | "trust">): Record<RouteKey<"trust">, Handler> {
  const trusts = new TrustRoutes(services);
  const one = "/{actorId}/trust/{relationship}/{peerId}";
  return {
    "GET /{actorId}/trust": { access: OWNERS, handle: async (...given) => await trusts.list(...given) },
    "POST /{actorId}/trust": { access: OWNERS, handle: async (...given) => await trusts.initiate(...given) },
    "GET /{actorId}/trust/{relationship}": {
      access: OWNERS,
      handle: async (...given) => await trusts.listOfRelationship(...given),
    },
    "POST /{actorId}/trust/{relationship}": {
      access: ["anyone"],
      handle: async (...given) => await trusts.receive(...given),
    },
    "PUT /{actorId}/trust/{relationship}": {
      access: ["creator"],
      handle: async (...given) => await trusts.setTrustee(...given),
    },
    [`GET ${one}`]: { access: OWNERS_AND_PENDING, handle: async (...given) => await trusts.show(...given) },
    [`POST ${one}`]: { access: ["pending"], handle: async (...given) => await trusts.peerApproved(...given) },
    [`PUT ${one}`]: { access: OWNERS_AND_PENDING, handle: async (...given) => await trusts.change(...given) },
    [`DELETE ${one}`]: {
      access: OWNERS_AND_PENDING,
      checks: "credentials",
      handle: async (...given) => await trusts.end(...given, OWNERS_AND_PENDING),
    },
    [`GET ${one}/permissions`]: { access: OWNERS, handle: async (...given) => await trusts.permissions(...given) },
    [`PUT ${one}/permissions`]: { access: OWNERS, handle: async (...given) => await trusts.setPermissions(...given) },
    [`DELETE ${one}/permissions`]: {
      access: OWNERS,
      handle: async (...given) => await trusts.clearPermissions(...given),
    },
    "GET /{actorId}/permissions/{peerId}": {
      access: ["peer"],
      handle: async (...given) => await trusts.effectivePermissions(...given),
    },
  };
}
