/** The subscription routes, from request to reply. */
import * as z from "zod/mini";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import type { Caller } from "../trust/callers.ts";
import { readBody } from "../http/body.ts";
import { empty, json } from "../http/reply.ts";
import type { Reply } from "../http/reply.ts";
import { param } from "../http/request.ts";
import type { ServiceRequest } from "../http/request.ts";
import { isOutsideId } from "../domain/terms/identifiers.ts";
import type { Scope } from "../domain/terms/scope.ts";
import type { JsonObject } from "../system/ports.ts";
import { idOf } from "../http/paging.ts";
import type { ChangeLog } from "../change-log/change-log.ts";
import type { InboundHead } from "../publishing/subscribers/inbound-head.ts";
import type { InboundHeads } from "../publishing/subscribers/inbound-heads.ts";
import { endedByOwner, noSuch } from "../publishing/subscribers/inbound-subscriptions.ts";
import type { InboundSubscriptions } from "../publishing/subscribers/inbound-subscriptions.ts";
import type { CursorStore } from "../publishing/subscribers/cursor-store.ts";
import type { Head } from "../receiving/stream/head.ts";
import type { InboundRoutes } from "./inbound-routes.ts";
import type { OutboundHeads } from "../receiving/subscriptions/outbound-heads.ts";
import type { OutboundEnding } from "../receiving/subscriptions/outbound-ending.ts";
import type { OutboundSubscriptions } from "../receiving/subscriptions/outbound-subscriptions.ts";
import { granularities, scopeFields, requestedScope } from "./requested-scope.ts";

const requestedBody = z.object({
  peerid: z.string().check(z.refine(isOutsideId, "is not a valid peer id")),
  ...scopeFields,
  granularity: z._default(granularities, "high"),
});

export interface SubscriptionServices {
  readonly heads: OutboundHeads;
  readonly outbound: OutboundSubscriptions;
  readonly outboundEnding: OutboundEnding;
  readonly changeLog: Pick<ChangeLog, "newest">;
  readonly cursors: Pick<CursorStore, "preview">;
  readonly inbound: InboundSubscriptions;
  readonly inboundHeads: InboundHeads;
}

/** The routes of subscriptions, for their owner and for the peer at the other end. */
export class SubscriptionRoutes {
  readonly #services: SubscriptionServices;
  readonly #inbound: Pick<InboundRoutes, "poll">;

  constructor(services: SubscriptionServices, inbound: Pick<InboundRoutes, "poll">) {
    this.#services = services;
    this.#inbound = inbound;
  }

  /** All subscriptions of the actor, in order of creation, filtered by query. */
  async list(request: ServiceRequest): Promise<Reply> {
    const actorId = param(request, "actorId");
    const peerId = idOf(request.query, "peerid");
    const [outbound, inbound] = await Promise.all([this.#outbound(actorId, peerId), this.#inboundOf(actorId, peerId)]);
    return json(200, { id: actorId, data: shown([...outbound, ...inbound], request.query) });
  }

  /** What concerns one peer: to the owner both directions, to the peer its own to us. */
  async listOfPeer(request: ServiceRequest, caller: Caller): Promise<Reply> {
    const [actorId, peerId] = [param(request, "actorId"), param(request, "peerId")];
    const [outbound, inbound] = await Promise.all([
      caller.kind === "peer" ? [] : this.#outbound(actorId, peerId),
      this.#inboundOf(actorId, peerId),
    ]);
    return json(200, { id: actorId, peerid: peerId, data: shown([...outbound, ...inbound], request.query) });
  }

  async #outbound(actorId: string, peerId: string | undefined): Promise<readonly Listed[]> {
    const heads = await this.#services.heads.live(actorId, peerId);
    return heads.map((head) => ({
      ...{ actorId, peerId: head.peerId, id: head.subscriptionId, createdAt: head.createdAt },
      ...{ granularity: head.granularity, scope: head.scope, sequence: head.lastSeq, callback: true },
      ...compact({ problem: streamProblem(head) }),
    }));
  }

  /** With the newest number made, which not every head has noted yet. */
  async #inboundOf(actorId: string, peerId: string | undefined): Promise<readonly Listed[]> {
    const { inboundHeads, changeLog, cursors } = this.#services;
    const [newest, stored] = await Promise.all([
      changeLog.newest(actorId),
      peerId === undefined ? inboundHeads.all(actorId) : inboundHeads.ofPeer(actorId, peerId),
    ]);
    const heads = await cursors.preview(stored, newest);
    return heads.map((head) => ({
      ...{ actorId, peerId: head.peerId, id: head.id, createdAt: head.createdAt },
      ...{ granularity: head.granularity, scope: head, sequence: head.state.sequence, callback: false },
      ...compact({ problem: problemOf(head) }),
    }));
  }

