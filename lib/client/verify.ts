/**
 * Verifies webhooks by the Standard Webhooks specification: HMAC with SHA-256 (`v1`) and Ed25519 (`v1a`). It needs only
 * WebCrypto, so it runs in Node, on Lambda, in workers and in browsers.
 */
import type { ActorEvent } from "./events.ts";

/** Why a webhook was refused. */
export type VerifyErrorCode =
  | "header_missing"
  | "header_invalid"
  | "timestamp_too_old"
  | "timestamp_too_new"
  | "signature_mismatch"
  | "secret_invalid"
  | "body_invalid";

/** The webhook is not genuine, or cannot be verified; `code` says why. Do not act on it. */
export class VerifyError extends Error {
  override readonly name = "VerifyError";
  readonly code: VerifyErrorCode;

  constructor(code: VerifyErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A public key as a JWK (RFC 8037). */
export interface PublicKey {
  readonly kty: string;
  readonly crv?: string;
  readonly x?: string;
}

/**
 * `whsec_` and base64: the shared secret of `v1`. `whpk_` and base64: the public key of `v1a`. A JWK, or a JWKS document of
 * which the Ed25519 keys are used: public keys of `v1a`.
 */
export type Secret = string | PublicKey | { readonly keys: readonly PublicKey[] };

/** The headers of a request, in any case. */
export type VerifyHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface VerifyOptions {
  /** How far the timestamp may be before or after the clock, s [300]. */
  readonly toleranceSeconds?: number;
  /** The clock, ms since 1970 [the machine's]. */
  readonly now?: () => number;
}

type Bytes = Uint8Array<ArrayBuffer>;
interface Key {
  readonly version: "v1" | "v1a";
  readonly algorithm: "HMAC" | "Ed25519";
  readonly key: Awaited<ReturnType<typeof crypto.subtle.importKey>>;
}

const HMAC = { name: "HMAC", hash: "SHA-256" };
const KEY_BYTES = 32;
const utf8 = new TextEncoder();

/**
 * Verifies a webhook: one of the secrets must have signed exactly these bytes, within the tolerance. Returns the event.
 *
 * @param body the raw bytes as they arrived; a text is taken as UTF-8. JSON that was parsed and printed again has other
 *   bytes
 * @param secrets one or several: while a secret is rotated, both are valid
 * @throws VerifyError with the reason
 */
export async function verify<Data = unknown>(
  body: Uint8Array | ArrayBuffer | string,
  headers: VerifyHeaders,
  secrets: Secret | readonly Secret[],
  { toleranceSeconds = 300, now = Date.now }: VerifyOptions = {},
): Promise<ActorEvent<Data>> {
  const id = headerOf(headers, "webhook-id");
  const timestamp = headerOf(headers, "webhook-timestamp");
  const signatures = headerOf(headers, "webhook-signature");
  // Full stops separate the signed parts. With one in the id, a signature would be valid for two messages.
  if (id.includes(".") || !/^[0-9]{1,15}$/.test(timestamp)) {
    throw new VerifyError(
      "header_invalid",
      "webhook-id must have no full stop, and webhook-timestamp must be seconds since 1970.",
    );
  }
  const age = Math.floor(now() / 1_000) - Number(timestamp);
  // Written so that a tolerance of NaN allows nothing.
  const isNear = Math.abs(age) <= toleranceSeconds;
  if (!isNear && age >= 0)
    throw new VerifyError(
      "timestamp_too_old",
      `The webhook is ${age} s old; toleranceSeconds allows ${toleranceSeconds}.`,
    );
  if (!isNear)
    throw new VerifyError(
      "timestamp_too_new",
      `The webhook is ${-age} s ahead of the clock; toleranceSeconds allows ${toleranceSeconds}.`,
    );

  const bytes = typeof body === "string" ? utf8.encode(body) : new Uint8Array(body);
  const head = utf8.encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(head.length + bytes.length);
  signed.set(head);
  signed.set(bytes, head.length);

  const keys = (await Promise.all([secrets].flat().map(keysOf))).flat();
  if (keys.length === 0) throw new VerifyError("secret_invalid", "Give at least one secret.");
  if (!(await isSigned(signed, signatures, keys))) {
    throw new VerifyError(
      "signature_mismatch",
      "No signature matches these bytes and a secret; pass the raw body, and the secret of this webhook.",
    );
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) as ActorEvent<Data>;
  } catch {
    throw new VerifyError("body_invalid", "The body is signed, but it is not JSON.");
  }
}

function headerOf(headers: VerifyHeaders, name: string): string {
  const value = hasGet(headers)
    ? headers.get(name)
    : Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  // A repeated header counts as missing, because it is unknown which value was signed.
  if (typeof value !== "string" || value === "") throw new VerifyError("header_missing", `There is no ${name}.`);
  return value;
}

const hasGet = (headers: VerifyHeaders): headers is Headers => typeof (headers as Partial<Headers>).get === "function";

/** WebCrypto compares in constant time. */
async function isSigned(signed: Bytes, signatures: string, keys: readonly Key[]): Promise<boolean> {
  for (const signature of signatures.split(" ")) {
    const comma = signature.indexOf(",");
    const bytes = bytesOf(signature.slice(comma + 1));
    if (bytes === undefined) continue;
    for (const { version, algorithm, key } of keys) {
      if (version !== signature.slice(0, comma)) continue;
      if (await crypto.subtle.verify(algorithm, key, bytes, signed)) return true;
    }
  }
  return false;
}

async function keysOf(secret: Secret): Promise<readonly Key[]> {
  if (typeof secret === "object") {
    if ("keys" in secret) return (await Promise.all(secret.keys.filter(isEd25519).map(keysOf))).flat();
    const raw = isEd25519(secret) ? bytesOf(fromBase64Url(secret.x ?? "")) : undefined;
    return [await publicKey(raw)];
  }
  if (secret.startsWith("whpk_")) return [await publicKey(bytesOf(secret.slice(5)))];
  const raw = bytesOf(secret.startsWith("whsec_") ? secret.slice(6) : secret);
  if (raw === undefined || raw.length === 0)
    throw new VerifyError("secret_invalid", "A secret must be whsec_ and base64.");
  return [
    { version: "v1", algorithm: "HMAC", key: await crypto.subtle.importKey("raw", raw, HMAC, false, ["verify"]) },
  ];
}

const isEd25519 = ({ kty, crv }: PublicKey): boolean => kty === "OKP" && crv === "Ed25519";

const fromBase64Url = (text: string): string =>
  text
    .replace(/-/g, "+")
    .replace(/_/g, "/")
    .padEnd(Math.ceil(text.length / 4) * 4, "=");

async function publicKey(raw: Bytes | undefined): Promise<Key> {
  if (raw?.length !== KEY_BYTES) {
    throw new VerifyError(
      "secret_invalid",
      "A public key must be whpk_ and the base64 of 32 bytes, or a JWK of Ed25519.",
    );
  }
  const key = await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
  return { version: "v1a", algorithm: "Ed25519", key };
}

/** The bytes of a base64 text; undefined for a text that no encoder writes. */
function bytesOf(text: string): Bytes | undefined {
  try {
    const raw = atob(text);
    return btoa(raw) === text ? Uint8Array.from(raw, (char) => char.charCodeAt(0)) : undefined;
  } catch {
    return undefined;
  }
}
