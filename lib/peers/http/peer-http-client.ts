import * as http from "node:http";
import * as https from "node:https";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { systemClock } from "../../system/platform.ts";
import { printJson } from "../../domain/json/json-text.ts";
import { liesUnder } from "../../domain/terms/peer-url.ts";
import { contentDigest } from "../../domain/wire/content-digest.ts";
import { freshAgents, type FreshAgents } from "../../system/fresh-agents.ts";
import { type Clock, type PeerAnswer, PeerFailure, type PeerHttp, type PeerRequest } from "../../system/ports.ts";
import { type AddressPolicy, hostOf, judgeUrl } from "./address-rules.ts";
import { ACCEPTED_CODINGS, dropAnswerBody, readAnswerBody, readAnswerStart } from "./answer-body.ts";
import { checkedLookup, type Resolve, systemResolve } from "./checked-lookup.ts";
import { tlsFailure } from "./tls-failure.ts";

export interface PeerHttpClientOptions extends AddressPolicy {
  /** How names become addresses [the machine's resolver]. */
  readonly resolve?: Resolve;
  /** Most milliseconds until the connection stands, resolution of the name and TLS included [5 000]. */
  readonly connectTimeoutMs?: number;
  /** Measures for how long a kept connection has been free [the machine's clock]. */
  readonly clock?: Clock;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_BYTES = 1024 * 1024;
const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const compressed = promisify(gzip);

/** Headers that this client or node sets. A caller that could set them would undermine the rules. */
const OWN_HEADERS = new Set(
  "authorization cookie host connection content-length transfer-encoding upgrade expect te trailer keep-alive".split(
    " ",
  ),
);

/**
 * Sends requests to peers under the outbound rules: https unless `allowHttp`, public addresses unless `allowPrivate`
 * (judged by the address that is connected to), no redirect followed, a bearer only to URLs under its `baseUri`, at most 5 s
 * to connect, `timeoutMs` altogether, a body of at most `maxBytes`. Any status is an answer. Rejects with `PeerFailure`
 * alone, whose message has neither the path nor the bearer. Connections are kept, and reused within a minute.
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

  /**
   * Sends one request.
   *
   * @throws PeerFailure for everything that is not an answer
   */
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
    const state = { sent: false };
    const exchange = async (agents: FreshAgents): Promise<PeerAnswer> =>
      await this.#exchange(url, request, { body, deadline, agents, state });
    try {
      if (request.once === true) return await exchange(this.#single);
      try {
        return await exchange(this.#keeping);
      } catch (error) {
        // The peer may have closed a kept connection meanwhile. Nothing was answered on it, and every request of the
        // protocol may be repeated, so the request goes out once more, on a new connection.
        if (!(error instanceof StaleConnection) || deadline.aborted) throw error;
        return await exchange(this.#single);
      }
    } catch (error) {
      throw asFailure(error, deadline, state.sent);
    }
  }

  /** Closes the kept connections; requests under way break off as `unreachable`. */
  close(): void {
    this.#keeping.destroy();
    this.#single.destroy();
  }

  /** Sends the request over one connection and reads its answer. */
  async #exchange(url: URL, request: PeerRequest, { body, deadline, agents, state }: Exchange): Promise<PeerAnswer> {
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const secure = url.protocol === "https:";
      const outgoing = (secure ? https : http).request({
        protocol: url.protocol,
        hostname: hostOf(url),
        port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
        path: url.pathname + url.search,
        method: request.method,
        headers: headersOf(request, url, body),
        agent: secure ? agents.secure : agents.plain,
        signal: deadline,
      });
      const connecting = setTimeout(() => {
        outgoing.destroy(new PeerFailure("timeout", "The peer's host did not accept a connection in time."));
      }, this.#connectTimeoutMs);
      const connected = (): void => {
        clearTimeout(connecting);
      };
      outgoing.once("socket", (socket) => {
        if (socket.connecting) socket.once(secure ? "secureConnect" : "connect", connected);
        else connected();
      });
      outgoing.once("finish", () => {
        state.sent = true;
      });
      outgoing.once("response", resolve);
      // The request may still fail after the answer has begun; then the body's reader reports it, and this changes nothing.
      outgoing.on("error", (error) => {
        connected();
        reject(outgoing.reusedSocket && CLOSED.has(codeOf(error)) ? new StaleConnection() : error);
      });
      outgoing.end(body);
    });
    const [status, headers] = [answer.statusCode ?? 0, flatHeaders(answer.headers)];
    if (request.statusOnly === true) {
      dropAnswerBody(answer);
      return { status, headers, body: new Uint8Array() };
    }
    if (request.startOnly === true) {
      return { status, headers, body: await readAnswerStart(answer, request.maxBytes ?? DEFAULT_MAX_BYTES) };
    }
    try {
      return { status, headers, body: await readAnswerBody(answer, request.maxBytes ?? DEFAULT_MAX_BYTES) };
    } catch (error) {
      answer.destroy();
      throw error;
    }
  }
}

