/** Subscriptions: ours to peers, and those of peers to us, made, listed, read, brought up to date and ended. */
import * as z from "zod/mini";
import type { ChangeLog } from "../change-log/change-log.ts";
import { isOutsideId } from "../domain/terms/identifiers.ts";
import type { StreamRef } from "../domain/terms/refs.ts";
import { readBody } from "../http/body.ts";
import { idOf } from "../http/paging.ts";
import { empty, json } from "../http/reply.ts";
import { param, type ServiceRequest } from "../http/request.ts";
import type { CursorStore } from "../publishing/subscribers/cursor-store.ts";
import { endedByOwner, noSuch } from "../publishing/subscribers/inbound-subscriptions.ts";
import type { Head } from "../receiving/stream/head.ts";
import type { OutboundEnding } from "../receiving/subscriptions/outbound-ending.ts";
import type { OutboundHeads } from "../receiving/subscriptions/outbound-heads.ts";
import type { OutboundSubscriptions } from "../receiving/subscriptions/outbound-subscriptions.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import type { JsonObject } from "../system/ports.ts";
import { routesOf, type RouteMap } from "./handler.ts";
import { inboundHandlers, namesOf, poll, refOf, type InboundRouteServices } from "./inbound.ts";
import { granularities, requestedScope, scopeFields } from "./requested-scope.ts";
import { inboundListed, outboundListed, shown, type Listed } from "./subscription-list.ts";

export const requestedBody = z.object({
  peerid: z.string().check(z.refine(isOutsideId, "is not a valid peer id")),
  ...scopeFields,
  granularity: z._default(granularities, "high"),
});

export interface SubscriptionServices extends InboundRouteServices {
  readonly heads: OutboundHeads;
  readonly outbound: OutboundSubscriptions;
  readonly outboundEnding: OutboundEnding;
  readonly changeLog: Pick<ChangeLog, "head">;
  readonly cursors: Pick<CursorStore, "preview">;
}

