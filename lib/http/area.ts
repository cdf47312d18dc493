/**
 * One Lambda function that answers requests: from the event of an API Gateway HTTP API (payload format 2.0), which no other
 * file knows, to its result, with the log line of each request.
 */
import middy from "@middy/core";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import { contentDigest } from "../domain/wire/content-digest.ts";
import { compact } from "../system/compact.ts";
import { ConfigError } from "../system/config.ts";
import { ServiceError, isServiceError } from "../system/errors.ts";
import { UNHANDLED_ERROR } from "../system/metric-names.ts";
import type { After, Clock, Ids, Log } from "../system/ports.ts";
import { requestContext } from "../system/request-context.ts";
import type { Gate, Parties } from "./access.ts";
import { fitted } from "./answer-size.ts";
import { errorReply, textErrorReply, unknownErrorReply, type Reply } from "./reply.ts";
import { acceptedRequestId, acceptedTraceparent, meantMethod, type ServiceRequest } from "./request.ts";
import { route, type RouteMap, type Trail } from "./router.ts";
import { isTransient } from "./transient.ts";

/** The dependencies of answering a request. */
export interface AreaServices<P extends Parties> {
  readonly clock: Clock;
  readonly log: Log;
  readonly gate: Gate<P>;
  readonly ids: Pick<Ids, "id">;
  /** The timer of the function's end. */
  readonly after: After;
}

/** Answer a request this long before the function's end, ms, whatever its handler is still doing. */
const EARLY_MS = 250;

export type HttpResult = APIGatewayProxyStructuredResultV2;
/** A Lambda handler of an HTTP API event, made with middy: a deployer may add middlewares to it. */
export type AreaHandler = (event: APIGatewayProxyEventV2, context: Context) => Promise<HttpResult>;

/**
 * The handler of one function that answers requests: it routes each, turns errors into their wire form, and logs one line,
 * which carries `name`. Every answer carries `x-request-id` and the digest of its body. A request that is not done
 * shortly before the function's end is answered 503; its work continues until the instance is frozen. `provide` is
 * called at the first request, once per instance, and `routes` with its result. A faulty configuration (`ConfigError`)
 * is not answered but fails the function, so that its alarm rings.
 */
export function area<P extends Parties, S extends AreaServices<P>>(
  name: string,
  routes: (services: S) => RouteMap<P>,
  provide: () => S,
): AreaHandler {
  const start = (): { readonly services: S; readonly map: RouteMap<P> } => {
    const services = provide();
    return { services, map: routes(services) };
  };
  let started: ReturnType<typeof start> | undefined;
  // Without middy's own time-out, whose answer has no request id and no log line.
  return middy<APIGatewayProxyEventV2, HttpResult>({ timeoutEarlyInMillis: 0 }).handler(async (event, context) => {
    started ??= start();
    const { services, map } = started;
    const { clock, log, gate, ids, after } = services;
    const begun = clock.now();
    const request = requestOf(event, context, ids);
    const { requestId } = request;
    const trail: Trail = {};
    const work = requestContext.run(request, async () => {
      try {
        return await fitted(await route(request, map, gate, trail), request);
      } catch (error) {
        const asText = map[`${request.method} ${request.pattern ?? ""}`]?.errors === "text";
        return errorAnswer(error, request, { log, asText });
      }
    });
    const outcome = await withinTime(work, request.deadline.remaining() - EARLY_MS, after);
    const late = outcome === LATE;
    const { status, headers: own, body } = late ? errorReply(tooSlow(), requestId) : outcome;
    const digest = body === undefined ? undefined : contentDigest(body);
    const headers: Record<string, string> = {
      "cache-control": "no-store",
      ...own,
      ...compact({ "content-digest": digest }),
      "x-request-id": requestId,
    };
    log.info("request", {
      function: name,
      method: request.method,
      route: request.pattern ?? "none",
      status,
      ms: clock.now() - begun,
      requestId,
      ...compact({
        tooSlow: late ? true : undefined,
        actorId: request.params["actorId"],
        peerId: trail.caller?.peerId ?? request.params["peerId"],
        subscriptionId: request.params["subscriptionId"],
        caller: trail.caller?.kind,
        traceparent: request.traceparent,
      }),
    });
    return resultOf(request.method === "HEAD" || body === undefined ? { status, headers } : { status, headers, body });
  });
}

/** The request that an event of the gateway is. */
function requestOf(event: APIGatewayProxyEventV2, context: Context, ids: Pick<Ids, "id">): ServiceRequest {
  const { http } = event.requestContext;
  const query = new URLSearchParams(event.rawQueryString);
  const headers = Object.fromEntries(
    Object.entries(event.headers).map(([key, value]) => [key.toLowerCase(), value ?? ""]),
  );
  return {
    method: meantMethod(http.method, query, headers["x-http-method-override"]),
    pattern: patternOf(event.routeKey),
    path: event.rawPath,
    sourceIp: http.sourceIp,
    params: definedOnly(event.pathParameters),
    query,
    headers,
    body: Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8"),
    requestId: acceptedRequestId(headers["x-request-id"]) ?? ids.id(),
    ...compact({ traceparent: acceptedTraceparent(headers["traceparent"]) }),
    deadline: { remaining: () => Math.max(0, context.getRemainingTimeInMillis()) },
  };
}

/** The pattern in a route key such as `ANY /{actorId}`; none in `$default`. */
function patternOf(routeKey: string): string | undefined {
  const space = routeKey.indexOf(" ");
  return space < 0 ? undefined : routeKey.slice(space + 1);
}

function definedOnly(params: Readonly<Record<string, string | undefined>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(params ?? {}).map(([name, value]) => [name, value ?? ""]));
}

/** The result that makes the gateway send this answer. */
export function resultOf({ status, headers, body }: Reply): HttpResult {
  const result: HttpResult = { statusCode: status, headers: { ...headers } };
  if (typeof body === "string") return { ...result, body };
  if (body === undefined) return result;
  return { ...result, body: Buffer.from(body).toString("base64"), isBase64Encoded: true };
}

const LATE = Symbol("late");

/** The result of the work, or LATE when `ms` pass first. */
async function withinTime<T>(work: Promise<T>, ms: number, after: After): Promise<T | typeof LATE> {
  let cancel = (): void => undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    cancel = after(Math.max(0, ms), () => resolve(LATE));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
    // Once it is answered, nothing waits for a failure of the work.
    work.catch(() => undefined);
  }
}

/** The wire form of what a handler threw; an unforeseen error is logged. @throws ConfigError, which is not answered */
function errorAnswer(
  error: unknown,
  { requestId, pattern = "none" }: ServiceRequest,
  { log, asText }: { readonly log: Log; readonly asText: boolean },
): Reply {
  if (error instanceof ConfigError) throw error;
  if (isServiceError(error)) return asText ? textErrorReply(error) : errorReply(error, requestId);
  const transient = isTransient(error);
  log.error(transient ? "DynamoDB unavailable" : UNHANDLED_ERROR, { requestId, route: pattern, error });
  return transient ? errorReply(overloaded(), requestId) : unknownErrorReply(requestId);
}

const tooSlow = (): ServiceError =>
  new ServiceError("service.unavailable", "This took too long; try again.", { headers: { "Retry-After": "1" } });

const overloaded = (): ServiceError =>
  new ServiceError("service.unavailable", "The service is overloaded; try again in a moment.", {
    headers: { "Retry-After": "1" },
  });
