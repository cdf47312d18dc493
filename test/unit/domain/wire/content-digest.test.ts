import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentDigest, digestFits } from "../../../../lib/domain/wire/content-digest.ts";

const of = (algorithm: string, bytes: Uint8Array): string =>
  `:${createHash(algorithm).update(bytes).digest("base64")}:`;
const body = Buffer.from('{"hello": "world"}');

describe("Content-Digest", () => {
  it("is the one of the standard's example", () => {
    expect(contentDigest('{"hello": "world"}')).toBe("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
  });

  it.each([
    ["ours", contentDigest(body)],
    ["the stronger one", `sha-512=${of("sha512", body)}`],
    ["the stronger one, although the weaker is wrong", `sha-256=:AAAA:, sha-512=${of("sha512", body)}`],
    ["only an unknown one", "md5=:AAAA:"],
    ["an unknown one beside ours", `md5=:AAAA:,${contentDigest(body)};a=1`],
    ["nothing", ""],
  ])("fits: %s", (_, header) => {
    expect(digestFits(header, body)).toBe(true);
  });

  it.each([
    ["another body's", contentDigest("other")],
    ["the stronger one is wrong", `${contentDigest(body)}, sha-512=:AAAA:`],
    ["no byte sequence", "sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="],
    ["a bare name", "sha-256"],
    ["the last of two counts", `${contentDigest(body)}, sha-256=:AAAA:`],
  ])("does not fit: %s", (_, header) => {
    expect(digestFits(header, body)).toBe(false);
  });

  it("tells any two bodies apart", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (one, other) => {
        expect(digestFits(contentDigest(one), other)).toBe(Buffer.from(one).equals(other));
      }),
    );
  });
});
