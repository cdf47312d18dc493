import type { IncomingMessage, Server } from "node:http";
import process from "node:process";

/** Node's own. An import statement would read every name of `node:http`, and with some of them load `fetch`: 40 ms at each start. */
export const { createServer } = process.getBuiltinModule("node:http");

/** Requests in flight when a server closes get this long, ms: the gateway's limit for one request. */
const CLOSE_MS = 30_000;
const POLL_MS = 25;

/** Starts listening. Rejects with the system's error, EADDRINUSE for one. */
export function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Accepts no further connection, waits for the requests under way, and cuts off those that last longer than 30 s. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  // A kept connection becomes idle when its last request has been answered, and would stay open.
  const idle = setInterval(() => server.closeIdleConnections(), POLL_MS);
  const cut = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(cut);
}

/**
 * Whether a request was meant for loopback. A web page whose host name resolves to this machine can reach a port here, but its
 * requests have that name in their `Host` header.
 */
export function meantForLoopback(request: IncomingMessage): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? "");
}
