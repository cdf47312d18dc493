/** The routes by which peers make, read and clear their subscriptions to us. */
import * as z from "zod/mini";
import type { InboundRef } from "../domain/terms/refs.ts";
import { secretDigest } from "../domain/wire/secret-digest.ts";
import { checked, readBody } from "../http/body.ts";
import { notTaken } from "../http/not-taken.ts";
import { empty, json, type Reply } from "../http/reply.ts";
import { param, type ServiceRequest } from "../http/request.ts";
import type { InboundReading, Page } from "../publishing/snapshots/inbound-reading.ts";
import type { InboundHeads } from "../publishing/subscribers/inbound-heads.ts";
import {
  noSuch,
  type InboundCreated,
  type InboundRequest,
  type InboundSubscriptions,
} from "../publishing/subscribers/inbound-subscriptions.ts";
import { compact } from "../system/compact.ts";
import type { Config } from "../system/config.ts";
import { ServiceError, isServiceError } from "../system/errors.ts";
import type { JsonObject } from "../system/ports.ts";
import type { CallbackAuthenticator } from "../trust/callback-authenticator.ts";
import type { Handle } from "./handler.ts";
import { SEQUENCE_HEADER } from "./positioned-answer.ts";
import { granularities, requestedScope, scopeFields } from "./requested-scope.ts";

/** Most subscriptions asked for in one request. */
const MOST_AT_ONCE = 100;
/** Subscriptions of a request that are made in one commit. */
const STEP = 40;

export const subscriptionBody = z.object({
  ...scopeFields,
  granularity: z.nullish(granularities),
  accept_encoding: z.nullish(z.string().check(z.maxLength(64))),
});
const batchBody = z.object({
  subscriptions: z.optional(z.array(z.unknown())),
});
const ofEach = "each of the subscriptions says its own";
/** Fields that belong to each of the subscriptions of a batch, and not beside them. */
const batchAlone = z.object({
  target: notTaken(ofEach, [""]),
  subtarget: notTaken(ofEach, [""]),
  resource: notTaken(ofEach, [""]),
  granularity: notTaken(ofEach, [""]),
});
export const clearBody = z.object({ sequence: z.int().check(z.nonnegative()) });

export interface InboundRouteServices {
  readonly config: Config;
  readonly authenticator: CallbackAuthenticator;
  readonly inbound: InboundSubscriptions;
  readonly inboundHeads: InboundHeads;
  readonly inboundReading: InboundReading;
}

/** One entry of a batch: what was asked for, or why it cannot be. */
type Entry = { readonly requested: InboundRequest } | { readonly error: ServiceError };

export function inboundHandlers({
  config,
  authenticator,
  inbound,
  inboundHeads,
  inboundReading,
}: InboundRouteServices) {
  const locationOf = (request: ServiceRequest, { id }: InboundCreated): string =>
    `${config.baseUrl}/${param(request, "actorId")}/subscriptions/${param(request, "peerId")}/${id}`;

  return {
    /** A peer subscribes, once or several times in one request. */
    create: async (request, { caller }) => {
      if (caller.kind !== "peer") throw new ServiceError("auth.forbidden", "Only the peer itself subscribes here.");
      const { peerId, secret } = caller.trust;
      const trusted = authenticator.approvedCheck(caller.trust, secretDigest(secret));
      const createAll = async (requests: readonly InboundRequest[]): Promise<readonly InboundCreated[]> =>
        await inbound.create(param(request, "actorId"), { peerId, trusted }, requests);

      const { subscriptions } = readBody(request, batchBody);
      if (subscriptions === undefined) {
        const requested = requestedOf(readBody(request, subscriptionBody));
        const [made] = await createAll([requested]);
        if (made === undefined) throw neitherMadeNorRefused();
        return json(201, wireOf(requested, made), { location: locationOf(request, made) });
      }
      readBody(request, batchAlone);
      if (subscriptions.length > MOST_AT_ONCE) {
        const message = `A request asks for at most ${String(MOST_AT_ONCE)} subscriptions; ask for the others in another.`;
        throw new ServiceError("request.invalid", message, { field: "subscriptions" });
      }
      const entries = subscriptions.map(entryOf);
      const results: JsonObject[] = [];
      for (let from = 0; from < entries.length; from += STEP) {
        const step = entries.slice(from, from + STEP);
        const requests = step.flatMap((entry) => ("requested" in entry ? [entry.requested] : []));
        const made = requests.length === 0 ? [] : await createAll(requests).catch(onlyServiceError);
        let next = 0;
        results.push(
          ...step.map((entry) => {
            if ("error" in entry) return failed(entry.error, request);
            if (made instanceof Error) return failed(made, request);
            const one = made[next++];
            if (one === undefined) throw neitherMadeNorRefused();
            return { status: 201, location: locationOf(request, one), ...wireOf(entry.requested, one) };
          }),
        );
      }
      return json(207, { results });
    },

    /** One diff. */
    one: async (request) => {
      const text = param(request, "sequence");
      // Each diff has one name, so leading zeros are refused.
      const sequence = /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : 0;
      const found =
        sequence > 0 && Number.isSafeInteger(sequence) ? await inboundReading.one(refOf(request), sequence) : undefined;
      if (found === undefined) {
        throw new ServiceError("resource.not_found", "There is no such diff, or it was cleared.");
      }
      const { diff, contains } = found;
      return json(200, diff, compact({ [SEQUENCE_HEADER]: contains?.toString() }));
    },

    /** Clears the numbers up to the one that the peer acknowledges. */
    clear: async (request) => {
      const head = await inboundHeads.get(refOf(request));
      if (head === undefined) throw noSuch();
      await inbound.clear(head, readBody(request, clearBody).sequence);
      return empty();
    },
  } satisfies Record<string, Handle>;
}

/** The backlog of one subscription, paged by `after` and `limit`; undefined when there is no such inbound one. */
export async function poll(
  { inboundHeads, inboundReading }: Pick<InboundRouteServices, "inboundHeads" | "inboundReading">,
  request: ServiceRequest,
): Promise<Reply | undefined> {
  const ref = refOf(request);
  let page: Page;
  try {
    page = pageOf(request.query);
  } catch (error) {
    // A missing subscription answers 404 before the query is checked.
    if ((await inboundHeads.get(ref)) === undefined) return undefined;
    throw error;
  }
  const found = await inboundReading.poll(ref, page);
  return found === undefined ? undefined : json(200, found);
}

/** The subscription to us that a path names. */
export function refOf(request: ServiceRequest): InboundRef {
  const [actorId, peerId, id] = namesOf(request);
  return { actorId, peerId, id };
}

/** The ids in the path of one subscription. */
export const namesOf = (request: ServiceRequest): [actorId: string, peerId: string, id: string] => [
  param(request, "actorId"),
  param(request, "peerId"),
  param(request, "subscriptionId"),
];

function entryOf(value: unknown): Entry {
  try {
    return { requested: requestedOf(checked(value, subscriptionBody)) };
  } catch (error) {
    return { error: onlyServiceError(error) };
  }
}

function onlyServiceError(error: unknown): ServiceError {
  if (isServiceError(error)) return error;
  throw error;
}

const neitherMadeNorRefused = (): TypeError => new TypeError("a subscription was neither made nor refused");

function requestedOf(body: z.infer<typeof subscriptionBody>): InboundRequest {
  return {
    ...requestedScope(body),
    granularity: body.granularity ?? "none",
    ...compact({ acceptEncoding: body.accept_encoding || undefined }),
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
