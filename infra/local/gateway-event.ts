import { compact } from "../../lib/system/compact.ts";
import type { IncomingMessage } from "node:http";
import type { Match } from "./route-table.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
/** Hop-by-hop headers, between the client and the gateway only. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "te",
  "expect",
]);
const TEXT = /^(text\/|application\/(json|javascript|xml|[^;]*\+(json|xml))\b)/i;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

interface Arrived {
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly match: Match;
  /** The path from `gatewayPath`. */
  readonly path: string;
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The event of an HTTP API, payload format 2.0, for one request. */
export function gatewayEvent({ request, body, match, path, requestId, now }: Arrived): object {
  const { query } = target(request);
  const { headers, cookies } = headersOf(request);
  const host = headers["host"] ?? "localhost";
  const parameters = queryOf(query);
  const encoded = body.length > 0 && isBinary(headers, body);
  return compact({
    version: "2.0",
    routeKey: match.route.routeKey,
    rawPath: path,
    rawQueryString: query,
    cookies: cookies.length > 0 ? cookies : undefined,
    headers,
    queryStringParameters: parameters,
    pathParameters: Object.keys(match.pathParameters).length > 0 ? match.pathParameters : undefined,
    requestContext: {
      accountId: "000000000000",
      apiId: "local",
      domainName: host,
      domainPrefix: host.split(".")[0],
      http: {
        method: request.method,
        path,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: request.socket.remoteAddress ?? "127.0.0.1",
        userAgent: headers["user-agent"] ?? "",
      },
      requestId,
      routeKey: match.route.routeKey,
      stage: "$default",
      time: commonLogTime(now),
      timeEpoch: now,
    },
    body: body.length > 0 ? body.toString(encoded ? "base64" : "utf8") : undefined,
    isBase64Encoded: encoded,
  });
}

/** Path and query of a request as they were sent. */
export function target(request: IncomingMessage): { readonly path: string; readonly query: string } {
  const url = request.url ?? "/";
  // The form of the request line for proxies contains the origin too.
  const local = url.startsWith("/") ? url : url.replace(/^[a-z]+:\/\/[^/?]*/i, "");
  const mark = local.indexOf("?");
  const path = mark < 0 ? local : local.slice(0, mark);
  return { path: path === "" ? "/" : path, query: mark < 0 ? "" : local.slice(mark + 1) };
}

/** A body is passed as text only for known types of text, and only when no byte is lost. */
function isBinary(headers: Readonly<Record<string, string>>, body: Buffer): boolean {
  const encoding = (headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (encoding !== "identity" || !TEXT.test((headers["content-type"] ?? "").trim())) return true;
  try {
    decoder.decode(body);
    return false;
  } catch {
    return true;
  }
}

function headersOf(request: IncomingMessage): { headers: Record<string, string>; cookies: string[] } {
  const headers = new Map<string, string>();
  const cookies: string[] = [];
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at]?.toLowerCase() ?? "";
    const value = request.rawHeaders[at + 1] ?? "";
    if (HOP_BY_HOP.has(name)) continue;
    if (name === "cookie") {
      cookies.push(
        ...value
          .split(";")
          .map((cookie) => cookie.trim())
          .filter((cookie) => cookie !== ""),
      );
      continue;
    }
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  const address = request.socket.remoteAddress ?? "127.0.0.1";
  const forwarded = headers.get("x-forwarded-for");
  headers.set("x-forwarded-for", forwarded === undefined ? address : `${forwarded}, ${address}`);
  headers.set("x-forwarded-port", String(request.socket.localPort ?? ""));
  headers.set("x-forwarded-proto", "http");
  return { headers: Object.fromEntries(headers), cookies };
}

function queryOf(query: string): Record<string, string> | undefined {
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  return values.size > 0 ? Object.fromEntries(values) : undefined;
}

/** `21/Nov/2025:01:12:00 +0000` */
function commonLogTime(now: number): string {
  const time = new Date(now);
  const day = String(time.getUTCDate()).padStart(2, "0");
  return `${day}/${MONTHS[time.getUTCMonth()] ?? ""}/${time.getUTCFullYear()}:${time.toISOString().slice(11, 19)} +0000`;
}