/** The subscriptions area, for the owner and for the peer at the other end. */
export function routes(services: SubscriptionServices): RouteMap {
  const { heads, outbound, outboundEnding, inbound, inboundHeads, changeLog, cursors } = services;
  const ofPeer = inboundHandlers(services);

  const listOutbound = async (actorId: string, peerId?: string): Promise<readonly Listed[]> =>
    (await heads.live(actorId, peerId)).map(outboundListed);
  /** With the newest number made, which not every head has noted yet. */
  const listInbound = async (actorId: string, peerId?: string): Promise<readonly Listed[]> => {
    const { newest, buckets } = await changeLog.head(actorId);
    const stored = await (peerId === undefined
      ? inboundHeads.all(actorId, buckets)
      : inboundHeads.ofPeer(actorId, peerId));
    return (await cursors.preview(stored, newest)).map(inboundListed);
  };
  const demandHead = async (request: ServiceRequest): Promise<Head> => {
    const head = await heads.get(streamOf(request));
    if (head === undefined) throw noSuch();
    return head;
  };

  return routesOf("subscriptions", {
    "GET /{actorId}/subscriptions": async (request) => {
      const actorId = param(request, "actorId");
      const peerId = idOf(request.query, "peerid");
      const [ours, theirs] = await Promise.all([listOutbound(actorId, peerId), listInbound(actorId, peerId)]);
      return json(200, { id: actorId, data: shown([...ours, ...theirs], request.query) });
    },
    "POST /{actorId}/subscriptions": async (request) => {
      const body = readBody(request, requestedBody);
      const requested = { peerId: body.peerid, ...requestedScope(body), granularity: body.granularity };
      const { location } = await outbound.subscribe(param(request, "actorId"), requested, request.deadline);
      return empty(204, { location });
    },
    /** What concerns one peer: to the owner both directions, to the peer its own to us. */
    "GET /{actorId}/subscriptions/{peerId}": async (request, { caller }) => {
      const [actorId, peerId] = [param(request, "actorId"), param(request, "peerId")];
      const [ours, theirs] = await Promise.all([
        caller.kind === "peer" ? [] : listOutbound(actorId, peerId),
        listInbound(actorId, peerId),
      ]);
      return json(200, { id: actorId, peerid: peerId, data: shown([...ours, ...theirs], request.query) });
    },
    "POST /{actorId}/subscriptions/{peerId}": ofPeer.create,
    /** One subscription: a peer's to us with its backlog, ours without. */
    "GET /{actorId}/subscriptions/{peerId}/{subscriptionId}": async (request, { caller }) => {
      const byPeer = caller.kind === "peer";
      const head = byPeer ? undefined : await heads.get(streamOf(request));
      if (head !== undefined) return json(200, withoutBacklog(head));
      const found = await poll(services, request);
      if (found !== undefined) return found;
      // A peer that is answered 410 knows that the owner ended the subscription and does not make it again.
      throw byPeer && (await inbound.wasEnded(refOf(request))) ? endedByOwner() : noSuch();
    },
    "GET /{actorId}/subscriptions/{peerId}/{subscriptionId}/{sequence}": ofPeer.one,
    "PUT /{actorId}/subscriptions/{peerId}/{subscriptionId}": ofPeer.clear,
    /** Ends the subscription of that id, whichever direction it has; notifies the peer unless the peer itself asks. */
    "DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}": async (request, { caller }) => {
      const notifyPeer = caller.kind !== "peer";
      const ended =
        (await outboundEnding.end(streamOf(request), { notifyPeer })) ||
        (await inbound.end(refOf(request), { notifyPeer }));
      if (!ended) throw noSuch();
      return empty();
    },
    "POST /{actorId}/subscriptions/{peerId}/{subscriptionId}/resync": async (request) => {
      const head = await demandHead(request);
      const recovered = await outbound.resync(head, modeOf(request.query), request.deadline);
      const { is: result, applied } = recovered;
      // The publisher may have made it again under another id meanwhile.
      const { subscriptionId: subscriptionid, lastSeq: sequence } = recovered.head;
      const brought = { subscriptionid, result, sequence, applied };
      return result === "underway" ? json(202, { ...brought, ...recoveryOf(recovered.head) }) : json(200, brought);
    },
    "GET /{actorId}/subscriptions/{peerId}/{subscriptionId}/state": async (request) =>
      json(200, stateOf(await demandHead(request))),
    "DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}/state": async (request) => {
      await outbound.clearState(await demandHead(request), request.deadline);
      return empty();
    },
  });
}

const withoutBacklog = (head: Head): JsonObject => ({
  id: head.actorId,
  peerid: head.peerId,
  subscriptionid: head.subscriptionId,
  target: head.scope.target,
  subtarget: head.scope.subtarget ?? "",
  resource: head.scope.resource ?? "",
  sequence: head.lastSeq,
  data: [],
});

/** The state of an outbound subscription's stream, as the route shows it. */
function stateOf(head: Head): JsonObject {
  return compact({
    lastSeq: head.lastSeq,
    pendingCount: head.buffered.size,
    pendingSequences: [...head.buffered].sort((one, other) => one - other),
    resyncPending: head.recoveryRequested !== undefined || head.replacing || head.contradicted,
    gapSince: head.gapSince === undefined ? undefined : new Date(head.gapSince).toISOString(),
    contradicted: head.contradicted || undefined,
    ...recoveryOf(head),
    epoch: head.epoch,
    version: head.version,
  });
}

/** How far a state read has come, when it takes more than one run. */
function recoveryOf({ recovery }: Head): JsonObject {
  if (recovery === undefined) return {};
  const { startedAt, read, of } = recovery;
  return { recovery: { startedAt: new Date(startedAt).toISOString(), read, of } };
}

/** How far a resync goes. @throws ServiceError request.invalid for another mode */
function modeOf(query: URLSearchParams): "catch_up" | "resync" {
  const mode = query.get("mode") ?? "resync";
  if (mode === "catch_up" || mode === "resync") return mode;
  throw new ServiceError("request.invalid", "mode must be catch_up or resync.", { field: "mode" });
}

/** The stream of ours that a request names. */
function streamOf(request: ServiceRequest): StreamRef {
  const [actorId, peerId, subscriptionId] = namesOf(request);
  return { actorId, peerId, subscriptionId };
}