  async subscribe(request: ServiceRequest): Promise<Reply> {
    const body = readBody(request, requestedBody);
    const requested = { peerId: body.peerid, ...requestedScope(body), granularity: body.granularity };
    const { outbound } = this.#services;
    const { location } = await outbound.subscribe(param(request, "actorId"), requested, request.deadline);
    return empty(204, { location });
  }

  /** One subscription: a peer's to us with its backlog, ours without. */
  async show(request: ServiceRequest, caller: Caller): Promise<Reply> {
    const head = caller.kind === "peer" ? undefined : await this.#find(request);
    if (head === undefined) {
      const found = await this.#inbound.poll(request);
      if (found === undefined) throw await this.#missing(request, caller);
      return found;
    }
    return json(200, {
      id: head.actorId,
      peerid: head.peerId,
      subscriptionid: head.subscriptionId,
      target: head.scope.target,
      subtarget: head.scope.subtarget ?? "",
      resource: head.scope.resource ?? "",
      sequence: head.lastSeq,
      data: [],
    });
  }

  /** To its peer, one that the owner has ended is not one that was forgotten. */
  async #missing(request: ServiceRequest, caller: Caller): Promise<ServiceError> {
    const [actorId, peerId, id] = [
      param(request, "actorId"),
      param(request, "peerId"),
      param(request, "subscriptionId"),
    ];
    if (caller.kind !== "peer") return noSuch();
    return (await this.#services.inbound.wasEnded(actorId, peerId, id)) ? endedByOwner() : noSuch();
  }

  /** Ends the subscription of that id, whichever direction it has; the peer is told unless it asks itself. */
  async end(request: ServiceRequest, caller: Caller): Promise<Reply> {
    const [actorId, peerId] = [param(request, "actorId"), param(request, "peerId")];
    const id = param(request, "subscriptionId");
    const notifyPeer = caller.kind !== "peer";
    const { outboundEnding, inbound } = this.#services;
    const ended =
      (await outboundEnding.end(actorId, peerId, id, { notifyPeer })) ||
      (await inbound.end(actorId, peerId, id, { notifyPeer }));
    if (!ended) throw noSuch();
    return empty();
  }

  async resync(request: ServiceRequest): Promise<Reply> {
    const head = await this.#head(request);
    const mode = modeOf(request.query);
    const recovered = await this.#services.outbound.resync(head, mode, request.deadline);
    const { is: result, applied } = recovered;
    // It may have been made again under another id meanwhile.
    const { subscriptionId: subscriptionid, lastSeq: sequence } = recovered.head;
    const brought = { subscriptionid, result, sequence, applied };
    return result === "underway" ? json(202, { ...brought, ...recoveryOf(recovered.head) }) : json(200, brought);
  }

