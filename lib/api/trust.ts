/** Trust: who an actor's peers are, and what each of them may do. */
import type { ActorStore } from "../actors/actor-store.ts";
import { readBody } from "../http/body.ts";
import { empty, json, type Reply } from "../http/reply.ts";
import { param, type ServiceRequest } from "../http/request.ts";
import type { Config } from "../system/config.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import { changeTrust, changeTrustByPeer, notePeerApproval } from "../trust/changes.ts";
import { endTrust } from "../trust/ending.ts";
import { initiateTrust, receiveTrust } from "../trust/handshake.ts";
import {
  demandRelationship,
  demandTrust,
  isItsPeer,
  meets,
  namedTrust,
  shownTo,
  type TrustFilter,
} from "../trust/trust-lookup.ts";
import { trustWire, type TrustRecord } from "../trust/trust-record.ts";
import { trustLocation, type TrustServices } from "../trust/trust-services.ts";
import type { TrustStore } from "../trust/trust-store.ts";
import { routesOf, type Admission, type RouteMap } from "./handler.ts";
import { permissionSetBody } from "./permission-body.ts";
import { demandStanding } from "./standing-fields.ts";
import { changeBody, initiationBody, peerApprovalBody, receptionBody, trusteeBody } from "./trust-body.ts";

const MAX_PERMISSIONS_BYTES = 64 * 1024;

export interface TrustRouteServices {
  readonly config: Config;
  readonly actors: Pick<ActorStore, "setTrustee">;
  readonly trusts: TrustStore;
  readonly trust: TrustServices;
}

/** The trust area. */
export function routes({ config, actors, trusts, trust }: TrustRouteServices): RouteMap {
  const { permissions } = trust;
  const list = async ({ actor, caller }: Admission, ...filters: readonly TrustFilter[]): Promise<Reply> => {
    const all = await trusts.list(actor.id);
    const found = all.filter((each) => filters.every((filter) => meets(each, filter)));
    return json(
      200,
      found.map((each) => shownTo(caller, each)),
    );
  };
  const named = async (request: ServiceRequest, { actor }: Admission): Promise<TrustRecord> =>
    await namedTrust(trusts, { actorId: actor.id, peerId: param(request, "peerId") }, param(request, "relationship"));
  const created = (status: number, made: TrustRecord): Reply =>
    json(status, trustWire(made), { location: trustLocation(config, made) });

  return routesOf("trust", {
    "GET /{actorId}/trust": async (request, admission) => await list(admission, filterOf(request.query)),
    "POST /{actorId}/trust": async (request, { actor }) =>
      created(201, await initiateTrust(trust, actor.id, readBody(request, initiationBody), request)),
    "GET /{actorId}/trust/{relationship}": async (request, admission) =>
      await list(admission, { relationship: param(request, "relationship") }, filterOf(request.query)),
    "POST /{actorId}/trust/{relationship}": async (request, { actor }) => {
      const relationship = demandRelationship(param(request, "relationship"));
      const body = readBody(request, receptionBody);
      const made = await receiveTrust(trust, { actorId: actor.id, relationship }, body, request);
      return created(made.approved ? 201 : 202, made);
    },
    /** The only PUT at this path: `{relationship}` is the word `trustee`. */
    "PUT /{actorId}/trust/{relationship}": async (request, { actor }) => {
      if (param(request, "relationship") !== "trustee") {
        throw new ServiceError("resource.not_found", "Only /trust/trustee can be put here.");
      }
      const body = readBody(request, trusteeBody);
      await actors.setTrustee(actor.id, compact({ trusteeRoot: body.trustee_root, creator: body.creator }));
      return empty();
    },
    "GET /{actorId}/trust/{relationship}/{peerId}": async (request, admission) => {
      const { caller } = admission;
      const found = await named(request, admission);
      const shown = shownTo(caller, found);
      // An approved peer can read its effective permissions anyway.
      const asked = request.query.get("permissions") === "true" && (found.approved || !isItsPeer(caller, found));
      return json(found.approved ? 200 : 202, asked ? { ...shown, permissions: found.custom ?? null } : shown);
    },
    "POST /{actorId}/trust/{relationship}/{peerId}": async (request, admission) => {
      const found = await named(request, admission);
      await notePeerApproval(trust, found, readBody(request, peerApprovalBody).approved);
      return empty();
    },
    "PUT /{actorId}/trust/{relationship}/{peerId}": async (request, admission) => {
      const found = await named(request, admission);
      const body = readBody(request, changeBody, { maxBytes: MAX_PERMISSIONS_BYTES });
      demandStanding(found, body);
      if (isItsPeer(admission.caller, found)) await changeTrustByPeer(trust, found, body);
      else await changeTrust(trust, found, body, request);
      return empty();
    },
    /** Credentials are checked last, because the other side may be cleaning up what we have forgotten. */
    "DELETE /{actorId}/trust/{relationship}/{peerId}": async (request, { actor, admit }) => {
      const stored = await trusts.getEvenEnding(actor.id, param(request, "peerId"));
      const found = demandTrust(stored, param(request, "relationship"));
      const caller = await admit();
      const notify = !isItsPeer(caller, found) && request.query.get("peer") !== "true";
      await endTrust(trust, found, { notify }, request);
      return empty();
    },
    "GET /{actorId}/trust/{relationship}/{peerId}/permissions": async (request, admission) =>
      json(200, permissions.shown(await named(request, admission))),
    "PUT /{actorId}/trust/{relationship}/{peerId}/permissions": async (request, admission) => {
      const found = await named(request, admission);
      const set = readBody(request, permissionSetBody, { maxBytes: MAX_PERMISSIONS_BYTES });
      const { first, shown } = await permissions.set(found, set, request);
      return json(first ? 201 : 200, shown);
    },
    "DELETE /{actorId}/trust/{relationship}/{peerId}/permissions": async (request, admission) => {
      await permissions.clear(await named(request, admission), request);
      return empty();
    },
    /** The effective permissions of the asking peer. */
    "GET /{actorId}/permissions/{peerId}": async (request, { actor }) => {
      const found = await trusts.get(actor.id, param(request, "peerId"));
      return json(200, permissions.effective(demandTrust(found, found?.relationship ?? "")));
    },
  });
}

/** What a query narrows a list of trusts by. */
function filterOf(query: URLSearchParams): TrustFilter {
  const text = (name: string): string => query.get(name) ?? "";
  return { relationship: text("relationship"), peerId: text("peerid"), type: text("type") };
}
