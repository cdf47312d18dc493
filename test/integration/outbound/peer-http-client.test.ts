import * as http from "node:http";
import * as net from "node:net";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { contentDigest } from "../../../lib/domain/wire/content-digest.ts";
import { PeerHttpClient, type PeerHttpClientOptions } from "../../../lib/peers/http/peer-http-client.ts";
import { PeerFailure, type PeerRequest } from "../../../lib/system/ports.ts";
import { reservedPort } from "../../support/ports.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function client(options: Partial<PeerHttpClientOptions> = {}): PeerHttpClient {
  const made = new PeerHttpClient({ allowHttp: true, allowPrivate: true, ...options });
  cleanups.push(() => made.close());
  return made;
}

async function listen(server: net.Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => sockets.add(socket));
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serve = (listener: http.RequestListener): Promise<string> => listen(http.createServer(listener));

/** A peer that writes raw bytes instead of HTTP. */
const serveRaw = (onData: (socket: net.Socket) => void): Promise<string> =>
  listen(
    net.createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => onData(socket));
    }),
  );

async function failure(sent: Promise<unknown>): Promise<PeerFailure> {
  const error: unknown = await sent.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PeerFailure);
  return error as PeerFailure;
}

const get = (url: string, more: Partial<PeerRequest> = {}): PeerRequest => ({ method: "GET", url, ...more });

