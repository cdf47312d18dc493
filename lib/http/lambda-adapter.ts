/** The event and the result of an API Gateway HTTP API (payload format 2.0), which no other file knows. */
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import { compact } from "../system/compact.ts";
import type { Ids } from "../system/ports.ts";
import { acceptedRequestId, acceptedTraceparent, meantMethod } from "./request.ts";
import type { ServiceRequest } from "./request.ts";
import type { Reply } from "./reply.ts";

export type HttpEvent = APIGatewayProxyEventV2;
export type HttpResult = APIGatewayProxyStructuredResultV2;

/** The request in an event. Never throws, whatever the client sent. */
export function requestOf(event: HttpEvent, context: Context, ids: Ids): ServiceRequest {
  const headers = Object.fromEntries(
    Object.entries(event.headers).map(([name, value]) => [name.toLowerCase(), value ?? ""]),
  );
  const query = new URLSearchParams(event.rawQueryString);
  const { method } = event.requestContext.http;
  return {
    method: meantMethod(method, query, headers["x-http-method-override"]),
    pattern: patternOf(event.routeKey),
    path: event.rawPath,
    sourceIp: event.requestContext.http.sourceIp,
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
export function resultOf(reply: Reply): HttpResult {
  const { body } = reply;
  const result: HttpResult = { statusCode: reply.status, headers: { ...reply.headers } };
  if (typeof body === "string") return { ...result, body };
  if (body === undefined) return result;
  return { ...result, body: Buffer.from(body).toString("base64"), isBase64Encoded: true };
}
