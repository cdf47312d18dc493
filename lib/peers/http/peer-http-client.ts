import * as http from "node:http";
import * as https from "node:https";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { systemClock } from "../../system/platform.ts";
import { printJson } from "../../domain/json/json-text.ts";
import { liesUnder } from "../../domain/terms/peer-url.ts";
import { freshAgents } from "../../system/fresh-agents.ts";
import type { FreshAgents } from "../../system/fresh-agents.ts";
import { type Clock, type PeerAnswer, PeerFailure, type PeerHttp, type PeerRequest } from "../../system/ports.ts";
import { type AddressPolicy, hostOf, judgeUrl } from "./address-rules.ts";
import { ACCEPTED_CODINGS, dropAnswerBody, readAnswerBody } from "./answer-body.ts";
import { checkedLookup, type Resolve, systemResolve } from "./checked-lookup.ts";
import { tlsFailure } from "./tls-failure.ts";

export interface PeerHttpClientOptions extends AddressPolicy {
  /** How names become addresses [the machine's resolver]. */
  readonly resolve?: Resolve;
  /** Most milliseconds until the connection stands, name and TLS included [5 000]. */
  readonly connectTimeoutMs?: number;
  /** Says how long a kept connection has been free [the machine's]. */
  readonly clock?: Clock;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_BYTES = 1024 * 1024;
const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const compressed = promisify(gzip);

/** Set by this client or by node alone; anyone else's would undermine the rules. */
const OWN_HEADERS = new Set(
  "authorization cookie host connection content-length transfer-encoding upgrade expect te trailer keep-alive".split(
    " ",
  ),
);

/**
 * Sends requests to peers under the outbound rules: https unless `allowHttp`, public addresses unless `allowPrivate`
 * (judged on what is actually connected to), no redirect followed, a bearer only to URLs under its `baseUri`, connecting
 * at most 5 s, everything at most `timeoutMs`, the body at most `maxBytes`. Any status is an answer. Rejects with nothing
 * but `PeerFailure`; its message has neither the path nor the bearer. Connections are kept, and reused within a minute.
 */
export class PeerHttpClient implements PeerHttp {
  readonly #policy: AddressPolicy;
  readonly #connectTimeoutMs: number;
  readonly #keeping: FreshAgents;
  readonly #single: FreshAgents;

