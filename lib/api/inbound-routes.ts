/** The routes of peers' subscriptions to us, from request to reply. */
import * as z from "zod/mini";
import type { Config } from "../system/config.ts";
import { ServiceError, isServiceError } from "../system/errors.ts";
import type { Caller } from "../trust/callers.ts";
import { checked, readBody } from "../http/body.ts";
import { notTaken } from "../http/not-taken.ts";
import { empty, json } from "../http/reply.ts";
import type { Reply } from "../http/reply.ts";
import { param } from "../http/request.ts";
import type { ServiceRequest } from "../http/request.ts";
import type { JsonObject, Log } from "../system/ports.ts";
import type { InboundHeads } from "../publishing/subscribers/inbound-heads.ts";
import type { InboundReading, Page } from "../publishing/snapshots/inbound-reading.ts";
import { noSuch } from "../publishing/subscribers/inbound-subscriptions.ts";
import type {
  InboundCreated,
  InboundSubscriptions,
  InboundRequest,
} from "../publishing/subscribers/inbound-subscriptions.ts";
import { SEQUENCE_HEADER } from "./positioned-answer.ts";
import { secretDigest } from "../domain/wire/secret-digest.ts";
import type { CallbackAuthenticator } from "../trust/callback-authenticator.ts";
import { granularities, scopeFields, requestedScope } from "./requested-scope.ts";

/** Most subscriptions asked for in one request. */
const MOST_AT_ONCE = 100;
/** Of those, so many are made in one step. */
const STEP = 40;

const subscriptionBody = z.object({
  ...scopeFields,
  granularity: z.nullish(granularities),
  accept_encoding: z.nullish(z.string().check(z.maxLength(64))),
});
const batchBody = z.object({
  subscriptions: z.optional(z.array(z.unknown())),
});
const ofEach = "each of the subscriptions says its own";
/** Beside `subscriptions` nothing is said of all of them. */
const batchAlone = z.object({
  target: notTaken(ofEach, [""]),
  subtarget: notTaken(ofEach, [""]),
  resource: notTaken(ofEach, [""]),
  granularity: notTaken(ofEach, [""]),
});
const clearBody = z.object({ sequence: z.int().check(z.nonnegative()) });

export interface InboundRouteServices {
  readonly config: Config;
  readonly log: Log;
  readonly authenticator: CallbackAuthenticator;
  readonly inbound: InboundSubscriptions;
  readonly inboundHeads: InboundHeads;
  readonly inboundReading: InboundReading;
}

/** One entry of a batch: what was asked for, or why it cannot be. */
type Entry = { readonly requested: InboundRequest } | { readonly error: ServiceError };

/** What peers do with their subscriptions to us. */
export class InboundRoutes {
  readonly #services: InboundRouteServices;

  constructor(services: InboundRouteServices) {
    this.#services = services;
  }

