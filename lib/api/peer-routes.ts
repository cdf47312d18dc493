/** The routes for operating an actor, from request to reply. */
import { compact } from "../system/compact.ts";
import * as z from "zod/mini";
import { keptKey } from "../dynamodb/keys/actors.ts";
import type { Table } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import { readBody } from "../http/body.ts";
import { empty, json } from "../http/reply.ts";
import type { Reply } from "../http/reply.ts";
import { param } from "../http/request.ts";
import type { ServiceRequest } from "../http/request.ts";
import { PeerReader } from "../receiving/replica/peer-reader.ts";
import type { Clock } from "../system/ports.ts";
import type { BreakerStore } from "../publishing/delivery/breaker-store.ts";
import type { InboundHeads } from "../publishing/subscribers/inbound-heads.ts";
import type { Receiving } from "../receiving/intake/receiving.ts";
import type { OutboundHeads } from "../receiving/subscriptions/outbound-heads.ts";
import type { TrustStore } from "../trust/trust-store.ts";
import { afterOf, idOf, limitOf } from "../http/paging.ts";
import { FailedEvents } from "../operations/failed-events.ts";
import { peersPage } from "../operations/peer-overview.ts";
import { PeerProperties } from "../operations/peer-properties.ts";

const USUAL_LIMIT = 50;
const MOST_PEERS = 200;
const MOST_PROPERTIES = 1_000;
const MOST_EVENTS = 200;
/** A peer's id, a property's cursor, a failed event's cursor. */
const AFTER_BYTES = { peer: 128, property: 260, failedEvent: 600 };

const actionBody = z.object({ action: z.enum(["retry", "skip"]) });

export interface PeerRouteServices {
  readonly table: Table;
  readonly trusts: TrustStore;
  readonly clock: Clock;
  readonly heads: OutboundHeads;
  readonly inboundHeads: InboundHeads;
  readonly breakers: Pick<BreakerStore, "reset">;
  readonly receiving: Pick<Receiving, "failedEvents" | "hooks" | "stale" | "staleReads">;
}

/** The routes by which an owner operates an actor: peers, what is held of them, failed events. */
export class PeerRoutes {
  readonly #services: PeerRouteServices;
  readonly #failedEvents: FailedEvents;

  constructor(services: PeerRouteServices) {
    const { heads, receiving } = services;
    this.#services = services;
    const { failedEvents, hooks, stale, staleReads } = receiving;
    this.#failedEvents = new FailedEvents({ heads, failedEvents, hooks, stale, staleReads });
  }

  async peers(request: ServiceRequest): Promise<Reply> {
    const limit = limitOf(request.query, USUAL_LIMIT, MOST_PEERS);
    const after = idOf(request.query, "after");
    const options = compact({ limit, after });
    const { table } = this.#services;
    const reader = (actorId: string, peerId: string): PeerReader => new PeerReader({ table, actorId, peerId });
    const deps = { ...this.#services, reader };
    return json(200, { ...(await peersPage(deps, param(request, "actorId"), options, request.deadline)) });
  }

  async properties(request: ServiceRequest): Promise<Reply> {
    const properties = await this.#properties(request);
    const limit = limitOf(request.query, USUAL_LIMIT, MOST_PROPERTIES);
    const after = afterOf(request.query, AFTER_BYTES.property);
    return json(200, { ...(await properties.page(compact({ limit, after }))) });
  }

  async property(request: ServiceRequest): Promise<Reply> {
    const properties = await this.#properties(request);
    const tooLarge = "What is held under this name is too large for one answer.";
    return { ...json(200, await properties.one(param(request, "name"))), tooLarge };
  }

  /** Closed by hand, whatever state it is in; what the peer missed goes out behind the answer. */
  async closeBreaker(request: ServiceRequest): Promise<Reply> {
    const { breakers, trusts } = this.#services;
    const trust = await trusts.get(param(request, "actorId"), param(request, "peerId"));
    if (trust === undefined) throw noSuchPeer();
    await breakers.reset(trust);
    return empty();
  }

  async failedEvents(request: ServiceRequest): Promise<Reply> {
    const limit = limitOf(request.query, USUAL_LIMIT, MOST_EVENTS);
    const peerId = idOf(request.query, "peerid");
    const after = afterOf(request.query, AFTER_BYTES.failedEvent);
    const options = compact({ limit, peerId, after });
    return json(200, { ...(await this.#failedEvents.page(param(request, "actorId"), options)) });
  }

  async retryOrSkip(request: ServiceRequest): Promise<Reply> {
    const failed = await this.#failedEvents.demand(param(request, "actorId"), param(request, "eventId"));
    const { action } = readBody(request, actionBody);
    const id = param(request, "eventId");
    if (action === "retry") return json(200, { id, result: await this.#failedEvents.retry(failed, request.deadline) });
    await this.#failedEvents.skip(failed);
    return json(200, { id, result: "skipped" });
  }

  /** Of a peer that is trusted, or whose data was kept when its trust ended. @throws ServiceError resource.not_found */
  async #properties(request: ServiceRequest): Promise<PeerProperties> {
    const { table, trusts } = this.#services;
    const [actorId, peerId] = [param(request, "actorId"), param(request, "peerId")];
    const known = (await trusts.get(actorId, peerId)) ?? (await table.get(keptKey(actorId, peerId)));
    if (known === undefined) throw noSuchPeer();
    return new PeerProperties(new PeerReader({ table, actorId, peerId }));
  }
}

const noSuchPeer = (): ServiceError => new ServiceError("resource.not_found", "There is no such peer.");