  constructor(options: PeerHttpClientOptions) {
    this.#policy = { allowHttp: options.allowHttp, allowPrivate: options.allowPrivate };
    this.#connectTimeoutMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
    const lookup = checkedLookup(options.resolve ?? systemResolve, this.#policy);
    const clock = options.clock ?? systemClock;
    this.#keeping = freshAgents({ keepAlive: true, maxFreeSockets: 16, lookup }, clock);
    this.#single = freshAgents({ keepAlive: false, lookup }, clock);
  }

  async send(request: PeerRequest): Promise<PeerAnswer> {
    const url = judgeUrl(request.url, this.#policy);
    if ("refused" in url) throw new PeerFailure("refused", `The peer's URL is not used: ${url.refused}.`);
    const { credentials } = request;
    if (credentials !== undefined && !liesUnder(request.url, credentials.baseUri)) {
      throw new PeerFailure("refused", "The URL does not lie under the peer's baseuri.");
    }
    const deadline = AbortSignal.timeout(Math.max(1, Math.ceil(request.timeoutMs ?? DEFAULT_TIMEOUT_MS)));
    const body = await bodyOf(request);
    this.#keeping.dropStale();
    try {
      return await exchange(url, request, body, deadline, this.#keeping, this.#connectTimeoutMs);
    } catch (error) {
      // A kept connection may have been closed by the peer meanwhile. Nothing was answered on it, and every request of
      // the protocol may be repeated, so it is sent once more, on a new connection.
      if (!(error instanceof StaleConnection) || deadline.aborted) throw asFailure(error, deadline);
    }
    try {
      return await exchange(url, request, body, deadline, this.#single, this.#connectTimeoutMs);
    } catch (error) {
      throw asFailure(error, deadline);
    }
  }

  /** Closes the kept connections; requests under way break off as `unreachable`. */
  close(): void {
    this.#keeping.destroy();
    this.#single.destroy();
  }
}

/** The peer had closed a kept connection before it answered. */
class StaleConnection extends Error {}

async function bodyOf({ json, jsonText, gzip: compress }: PeerRequest): Promise<Buffer | undefined> {
  const text = jsonText ?? (json === undefined ? undefined : printJson(json));
  if (text === undefined) return undefined;
  return compress === true ? await compressed(text) : Buffer.from(text);
}

async function exchange(
  url: URL,
  request: PeerRequest,
  outgoingBody: Buffer | undefined,
  deadline: AbortSignal,
  through: FreshAgents,
  connectTimeoutMs: number,
): Promise<PeerAnswer> {
  const answer = await open(url, request, outgoingBody, deadline, through, connectTimeoutMs);
  const [status, headers] = [answer.statusCode ?? 0, flatHeaders(answer.headers)];
  if (request.statusOnly === true) {
    dropAnswerBody(answer);
    return { status, headers, body: new Uint8Array() };
  }
  try {
    const body = await readAnswerBody(answer, request.maxBytes ?? DEFAULT_MAX_BYTES);
    return { status, headers, body };
  } catch (error) {
    answer.destroy();
    throw error;
  }
}

/** Resolves when the answer's headers are there. */
function open(
  url: URL,
  request: PeerRequest,
  body: Buffer | undefined,
  deadline: AbortSignal,
  through: FreshAgents,
  connectTimeoutMs: number,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === "https:";
    const outgoing = (secure ? https : http).request({
      protocol: url.protocol,
      hostname: hostOf(url),
      port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
      path: url.pathname + url.search,
      method: request.method,
      headers: headersOf(request, url, body),
      agent: secure ? through.secure : through.plain,
      signal: deadline,
    });
    const connecting = setTimeout(() => {
      outgoing.destroy(new PeerFailure("timeout", "The peer's host did not accept a connection in time."));
    }, connectTimeoutMs);
    const connected = (): void => {
      clearTimeout(connecting);
    };
    outgoing.once("socket", (socket) => {
      if (socket.connecting) socket.once(secure ? "secureConnect" : "connect", connected);
      else connected();
    });
    outgoing.once("response", resolve);
    // It may still fail after the answer has begun; then the body's reader reports it, and this changes nothing.
    outgoing.on("error", (error) => {
      connected();
      reject(outgoing.reusedSocket && CLOSED.has(codeOf(error)) ? new StaleConnection() : error);
    });
    outgoing.end(body);
  });
}

/** How a connection says that the other side had closed it. */
const CLOSED = new Set(["ECONNRESET", "EPIPE"]);

function headersOf(request: PeerRequest, url: URL, body: Buffer | undefined): Record<string, string | number> {
  const headers: Record<string, string | number> = { accept: "application/json, */*;q=0.5" };
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (OWN_HEADERS.has(name.toLowerCase())) throw new PeerFailure("refused", `The header ${name} cannot be set.`);
    headers[name.toLowerCase()] = value;
  }
  headers["accept-encoding"] = ACCEPTED_CODINGS;
  headers["host"] = url.port === "" ? url.hostname : `${url.hostname}:${url.port}`;
  headers["user-agent"] ??= "actingweb-serverless";
  if (request.credentials !== undefined) headers["authorization"] = `Bearer ${request.credentials.bearer}`;
  if (request.requestId !== undefined) headers["x-request-id"] = request.requestId;
  if (request.traceparent !== undefined) headers["traceparent"] = request.traceparent;
  if (body !== undefined) headers["content-type"] = "application/json";
  if (body !== undefined && request.gzip === true) headers["content-encoding"] = "gzip";
  // A POST without a body says so; some servers answer 411 else.
  if (body !== undefined || request.method !== "GET") headers["content-length"] = body?.byteLength ?? 0;
  for (const [name, value] of Object.entries(headers)) {
    // Printable ASCII only: a secret is not worth a smuggled header, and node would show the value in its error.
    if (!/^[!#-'*+.^_`|~\w-]+$/.test(name) || !/^[\t\x20-\x7e]*$/.test(String(value))) {
      throw new PeerFailure("refused", `The value of the header ${name} cannot be sent.`);
    }
  }
  return headers;
}

function flatHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );
}

function asFailure(error: unknown, deadline: AbortSignal): PeerFailure {
  if (error instanceof PeerFailure) return error;
  if (deadline.aborted) return new PeerFailure("timeout", "The peer did not answer in time.");
  const code = codeOf(error);
  if (code.startsWith("HPE_")) return new PeerFailure("garbage", "The peer's answer is not HTTP.");
  const message = tlsFailure(code) ?? `The peer could not be reached, or broke off${code === "" ? "" : ` (${code})`}.`;
  return new PeerFailure("unreachable", message);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