describe("PeerHttpClient", () => {
  it("sends whole numbers exactly, and doubles so that they stay doubles", async () => {
    const base = await serve((request, response) => void request.pipe(response));
    const json = { most: [2n ** 64n, 9_007_199_254_740_993n], double: 1e20 };
    const { body } = await client().send({ method: "POST", url: base, json });
    expect(Buffer.from(body).toString()).toBe('{"most":[18446744073709551616,9007199254740993],"double":1e20}');
  });

  it("sends method, JSON, bearer and ids, and gives back status, headers and body", async () => {
    let seen: { method?: string; headers: http.IncomingHttpHeaders; body: string } | undefined;
    const base = await serve((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        seen = { method: request.method ?? "", headers: request.headers, body };
        response.writeHead(201, { location: "/there", "X-Mixed": "Case" }).end("made");
      });
    });
    const answer = await client().send({
      method: "POST",
      url: `${base}/actor/subscriptions/x`,
      credentials: { bearer: "s3cret", baseUri: `${base}/actor` },
      json: { text: "snø" },
      requestId: "r-1",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    });
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({ location: "/there", "x-mixed": "Case" });
    expect(Buffer.from(answer.body).toString()).toBe("made");
    expect(seen?.method).toBe("POST");
    expect(seen?.body).toBe('{"text":"snø"}');
    expect(seen?.headers).toMatchObject({
      authorization: "Bearer s3cret",
      "content-type": "application/json",
      "content-length": "15",
      "x-request-id": "r-1",
    });
  });

  it("gives a redirect back instead of following it", async () => {
    let requests = 0;
    const base = await serve((_request, response) => {
      requests += 1;
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    const answer = await client().send(get(base, { credentials: { bearer: "b", baseUri: base } }));
    expect(answer.status).toBe(302);
    expect(answer.headers["location"]).toBe("/elsewhere");
    expect(requests).toBe(1);
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["deflate", deflateSync],
    ["deflate", deflateRawSync],
  ] as const)("undoes %s", async (coding, compress) => {
    const base = await serve((_request, response) => {
      response.writeHead(200, { "content-encoding": coding }).end(compress(Buffer.from("hello ".repeat(1000))));
    });
    const answer = await client().send(get(base));
    expect(Buffer.from(answer.body).toString()).toBe("hello ".repeat(1000));
  });

  it("takes an answer without a body that still names a coding", async () => {
    const base = await serve((_request, response) => response.writeHead(204, { "content-encoding": "gzip" }).end());
    await expect(client().send(get(base))).resolves.toMatchObject({ status: 204 });
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["deflate", deflateSync],
  ] as const)("stops a %s bomb at the limit", async (coding, compress) => {
    const bomb = compress(Buffer.alloc(32 * 1024 * 1024));
    const base = await serve((_request, response) => response.writeHead(200, { "content-encoding": coding }).end(bomb));
    expect((await failure(client().send(get(base, { maxBytes: 64 * 1024 })))).reason).toBe("too_large");
  });

  it("stops an endless body at the limit, and a declared one before reading it", async () => {
    const base = await serve((request, response) => {
      if (request.url === "/declared") return void response.writeHead(200, { "content-length": "5000000" }).write("x");
      response.writeHead(200);
      const pump = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384)));
      };
      response.on("drain", pump);
      pump();
    });
    expect((await failure(client().send(get(base, { maxBytes: 100_000 })))).reason).toBe("too_large");
    expect((await failure(client().send(get(`${base}/declared`)))).reason).toBe("too_large");
  });

  it("takes a body of exactly the limit", async () => {
    const base = await serve((_request, response) => response.end("12345678"));
    await expect(client().send(get(base, { maxBytes: 8 }))).resolves.toMatchObject({ status: 200 });
    expect((await failure(client().send(get(base, { maxBytes: 7 })))).reason).toBe("too_large");
  });

  it("ends a peer that never answers, and one that trickles its body for ever", async () => {
    const base = await serve((request, response) => {
      if (request.url !== "/trickle") return;
      response.writeHead(200);
      const timer = setInterval(() => response.write("x"), 5);
      response.on("close", () => clearInterval(timer));
    });
    expect((await failure(client().send(get(`${base}/silent`, { timeoutMs: 60 })))).reason).toBe("timeout");
    expect((await failure(client().send(get(`${base}/trickle`, { timeoutMs: 60 })))).reason).toBe("timeout");
  });

  it("ends a peer that trickles its headers for ever", async () => {
    const base = await serveRaw((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      const timer = setInterval(() => socket.write("x-a: b\r\n"), 5);
      socket.on("close", () => clearInterval(timer));
    });
    expect((await failure(client().send(get(base, { timeoutMs: 60 })))).reason).toBe("timeout");
  });

  it("gives up on a connection that does not come about within its own limit", async () => {
    const never = client({ resolve: () => new Promise(() => undefined), connectTimeoutMs: 30 });
    const failed = await failure(never.send(get("http://slow.example/")));
    expect(failed.reason).toBe("timeout");
    expect(failed.message).toContain("connection");
  });

  it.each([
    ["no HTTP", "SSH-2.0-nonsense\r\n\r\n", "garbage"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx", "garbage"],
    ["a header beyond every limit", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}\r\n\r\n`, "garbage"],
    ["a truncated body", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", "unreachable"],
    ["an unknown coding", "HTTP/1.1 200 OK\r\ncontent-encoding: zip\r\ncontent-length: 1\r\n\r\nx", "garbage"],
    ["a broken coding", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc", "garbage"],
    ["a broken br", "HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 3\r\n\r\nabc", "garbage"],
    ["nothing", "", "unreachable"],
  ])("reports %s", async (_name, bytes, reason) => {
    const base = await serveRaw((socket) => socket.end(bytes));
    expect((await failure(client().send(get(base)))).reason).toBe(reason);
  });

  it("reports a reset and a closed port as unreachable", async () => {
    const base = await serveRaw((socket) => socket.resetAndDestroy());
    expect((await failure(client().send(get(base)))).reason).toBe("unreachable");
    const port = await reservedPort();
    expect((await failure(client().send(get(`http://127.0.0.1:${port}/`)))).reason).toBe("unreachable");
  });

  it("keeps connections, and survives one the peer closed meanwhile", async () => {
    let connections = 0;
    let requests = 0;
    const server = http.createServer((request, response) => {
      requests += 1;
      // The second request of the first connection meets a closed door.
      if (requests === 2) return void request.socket.resetAndDestroy();
      response.end("ok");
    });
    server.on("connection", () => (connections += 1));
    const base = await listen(server);
    const kept = client();
    await kept.send(get(base));
    await expect(kept.send({ method: "POST", url: base, json: { a: 1 } })).resolves.toMatchObject({ status: 200 });
    expect(connections).toBe(2);
    expect(requests).toBe(3);
  });
});

