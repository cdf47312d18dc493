import type { RouteKey } from "../infra/routes.ts";
import type { Access } from "../lib/http/access.ts";
import { area } from "../lib/http/area.ts";
import { readBody } from "../lib/http/body.ts";
import { empty, json } from "../lib/http/reply.ts";
import { param } from "../lib/http/request.ts";
import type { ServiceRequest } from "../lib/http/request.ts";
import type { RouteHandler } from "../lib/http/router.ts";
import { ServiceError } from "../lib/errors.ts";
import { permissionSetBody } from "../lib/permissions/permission-body.ts";
import { service } from "../lib/service.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { Service } from "../lib/service.ts";
import { demandRelationship } from "../lib/trust/demand-relationship.ts";
import { changeBody, initiationBody, peerApprovalBody, receptionBody, trusteeBody } from "../lib/trust/trust-bodies.ts";
import { trustLocation } from "../lib/trust/trust-context.ts";
import { demandTrust, isItsPeer, meets, namedTrust, shownTo } from "../lib/trust/trust-lookup.ts";
import type { TrustRecord } from "../lib/trust/trust-record.ts";
import { trustWire } from "../lib/trust/trust-record.ts";
import { app } from "./app.ts";

const OWNERS: readonly Access[] = ["creator", "trustee", "admin"];
const OWNERS_AND_PENDING: readonly Access[] = [...OWNERS, "pending"];
const MAX_PERMISSIONS_BYTES = 64 * 1024;

/** What the trust area answers. */
export function routes(services: Pick<Service, keyof Runtime | "trust">): Record<RouteKey<"trust">, RouteHandler> {
  const { config, trust, trusts } = services;
  const named = (request: ServiceRequest, actorId: string): Promise<TrustRecord> =>
    namedTrust(trusts, actorId, param(request, "relationship"), param(request, "peerId"));
  const created = (status: number, made: TrustRecord) =>
    json(status, trustWire(made), { location: trustLocation(config, made) });

  return {
    "GET /{actorId}/trust": {
      access: OWNERS,
      async handle({ query }, { actor, caller }) {
        const filter = {
          relationship: query.get("relationship") ?? "",
          peerId: query.get("peerid") ?? "",
          type: query.get("type") ?? "",
        };
        const found = (await trusts.list(actor.id)).filter((each) => meets(each, filter));
        return json(
          200,
          found.map((each) => shownTo(caller, each)),
        );
      },
    },
    "POST /{actorId}/trust": {
      access: OWNERS,
      async handle(request, { actor }) {
        return created(201, await trust.initiation.initiate(actor.id, readBody(request, initiationBody), request));
      },
    },
    "GET /{actorId}/trust/{relationship}": {
      access: OWNERS,
      async handle(request, { actor, caller }) {
        const filter = { relationship: param(request, "relationship") };
        const found = (await trusts.list(actor.id)).filter((each) => meets(each, filter));
        return json(
          200,
          found.map((each) => shownTo(caller, each)),
        );
      },
    },
    "POST /{actorId}/trust/{relationship}": {
      access: ["anyone"],
      async handle(request, { actor }) {
        const relationship = demandRelationship(param(request, "relationship"));
        const body = readBody(request, receptionBody);
        const made = await trust.reception.receive(actor.id, relationship, body, request);
        return created(made.approved ? 201 : 202, made);
      },
    },
    // The only PUT at this path: `{relationship}` is the word `trustee`.
    "PUT /{actorId}/trust/{relationship}": {
      access: ["creator"],
      async handle(request, { actor }) {
        if (param(request, "relationship") !== "trustee") {
          throw new ServiceError("resource.not_found", "Only /trust/trustee can be put here.");
        }
        const body = readBody(request, trusteeBody);
        await services.actors.setTrustee(actor.id, body.trustee_root, body.creator);
        return empty();
      },
    },
    "GET /{actorId}/trust/{relationship}/{peerId}": {
      access: OWNERS_AND_PENDING,
      async handle(request, { actor, caller }) {
        const found = await named(request, actor.id);
        return json(found.approved ? 200 : 202, shownTo(caller, found));
      },
    },
    "POST /{actorId}/trust/{relationship}/{peerId}": {
      access: ["pending"],
      async handle(request, { actor }) {
        const found = await named(request, actor.id);
        await trust.changes.peerApproved(found, readBody(request, peerApprovalBody).approved);
        return empty();
      },
    },
    "PUT /{actorId}/trust/{relationship}/{peerId}": {
      access: OWNERS_AND_PENDING,
      async handle(request, { actor, caller }) {
        const found = await named(request, actor.id);
        const body = readBody(request, changeBody);
        if (isItsPeer(caller, found)) await trust.changes.changeByPeer(found, body);
        else await trust.changes.change(found, body, request);
        return empty();
      },
    },
    "DELETE /{actorId}/trust/{relationship}/{peerId}": {
      access: OWNERS_AND_PENDING,
      checks: "credentials",
      async handle(request, { actor, admit }) {
        // The other side may be cleaning up what we have forgotten: that there is nothing goes before credentials.
        const stored = await trusts.getEvenEnding(actor.id, param(request, "peerId"));
        const found = demandTrust(stored, param(request, "relationship"));
        const caller = await admit(OWNERS_AND_PENDING);
        const tell = !isItsPeer(caller, found) && request.query.get("peer") !== "true";
        await trust.ending.end(found, { tell }, request);
        return empty();
      },
    },
    "GET /{actorId}/trust/{relationship}/{peerId}/permissions": {
      access: OWNERS,
      async handle(request, { actor }) {
        return json(200, await trust.permissions.shown(await named(request, actor.id)));
      },
    },
    "PUT /{actorId}/trust/{relationship}/{peerId}/permissions": {
      access: OWNERS,
      async handle(request, { actor }) {
        const found = await named(request, actor.id);
        const set = readBody(request, permissionSetBody, { maxBytes: MAX_PERMISSIONS_BYTES });
        const first = await trust.permissions.set(found, set, request);
        return json(first ? 201 : 200, await trust.permissions.shown(found));
      },
    },
    "DELETE /{actorId}/trust/{relationship}/{peerId}/permissions": {
      access: OWNERS,
      async handle(request, { actor }) {
        await trust.permissions.clear(await named(request, actor.id), request);
        return empty();
      },
    },
    "GET /{actorId}/permissions/{peerId}": {
      access: ["peer"],
      async handle(request, { actor }) {
        const found = await trusts.get(actor.id, param(request, "peerId"));
        return json(200, await trust.permissions.effective(demandTrust(found, found?.relationship ?? "")));
      },
    },
  };
}

export const handler = area("trust", routes, () => service(app));
