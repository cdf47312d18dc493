import { request } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { FunctionTimedOut } from "../../../infra/local/functions.ts";
import { startGateway, type GatewayOptions } from "../../../infra/local/gateway.ts";

type Invoke = (functionName: string, event: any) => Promise<unknown>;

const ROUTES = [
  { routeKey: "ANY /", functionName: "root", timeoutMs: 29_000 },
  { routeKey: "ANY /{actorId}/{rest+}", functionName: "rest", timeoutMs: 29_000 },
  { routeKey: "$default", functionName: "fallback", timeoutMs: 29_000 },
];

async function open(invoke: Invoke, options: Partial<GatewayOptions> = {}) {
  const log: string[] = [];
  const gateway = await startGateway({
    routes: ROUTES,
    invoke,
    host: "127.0.0.1",
    port: 0,
    log: (line) => log.push(line),
    ...options,
  });
  onTestFinished(() => gateway.close());
  return { gateway, url: `http://127.0.0.1:${gateway.port}`, log };
}

/** A gateway before a function that answers with its own event. */
const echo = () => open((functionName, event) => Promise.resolve({ functionName, ...event }));

describe("the event a function gets", () => {
  it("has the whole request in payload format 2.0", async () => {
    const { url, gateway } = await echo();
    const answer = await fetch(`${url}/a%20b/x/y%2Fz?one=1&two=2&one=3&empty`, {
      method: "PUT",
      headers: { "Content-Type": "application/json; charset=utf-8", Cookie: "c1=1; c2=2", "User-Agent": "test" },
      body: '{"ä":1}',
    });
    expect(await answer.json()).toMatchObject({
      functionName: "rest",
      version: "2.0",
      routeKey: "ANY /{actorId}/{rest+}",
      rawPath: "/a b/x/y/z",
      rawQueryString: "one=1&two=2&one=3&empty",
      cookies: ["c1=1", "c2=2"],
      queryStringParameters: { one: "1,3", two: "2", empty: "" },
      pathParameters: { actorId: "a b", rest: "x/y/z" },
      headers: {
        "content-type": "application/json; charset=utf-8",
        host: `127.0.0.1:${gateway.port}`,
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
      },
      requestContext: {
        http: { method: "PUT", path: "/a b/x/y/z", protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "test" },
        routeKey: "ANY /{actorId}/{rest+}",
        stage: "$default",
        requestId: expect.any(String),
        time: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
        timeEpoch: expect.any(Number),
      },
      body: '{"ä":1}',
      isBase64Encoded: false,
    });
  });

  it("joins repeated headers with commas and leaves the cookies out of them", async () => {
    const { gateway } = await echo();
    const text = await new Promise<string>((resolve, reject) => {
      const headers = ["Host", "x", "X-Many", "1", "x-many", "2", "Cookie", "a=1"];
      request({ port: gateway.port, host: "127.0.0.1", headers } as object, (response) => {
        let all = "";
        response.on("data", (chunk) => (all += String(chunk)));
        response.on("end", () => resolve(all));
      })
        .on("error", reject)
        .end();
    });
    const event = JSON.parse(text) as { headers: Record<string, string>; cookies: string[] };
    expect(event.headers["x-many"]).toBe("1,2");
    expect(event.headers["cookie"]).toBeUndefined();
    expect(event.cookies).toEqual(["a=1"]);
  });

  it.each([
    ["application/json", {}, false],
    ["text/plain", {}, false],
    ["application/vnd.x+json", {}, false],
    ["application/octet-stream", {}, true],
    ["application/x-www-form-urlencoded", {}, true],
    ["application/json", { "content-encoding": "gzip" }, true],
  ])("has a %s body with %j as base64: %s", async (type, headers, encoded) => {
    const { url } = await echo();
    const answer = await fetch(url, { method: "POST", headers: { "content-type": type, ...headers }, body: "hello" });
    const event = (await answer.json()) as { body: string; isBase64Encoded: boolean };
    expect(event.isBase64Encoded).toBe(encoded);
    expect(Buffer.from(event.body, encoded ? "base64" : "utf8").toString()).toBe("hello");
  });

  it("loses no byte of a text that is not UTF-8", async () => {
    const { url } = await echo();
    const bytes = Buffer.from([0x22, 0xff, 0xfe, 0x22]);
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: bytes });
    expect(await answer.json()).toMatchObject({ isBase64Encoded: true, body: bytes.toString("base64") });
  });

  it("goes to the default route when no other matches", async () => {
    const { url } = await echo();
    expect(await (await fetch(`${url}/only`)).json()).toMatchObject({ functionName: "fallback", routeKey: "$default" });
  });
});

describe("a path", () => {
  it.each([
    ["/a/x/question%3Fvalue?one=%3F", "/a/x/question", { actorId: "a", rest: "x/question" }],
    ["/a/x/y%252Fz?one=%3F", "/a/x/y/z", { actorId: "a", rest: "x/y/z" }],
    ["/a/x%2Fy?one=%3F", "/a/x/y", { actorId: "a", rest: "x/y" }],
    ["/a/x/%23%20%C3%A9+?one=%3F", "/a/x/# é+", { actorId: "a", rest: "x/# é+" }],
  ])("%s is decoded before it is routed, everywhere but in the query", async (sent, path, pathParameters) => {
    const { url } = await echo();
    expect(await (await fetch(url + sent)).json()).toMatchObject({
      functionName: "rest",
      rawPath: path,
      pathParameters,
      rawQueryString: "one=%3F",
      requestContext: { http: { path } },
    });
  });

  it.each(["/a/x/percent%25done", "/a/x/%2525", "/%zz"])("%s is 400, for a %% is left over", async (sent) => {
    const { url } = await open(() => Promise.reject(new Error("not to be asked")));
    const answer = await fetch(url + sent);
    expect([answer.status, await answer.json()]).toEqual([400, { message: "Bad Request" }]);
  });

  it("without variables has no pathParameters", async () => {
    const { url } = await echo();
    expect(await (await fetch(`${url}/`)).json()).not.toHaveProperty("pathParameters");
  });
});

