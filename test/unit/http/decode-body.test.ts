import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodeBody } from "../../../lib/http/decode-body.ts";

const text = Buffer.from('{"hello": "world"}');
const code = (bytes: Uint8Array, encoding?: string, limits = {}): unknown => {
  try {
    decodeBody(bytes, encoding, limits);
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("decodeBody", () => {
  it.each([
    ["nothing", undefined, text],
    ["identity", "identity", text],
    ["gzip", "gzip", gzipSync(text)],
    ["gzip in capitals", " GZIP ", gzipSync(text)],
    ["br", "br", brotliCompressSync(text)],
    ["deflate with its frame", "deflate", deflateSync(text)],
    ["bare deflate", "deflate", deflateRawSync(text)],
    ["two, in the order applied", "gzip, br", brotliCompressSync(gzipSync(text))],
  ])("undoes %s", (_name, encoding, bytes) => {
    expect(Buffer.from(decodeBody(bytes, encoding)).toString()).toBe(text.toString());
  });

  it("refuses a coding it does not know", () => {
    for (const encoding of ["zstd", "compress", "gzip, zip", "gzip,gzip,gzip,gzip"]) {
      expect(code(text, encoding)).toBe("request.unsupported_media_type");
    }
  });

  it("refuses a body that does not decompress", () => {
    const cut = gzipSync(Buffer.alloc(5000, "x")).subarray(0, 20);
    for (const encoding of ["gzip", "br", "deflate"]) expect(code(text, encoding)).toBe("request.invalid");
    expect(code(cut, "gzip")).toBe("request.invalid");
    expect(code(Buffer.alloc(0), "gzip")).toBe("request.invalid");
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["deflate", deflateSync],
    ["deflate", deflateRawSync],
  ] as const)("asks for the plain body where %s came as text", (encoding, compress) => {
    const body = Array.from({ length: 200 }, (_, n) => `"${String(n * 7919)}"`).join();
    const sent = Buffer.from(compress(body));
    // A gateway that takes bytes for text replaces those that are no UTF-8 by U+FFFD, or recodes them from Latin-1.
    for (const mangled of [Buffer.from(sent.toString("utf8")), Buffer.from(sent.toString("latin1"))]) {
      expect(code(mangled, encoding)).toBe("request.unsupported_media_type");
    }
    let headers = {};
    try {
      decodeBody(Buffer.from(sent.toString("utf8")), encoding);
    } catch (error) {
      ({ headers } = error as { headers: Record<string, string> });
    }
    expect(headers).toEqual({ "accept-encoding": "identity" });
  });

  it("stops at its limits, before and after decompression", () => {
    expect(code(Buffer.alloc(256 * 1024 + 1))).toBe("request.too_large");
    expect(code(Buffer.alloc(256 * 1024))).toBeUndefined();
    const mib = 1024 * 1024;
    expect(code(gzipSync(Buffer.alloc(mib)), "gzip")).toBeUndefined();
    for (const [encoding, compress] of [
      ["gzip", gzipSync],
      ["br", brotliCompressSync],
      ["deflate", deflateSync],
      ["deflate", deflateRawSync],
    ] as const) {
      expect(code(compress(Buffer.alloc(mib + 1)), encoding)).toBe("request.too_large");
    }
    expect(code(gzipSync(gzipSync(Buffer.alloc(32 * mib))), "gzip, gzip")).toBe("request.too_large");
  });
});
