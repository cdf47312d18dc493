import { compact } from "../system/compact.ts";
import middy from "@middy/core";
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { ConfigError } from "../system/config.ts";
import { ServiceError, isServiceError } from "../system/errors.ts";
import { UNHANDLED_ERROR } from "../system/metric-names.ts";
import type { Clock, Ids, Log } from "../system/ports.ts";
import type { Gate, Parties } from "./access.ts";
import { fitted } from "./answer-size.ts";
import { traced } from "../system/request-context.ts";
import { requestOf, resultOf } from "./lambda-adapter.ts";
import type { HttpResult } from "./lambda-adapter.ts";
import { errorReply, unknownErrorReply } from "./reply.ts";
import type { Reply } from "./reply.ts";
import type { ServiceRequest } from "./request.ts";
import { route } from "./router.ts";
import type { RouteMap, Trail } from "./router.ts";
import { isTransient } from "./transient.ts";

/** What a handler needs of the composition root. */
export interface AreaServices<P extends Parties> {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly gate: Gate<P>;
}

/** So long before the function's end, ms, the client is told that the request took too long. */
const EARLY_MS = 250;

/** Calls back after `ms`, unless the function that it gives is called before. */
export type After = (ms: number, call: () => void) => () => void;

/** A Lambda handler of an HTTP API event, made with middy: a deployer may add middlewares to it. */
export type AreaHandler = (event: APIGatewayProxyEventV2, context: Context) => Promise<HttpResult>;

/**
 * The handler of one function that answers requests; its log lines carry `name`. `provide` is called at the first request, once per instance, and `routes` with what it gave.
 * Every answer carries `x-request-id`; every request is one log line; what is thrown becomes the wire form of an error.
 * A faulty configuration is not answered but fails the function, so that its alarm rings.
 */
export function area<P extends Parties, S extends AreaServices<P>>(
  name: string,
  routes: (services: S) => RouteMap<P>,
  provide: () => S,
  after: After = callAfter,
): AreaHandler {
  let made: { readonly services: S; readonly routes: RouteMap<P> } | undefined;
  // Its own time-out is off: what it answers then has no request id and no log line.
  const handler = middy<APIGatewayProxyEventV2, HttpResult>({ timeoutEarlyInMillis: 0 }).handler(
    async (event, context) => {
      if (made === undefined) {
        const services = provide();
        made = { services, routes: routes(services) };
      }
      const request = requestOf(event, context, made.services.ids);
      return resultOf(await answer(name, request, made.routes, made.services, after));
    },
  );
  return handler;
}

/**
 * Answers one request: routes it, turns errors into their wire form, and logs one line. A request that is not done shortly
 * before the function's end, as `after` tells, is answered 503; what it does then goes on until the instance is frozen.
 * Rejects only on a ConfigError.
 */
export async function answer<P extends Parties>(
  name: string,
  request: ServiceRequest,
  routes: RouteMap<P>,
  services: AreaServices<P>,
  after: After = NEVER,
): Promise<Reply> {
  const begun = services.clock.now();
  const trail: Trail = {};
  const work = traced(request, async () => await finish(request, routes, services, trail));
  const outcome = await withinTime(work, request.deadline.remaining() - EARLY_MS, after);
  const late = outcome === LATE;
  const { status, headers: own, body } = late ? errorReply(tooSlow(), request.requestId) : outcome;
  const headers: Record<string, string> = { "cache-control": "no-store", ...own, "x-request-id": request.requestId };
  services.log.info("request", {
    function: name,
    method: request.method,
    route: request.pattern ?? "none",
    status,
    ms: services.clock.now() - begun,
    requestId: request.requestId,
    ...(late ? { tooSlow: true } : {}),
    ...idsOf(request, trail),
  });
  return request.method === "HEAD" || body === undefined ? { status, headers } : { status, headers, body };
}

const LATE = Symbol("late");

/** What the work comes to, or LATE when `ms` are over first. */
async function withinTime<T>(work: Promise<T>, ms: number, after: After): Promise<T | typeof LATE> {
  let cancel = (): void => undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    cancel = after(Math.max(0, ms), () => {
      resolve(LATE);
    });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
    // A failure after the answer has no one left to report to.
    work.catch(() => undefined);
  }
}

/** For callers without a function around them: there is no end before which to answer. */
const NEVER: After = () => () => undefined;

function callAfter(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => {
    clearTimeout(timer);
  };
}

const tooSlow = (): ServiceError =>
  new ServiceError("service.unavailable", "This took too long; try again.", { headers: { "Retry-After": "1" } });

async function finish<P extends Parties>(
  request: ServiceRequest,
  routes: RouteMap<P>,
  services: AreaServices<P>,
  trail: Trail,
): Promise<Reply> {
  try {
    return await fitted(await route(request, routes, services.gate, trail), request);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (isServiceError(error)) return errorReply(error, request.requestId);
    const transient = isTransient(error);
    services.log.error(transient ? "DynamoDB unavailable" : UNHANDLED_ERROR, {
      requestId: request.requestId,
      route: request.pattern ?? "none",
      error,
    });
    if (!transient) return unknownErrorReply(request.requestId);
    const busy = new ServiceError("service.unavailable", "The service is overloaded; try again in a moment.", {
      headers: { "Retry-After": "1" },
    });
    return errorReply(busy, request.requestId);
  }
}

function idsOf(request: ServiceRequest, trail: Trail): Record<string, string> {
  const { actorId, subscriptionId } = request.params;
  const peerId = trail.caller?.peerId ?? request.params["peerId"];
  return compact({
    actorId,
    peerId,
    subscriptionId,
    caller: trail.caller === undefined ? undefined : trail.caller.kind,
    traceparent: request.traceparent,
  });
}