describe("the limits", () => {
  const sized = async (url: string, bytes: number) => {
    const { port } = new URL(url);
    const fixed = `GET / HTTP/1.1hostxx-longconnectionclose`.length;
    return await new Promise<number>((resolve, reject) => {
      const headers = ["Host", "x", "X-Long", "y".repeat(bytes - fixed), "Connection", "close"];
      request({ port, host: "127.0.0.1", headers } as object, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on("error", reject)
        .end();
    });
  };

  it("are 10 240 bytes for request line and headers together", async () => {
    const { url } = await open(() => Promise.resolve({ statusCode: 204 }));
    expect([await sized(url, 10_240), await sized(url, 10_241)]).toEqual([204, 431]);
  });

  const posting = async (body: string | Uint8Array<ArrayBuffer>, type: string) => {
    let asked = 0;
    const { url } = await open(() => {
      asked += 1;
      return Promise.resolve({ statusCode: 204 });
    });
    const answer = await fetch(url, { method: "POST", headers: { "content-type": type }, body });
    return { status: answer.status, asked, text: await answer.text() };
  };
  const MIB = 1024 * 1024;

  it.each([
    ["a text that fits", "x".repeat(5.9 * MIB), "text/plain", 204],
    ["a text over 6 MB", "x".repeat(6 * MIB), "text/plain", 413],
    ["a text that is over 6 MB with its quotes escaped", '"'.repeat(3.1 * MIB), "text/plain", 413],
    ["bytes that fit as base64", new Uint8Array(4.4 * MIB), "application/octet-stream", 204],
    ["bytes over 6 MB as base64", new Uint8Array(4.6 * MIB), "application/octet-stream", 413],
    ["what the gateway does not take at all", new Uint8Array(10 * MIB + 1), "application/octet-stream", 413],
  ])("are those of a function's event, base64 included: %s", async (_, body, type, status) => {
    const answer = await posting(body, type);
    expect([answer.status, answer.asked]).toEqual([status, status === 204 ? 1 : 0]);
    if (status === 413) expect(JSON.parse(answer.text)).toEqual({ message: "Request Entity Too Large" });
  });

  it("of throttling are answered 429 without Retry-After", async () => {
    const { url } = await open(() => Promise.resolve({ statusCode: 204 }), { isThrottled: () => true });
    const answer = await fetch(url);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, null]);
  });
});

describe("the answer", () => {
  const answering = async (result: unknown, init: RequestInit = {}) => {
    const { url } = await open(() => Promise.resolve(result));
    return fetch(url, init);
  };

  it("carries status, headers, cookies and a binary body", async () => {
    const answer = await answering({
      statusCode: 202,
      headers: { "X-One": "1", "content-type": "image/x" },
      cookies: ["a=1; Path=/", "b=2"],
      body: Buffer.from([0, 255]).toString("base64"),
      isBase64Encoded: true,
    });
    expect(answer.status).toBe(202);
    expect(answer.headers.get("x-one")).toBe("1");
    expect(answer.headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2"]);
    expect(answer.headers.get("apigw-requestid")).toBeTruthy();
    expect([...new Uint8Array(await answer.arrayBuffer())]).toEqual([0, 255]);
  });

  it("without a status is a 200 with the result as JSON", async () => {
    const answer = await answering({ hello: "there" });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(await answer.json()).toEqual({ hello: "there" });
  });

  it("to HEAD has the length and no body, to 204 neither", async () => {
    const head = await answering({ statusCode: 200, body: "12345" }, { method: "HEAD" });
    expect([head.headers.get("content-length"), await head.text()]).toEqual(["5", ""]);
    const none = await answering({ statusCode: 204 });
    expect([none.status, none.headers.get("content-length"), await none.text()]).toEqual([204, null, ""]);
  });

  it.each([
    ["a function that failed", () => Promise.reject(new Error("secret")), 500, "Internal Server Error"],
    ["a function that timed out", () => Promise.reject(new FunctionTimedOut("late")), 500, "Internal Server Error"],
    ["a status that is none", () => Promise.resolve({ statusCode: 42 }), 500, "Internal Server Error"],
    [
      "a header that cannot be",
      () => Promise.resolve({ statusCode: 200, headers: { x: "a\nb" } }),
      500,
      "Internal Server Error",
    ],
  ])("for %s names that and nothing more", async (_, invoke, status, message) => {
    const { url } = await open(invoke);
    const answer = await fetch(url);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ message });
  });

  it("is 503 without Retry-After when the function is not done within the integration's time", async () => {
    const routes = [{ routeKey: "$default", functionName: "slow", timeoutMs: 1 }];
    const { url } = await open(() => new Promise(() => undefined), { routes });
    const answer = await fetch(url);
    expect([answer.status, await answer.json()]).toEqual([503, { message: "Service Unavailable" }]);
    expect(answer.headers.get("retry-after")).toBeNull();
  });
});

describe("closing", () => {
  it("finishes the requests in flight and accepts no new ones", async () => {
    const arrived = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<undefined>();
    const { url, gateway } = await open(async () => {
      arrived.resolve(undefined);
      await release.promise;
      return { done: true };
    });
    const inFlight = fetch(url);
    await arrived.promise;
    const closed = gateway.close();
    await expect(fetch(url)).rejects.toThrow();
    release.resolve(undefined);
    expect(await (await inFlight).json()).toEqual({ done: true });
    await closed;
  });
});
