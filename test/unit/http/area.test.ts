import { describe, expect, it } from "vitest";
import { ServiceError } from "../../../lib/system/errors.ts";
import type { Gate } from "../../../lib/http/access.ts";
import { area } from "../../../lib/http/area.ts";
import { acceptedRequestId, acceptedTraceparent, meantMethod } from "../../../lib/http/request.ts";
import type { Handle } from "../../../lib/api/handler.ts";
import type { ServiceParties } from "../../../lib/trust/callers.ts";
import { json } from "../../../lib/http/reply.ts";
import { contentDigest } from "../../../lib/domain/wire/content-digest.ts";
import { ANY_TIME, askArea, type AreaRequest } from "../../support/area-request.ts";

const gate: Gate<ServiceParties> = {
  actor: () => Promise.resolve(undefined),
  admit: () => Promise.reject(new ServiceError("auth.missing", "no")),
};

function asked(handle: Handle, after = ANY_TIME, sent: Partial<AreaRequest> = {}) {
  const lines: unknown[] = [];
  const note = (...args: unknown[]): void => void lines.push(args);
  const services = {
    clock: { now: () => 0 },
    log: { info: note, warn: note, error: note },
    ids: { id: () => "minted" },
    gate,
    after,
  };
  const handler = area(
    "test",
    () => ({ "GET /x": { access: ["anyone" as const], handle } }),
    () => services,
  );
  const reply = askArea(handler, {
    ...{ method: "GET", pattern: "/x", params: {}, body: new Uint8Array(), remaining: () => 1000 },
    ...sent,
    headers: { authorization: "Bearer hush-hush", "x-request-id": "r1", ...sent.headers },
  });
  return { reply, lines };
}

describe("an area", () => {
  it("answers an unhandled error with a plain 500, logs it, and shows nothing of it", async () => {
    const { reply, lines } = asked(() => Promise.reject(new Error("table key A#1 is broken")));
    const { status, body, headers } = await reply;
    expect(status).toBe(500);
    expect(body).not.toContain("A#1");
    expect(JSON.parse(String(body))).toMatchObject({ error: { code: "internal_error", requestId: "r1" } });
    expect(headers["x-request-id"]).toBe("r1");
    expect(JSON.stringify(lines)).not.toContain("hush-hush");
    expect(lines).toHaveLength(2);
  });

  it.each(["ThrottlingException", "ProvisionedThroughputExceededException", "TransactionRefused", "ConditionFailed"])(
    "answers %s with 503 and when to come back",
    async (name) => {
      const error = Object.assign(new Error("x"), { name });
      const { status, headers } = await asked(() => Promise.reject(error)).reply;
      expect([status, headers["retry-after"]]).toEqual([503, "1"]);
    },
  );

  it.each(["ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH"])(
    "answers the same without a connection to the table: %s",
    async (code) => {
      const error = Object.assign(new Error("connect"), { code, $metadata: { attempts: 4 } });
      const { status, headers } = await asked(() => Promise.reject(error)).reply;
      expect([status, headers["retry-after"]]).toEqual([503, "1"]);
    },
  );

  it("answers a service error in its wire form, with field and headers", async () => {
    const error = new ServiceError("request.invalid", "Say it otherwise.", { field: "url", headers: { Allow: "GET" } });
    const { status, body, headers } = await asked(() => Promise.reject(error)).reply;
    expect(status).toBe(400);
    expect(JSON.parse(String(body))).toEqual({
      error: { code: "bad_request", message: "Say it otherwise.", requestId: "r1", field: "url" },
    });
    expect(headers["allow"]).toBe("GET");
  });

  it.each([
    [{}, "1"],
    [{ headers: { "Retry-After": "7" } }, "7"],
  ])("says when to come back in every 503, with %j", async (details, seconds) => {
    const error = new ServiceError("service.unavailable", "Others are changing it; try again.", details);
    const { status, headers } = await asked(() => Promise.reject(error)).reply;
    expect([status, headers["retry-after"]]).toEqual([503, seconds]);
  });

  it("gives the digest of each body, and none without one", async () => {
    const { headers, body } = await asked(() => Promise.resolve(json(200, { text: "snø" }))).reply;
    expect(headers["content-digest"]).toBe(contentDigest(Buffer.from(String(body))));
    const without = await asked(() => Promise.resolve({ status: 204, headers: {} })).reply;
    expect(without.headers).not.toHaveProperty("content-digest");
    const refused = await asked(() => Promise.reject(new ServiceError("auth.missing", "no"))).reply;
    expect(refused.headers["content-digest"]).toBe(contentDigest(String(refused.body)));
  });

  it.each([
    [contentDigest("sent"), 200],
    [contentDigest("sent otherwise"), 400],
    ["md5=:AAAA:", 200],
  ])("handles a body only if it is the one that was digested: %s", async (digest, expected) => {
    const sent = { body: Buffer.from("sent"), headers: { "content-digest": digest } };
    const { status, body } = await asked(() => Promise.resolve(json(200, {})), ANY_TIME, sent).reply;
    expect(status).toBe(expected);
    if (expected === 400) expect(JSON.parse(String(body))).toMatchObject({ error: { code: "digest_mismatch" } });
  });

  it("logs one line for each request, with route and status", async () => {
    const { reply, lines } = asked(() => Promise.resolve(json(200, {})));
    await reply;
    expect(lines).toEqual([
      ["request", expect.objectContaining({ function: "test", route: "/x", status: 200, method: "GET" })],
    ]);
  });
});

