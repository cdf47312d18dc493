/** A request to the handler of one area, as the gateway has routed it. */
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import type { AreaHandler } from "../../lib/http/area.ts";
import type { Reply } from "../../lib/http/reply.ts";
import type { After } from "../../lib/system/ports.ts";

export interface AreaRequest {
  readonly method: string;
  /** The path as the route table writes it. */
  readonly pattern: string;
  /** Decoded, as the gateway gives them. */
  readonly params: Readonly<Record<string, string>>;
  /** Of the URL, without the question mark. */
  readonly query?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** How long the function may still run, ms. */
  readonly remaining: () => number;
}

/** For services whose requests may take any time. */
export const ANY_TIME: After = () => () => undefined;

/** Sends a request, with the id `r` unless a header has another, and gives the reply that the result stands for. */
export async function askArea(handler: AreaHandler, request: AreaRequest): Promise<Reply> {
  const { method, pattern, params, query = "", headers, body, remaining } = request;
  const event = {
    routeKey: `ANY ${pattern}`,
    rawPath: pattern,
    rawQueryString: query,
    headers: { "x-request-id": "r", ...headers },
    requestContext: { http: { method, sourceIp: "192.0.2.1" } },
    pathParameters: params,
    isBase64Encoded: true,
    body: Buffer.from(body).toString("base64"),
  } as unknown as APIGatewayProxyEventV2;
  const result = await handler(event, { getRemainingTimeInMillis: remaining } as Context);
  const reply = { status: result.statusCode ?? 0, headers: result.headers as Record<string, string> };
  if (result.body === undefined) return reply;
  return { ...reply, body: result.isBase64Encoded === true ? Buffer.from(result.body, "base64") : result.body };
}
