import { generateKeyPairSync, sign } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { verify, VerifyError, type Secret, type VerifyOptions } from "../../../lib/client/verify.ts";
import { signatureHeaders } from "../../../lib/domain/events/signature.ts";
import { sized } from "../../support/sizes.ts";

/** The vector of the specification's own libraries. */
const VECTOR = {
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  timestamp: 1_614_265_330,
  body: '{"test": 2432232314}',
  signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};
const NOW: VerifyOptions = { now: () => VECTOR.timestamp * 1_000 };
const OTHER = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
const HEADERS = {
  "webhook-id": VECTOR.id,
  "webhook-timestamp": String(VECTOR.timestamp),
  "webhook-signature": VECTOR.signature,
};

/** `whpk_`, the JWK, and a signature of the vector's message by a fresh pair of keys. */
function asymmetric() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const jwk = publicKey.export({ format: "jwk" }) as { kty: string; crv: string; x: string };
  const signed = Buffer.from(`${VECTOR.id}.${VECTOR.timestamp}.${VECTOR.body}`);
  return {
    whpk: `whpk_${Buffer.from(jwk.x, "base64url").toString("base64")}`,
    jwk,
    headers: { ...HEADERS, "webhook-signature": `v1a,${sign(null, signed, privateKey).toString("base64")}` },
  };
}

const codeOf = (verified: Promise<unknown>): Promise<unknown> =>
  verified.then(
    () => "verified",
    (error: unknown) => (error instanceof VerifyError ? error.code : error),
  );

describe("the specification's vector", () => {
  it.each([
    ["a text", VECTOR.body],
    ["bytes", Buffer.from(VECTOR.body)],
    ["an array buffer", new TextEncoder().encode(VECTOR.body).buffer],
  ])("is verified as %s", async (_, body) => {
    expect(await verify(body, HEADERS, VECTOR.secret, NOW)).toEqual({ test: 2_432_232_314 });
  });

  it("is verified with headers of any kind and case, and with a secret without its prefix", async () => {
    const shouted = { "Webhook-Id": VECTOR.id, "WEBHOOK-TIMESTAMP": HEADERS["webhook-timestamp"] };
    const given = [new Headers(HEADERS), { ...shouted, "webhook-Signature": VECTOR.signature }];
    for (const headers of given)
      expect(await codeOf(verify(VECTOR.body, headers, VECTOR.secret, NOW))).toBe("verified");
    expect(await codeOf(verify(VECTOR.body, HEADERS, VECTOR.secret.slice(6), NOW))).toBe("verified");
  });

  it("is verified by any of several signatures and of several secrets", async () => {
    const headers = {
      ...HEADERS,
      "webhook-signature": `v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,x ${VECTOR.signature}`,
    };
    expect(await codeOf(verify(VECTOR.body, headers, [OTHER, VECTOR.secret], NOW))).toBe("verified");
    expect(await codeOf(verify(VECTOR.body, headers, [OTHER], NOW))).toBe("signature_mismatch");
  });
});

it("what the service and the official library sign is verified, while a secret is rotated too", async () => {
  const now = Date.now();
  const body = JSON.stringify({ specversion: "1.0", id: "e1", data: "ünï" });
  const both = signatureHeaders({ id: "e1", now, body, secrets: [OTHER, VECTOR.secret] });
  for (const secret of [OTHER, VECTOR.secret]) expect(await verify(body, both, secret)).toMatchObject({ id: "e1" });
  const official = { ...both, "webhook-signature": new Webhook(OTHER).sign("e1", new Date(now), body) };
  expect(await verify(body, official, OTHER)).toMatchObject({ data: "ünï" });
});

describe("public keys", () => {
  it("verify v1a as whpk_, as a JWK, and as a key set whose other keys are ignored", async () => {
    const { whpk, jwk, headers } = asymmetric();
    const set = { keys: [{ kty: "RSA" }, asymmetric().jwk, jwk] };
    for (const secret of [whpk, jwk, set] as Secret[]) {
      expect(await codeOf(verify(VECTOR.body, headers, secret, NOW))).toBe("verified");
    }
    expect(await codeOf(verify(VECTOR.body, headers, asymmetric().whpk, NOW))).toBe("signature_mismatch");
  });

  it("verify no v1, and a shared secret verifies no v1a", async () => {
    const { whpk, headers } = asymmetric();
    const asV1 = { ...headers, "webhook-signature": headers["webhook-signature"].replace("v1a", "v1") };
    expect(await codeOf(verify(VECTOR.body, asV1, whpk, NOW))).toBe("signature_mismatch");
    // A public key is no secret: as the key of an HMAC anyone could sign with it.
    const asV1a = { ...HEADERS, "webhook-signature": VECTOR.signature.replace("v1", "v1a") };
    expect(await codeOf(verify(VECTOR.body, asV1a, VECTOR.secret, NOW))).toBe("signature_mismatch");
  });
});

