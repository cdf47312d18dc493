/** The routes of trusts and of what their peers may do, from request to reply. */
import type { ActorStore } from "../actors/actor-store.ts";
import type { Config } from "../system/config.ts";
import { ServiceError } from "../system/errors.ts";
import type { Admission } from "./handler.ts";
import { readBody } from "../http/body.ts";
import { empty, json } from "../http/reply.ts";
import type { Reply } from "../http/reply.ts";
import { param } from "../http/request.ts";
import type { ServiceRequest } from "../http/request.ts";
import { permissionSetBody } from "./permission-body.ts";
import { changeTrust, changeTrustByPeer, notePeerApproval } from "../trust/changes.ts";
import { endTrust } from "../trust/ending.ts";
import { initiateTrust, receiveTrust } from "../trust/handshake.ts";
import { demandStanding } from "./standing-fields.ts";
import { changeBody, initiationBody, peerApprovalBody, receptionBody, trusteeBody } from "./trust-body.ts";
import { demandRelationship, demandTrust, isItsPeer, meets, namedTrust, shownTo } from "../trust/trust-lookup.ts";
import type { TrustFilter } from "../trust/trust-lookup.ts";
import { trustWire } from "../trust/trust-record.ts";
import type { TrustRecord } from "../trust/trust-record.ts";
import { trustLocation } from "../trust/trust-services.ts";
import type { TrustServices } from "../trust/trust-services.ts";
import type { TrustStore } from "../trust/trust-store.ts";

const MAX_PERMISSIONS_BYTES = 64 * 1024;

export interface TrustRouteServices {
  readonly config: Config;
  readonly actors: Pick<ActorStore, "setTrustee">;
  readonly trusts: TrustStore;
  readonly trust: TrustServices;
}

/** What can be asked about an actor's trusts. Each method answers one route. */
export class TrustRoutes {
  readonly #services: TrustRouteServices;

  constructor(services: TrustRouteServices) {
    this.#services = services;
  }

  async list(request: ServiceRequest, admission: Admission): Promise<Reply> {
    return await this.#found([filterOf(request.query)], admission);
  }

  async listOfRelationship(request: ServiceRequest, admission: Admission): Promise<Reply> {
    return await this.#found([{ relationship: param(request, "relationship") }, filterOf(request.query)], admission);
  }

  async initiate(request: ServiceRequest, { actor }: Admission): Promise<Reply> {
    const body = readBody(request, initiationBody);
    return this.#created(201, await initiateTrust(this.#services.trust, actor.id, body, request));
  }

  async receive(request: ServiceRequest, { actor }: Admission): Promise<Reply> {
    const relationship = demandRelationship(param(request, "relationship"));
    const body = readBody(request, receptionBody);
    const made = await receiveTrust(this.#services.trust, { actorId: actor.id, relationship }, body, request);
    return this.#created(made.approved ? 201 : 202, made);
  }

  /** The only PUT at this path: `{relationship}` is the word `trustee`. */
  async setTrustee(request: ServiceRequest, { actor }: Admission): Promise<Reply> {
    if (param(request, "relationship") !== "trustee") {
      throw new ServiceError("resource.not_found", "Only /trust/trustee can be put here.");
    }
    const body = readBody(request, trusteeBody);
    await this.#services.actors.setTrustee(actor.id, body.trustee_root, body.creator);
    return empty();
  }

  async show(request: ServiceRequest, { actor, caller }: Admission): Promise<Reply> {
    const found = await this.#named(request, actor.id);
    const shown = shownTo(caller, found);
    // An approved peer can read its effective permissions anyway.
    const asked = request.query.get("permissions") === "true" && (found.approved || !isItsPeer(caller, found));
    return json(found.approved ? 200 : 202, asked ? { ...shown, permissions: found.custom ?? null } : shown);
  }

  async peerApproved(request: ServiceRequest, { actor }: Admission): Promise<Reply> {
    const found = await this.#named(request, actor.id);
    await notePeerApproval(this.#services.trust, found, readBody(request, peerApprovalBody).approved);
    return empty();
  }

  async change(request: ServiceRequest, { actor, caller }: Admission): Promise<Reply> {
    const { trust } = this.#services;
    const found = await this.#named(request, actor.id);
    const body = readBody(request, changeBody, { maxBytes: MAX_PERMISSIONS_BYTES });
    demandStanding(found, body);
    if (isItsPeer(caller, found)) await changeTrustByPeer(trust, found, body);
    else await changeTrust(trust, found, body, request);
    return empty();
  }

  /** Credentials are looked at last: the other side may be cleaning up what we have forgotten. */
  async end(request: ServiceRequest, { actor, admit }: Admission): Promise<Reply> {
    const { trust, trusts } = this.#services;
    const stored = await trusts.getEvenEnding(actor.id, param(request, "peerId"));
    const found = demandTrust(stored, param(request, "relationship"));
    const caller = await admit();
    const notify = !isItsPeer(caller, found) && request.query.get("peer") !== "true";
    await endTrust(trust, found, { notify }, request);
    return empty();
  }

  async permissions(request: ServiceRequest, { actor }: Admission): Promise<Reply> {
    return json(200, this.#services.trust.permissions.shown(await this.#named(request, actor.id)));
  }

  async setPermissions(request: ServiceRequest, { actor }: Admission): Promise<Reply> {
    const { permissions } = this.#services.trust;
    const found = await this.#named(request, actor.id);
    const set = readBody(request, permissionSetBody, { maxBytes: MAX_PERMISSIONS_BYTES });
    const { first, shown } = await permissions.set(found, set, request);
    return json(first ? 201 : 200, shown);
  }

  async clearPermissions(request: ServiceRequest, { actor }: Admission): Promise<Reply> {
    await this.#services.trust.permissions.clear(await this.#named(request, actor.id), request);
    return empty();
  }

  /** What the asking peer may do in effect. */
  async effectivePermissions(request: ServiceRequest, { actor }: Admission): Promise<Reply> {
    const { trust, trusts } = this.#services;
    const found = await trusts.get(actor.id, param(request, "peerId"));
    return json(200, trust.permissions.effective(demandTrust(found, found?.relationship ?? "")));
  }

  async #found(filters: readonly TrustFilter[], { actor, caller }: Admission): Promise<Reply> {
    const all = await this.#services.trusts.list(actor.id);
    const found = all.filter((each) => filters.every((filter) => meets(each, filter)));
    return json(
      200,
      found.map((each) => shownTo(caller, each)),
    );
  }

  async #named(request: ServiceRequest, actorId: string): Promise<TrustRecord> {
    return await namedTrust(this.#services.trusts, actorId, param(request, "relationship"), param(request, "peerId"));
  }

  #created(status: number, made: TrustRecord): Reply {
    return json(status, trustWire(made), { location: trustLocation(this.#services.config, made) });
  }
}

/** What a query narrows a list of trusts by. */
function filterOf(query: URLSearchParams): TrustFilter {
  const text = (name: string): string => query.get(name) ?? "";
  return { relationship: text("relationship"), peerId: text("peerid"), type: text("type") };
}
