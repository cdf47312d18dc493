/** The subscription routes, from request to reply. */
import * as z from "zod/mini";
import { ServiceError } from "../errors.ts";
import type { Caller } from "../http/access.ts";
import { readBody } from "../http/body.ts";
import { empty, json } from "../http/reply.ts";
import type { Reply } from "../http/reply.ts";
import { param } from "../http/request.ts";
import type { ServiceRequest } from "../http/request.ts";
import { isOutsideId } from "../domain/identifiers.ts";
import { isPropertyName } from "../domain/names.ts";
import type { JsonObject } from "../ports.ts";
import type { Head } from "../receiving/head.ts";
import type { OutboundHeads } from "./outbound-heads.ts";
import type { OutboundSubscriptions } from "./outbound-subscriptions.ts";

const segment = z.pipe(
  z.nullish(z.string().check(z.maxLength(1_024))),
  z.transform((text) => text ?? ""),
);

const wantedBody = z.object({
  peerid: z.string().check(z.refine(isOutsideId, "is not a valid peer id")),
  target: z.string().check(z.refine(isOutsideId, "is not a valid target")),
  subtarget: segment.check(z.refine((text) => text === "" || isPropertyName(text), "is not a valid name")),
  resource: segment.check(
    z.refine((text) => text.split("/").every((part) => part !== "." && part !== ".."), "is not a valid path"),
  ),
  granularity: z._default(z.enum(["high", "low", "none"]), "high"),
});

/** The routes of subscriptions, for their owner and for the peer at the other end. */
export class SubscriptionRoutes {
  readonly #heads: OutboundHeads;
  readonly #outbound: OutboundSubscriptions;

  constructor(services: { heads: OutboundHeads; outbound: OutboundSubscriptions }) {
    this.#heads = services.heads;
    this.#outbound = services.outbound;
  }

  /** All subscriptions of the actor, in order of creation, filtered by query. */
  async list(request: ServiceRequest): Promise<Reply> {
    const actorId = param(request, "actorId");
    const peerId = request.query.get("peerid") ?? undefined;
    const heads = await this.#heads.live(actorId, peerId === undefined || !isOutsideId(peerId) ? undefined : peerId);
    const found = heads.filter((head) => meets(head, request.query));
    return json(200, { id: actorId, data: found.map(wireOf) });
  }

  /** What concerns one peer: to the owner both directions, to the peer its own to us. */
  async listOfPeer(request: ServiceRequest, caller: Caller): Promise<Reply> {
    const [actorId, peerId] = [param(request, "actorId"), param(request, "peerId")];
    const heads = caller.kind === "peer" ? [] : await this.#heads.live(actorId, peerId);
    const found = heads.filter((head) => meets(head, request.query));
    return json(200, { id: actorId, peerid: peerId, data: found.map(wireOf) });
  }

  async subscribe(request: ServiceRequest): Promise<Reply> {
    const body = readBody(request, wantedBody);
    if (body.resource !== "" && body.subtarget === "") {
      throw new ServiceError("request.invalid", "resource needs a subtarget.", { field: "resource" });
    }
    const { location } = await this.#outbound.subscribe(
      param(request, "actorId"),
      {
        peerId: body.peerid,
        target: body.target,
        ...(body.subtarget === "" ? {} : { subtarget: body.subtarget }),
        ...(body.resource === "" ? {} : { resource: body.resource }),
        granularity: body.granularity,
      },
      request.deadline,
    );
    return empty(204, { location });
  }

  /** Peers cannot subscribe to us yet. */
  makeInbound(): Promise<Reply> {
    return Promise.reject(
      new ServiceError("method.not_implemented", "This service does not publish yet; it takes no subscriptions."),
    );
  }

  async show(request: ServiceRequest, caller: Caller): Promise<Reply> {
    const head = await this.#head(request, caller);
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

  async end(request: ServiceRequest, caller: Caller): Promise<Reply> {
    const [actorId, peerId] = [param(request, "actorId"), param(request, "peerId")];
    const tellPeer = caller.kind !== "peer";
    if (!(await this.#outbound.end(actorId, peerId, param(request, "subscriptionId"), { tellPeer }))) throw noSuch();
    return empty();
  }

  async resync(request: ServiceRequest): Promise<Reply> {
    const head = await this.#head(request);
    const recovered = await this.#outbound.resync(head, request.deadline);
    return json(200, {
      subscriptionid: head.subscriptionId,
      result: recovered.is,
      sequence: recovered.head.lastSeq,
      applied: recovered.applied,
    });
  }

  async state(request: ServiceRequest): Promise<Reply> {
    return json(200, stateOf(await this.#head(request)));
  }

  async clearState(request: ServiceRequest): Promise<Reply> {
    await this.#outbound.clearState(await this.#head(request), request.deadline);
    return empty();
  }

  async #head(request: ServiceRequest, caller?: Caller): Promise<Head> {
    const head = await this.#heads.get(
      param(request, "actorId"),
      param(request, "peerId"),
      param(request, "subscriptionId"),
    );
    if (head === undefined || caller?.kind === "peer") throw noSuch();
    return head;
  }
}

const noSuch = (): ServiceError => new ServiceError("resource.not_found", "There is no such subscription.");

/** The state of an outbound subscription's stream, as the route shows it. */
export function stateOf(head: Head): JsonObject {
  return {
    lastSeq: head.lastSeq,
    pendingCount: head.pending.size,
    pendingSequences: [...head.pending].sort((one, other) => one - other),
    resyncPending: head.wanted !== undefined || head.replacing,
    ...(head.gapSince === undefined ? {} : { gapSince: new Date(head.gapSince).toISOString() }),
    epoch: head.epoch,
    version: head.version,
  };
}

function wireOf(head: Head): JsonObject {
  return {
    id: head.actorId,
    peerid: head.peerId,
    subscriptionid: head.subscriptionId,
    granularity: head.granularity,
    target: head.scope.target,
    subtarget: head.scope.subtarget ?? "",
    resource: head.scope.resource ?? "",
    sequence: head.lastSeq,
    callback: true,
  };
}

function meets(head: Head, query: URLSearchParams): boolean {
  const is = (name: string, value: string): boolean => !query.has(name) || query.get(name) === value;
  return (
    is("peerid", head.peerId) &&
    is("target", head.scope.target) &&
    is("subtarget", head.scope.subtarget ?? "") &&
    is("resource", head.scope.resource ?? "")
  );
}
