/** Operating an actor: its peers and the copies of their state, suspended targets, and hook events that failed. */
import * as z from "zod/mini";
import { isOutsideId } from "../domain/terms/identifiers.ts";
import { keptKey } from "../dynamodb/keys/actors.ts";
import { sourceOf } from "../dynamodb/keys/failed-events.ts";
import type { Table } from "../dynamodb/table.ts";
import { readBody } from "../http/body.ts";
import { afterOf, idOf, limitOf } from "../http/paging.ts";
import { empty, json } from "../http/reply.ts";
import { param, type ServiceRequest } from "../http/request.ts";
import type { Groups } from "../listeners/groups/groups.ts";
import type { RootGroups } from "../listeners/groups/root-groups.ts";
import type { Webhooks } from "../listeners/webhooks/webhooks.ts";
import type { ListenerEvent } from "../failed-events/hook-event.ts";
import type { HookRuns } from "../failed-events/hook-runs.ts";
import { FailedEvents } from "../operations/failed-events.ts";
import { peersPage } from "../operations/peer-overview.ts";
import { PeerProperties } from "../operations/peer-properties.ts";
import type { BreakerStore } from "../publishing/delivery/breaker-store.ts";
import type { InboundHeads } from "../publishing/subscribers/inbound-heads.ts";
import type { Suspensions } from "../publishing/subscribers/suspensions.ts";
import type { Receiving } from "../receiving/intake/receiving.ts";
import { PeerReader } from "../receiving/replica/peer-reader.ts";
import type { OutboundHeads } from "../receiving/subscriptions/outbound-heads.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import type { Clock } from "../system/ports.ts";
import type { TrustStore } from "../trust/trust-store.ts";
import { routesOf, type RouteMap } from "./handler.ts";
import { suspensionHandlers } from "./suspensions.ts";

const USUAL_LIMIT = 50;
const MOST_PEERS = 200;
const MOST_PROPERTIES = 1_000;
const MOST_EVENTS = 200;
/** Most bytes of a cursor in `after`. */
const AFTER_BYTES = { property: 260, failedEvent: 600 };

export const actionBody = z.object({ action: z.enum(["retry", "skip"]) });

export interface PeerRouteServices {
  readonly table: Table;
  readonly trusts: TrustStore;
  readonly clock: Clock;
  readonly heads: OutboundHeads;
  readonly inboundHeads: InboundHeads;
  readonly breakers: Pick<BreakerStore, "reset">;
  readonly receiving: Pick<Receiving, "failedEvents" | "hooks" | "stale" | "staleReads">;
  readonly suspensions: Suspensions;
  /** The hooks on actors' own events. */
  readonly eventHooks: { readonly hooks: Pick<HookRuns<ListenerEvent>, "retry" | "skip"> };
  readonly webhooks: Pick<Webhooks, "failed">;
  readonly groups: Pick<Groups, "retry" | "skip">;
  readonly rootGroups: Pick<RootGroups, "retry" | "skip">;
}

/** The peers area. */
export function routes(services: PeerRouteServices): RouteMap {
  const { table, trusts, heads, breakers, receiving } = services;
  const reader = (actorId: string, peerId: string) => new PeerReader({ table, actorId, peerId });
  const failedEvents = new FailedEvents({
    ...receiving,
    heads,
    listeners: {
      "event-hook": services.eventHooks.hooks,
      webhook: services.webhooks.failed,
      group: services.groups,
      "root-group": services.rootGroups,
    },
  });
  const suspensions = suspensionHandlers(services.suspensions);

  /** Of a peer that is trusted, or whose data was kept when its trust ended. @throws ServiceError resource.not_found */
  const peerProperties = async (request: ServiceRequest): Promise<PeerProperties> => {
    const [actorId, peerId] = [param(request, "actorId"), param(request, "peerId")];
    const known = (await trusts.get(actorId, peerId)) ?? (await table.get(keptKey(actorId, peerId)));
    if (known === undefined) throw noSuchPeer();
    return new PeerProperties(reader(actorId, peerId));
  };

  return routesOf("peers", {
    "GET /{actorId}/suspensions": suspensions.list,
    "POST /{actorId}/suspensions": suspensions.suspend,
    "DELETE /{actorId}/suspensions/{target}": suspensions.resume,
    "DELETE /{actorId}/suspensions/{target}/{subtarget}": suspensions.resume,
    "GET /{actorId}/peers": async (request) => {
      const limit = limitOf(request.query, USUAL_LIMIT, MOST_PEERS);
      const after = idOf(request.query, "after");
      const options = compact({ limit, after });
      const page = await peersPage({ ...services, reader }, param(request, "actorId"), options, request.deadline);
      return json(200, { ...page });
    },
    "GET /{actorId}/peers/{peerId}/properties": async (request) => {
      const properties = await peerProperties(request);
      const limit = limitOf(request.query, USUAL_LIMIT, MOST_PROPERTIES);
      const after = afterOf(request.query, AFTER_BYTES.property);
      return json(200, { ...(await properties.page(compact({ limit, after }))) });
    },
    "GET /{actorId}/peers/{peerId}/properties/{name}": async (request) => {
      const properties = await peerProperties(request);
      const tooLarge = "The copy under this name is too large for one answer; read it at the peer.";
      return { ...json(200, await properties.one(param(request, "name"))), tooLarge };
    },
    /** Closes the breaker, whatever state it is in; what the peer missed is delivered after the answer. */
    "DELETE /{actorId}/peers/{peerId}/breaker": async (request) => {
      const trust = await trusts.get(param(request, "actorId"), param(request, "peerId"));
      if (trust === undefined) throw noSuchPeer();
      await breakers.reset(trust);
      return empty();
    },
    "GET /{actorId}/parked": async (request) => {
      const limit = limitOf(request.query, USUAL_LIMIT, MOST_EVENTS);
      const peerId = idOf(request.query, "peerid");
      const source = failureSourceOf(request.query);
      const after = afterOf(request.query, AFTER_BYTES.failedEvent);
      const query = compact({ limit, source, peerId, after });
      return json(200, { ...(await failedEvents.page(param(request, "actorId"), query)) });
    },
    "POST /{actorId}/parked/{eventId}": async (request) => {
      const id = param(request, "eventId");
      const failed = await failedEvents.demand(param(request, "actorId"), id);
      const { action } = readBody(request, actionBody);
      if (action === "retry") return json(200, { id, result: await failedEvents.retry(failed, request.deadline) });
      await failedEvents.skip(failed);
      return json(200, { id, result: "skipped" });
    },
  });
}

/** The `source` of a query; undefined when it is absent or empty. @throws ServiceError request.invalid, naming it */
function failureSourceOf(query: URLSearchParams): string | undefined {
  const text = query.get("source") ?? "";
  if (text === "") return undefined;
  const source = sourceOf(text);
  const ids = source?.kind === "hook" ? [source.peerId, source.subscriptionId] : [source?.id ?? ""];
  if (ids.every(isOutsideId)) return text;
  const message =
    "source must be hook:<peerid>:<subscriptionid>, webhook:<id>, event-hook:<id>, group:<name> or root-group:<name>.";
  throw new ServiceError("request.invalid", message, { field: "source" });
}

const noSuchPeer = (): ServiceError => new ServiceError("resource.not_found", "There is no such peer.");