  async state(request: ServiceRequest): Promise<Reply> {
    return json(200, stateOf(await this.#head(request)));
  }

  async clearState(request: ServiceRequest): Promise<Reply> {
    await this.#services.outbound.clearState(await this.#head(request), request.deadline);
    return empty();
  }

  async #head(request: ServiceRequest): Promise<Head> {
    const head = await this.#find(request);
    if (head === undefined) throw noSuch();
    return head;
  }

  async #find(request: ServiceRequest): Promise<Head | undefined> {
    const [actorId, peerId] = [param(request, "actorId"), param(request, "peerId")];
    return await this.#services.heads.get(actorId, peerId, param(request, "subscriptionId"));
  }
}

/** The state of an outbound subscription's stream, as the route shows it. */
export function stateOf(head: Head): JsonObject {
  return compact({
    lastSeq: head.lastSeq,
    pendingCount: head.buffered.size,
    pendingSequences: [...head.buffered].sort((one, other) => one - other),
    resyncPending: head.recoveryRequested !== undefined || head.replacing || head.contradicted,
    gapSince: head.gapSince === undefined ? undefined : new Date(head.gapSince).toISOString(),
    ...(head.contradicted ? { contradicted: true } : {}),
    ...recoveryOf(head),
    epoch: head.epoch,
    version: head.version,
  });
}

/** How far a state read has come that takes more than one run. */
function recoveryOf({ recovery }: Head): JsonObject {
  if (recovery === undefined) return {};
  const { startedAt, read, of } = recovery;
  return { recovery: { startedAt: new Date(startedAt).toISOString(), read, of } };
}

/** Why a subscription receives nothing, as a list shows it. */
function streamProblem({ problem }: Head): JsonObject | undefined {
  return problem === undefined ? undefined : { code: problem.code, since: new Date(problem.since).toISOString() };
}

/** How far a resync goes. @throws ServiceError request.invalid for another mode */
function modeOf(query: URLSearchParams): "catch_up" | "resync" {
  const mode = query.get("mode") ?? "resync";
  if (mode === "catch_up" || mode === "resync") return mode;
  throw new ServiceError("request.invalid", "mode must be catch_up or resync.", { field: "mode" });
}

/** One subscription of either direction, for a list. */
interface Listed {
  readonly actorId: string;
  readonly peerId: string;
  readonly id: string;
  readonly createdAt: number;
  readonly granularity: string;
  readonly scope: Scope;
  readonly sequence: number;
  readonly callback: boolean;
  /** Why it does not get on, when it does not. */
  readonly problem?: JsonObject;
}

/** Its peer answers callbacks of an inbound subscription as if it were none of its own. */
function problemOf({ refused, dueAt = 0 }: Pick<InboundHead, "refused" | "dueAt">): JsonObject | undefined {
  if (refused === undefined) return undefined;
  const at = (ms: number): string => new Date(ms).toISOString();
  const nextAt = Math.max(refused.nextAt, dueAt);
  return { code: "refused", status: refused.status, since: at(refused.since), nextAt: at(nextAt) };
}

function shown(all: readonly Listed[], query: URLSearchParams): readonly JsonObject[] {
  // Each direction comes in its order of creation, and sorting keeps the order of equals.
  const ordered = all.toSorted((one, other) => one.createdAt - other.createdAt);
  return ordered.filter((each) => meets(each, query)).map(wireOf);
}

function wireOf({ actorId, peerId, id, granularity, scope, sequence, callback, problem }: Listed): JsonObject {
  return {
    id: actorId,
    peerid: peerId,
    subscriptionid: id,
    granularity,
    target: scope.target,
    subtarget: scope.subtarget ?? "",
    resource: scope.resource ?? "",
    sequence,
    callback,
    ...compact({ problem }),
  };
}

/** No subscription is without peer and target: there an empty value filters nothing, as for trusts. */
function meets({ peerId, scope }: Listed, query: URLSearchParams): boolean {
  const is = (name: string, value: string): boolean => !query.has(name) || query.get(name) === value;
  return (
    ["", peerId].includes(query.get("peerid") ?? "") &&
    ["", scope.target].includes(query.get("target") ?? "") &&
    is("subtarget", scope.subtarget ?? "") &&
    is("resource", scope.resource ?? "")
  );
}
