import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import middy from "@middy/core";
import { ConfigError } from "../config.ts";
import { ServiceError, isServiceError } from "../errors.ts";
import type { Clock, Ids, Log } from "../ports.ts";
import type { Gate } from "./access.ts";
import { traced } from "./current-trace.ts";
import { requestOf, resultOf } from "./lambda-adapter.ts";
import type { HttpResult } from "./lambda-adapter.ts";
import { errorReply, unknownErrorReply } from "./reply.ts";
import type { Reply } from "./reply.ts";
import type { ServiceRequest } from "./request.ts";
import { route } from "./router.ts";
import type { RouteMap, Trail } from "./router.ts";
import { isTransient } from "./transient.ts";

/** What an area needs of the composition root. */
export interface AreaServices {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly gate: Gate;
}

/** So long before the function's end whoever waits is told that it was too slow. */
const EARLY_MS = 250;

function tooSlow(requestId: string): Reply {
  const headers = { "Retry-After": "1" };
  const reply = errorReply(
    new ServiceError("service.unavailable", "This took too long; try again.", { headers }),
    requestId,
  );
  return { ...reply, headers: { ...reply.headers, "x-request-id": requestId } };
}

/** A Lambda handler of an HTTP API event. */
export type AreaHandler = (event: APIGatewayProxyEventV2, context: Context) => Promise<HttpResult>;

/**
 * The handler of one area. `provide` is called at the first request, once per instance, and `routes` with what it gave.
 * Every answer carries `x-request-id`; every request is one log line; what is thrown becomes the wire form of an error.
 * A faulty configuration is not answered but fails the function, so that its alarm rings.
 */
export function area<S extends AreaServices>(name: string, routes: (services: S) => RouteMap, provide: () => S) {
  let made: { readonly services: S; readonly routes: RouteMap } | undefined;
  const handler = middy<APIGatewayProxyEventV2, HttpResult>({
    timeoutEarlyInMillis: EARLY_MS,
    timeoutEarlyResponse: () => resultOf(tooSlow(made?.services.ids.id() ?? "unknown")),
  }).handler(async (event, context) => {
    if (made === undefined) {
      const services = provide();
      made = { services, routes: routes(services) };
    }
    const request = requestOf(event, context, made.services.ids);
    return resultOf(await answer(name, request, made.routes, made.services));
  });
  return handler as unknown as AreaHandler;
}

/** Answers one request: routes it, turns errors into their wire form, and logs one line. Rejects only on a ConfigError. */
export async function answer(
  name: string,
  request: ServiceRequest,
  routes: RouteMap,
  services: AreaServices,
): Promise<Reply> {
  const begun = services.clock.now();
  const trail: Trail = {};
  const outcome = await traced(request, async () => await settle(request, routes, services, trail));
  const headers: Record<string, string> = {
    "cache-control": "no-store",
    ...outcome.headers,
    "x-request-id": request.requestId,
  };
  services.log.info("request", {
    area: name,
    method: request.method,
    route: request.pattern ?? "none",
    status: outcome.status,
    ms: services.clock.now() - begun,
    requestId: request.requestId,
    ...idsOf(request, trail),
  });
  const bodiless = request.method === "HEAD" || outcome.body === undefined;
  return bodiless ? { status: outcome.status, headers } : { ...outcome, headers };
}

async function settle(request: ServiceRequest, routes: RouteMap, services: AreaServices, trail: Trail): Promise<Reply> {
  try {
    return await route(request, routes, services.gate, trail);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (isServiceError(error)) return errorReply(error, request.requestId);
    const transient = isTransient(error);
    services.log.error(transient ? "the table did not take part" : "unforeseen error", {
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
  const peerId = trail.caller?.kind === "peer" ? trail.caller.peerId : request.params["peerId"];
  return {
    ...(actorId === undefined ? {} : { actorId }),
    ...(peerId === undefined ? {} : { peerId }),
    ...(subscriptionId === undefined ? {} : { subscriptionId }),
    ...(trail.caller === undefined ? {} : { caller: trail.caller.kind }),
    ...(request.traceparent === undefined ? {} : { traceparent: request.traceparent }),
  };
}
