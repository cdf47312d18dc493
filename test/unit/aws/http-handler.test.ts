import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { httpHandler } from "../../../lib/aws/http-handler.ts";
import { platform } from "../../../lib/system/platform.ts";
import type { After } from "../../../lib/system/ports.ts";

const CONNECT_MS = 1_000;
const TIMEOUT_MS = 60_000;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Sends one request to a service that answers like this. */
async function send(answer: RequestListener, after: After = platform.after) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const handler = httpHandler({
    ...{ timeoutMs: TIMEOUT_MS, connectMs: CONNECT_MS, maxConnections: 2, clock: platform.clock, after },
  });
  cleanups.push(() => {
    handler.destroy();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const place = { protocol: "http:", hostname: "127.0.0.1", port, path: "/", method: "POST" };
  return await handler.handle({ ...place, headers: { "x-a": "b" }, body: Buffer.from("body") });
}

/** Timers of which those of this length are over once the test says so. */
function timersOf(length: number): { after: After; over: () => void; left: () => number } {
  const set = new Set<() => void>();
  return {
    after: (ms, call) => {
      if (ms === length) set.add(call);
      return () => set.delete(call);
    },
    over: () => set.forEach((call) => call()),
    left: () => set.size,
  };
}

describe("the handler of requests", () => {
  it("sends the body, and gives status, headers and the whole of a long answer", async () => {
    let sent = "";
    const { response } = await send((request, answer) => {
      request.on("data", (part) => (sent += `${String(part)} ${String(request.headers["x-a"])}`));
      request.on("end", () => {
        answer.writeHead(400, { "X-Id": "7" });
        answer.write(Buffer.alloc(300_000, "a"));
        answer.end("z");
      });
    });
    expect([sent, response.statusCode, response.headers["x-id"]]).toEqual(["body b", 400, "7"]);
    expect([response.body.length, response.body.at(-1)]).toEqual([300_001, "z".charCodeAt(0)]);
  });

  it("gives an answer without a body as no bytes", async () => {
    const { response } = await send((_, answer) => void answer.writeHead(500).end());
    expect(response.body).toHaveLength(0);
  });

  it("rejects when the connection breaks before the answer or within it", async () => {
    await expect(send((request) => void request.socket.destroy())).rejects.toMatchObject({ code: "ECONNRESET" });
    const half = send((_, answer) => {
      answer.writeHead(200, { "content-length": "10" });
      answer.write("half", () => answer.destroy());
    });
    await expect(half).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("rejects with TimeoutError when an answer ends too late, and leaves no timer", async () => {
    const timers = timersOf(TIMEOUT_MS);
    const late = send((_, answer) => void answer.write("half", () => timers.over()), timers.after);
    await expect(late).rejects.toMatchObject({ name: "TimeoutError" });
    expect(timers.left()).toBe(0);
  });

  it("rejects with TimeoutError when there is no connection in time", async () => {
    const timers = timersOf(CONNECT_MS);
    const after: After = (ms, call) => {
      const cancel = timers.after(ms, call);
      if (ms === CONNECT_MS) timers.over();
      return cancel;
    };
    await expect(send((_, answer) => void answer.end(), after)).rejects.toMatchObject({ name: "TimeoutError" });
  });

  it("leaves no timer after an answer", async () => {
    const [answers, connections] = [timersOf(TIMEOUT_MS), timersOf(CONNECT_MS)];
    const after: After = (ms, call) => (ms === TIMEOUT_MS ? answers : connections).after(ms, call);
    await send((_, answer) => void answer.end(), after);
    expect([answers.left(), connections.left()]).toEqual([0, 0]);
  });
});
