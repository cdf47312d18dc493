import { randomBytes, randomInt } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { isSecret, mintSecret, signatureHeaders } from "../../../../lib/domain/events/signature.ts";
import { randomIds } from "../../../../lib/system/ids.ts";
import { sized } from "../../../support/sizes.ts";

const secretOf = (bytes: number): string => `whsec_${randomBytes(bytes).toString("base64")}`;
const LENGTHS = [24, 32, 64] as const;
const TEXTS = ["", "a", "{}", "😀".repeat(3), JSON.stringify({ text: "\u{10ffff}é\u0000" })] as const;
const LARGE = "é😀".repeat(43_691).slice(0, 262_144);

const DELIVERIES = 10_000;

/** The official library's answer: whether it takes the delivery. */
function isTaken(secret: string, headers: Readonly<Record<string, string>>, body: string | Buffer): boolean {
  try {
    new Webhook(secret).verify(body, { ...headers }, { jsonParse: false });
    return true;
  } catch (error) {
    if ((error as Error).name === "WebhookVerificationError") return false;
    throw error;
  }
}

function bodyOf(index: number): string {
  if (index % 2_500 === 0) return LARGE;
  return TEXTS[index % TEXTS.length] ?? String(index);
}

/** Every delivery that differs from a signed one in one thing. */
function mutants(headers: Readonly<Record<string, string>>, body: string, secret: string) {
  const signature = headers["webhook-signature"] ?? "";
  const at = 3 + randomInt(signature.length - 4);
  const other = signature[at] === "A" ? "B" : "A";
  const changed = `${signature.slice(0, at)}${other}${signature.slice(at + 1)}`;
  const key = Buffer.from(secret.slice(6), "base64");
  key[randomInt(key.length)]! ^= 1 << randomInt(8);
  return [
    { headers, body: `${body} `, secret },
    { headers, body: body === "" ? "a" : body.slice(0, -1), secret },
    { headers: { ...headers, "webhook-id": `${headers["webhook-id"] ?? ""}0` }, body, secret },
    { headers: { ...headers, "webhook-timestamp": String(Number(headers["webhook-timestamp"]) - 1) }, body, secret },
    { headers: { ...headers, "webhook-signature": changed }, body, secret },
    { headers: { ...headers, "webhook-signature": signature.replace("v1,", "v2,") }, body, secret },
    { headers, body, secret: `whsec_${key.toString("base64")}` },
  ];
}

describe("signatures of webhooks", () => {
  it("are verified by the official library, and every mutant is refused", () => {
    const now = Date.now();
    const secrets = LENGTHS.flatMap((length) => Array.from({ length: 4 }, () => secretOf(length)));
    let [taken, refused] = [0, 0];
    for (let index = 0; index < DELIVERIES; index += 1) {
      const secret = secrets[index % secrets.length] ?? "";
      const body = bodyOf(index);
      const headers = signatureHeaders({ id: randomIds.id(), now, body, secrets: [secret] });
      if (isTaken(secret, headers, body)) taken += 1;
      const all = mutants(headers, body, secret);
      // The official library hashes in plain JavaScript: in the usual run each delivery meets one mutant, by turns.
      const met = sized([all[index % all.length]!], all);
      for (const one of met) {
        if (isTaken(one.secret, one.headers, one.body)) throw new Error(`A mutant was taken: ${JSON.stringify(one)}`);
        refused += 1;
      }
    }
    expect({ taken, refused }).toEqual({ taken: DELIVERIES, refused: DELIVERIES * sized(1, 7) });
  });

  it("are over the bytes that are sent, whether text or bytes", () => {
    const secret = secretOf(24);
    const signed = { id: "e1", now: 1_700_000_000_999, secrets: [secret] };
    const body = JSON.stringify({ a: "é😀" });
    expect(signatureHeaders({ ...signed, body })).toEqual(signatureHeaders({ ...signed, body: Buffer.from(body) }));
    expect(signatureHeaders({ ...signed, body })["webhook-timestamp"]).toBe("1700000000");
  });

  it("are one for each secret, the newest first, and each secret verifies", () => {
    const [newest, older] = [secretOf(32), secretOf(64)];
    const one = { id: "e1", now: Date.now(), body: "{}" };
    const headers = signatureHeaders({ ...one, secrets: [newest, older] });
    const [first, second, ...more] = (headers["webhook-signature"] ?? "").split(" ");
    expect(more).toEqual([]);
    expect(first).toBe(signatureHeaders({ ...one, secrets: [newest] })["webhook-signature"]);
    expect(second).toBe(signatureHeaders({ ...one, secrets: [older] })["webhook-signature"]);
    for (const secret of [newest, older]) expect(isTaken(secret, headers, "{}")).toBe(true);
    expect(isTaken(secretOf(32), headers, "{}")).toBe(false);
  });

  it("take secrets of 24 to 64 bytes in base64 with their prefix, and mint one", () => {
    for (const bytes of [24, 25, 32, 63, 64]) expect(isSecret(secretOf(bytes))).toBe(true);
    for (const bytes of [0, 1, 23, 65, 128]) expect(isSecret(secretOf(bytes))).toBe(false);
    const encoded = Buffer.alloc(24, 255).toString("base64");
    for (const text of [encoded, `whsec_${encoded}=`, `whsec_ ${encoded}`, `whsec_${encoded}\n`, `WHSEC_${encoded}`]) {
      expect(isSecret(text)).toBe(false);
    }
    expect(isSecret(`whsec_${Buffer.alloc(24, 255).toString("base64url")}`)).toBe(false);
    const minted = mintSecret(randomIds);
    expect(isSecret(minted)).toBe(true);
    expect(Buffer.from(minted.slice(6), "base64")).toHaveLength(32);
    expect(() => signatureHeaders({ id: "e", now: 0, body: "", secrets: ["whsec_short"] })).toThrow(TypeError);
  });
});