describe("a body of another type", () => {
  it("goes out byte for byte, with its type and digest, and nothing compressed is asked for", async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 200]);
    let seen: { headers: http.IncomingHttpHeaders; body: Buffer } | undefined;
    const base = await serve((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        seen = { headers: request.headers, body: Buffer.concat(chunks) };
        response.end();
      });
    });
    const body = { bytes, type: "application/cloudevents+json" };
    await client().send({ method: "POST", url: base, body, startOnly: true });
    expect(seen?.body).toEqual(bytes);
    expect(seen?.headers).toMatchObject({
      "content-type": "application/cloudevents+json",
      "content-digest": contentDigest(bytes),
      "accept-encoding": "identity",
    });
  });
});

describe("the beginning of an answer", () => {
  const start = (url: string, more: Partial<PeerRequest> = {}): PeerRequest =>
    get(url, { startOnly: true, maxBytes: 1_024, ...more });

  it.each([
    [
      "10 MB at once",
      (response: http.ServerResponse) => response.end(Buffer.alloc(10_000_000, "x")),
      "x".repeat(1_024),
    ],
    ["a short text", (response: http.ServerResponse) => response.end("short"), "short"],
    [
      "a body that breaks off",
      (response: http.ServerResponse) => {
        response.writeHead(200, { "content-length": "100" }).write("part");
        setImmediate(() => response.destroy());
      },
      "part",
    ],
  ])("is read whatever follows: %s", async (_, answer, text) => {
    const base = await serve((_request, response) => answer(response));
    const { status, body } = await client().send(start(base));
    expect(status).toBe(200);
    expect(Buffer.from(body).toString()).toBe(text);
  });

  it("does not wait for a body that trickles", async () => {
    let closed = false;
    const base = await serve((_request, response) => {
      response.writeHead(202).write("a");
      const timer = setInterval(() => response.write("b"), 50);
      response.on("close", () => {
        clearInterval(timer);
        closed = true;
      });
    });
    const { status } = await client().send(start(base, { timeoutMs: 20_000 }));
    expect(status).toBe(202);
    await vi.waitFor(() => expect(closed).toBe(true));
  });
});

describe("whether the whole request went out", () => {
  const posted = (url: string, more: Partial<PeerRequest> = {}): PeerRequest => ({
    ...{ method: "POST", url, timeoutMs: 200, json: { a: 1 } },
    ...more,
  });

  it.each([
    ["a reset after it", (socket: net.Socket) => socket.resetAndDestroy()],
    ["silence", () => undefined],
    ["no HTTP", (socket: net.Socket) => socket.end("SSH-2.0-x\r\n\r\n")],
  ])("is known: it did before %s", async (_, onData) => {
    const base = await serveRaw(onData);
    expect((await failure(client().send(posted(base)))).sent).toBe(true);
  });

  it("is known: it did not where nothing listens, nor to a refused URL, nor while no connection stands", async () => {
    const port = await reservedPort();
    expect((await failure(client().send(posted(`http://127.0.0.1:${port}/`)))).sent).toBe(false);
    expect((await failure(client({ allowPrivate: false }).send(posted("http://127.0.0.1/")))).sent).toBe(false);
    const never = client({ resolve: () => new Promise(() => undefined), connectTimeoutMs: 30 });
    expect((await failure(never.send(posted("http://slow.example/")))).sent).toBe(false);
  });

  it("goes out once at most when that is asked for", async () => {
    let requests = 0;
    const server = http.createServer((request, response) => {
      requests += 1;
      if (requests === 2) return void request.socket.resetAndDestroy();
      response.end("ok");
    });
    const base = await listen(server);
    const kept = client();
    await kept.send(get(base));
    expect((await failure(kept.send(posted(base, { once: true })))).sent).toBe(true);
    expect(requests).toBe(2);
  });
});