  /** A peer subscribes, once or several times in one request. */
  async create(request: ServiceRequest, caller: Caller): Promise<Reply> {
    if (caller.kind !== "peer") throw new ServiceError("auth.forbidden", "Only the peer itself subscribes here.");
    const { subscriptions } = readBody(request, batchBody);
    if (subscriptions !== undefined) {
      readBody(request, batchAlone);
      return json(207, { results: await this.#batch(request, caller, subscriptions) });
    }
    const requested = requestedOf(readBody(request, subscriptionBody));
    const [made] = await this.#create(request, caller, [requested]);
    if (made === undefined) throw new TypeError("a subscription was neither made nor refused");
    return json(201, wireOf(requested, made), { location: this.#location(request, made) });
  }

  async #create(
    request: ServiceRequest,
    { trust }: Extract<Caller, { kind: "peer" }>,
    requests: readonly InboundRequest[],
  ): Promise<readonly InboundCreated[]> {
    const { inbound, authenticator } = this.#services;
    const trusted = authenticator.approvedCheck(trust, secretDigest(trust.secret));
    return await inbound.create(param(request, "actorId"), { peerId: trust.peerId, trusted }, requests);
  }

  async #batch(
    request: ServiceRequest,
    caller: Extract<Caller, { kind: "peer" }>,
    asked: readonly unknown[],
  ): Promise<readonly JsonObject[]> {
    if (asked.length > MOST_AT_ONCE) {
      const message = `A request asks for at most ${String(MOST_AT_ONCE)} subscriptions; ask for the others in another.`;
      throw new ServiceError("request.invalid", message, { field: "subscriptions" });
    }
    const entries = asked.map(entryOf);
    const results: JsonObject[] = [];
    for (let from = 0; from < entries.length; from += STEP) {
      results.push(...(await this.#step(request, caller, entries.slice(from, from + STEP))));
    }
    return results;
  }

  async #step(
    request: ServiceRequest,
    caller: Extract<Caller, { kind: "peer" }>,
    entries: readonly Entry[],
  ): Promise<readonly JsonObject[]> {
    const requests = entries.flatMap((entry) => ("requested" in entry ? [entry.requested] : []));
    let made: readonly InboundCreated[] | ServiceError = [];
    try {
      if (requests.length > 0) made = await this.#create(request, caller, requests);
    } catch (error) {
      if (!isServiceError(error)) throw error;
      made = error;
    }
    let next = 0;
    return entries.map((entry) => {
      if ("error" in entry) return failed(entry.error, request);
      if (made instanceof Error) return failed(made, request);
      const one = made[next++];
      if (one === undefined) throw new TypeError("a subscription was neither made nor refused");
      return { status: 201, location: this.#location(request, one), ...wireOf(entry.requested, one) };
    });
  }

  /** The backlog of one subscription, paged by `after` and `limit`; undefined when there is no such inbound one. */
  async poll(request: ServiceRequest): Promise<Reply | undefined> {
    const [actorId, peerId, id] = namesOf(request);
    const { inboundHeads, inboundReading } = this.#services;
    let page: Page;
    try {
      page = pageOf(request.query);
    } catch (error) {
      // That there is no such subscription is to be said first.
      if ((await inboundHeads.get(actorId, peerId, id)) === undefined) return undefined;
      throw error;
    }
    const found = await inboundReading.poll(actorId, peerId, id, page);
    return found === undefined ? undefined : json(200, found);
  }

  /** One diff. */
  async one(request: ServiceRequest): Promise<Reply> {
    const [actorId, peerId, id] = namesOf(request);
    const text = param(request, "sequence");
    // One name for each: no leading zeros.
    const sequence = /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : 0;
    const found =
      sequence > 0 && Number.isSafeInteger(sequence)
        ? await this.#services.inboundReading.one(actorId, peerId, id, sequence)
        : undefined;
    if (found !== undefined) {
      const { diff, contains } = found;
      return json(200, diff, contains === undefined ? {} : { [SEQUENCE_HEADER]: String(contains) });
    }
    throw new ServiceError("resource.not_found", "There is no such diff, or it was cleared.");
  }

  /** The peer has what there is up to a number. */
  async clear(request: ServiceRequest): Promise<Reply> {
    const head = await this.#services.inboundHeads.get(...namesOf(request));
    if (head === undefined) throw noSuch();
    await this.#services.inbound.clear(head, readBody(request, clearBody).sequence);
    return empty();
  }

  #location(request: ServiceRequest, { id }: InboundCreated): string {
    const [actorId, peerId] = [param(request, "actorId"), param(request, "peerId")];
    return `${this.#services.config.baseUrl}/${actorId}/subscriptions/${peerId}/${id}`;
  }
}

const namesOf = (request: ServiceRequest): [actorId: string, peerId: string, id: string] => [
  param(request, "actorId"),
  param(request, "peerId"),
  param(request, "subscriptionId"),
];

function entryOf(value: unknown): Entry {
  try {
    return { requested: requestedOf(checked(value, subscriptionBody)) };
  } catch (error) {
    if (isServiceError(error)) return { error };
    throw error;
  }
}

function requestedOf(body: z.infer<typeof subscriptionBody>): InboundRequest {
  const encoding = body.accept_encoding ?? "";
  return {
    ...requestedScope(body),
    granularity: body.granularity ?? "none",
    ...(encoding === "" ? {} : { acceptEncoding: encoding }),
  };
}

function wireOf(requested: InboundRequest, { id, granularity, sequence }: InboundCreated): JsonObject {
  return {
    subscriptionid: id,
    target: requested.target,
    subtarget: requested.subtarget ?? "",
    resource: requested.resource ?? "",
    granularity,
    sequence,
  };
}

const failed = (error: ServiceError, { requestId }: ServiceRequest): JsonObject => ({
  status: error.status,
  error: { code: error.wire, message: error.message, requestId },
});

/** @throws ServiceError request.invalid */
function pageOf(query: URLSearchParams): Page {
  return { after: numberIn(query, "after", 0, 0), limit: numberIn(query, "limit", 1, Number.MAX_SAFE_INTEGER) };
}

function numberIn(query: URLSearchParams, name: string, least: number, without: number): number {
  const text = query.get(name);
  if (text === null) return without;
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new ServiceError("request.invalid", `${name} must be a whole number, ${String(least)} or more.`, {
    field: name,
  });
}