interface Exchange {
  readonly body: Buffer | undefined;
  readonly deadline: AbortSignal;
  readonly agents: FreshAgents;
  /** Whether an exchange of this request has sent all of it. */
  readonly state: { sent: boolean };
}

/** The peer had closed a kept connection before it answered. */
class StaleConnection extends Error {}

async function bodyOf({ json, jsonText, body, gzip: compress }: PeerRequest): Promise<Buffer | undefined> {
  if (body !== undefined) return Buffer.from(body.bytes.buffer, body.bytes.byteOffset, body.bytes.byteLength);
  const text = jsonText ?? (json === undefined ? undefined : printJson(json));
  if (text === undefined) return undefined;
  return compress === true ? await compressed(text) : Buffer.from(text);
}

/** Codes of the errors that a connection gives when the other side had closed it. */
const CLOSED = new Set(["ECONNRESET", "EPIPE"]);

function headersOf(request: PeerRequest, url: URL, body: Buffer | undefined): Record<string, string | number> {
  const headers: Record<string, string | number> = { accept: "application/json, */*;q=0.5" };
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (OWN_HEADERS.has(name.toLowerCase())) throw new PeerFailure("refused", `The header ${name} cannot be set.`);
    headers[name.toLowerCase()] = value;
  }
  // The beginning of a compressed body says nothing.
  headers["accept-encoding"] = request.startOnly === true ? "identity" : ACCEPTED_CODINGS;
  headers["host"] = url.port === "" ? url.hostname : `${url.hostname}:${url.port}`;
  headers["user-agent"] ??= "actingweb-serverless";
  if (request.credentials !== undefined) headers["authorization"] = `Bearer ${request.credentials.bearer}`;
  if (request.requestId !== undefined) headers["x-request-id"] = request.requestId;
  if (request.traceparent !== undefined) headers["traceparent"] = request.traceparent;
  if (body !== undefined) headers["content-type"] = request.body?.type ?? "application/json";
  if (body !== undefined) headers["content-digest"] = contentDigest(body);
  if (body !== undefined && request.gzip === true) headers["content-encoding"] = "gzip";
  // A POST without a body says so, because some servers answer 411 otherwise.
  if (body !== undefined || request.method !== "GET") headers["content-length"] = body?.byteLength ?? 0;
  for (const [name, value] of Object.entries(headers)) {
    // Printable ASCII only: a value could smuggle a header in, and node would show a secret in its error.
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

function asFailure(error: unknown, deadline: AbortSignal, sent: boolean): PeerFailure {
  if (error instanceof PeerFailure) return error;
  if (deadline.aborted) return new PeerFailure("timeout", "The peer did not answer in time.", { sent });
  const code = codeOf(error);
  if (code.startsWith("HPE_")) return new PeerFailure("garbage", "The peer's answer is not HTTP.", { sent });
  const message = tlsFailure(code) ?? `The peer could not be reached, or broke off${code === "" ? "" : ` (${code})`}.`;
  return new PeerFailure("unreachable", message, { sent });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
