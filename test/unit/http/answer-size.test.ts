import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { acceptsGzip, bytesInResult, fitted } from "../../../lib/http/answer-size.ts";
import { resultOf } from "../../../lib/http/area.ts";
import { json } from "../../../lib/http/reply.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { randomHex } from "../../support/random-hex.ts";

const MIB = 1_024 * 1_024;
const LAMBDA_BYTES = 6 * MIB;
const plainly = { headers: {} };
const packed = { headers: { "accept-encoding": "gzip, deflate" } };
const resultBytes = (reply: Parameters<typeof resultOf>[0]): number =>
  Buffer.byteLength(JSON.stringify(resultOf(reply)));

/** JSON of about this many bytes, a seventh of them quotes. */
const quoted = (bytes: number): Json => Array.from({ length: Math.floor(bytes / 7) }, () => "abcd");

describe("the bytes of a body", () => {
  it.each([
    ["plain", 5],
    ['"a"', 5],
    ["\\\\", 4],
    ["line\n", 6],
    ["\u0000", 6],
    ["é", 2],
    ["💥", 4],
    ["\ud800", 6],
  ])("of %j are counted as in a function's result: %i", (text, bytes) => {
    expect(bytesInResult(text)).toBe(bytes);
    expect(Buffer.byteLength(JSON.stringify({ body: text }))).toBe(bytes + Buffer.byteLength('{"body":""}'));
  });
});

describe("an answer", () => {
  it("of short strings that would pass 6 MB with its quotes escaped is refused, with what to do instead", async () => {
    const reply = { ...json(200, quoted(5 * MIB)), tooLarge: "Ask for less." };
    expect(Buffer.byteLength(String(reply.body))).toBeLessThan(5.1 * MIB);
    expect(resultBytes(reply)).toBeGreaterThan(LAMBDA_BYTES);
    await expect(fitted(reply, plainly)).rejects.toMatchObject({
      ...{ code: "request.too_large", message: "Ask for less." },
    });
  });

  it("is compressed for a client that accepts it, with the same text", async () => {
    const reply = json(200, quoted(20 * MIB), { "x-kept": "1" });
    const sent = await fitted(reply, packed);
    expect(sent.headers).toMatchObject({ "content-encoding": "gzip", "x-kept": "1", vary: "accept-encoding" });
    expect(gunzipSync(sent.body as Uint8Array).toString()).toBe(reply.body);
    expect(resultOf(sent).isBase64Encoded).toBe(true);
    expect(resultBytes(sent)).toBeLessThan(LAMBDA_BYTES);
  });

  it("stays as it is up to 4 MiB, and up to 5 MiB where it cannot be compressed", async () => {
    for (const [bytes, asked] of [
      [3.9 * MIB, packed],
      [3.9 * MIB, plainly],
      [4.9 * MIB, plainly],
    ] as const) {
      const reply = json(200, "x".repeat(bytes));
      const sent = await fitted(reply, asked);
      expect(sent).toBe(reply);
      expect(resultBytes(sent)).toBeLessThan(LAMBDA_BYTES);
    }
  });

  it("that does not get small enough by compression is refused, or goes out plain if that fits", async () => {
    const incompressible = (bytes: number): Json => randomHex(bytes);
    await expect(fitted(json(200, incompressible(7 * MIB)), packed)).rejects.toMatchObject({
      code: "request.too_large",
    });
    const sent = await fitted(json(200, incompressible(4.5 * MIB)), packed);
    expect(resultBytes(sent)).toBeLessThan(LAMBDA_BYTES);
  });
});

describe("gzip", () => {
  it.each([
    ["gzip", true],
    ["br, GZIP;q=0.5", true],
    ["x-gzip", true],
    ["*", true],
    ["gzip;q=0", false],
    ["gzip;q=0, *", false],
    ["br", false],
    ["", false],
    [undefined, false],
  ])("is accepted by %j: %s", (header, accepted) => {
    expect(acceptsGzip({ headers: header === undefined ? {} : { "accept-encoding": header } })).toBe(accepted);
  });
});
