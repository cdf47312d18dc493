/** Sends requests to AWS over Node's HTTP, in place of the SDK's own handler, of which this service needs a small part. */
import * as http from "node:http";
import * as https from "node:https";
import { freshAgents } from "../system/fresh-agents.ts";
import type { After, Clock } from "../system/ports.ts";

/** A request of the SDK, with the members that this service's requests have. */
interface SdkRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

interface SdkResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

export interface HttpHandlerOptions {
  /** The longest that one attempt takes, ms, the answer included. */
  readonly timeoutMs: number;
  /** The longest that a new connection takes, ms. */
  readonly connectMs: number;
  readonly maxConnections: number;
  /** Measures how long a kept connection has been idle. */
  readonly clock: Clock;
  readonly after: After;
}

/** The SDK's interface of a request handler. The body of an answer is complete, as bytes. */
export interface HttpHandler {
  readonly metadata: { readonly handlerProtocol: string };
  /**
   * Sends one request. Rejects with `TimeoutError` after `timeoutMs`, or after `connectMs` without a connection (then its
   * `code` is `ETIMEDOUT`), and with Node's error when the connection breaks.
   */
  handle(request: SdkRequest): Promise<{ response: SdkResponse }>;
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): object;
  destroy(): void;
}

/** A handler that keeps connections, and reuses those that have been idle for at most a minute. */
export function httpHandler(options: HttpHandlerOptions): HttpHandler {
  const { timeoutMs, connectMs, maxConnections, clock, after } = options;
  const agents = freshAgents({ keepAlive: true, maxSockets: maxConnections }, clock);
  const handle = (of: SdkRequest): Promise<{ response: SdkResponse }> =>
    new Promise((resolve, reject) => {
      agents.dropStale();
      const secure = of.protocol === "https:";
      const sending = (secure ? https : http).request({
        host: of.hostname,
        port: of.port,
        path: of.path,
        method: of.method,
        headers: of.headers,
        agent: secure ? agents.secure : agents.plain,
      });
      const cancels = [after(timeoutMs, () => sending.destroy(timedOut(`no answer in ${timeoutMs} ms`)))];
      const finish = (result: () => void): void => {
        for (const cancel of cancels) cancel();
        result();
      };
      const fail = (error: Error): void => finish(() => reject(error));
      sending.on("error", fail);
      sending.on("socket", (socket) => {
        if (!socket.connecting) return;
        const late = `no connection in ${connectMs} ms`;
        const cancel = after(connectMs, () => sending.destroy(timedOut(late, { code: "ETIMEDOUT" })));
        cancels.push(cancel);
        socket.once(secure ? "secureConnect" : "connect", cancel);
      });
      sending.on("response", (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("error", fail);
        answer.on("end", () => {
          const [only = Buffer.alloc(0), ...more] = parts;
          const body = more.length === 0 ? only : Buffer.concat(parts);
          const headers = answer.headers as Record<string, string>;
          finish(() => resolve({ response: { statusCode: answer.statusCode ?? 0, headers, body } }));
        });
      });
      sending.end(of.body);
    });
  return {
    metadata: { handlerProtocol: "http/1.1" },
    handle,
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
    destroy: () => agents.destroy(),
  };
}

function timedOut(what: string, more: { readonly code?: string } = {}): Error {
  return Object.assign(new Error(`AWS: ${what}.`), { name: "TimeoutError", ...more });
}
