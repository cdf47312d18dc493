import { randomUUID } from "node:crypto";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { MAX_PAYLOAD_BYTES } from "./functions.ts";
import { closeServer, createServer, listen } from "./loopback-server.ts";
import { gatewayEvent, target } from "./gateway-event.ts";
import { gatewayPath } from "./gateway-path.ts";
import { RouteTable } from "./route-table.ts";
import type { RouteDefinition } from "./template.ts";

export interface GatewayOptions {
  readonly routes: readonly RouteDefinition[];
  /** Runs a function and gives its answer. Rejects when the function failed, or exceeded its own time limit. */
  readonly invoke: (functionName: string, event: object) => Promise<unknown>;
  readonly host: string;
  /** The port; 0 takes any free one. */
  readonly port: number;
  readonly log: (line: string) => void;
  /** For tests: true for a request that is over the stage's throttling limits. */
  readonly isThrottled?: () => boolean;
}

export interface Gateway {
  readonly port: number;
  /** Refuses further requests and waits for those under way. */
  close(): Promise<void>;
}

/** Most bytes of request line and headers together. */
const MAX_HEAD_BYTES = 10_240;
/** Node's own limit for headers, above the gateway's, so that the gateway answers. */
const NODE_HEADER_BYTES = 64 * 1024;
/** The largest body that the gateway accepts. The event of a function has its own limit: see MAX_PAYLOAD_BYTES. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;
/** A body that is too large is still read, so that the sender sees the answer, but at most this much of it. */
const MAX_READ_BYTES = 32 * 1024 * 1024;
/** Milliseconds for a request to arrive. */
const REQUEST_MS = 30_000;

/** An HTTP API on loopback, with the routes, events, answers and limits of API Gateway. Rejects when the port is taken. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const table = new RouteTable(options.routes);
  const limits = { maxHeaderSize: NODE_HEADER_BYTES, keepAliveTimeout: 60_000, requestTimeout: REQUEST_MS };
  const server = createServer(limits, (request, response) => {
    answer(options, table, request, response).catch((error: unknown) => {
      options.log(`gateway: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      reply(request, response, 500, "Internal Server Error");
    });
  });
  await listen(server, options.host, options.port);
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

async function answer(
  options: GatewayOptions,
  table: RouteTable,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  if (body === "broken") return;
  if (headBytes(request) > MAX_HEAD_BYTES) {
    reply(request, response, 431, "Request Header Fields Too Large");
    return;
  }
  if (options.isThrottled?.() === true) {
    reply(request, response, 429, "Too Many Requests");
    return;
  }
  if (body === "too large") {
    reply(request, response, 413, "Request Entity Too Large");
    return;
  }
  const path = gatewayPath(target(request).path);
  if (path === undefined) {
    reply(request, response, 400, "Bad Request");
    return;
  }
  const match = table.match(request.method ?? "GET", path);
  if (!match) {
    reply(request, response, 404, "Not Found");
    return;
  }
  const requestId = randomUUID();
  const event = gatewayEvent({ request, body, match, path, requestId, now: Date.now() });
  if (Buffer.byteLength(JSON.stringify(event)) > MAX_PAYLOAD_BYTES) {
    reply(request, response, 413, "Request Entity Too Large");
    return;
  }
  response.setHeader("apigw-requestid", requestId);
  let result: unknown;
  try {
    result = await withinTime(options.invoke(match.route.functionName, event), match.route.timeoutMs);
  } catch (error) {
    options.log(`gateway: ${request.method ?? ""} ${match.route.routeKey}: ${String(error)}`);
    reply(request, response, 500, "Internal Server Error");
    return;
  }
  if (result === LATE) {
    options.log(`gateway: ${request.method ?? ""} ${match.route.routeKey}: no answer in ${match.route.timeoutMs} ms`);
    reply(request, response, 503, "Service Unavailable");
    return;
  }
  sendResult(request, response, result);
}

const LATE = Symbol("late");

/** The integration's answer, or LATE when its time-out ends first. The function then continues, and its answer is dropped. */
async function withinTime(work: Promise<unknown>, timeoutMs: number): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(() => resolve(LATE), timeoutMs)));
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}

function headBytes(request: IncomingMessage): number {
  const line = `${request.method ?? ""} ${request.url ?? ""} HTTP/${request.httpVersion}`;
  return Buffer.byteLength(line) + request.rawHeaders.reduce((sum, text) => sum + Buffer.byteLength(text, "latin1"), 0);
}

interface Result {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string | number | boolean>>;
  readonly cookies?: readonly string[];
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

/** The answer of a function as the gateway reads it: without a status, the whole is the body of a 200. */
function sendResult(request: IncomingMessage, response: ServerResponse, result: unknown): void {
  const structured = typeof result === "object" && result !== null && "statusCode" in result;
  if (!structured) {
    const text = typeof result === "string" ? result : JSON.stringify(result ?? null);
    send(request, response, 200, { "content-type": "application/json" }, Buffer.from(text));
    return;
  }
  const { statusCode, headers = {}, cookies = [], body = "", isBase64Encoded = false } = result as Result;
  const status = Math.trunc(statusCode);
  if (!Number.isInteger(status) || status < 200 || status > 599 || typeof body !== "string") {
    reply(request, response, 500, "Internal Server Error");
    return;
  }
  const sent: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) sent[name.toLowerCase()] = String(value);
  delete sent["content-length"];
  delete sent["transfer-encoding"];
  if (cookies.length > 0) sent["set-cookie"] = [...cookies];
  if (body !== "") sent["content-type"] ??= "text/plain;charset=utf-8";
  send(request, response, status, sent, Buffer.from(body, isBase64Encoded ? "base64" : "utf8"));
}

function reply(request: IncomingMessage, response: ServerResponse, status: number, message: string): void {
  const body = Buffer.from(JSON.stringify({ message }));
  send(request, response, status, { "content-type": "application/json" }, body);
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders,
  body: Buffer,
): void {
  if (response.destroyed || response.headersSent) return;
  const bodiless = status === 204 || status === 304;
  // The unread rest of the request must not be taken for the next request.
  const unread = request.complete ? {} : { connection: "close" };
  response.writeHead(status, { ...headers, ...unread, ...(bodiless ? {} : { "content-length": body.length }) });
  response.end(bodiless || request.method === "HEAD" ? undefined : body);
}

/** The whole body, or why it was not read. */
async function readBody(request: IncomingMessage): Promise<Buffer | "too large" | "broken"> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_READ_BYTES) break;
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
    }
  } catch {
    return "broken";
  }
  return bytes > MAX_BODY_BYTES ? "too large" : Buffer.concat(chunks);
}