describe("a request that takes too long", () => {
  const hung = (): Promise<never> => new Promise(() => undefined);

  it("is answered shortly before its time is over, with the usual error and a line in the log", async () => {
    const waits: number[] = [];
    const { reply, lines } = asked(hung, (ms, call) => {
      waits.push(ms);
      call();
      return () => undefined;
    });
    const { status, headers, body } = await reply;
    expect([status, headers["retry-after"], headers["x-request-id"]]).toEqual([503, "1", "r1"]);
    expect(headers["content-type"]).toBe("application/json");
    expect(JSON.parse(String(body))).toMatchObject({ error: { code: "service_unavailable", requestId: "r1" } });
    expect(waits).toEqual([750]);
    expect(lines).toEqual([
      [
        "request",
        expect.objectContaining({ function: "test", route: "/x", status: 503, requestId: "r1", tooSlow: true }),
      ],
    ]);
  });

  it("carries the client's own x-request-id, through the whole handler", async () => {
    const note = (): void => undefined;
    const services = {
      clock: { now: () => 0 },
      ids: { id: () => "minted", secret: () => "secret" },
      gate,
      log: { info: note, warn: note, error: note },
      after: (_ms: number, call: () => void) => {
        call();
        return () => undefined;
      },
    };
    const routes = () => ({ "GET /x": { access: ["anyone" as const], handle: hung } });
    const event = {
      ...{ routeKey: "ANY /x", rawPath: "/x", rawQueryString: "", headers: { "x-request-id": "theirs-7" } },
      ...{ requestContext: { http: { method: "GET" } }, isBase64Encoded: false },
    };
    const context = { getRemainingTimeInMillis: () => 28_000 };
    const result = await area("test", routes, () => services)(event as never, context as never);
    expect(result).toMatchObject({ statusCode: 503, headers: { "x-request-id": "theirs-7" } });
    expect(JSON.parse(result.body ?? "")).toMatchObject({ error: { requestId: "theirs-7" } });
  });

  it("cancels its timer once it is answered in time, and ignores later failures", async () => {
    let cancelled = 0;
    const { reply } = asked(
      () => Promise.resolve(json(200, {})),
      () => () => void (cancelled += 1),
    );
    expect((await reply).status).toBe(200);
    expect(cancelled).toBe(1);
  });
});

describe("the meaning of a request", () => {
  it("lets only GET and POST stand for PUT and DELETE", () => {
    const none = new URLSearchParams();
    expect(meantMethod("post", new URLSearchParams("_method=put"), undefined)).toBe("PUT");
    expect(meantMethod("POST", none, "DELETE")).toBe("DELETE");
    expect(meantMethod("POST", none, "PATCH")).toBe("POST");
    expect(meantMethod("PUT", none, "DELETE")).toBe("PUT");
    expect(meantMethod("HEAD", new URLSearchParams("_method=DELETE"), undefined)).toBe("HEAD");
  });

  it("accepts plain request ids and well-formed trace parents only", () => {
    expect(acceptedRequestId("3f62e6d3-de78-4740")).toBe("3f62e6d3-de78-4740");
    expect(acceptedRequestId("a b")).toBeUndefined();
    expect(acceptedRequestId("x".repeat(129))).toBeUndefined();
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    expect(acceptedTraceparent(traceparent)).toBe(traceparent);
    expect(acceptedTraceparent("00-x")).toBeUndefined();
  });
});
