/** An actor's own properties, and the application's own targets. */
import type { StateHooks } from "../application/state-hooks.ts";
import type { Place } from "../domain/terms/scope.ts";
import { gatherable } from "../http/answer-size.ts";
import { empty, json } from "../http/reply.ts";
import { param, type ServiceRequest } from "../http/request.ts";
import { placeOfPath } from "../properties/limits.ts";
import { listTotals, ListReplies } from "../properties/list-replies.ts";
import { ITEMS, type ItemsRequest } from "../properties/list-requests.ts";
import { OwnProperties, type ShowList } from "../properties/own-properties.ts";
import { Permit } from "../properties/permit.ts";
import { allReply, placeReply } from "../properties/place-replies.ts";
import type { PropertyReads } from "../properties/property-reads.ts";
import type { PropertyStore } from "../properties/property-store.ts";
import type { PositionedReadsDeps } from "../publishing/snapshots/positioned-reads.ts";
import { ServiceError } from "../system/errors.ts";
import type { Json } from "../system/ports.ts";
import type { PermissionStore } from "../trust/permission-store.ts";
import type { TrustStore } from "../trust/trust-store.ts";
import { routesOf, type Admission, type Handle, type RouteMap } from "./handler.ts";
import { positionedAnswer } from "./positioned-answer.ts";
import { orPublic, type PublicReadServices } from "./public-reads.ts";
import { itemOf, itemsBody, valueOf, valuesOf } from "./property-body.ts";
import { targetHandler } from "./targets.ts";

export interface PropertyRouteServices extends PublicReadServices {
  readonly properties: PropertyStore;
  readonly permissions: Pick<PermissionStore, "of">;
  readonly trusts: Pick<TrustStore, "get">;
  readonly positioned: PositionedReadsDeps;
  readonly stateHooks: Pick<StateHooks, "has" | "text">;
}

/** The properties area. Owners have all properties; a peer has those that its permissions leave. */
export function routes(services: PropertyRouteServices): RouteMap {
  const { properties: store, permissions, trusts, positioned, config, stateHooks } = services;

  const propertiesOf = async ({ actor, caller }: Admission, reads?: PropertyReads): Promise<OwnProperties> => {
    if (caller.kind !== "peer") return new OwnProperties(store, actor.id, new Permit(), reads);
    // For a read at a place of the log the permissions must not be older than that.
    const fresh = reads === undefined ? undefined : await trusts.get(actor.id, caller.peerId);
    const permit = new Permit(permissions.of(fresh ?? caller.trust).properties);
    return new OwnProperties(store, actor.id, permit, reads);
  };
  const repliesFor = (request: ServiceRequest, { actor }: Admission, reads: PropertyReads = store): ListReplies =>
    new ListReplies(async (list, start, limit) => await reads.items(actor.id, list, start, limit), gatherable(request));

  const all: Handle = async (request, admission) => {
    const { query } = request;
    const metadata = query.get("metadata") === "true";
    const format = query.get("format") ?? "";
    if (metadata && ["full", "short"].includes(format)) {
      const message = `Ask for format=${format} or for metadata=true, not for both.`;
      throw new ServiceError("request.invalid", message, { field: "metadata" });
    }
    return await positionedAnswer(positioned, request, admission, async (reads) => {
      const properties = await propertiesOf(admission, reads);
      if (metadata) {
        const { names, bytes, lists } = await properties.totals();
        return json(200, { simple: { properties: names, total_bytes: bytes }, lists: listTotals(lists) });
      }
      const replies = repliesFor(request, admission, reads);
      const full: ShowList | undefined =
        format === "full" ? async (list, items) => await replies.full(list, items) : undefined;
      return await allReply(properties, gatherable(request), full);
    });
  };

  const get: Handle = async (request, admission) => {
    const place = placeOf(request);
    return await positionedAnswer(positioned, request, admission, async (reads) => {
      const properties = await propertiesOf(admission, reads);
      return await placeReply({ properties, lists: repliesFor(request, admission, reads) }, place, request.query);
    });
  };

  const put: Handle = async (request, admission) => {
    const place = placeOf(request);
    const properties = await propertiesOf(admission);
    await properties.put(place, valueOf(request), itemOfQuery(request));
    return empty();
  };

  const remove: Handle = async (request, admission) => {
    const place = placeOf(request);
    const properties = await propertiesOf(admission);
    await properties.delete(place, itemOfQuery(request));
    return empty();
  };

  const readable = (handle: Handle): Handle => orPublic(services, handle);
  const hookTarget = targetHandler(stateHooks);
  const target = { ...hookTarget, handle: readable(hookTarget.handle) };
  return routesOf("properties", {
    "GET /{actorId}/{target}": target,
    "GET /{actorId}/{target}/{path+}": target,
    "GET /{actorId}/properties": readable(all),
    "POST /{actorId}/properties": async (request, admission) => {
      const properties = await propertiesOf(admission);
      const values = valuesOf(request);
      const lists = await properties.putAll(values);
      const stored = [...values].map(([name, value]): [string, Json] => {
        const list = lists.get(name);
        return [name, list === undefined ? value : { _list: true, count: list.count }];
      });
      return json(201, Object.fromEntries(stored));
    },
    "DELETE /{actorId}/properties": async (_request, admission) => {
      const properties = await propertiesOf(admission);
      await properties.deleteAll();
      return empty();
    },
    "GET /{actorId}/properties/{name}": readable(get),
    /** Appends to a list. */
    "POST /{actorId}/properties/{name}": async (request, admission) => {
      const [name = ""] = placeOf(request);
      const properties = await propertiesOf(admission);
      const { index } = await properties.operate(name, () => [{ operation: "append", item: itemOf(request) }]);
      const root = `${config.baseUrl}/${admission.actor.id}`;
      const location = `${root}/properties/${encodeURIComponent(name)}/${String(index)}`;
      return json(201, { success: true, index }, { location });
    },
    "PUT /{actorId}/properties/{name}": put,
    "DELETE /{actorId}/properties/{name}": remove,
    "GET /{actorId}/properties/{name}/{path+}": readable(get),
    /** Carries out one operation on a list. */
    "POST /{actorId}/properties/{name}/{path+}": async (request, admission) => {
      const [name = "", ...path] = placeOf(request);
      const properties = await propertiesOf(admission);
      if (path.length !== 1 || path[0] !== ITEMS) {
        await properties.demandProperty(name);
        throw noPosting();
      }
      // Read the body only once the list is known to exist.
      let read: ItemsRequest | undefined;
      const asked = (): ItemsRequest => (read ??= itemsBody(request));
      const { index } = await properties.operate(
        name,
        () => [asked().operation],
        (misfit) => asked().misfit(misfit),
      );
      return asked().adds ? json(201, { success: true, index }) : empty();
    },
    "PUT /{actorId}/properties/{name}/{path+}": put,
    "DELETE /{actorId}/properties/{name}/{path+}": remove,
  });
}

const placeOf = (request: ServiceRequest): Place => placeOfPath(param(request, "name"), request.params["path"]);

/** The index of a list's item that the query names; null when the path leads below the property, or there is none. */
const itemOfQuery = (request: ServiceRequest): string | null =>
  request.params["path"] === undefined ? request.query.get("index") : null;

const noPosting = (): ServiceError =>
  new ServiceError("method.not_allowed", "Below a property only the items of a list take a POST.", {
    headers: { Allow: "DELETE, GET, HEAD, PUT" },
  });