describe("kept connections", () => {
  async function counted(): Promise<{ base: string; connections: () => number }> {
    let connections = 0;
    const server = http.createServer((_request, response) => response.end("ok"));
    server.keepAliveTimeout = 600_000;
    server.on("connection", () => (connections += 1));
    return { base: await listen(server), connections: () => connections };
  }

  it.each([
    ["reused", 60_000, 1],
    ["given up", 60_001, 2],
    ["given up when the clock was set back", -60_001, 2],
  ])("are %s after they have been free for %s ms", async (_, ms, expected) => {
    const { base, connections } = await counted();
    let now = Date.UTC(2026, 0, 1);
    const kept = client({ clock: { now: () => now } });
    for (let time = 0; time < 3; time += 1) await kept.send(get(base));
    expect(connections()).toBe(1);
    now += ms;
    await kept.send(get(base));
    expect(connections()).toBe(expected);
    await kept.send(get(base));
    expect(connections()).toBe(expected);
  });

  it("are given up one by one, each by its own time", async () => {
    const { base, connections } = await counted();
    let now = Date.UTC(2026, 0, 1);
    const kept = client({ clock: { now: () => now } });
    await Promise.all([kept.send(get(base)), kept.send(get(base))]);
    expect(connections()).toBe(2);
    now += 40_000;
    // One of the two is used meanwhile.
    await kept.send(get(base));
    now += 40_000;
    await kept.send(get(base));
    expect(connections()).toBe(2);
    await Promise.all([kept.send(get(base)), kept.send(get(base))]);
    expect(connections()).toBe(3);
  });
});

describe("the outbound rules, before a byte leaves", () => {
  async function watched(): Promise<{ base: string; port: string; connections: () => number }> {
    let connections = 0;
    const server = http.createServer((_request, response) => response.end("leaked"));
    server.on("connection", () => (connections += 1));
    const base = await listen(server);
    return { base, port: new URL(base).port, connections: () => connections };
  }

  it("refuses a name that leads to a private address, also when it is one of several", async () => {
    const { port, connections } = await watched();
    const strict = client({
      allowPrivate: false,
      resolve: async () => [
        { address: "93.184.216.34", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ],
    });
    const url = `http://peer.example:${port}/actor`;
    const failed = await failure(strict.send(get(url, { credentials: { bearer: "s3cret", baseUri: url } })));
    expect(failed.reason).toBe("refused");
    expect(failed.message).not.toContain("s3cret");
    expect(connections()).toBe(0);
  });

  it("connects to the address it judged, whatever the name means a moment later", async () => {
    const { port, connections } = await watched();
    let asked = 0;
    const rebinding = client({
      resolve: async () => [{ address: ++asked === 1 ? "127.0.0.1" : "127.0.0.9", family: 4 }],
    });
    await rebinding.send(get(`http://peer.example:${port}/`));
    expect(asked).toBe(1);
    expect(connections()).toBe(1);
  });

  it("refuses a name that leads to the metadata address even where private peers are allowed", async () => {
    const open = client({ resolve: async () => [{ address: "169.254.169.254", family: 4 }] });
    expect((await failure(open.send(get("http://peer.example/")))).reason).toBe("refused");
  });

  it("refuses loopback and plain http by default", async () => {
    const { base, port, connections } = await watched();
    for (const url of [base, `http://2130706433:${port}/`, `http://0x7f.1:${port}/`, `http://localhost:${port}/`]) {
      expect((await failure(client({ allowPrivate: false }).send(get(url)))).reason).toBe("refused");
    }
    expect((await failure(client({ allowHttp: false }).send(get(base)))).reason).toBe("refused");
    expect(connections()).toBe(0);
  });

  it.each([
    "/actor2/x",
    "/other",
    "/actor/../other",
    "/actor/%2e%2e/other",
    "/actor\\..\\other",
    "/actor/..%2fother",
    "/actor/%252e%252e/other",
  ])("refuses to carry the bearer to %s", async (path) => {
    const { base, connections } = await watched();
    const sent = client().send(get(base + path, { credentials: { bearer: "s", baseUri: `${base}/actor` } }));
    expect((await failure(sent)).reason).toBe("refused");
    expect(connections()).toBe(0);
  });

  it("refuses values that would break out of their header", async () => {
    const { base, connections } = await watched();
    const bearer = "s\r\nx-admin: yes";
    const failed = await failure(client().send(get(base, { credentials: { bearer, baseUri: base } })));
    expect(failed.reason).toBe("refused");
    expect(failed.message).not.toContain("admin");
    expect((await failure(client().send(get(base, { requestId: "a\nb" })))).reason).toBe("refused");
    expect((await failure(client().send(get(base, { headers: { Authorization: "x" } })))).reason).toBe("refused");
    expect(connections()).toBe(0);
  });
});
