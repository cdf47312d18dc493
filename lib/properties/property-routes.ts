/** The routes of an actor's own properties, from request to reply. */
import type { PermissionStore } from "../permissions/permission-store.ts";
import { ServiceError } from "../errors.ts";
import type { Admission } from "../http/access.ts";
import { empty, json, text } from "../http/reply.ts";
import type { Reply } from "../http/reply.ts";
import { param } from "../http/request.ts";
import type { ServiceRequest } from "../http/request.ts";
import type { Place } from "../domain/scope.ts";
import { placeOfPath } from "./limits.ts";
import { OwnProperties, noSuchProperty } from "./own-properties.ts";
import { Permit } from "./permit.ts";
import { valueOf, valuesOf } from "./property-body.ts";
import type { PropertyReads } from "./positioned-properties.ts";
import type { PositionedReads } from "./positioned-reads.ts";
import type { PropertyStore } from "./property-store.ts";

export interface PropertyRouteServices {
  readonly properties: PropertyStore;
  readonly permissions: Pick<PermissionStore, "effective">;
  readonly positioned: Pick<PositionedReads, "answer">;
}

/** Owners have all properties; a peer those that its permissions leave. */
export class PropertyRoutes {
  readonly #services: PropertyRouteServices;

  constructor(services: PropertyRouteServices) {
    this.#services = services;
  }

  async all(request: ServiceRequest, admission: Admission): Promise<Reply> {
    const { query } = request;
    const metadata = query.get("metadata") === "true";
    if (metadata && query.get("format") === "full") {
      throw new ServiceError("request.invalid", "Ask for format=full or for metadata=true, not for both.");
    }
    return await this.#services.positioned.answer(request, admission, async (reads) => {
      const properties = await this.#of(admission, reads);
      if (!metadata) {
        return { status: 200, headers: { "content-type": "application/json" }, body: await properties.allText() };
      }
      const { names, bytes } = await properties.totals();
      return json(200, { simple: { properties: names, total_bytes: bytes }, lists: {} });
    });
  }

  async post(request: ServiceRequest, admission: Admission): Promise<Reply> {
    const properties = await this.#of(admission);
    const values = valuesOf(request);
    await properties.putAll(values);
    return json(201, Object.fromEntries(values));
  }

  async deleteAll(_request: ServiceRequest, admission: Admission): Promise<Reply> {
    await (await this.#of(admission)).deleteAll();
    return empty();
  }

  async get(request: ServiceRequest, admission: Admission): Promise<Reply> {
    const place = placeOf(request);
    return await this.#services.positioned.answer(request, admission, async (reads) => {
      const value = await (await this.#of(admission, reads)).get(place);
      if (value === undefined) throw noSuchProperty();
      return typeof value === "string" ? text(200, value) : json(200, value);
    });
  }

  async put(request: ServiceRequest, admission: Admission): Promise<Reply> {
    const place = placeOf(request);
    const properties = await this.#of(admission);
    await properties.put(place, valueOf(request));
    return empty();
  }

  async delete(request: ServiceRequest, admission: Admission): Promise<Reply> {
    const place = placeOf(request);
    await (await this.#of(admission)).delete(place);
    return empty();
  }

  async #of({ actor, caller }: Admission, reads?: PropertyReads): Promise<OwnProperties> {
    const { properties, permissions } = this.#services;
    const permit =
      caller.kind === "peer" ? new Permit((await permissions.effective(caller.trust)).properties) : new Permit();
    return new OwnProperties(properties, actor.id, permit, reads);
  }
}

const placeOf = (request: ServiceRequest): Place => placeOfPath(param(request, "name"), request.params["path"]);