it.each([
  ["header_missing", { "webhook-id": "" }],
  ["header_missing", { "webhook-timestamp": undefined }],
  ["header_missing", { "webhook-signature": [VECTOR.signature, VECTOR.signature] }],
  ["header_invalid", { "webhook-id": "msg.1614265330" }],
  ["header_invalid", { "webhook-timestamp": "1614265330.5" }],
  ["header_invalid", { "webhook-timestamp": "-1" }],
  ["signature_mismatch", { "webhook-signature": "v1" }],
  ["signature_mismatch", { "webhook-signature": VECTOR.signature.replace("v1,", "v2,") }],
  ["signature_mismatch", { "webhook-signature": VECTOR.signature.slice(0, -1) }],
  // The last letter before the padding has four bits of no meaning.
  ["signature_mismatch", { "webhook-signature": VECTOR.signature.replace("OE=", "OF=") }],
])("a header is refused as %s: %j", async (code, changed) => {
  expect(await codeOf(verify(VECTOR.body, { ...HEADERS, ...changed }, VECTOR.secret, NOW))).toBe(code);
});

it("the timestamp may be the tolerance from the clock, either way, and no second more", async () => {
  const at = (seconds: number, toleranceSeconds?: number) =>
    codeOf(
      verify(VECTOR.body, HEADERS, VECTOR.secret, {
        now: () => (VECTOR.timestamp + seconds) * 1_000,
        ...(toleranceSeconds === undefined ? {} : { toleranceSeconds }),
      }),
    );
  expect([await at(300), await at(301)]).toEqual(["verified", "timestamp_too_old"]);
  expect([await at(-300), await at(-301)]).toEqual(["verified", "timestamp_too_new"]);
  expect([await at(301, 301), await at(1, 0)]).toEqual(["verified", "timestamp_too_old"]);
  expect([await at(0, Number.NaN), await at(-1, Number.NaN)]).toEqual(["timestamp_too_old", "timestamp_too_new"]);
});

it.each(["", "whsec_", "whsec_***", "whpk_AAAA", { kty: "RSA" }, { keys: [] }, []] as Secret[])(
  "%j is no secret",
  async (secret) => {
    expect(await codeOf(verify(VECTOR.body, HEADERS, secret, NOW))).toBe("secret_invalid");
  },
);

it("a signed body that is no JSON is refused as that", async () => {
  const now = Date.now();
  const headers = signatureHeaders({ id: "e1", now, body: "", secrets: [OTHER] });
  expect(await codeOf(verify("", headers, OTHER))).toBe("body_invalid");
});

/** One change of a message: a letter of it another, gone, doubled, or two of them in other places. */
function mutant(text: string, random: () => number): string {
  const at = Math.floor(random() * text.length);
  const code = text.charCodeAt(at);
  switch (Math.floor(random() * 4)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(code ^ (1 << Math.floor(random() * 7))) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + text.charAt(at) + text.slice(at);
    default: {
      const end = text.slice(at + 1);
      return end.slice(0, 1) + text.slice(0, at) + text.charAt(at) + end.slice(1);
    }
  }
}

it("no mutant of a message is verified", async () => {
  let seed = 1;
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const { whpk, headers: asymmetricHeaders } = asymmetric();
  const passed: unknown[] = [];
  const mutants = sized(2_000, 10_000);
  let tried = 0;
  while (tried < mutants) {
    const isV1a = tried % 10 === 0;
    const headers = isV1a ? asymmetricHeaders : HEADERS;
    const [secret, parts] = [isV1a ? whpk : VECTOR.secret, [...Object.values(headers), VECTOR.body]];
    const which = Math.floor(random() * (parts.length + 1));
    const key = which === parts.length ? mutant(secret.slice(0, -1), random) + secret.slice(-1) : secret;
    const changed = parts.map((part, index) => (index === which ? mutant(part, random) : part));
    const [id, timestamp, signature, body = ""] = changed;
    if (key === secret && changed.every((part, index) => part === parts[index])) continue;
    tried += 1;
    const sent = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
    const outcome = await codeOf(verify(body, sent, key, { ...NOW, toleranceSeconds: 1e12 }));
    if (outcome === "verified" || !/^[a-z_]+$/.test(String(outcome))) passed.push([sent, body, key, outcome]);
  }
  expect(passed).toEqual([]);
});
