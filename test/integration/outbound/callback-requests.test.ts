import * as http from "node:http";
import * as net from "node:net";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { PeerHttpClient } from "../../../lib/peers/http/peer-http-client.ts";
import { PeerFailure } from "../../../lib/system/ports.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function client(): PeerHttpClient {
  const made = new PeerHttpClient({ allowHttp: true, allowPrivate: true });
  cleanups.push(() => {
    made.close();
  });
  return made;
}

async function listening(server: net.Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => {
    socket.on("error", () => undefined);
    sockets.add(socket);
  });
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

const post = (url: string) => ({ method: "POST", url, jsonText: '{"a":1}', statusOnly: true }) as const;

describe("a callback's request", () => {
  test.each([true, false])("carries its text, compressed or not (%s)", async (gzip) => {
    const got: { headers: http.IncomingHttpHeaders; body: Buffer }[] = [];
    const url = await listening(
      http.createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          got.push({ headers: request.headers, body: Buffer.concat(chunks) });
          response.writeHead(204).end();
        });
      }),
    );
    expect((await client().send({ ...post(url), gzip })).status).toBe(204);
    const [{ headers, body } = { headers: {}, body: Buffer.of() }] = got;
    expect(headers).toMatchObject({ "content-type": "application/json", "content-length": String(body.byteLength) });
    expect(headers["content-encoding"]).toBe(gzip ? "gzip" : undefined);
    expect((gzip ? gunzipSync(body) : body).toString()).toBe('{"a":1}');
  });

  test("is answered by the status, whatever the body: 10 MB", async () => {
    const url = await listening(
      http.createServer((_, response) => {
        response.writeHead(200);
        response.end(Buffer.alloc(10_000_000));
      }),
    );
    expect(await client().send(post(url))).toMatchObject({ status: 200, body: new Uint8Array() });
  });

  test("is answered by the status, whatever the body: one that never ends, garbage, a broken coding", async () => {
    const sent = client();
    const trickle = await listening(http.createServer((_, response) => void response.writeHead(201).write("x")));
    expect((await sent.send(post(trickle))).status).toBe(201);
    const broken = await listening(
      http.createServer((_, response) => {
        response.writeHead(200, { "content-encoding": "gzip", "content-type": "application/json" }).end("no gzip");
      }),
    );
    expect((await sent.send(post(broken))).status).toBe(200);
    const cut = await listening(
      net.createServer((socket) => {
        socket.once("data", () => socket.end("HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\nshort"));
      }),
    );
    expect((await sent.send(post(cut))).status).toBe(202);
  });

  test("keeps its connection after a short answer", async () => {
    let connections = 0;
    const server = http.createServer((_, response) => response.writeHead(200).end('{"result":"processed"}'));
    server.on("connection", () => (connections += 1));
    const url = await listening(server);
    const sent = client();
    for (let round = 0; round < 3; round += 1) {
      expect((await sent.send(post(url))).status).toBe(200);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(connections).toBeLessThan(3);
  });

  test.each([
    ["hangs", () => undefined, "timeout"],
    ["resets", (socket: net.Socket) => socket.resetAndDestroy(), "unreachable"],
    ["answers garbage", (socket: net.Socket) => socket.end("what?\r\n\r\n"), "garbage"],
    ["trickles its headers", (socket: net.Socket) => socket.write("HTTP/1.1 200 OK\r\nx-a: "), "timeout"],
  ] as const)("to a peer that %s fails in time", async (_, behave, reason) => {
    const url = await listening(net.createServer((socket) => socket.once("data", () => behave(socket))));
    const error = await client()
      .send({ ...post(url), timeoutMs: 100 })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PeerFailure);
    expect(error).toMatchObject({ reason });
  });
});
