/** Signs webhooks as the Standard Webhooks specification says, version 1: HMAC with SHA-256. */
import { createHmac } from "node:crypto";
import type { Ids } from "../../system/ports.ts";

const PREFIX = "whsec_";
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const LEAST_BYTES = 24;
const MOST_BYTES = 64;

/** What a secret is, as part of a message. */
export const SECRET_RULE = "whsec_ and the base64 of 24 to 64 bytes";

/** A new secret of 32 random bytes. */
export function mintSecret(ids: Pick<Ids, "id">): string {
  return PREFIX + Buffer.from(ids.id() + ids.id(), "hex").toString("base64");
}

/** True for `whsec_` and the base64 of 24 to 64 bytes. */
export const isSecret = (text: string): boolean => keyOf(text) !== undefined;

function keyOf(secret: string): Buffer | undefined {
  const encoded = secret.slice(PREFIX.length);
  if (!secret.startsWith(PREFIX) || !BASE64.test(encoded)) return undefined;
  const key = Buffer.from(encoded, "base64");
  return key.length >= LEAST_BYTES && key.length <= MOST_BYTES ? key : undefined;
}

/** The parts of an attempt that are signed, and the secrets. */
export interface Signed {
  /** The event's id. */
  readonly id: string;
  /** The time of the attempt, ms since 1970. */
  readonly now: number;
  /** Exactly the bytes that are sent. */
  readonly body: Uint8Array | string;
  /** The newest secret comes first. */
  readonly secrets: readonly string[];
}

/**
 * The headers of a signed attempt: `webhook-id`, `webhook-timestamp` in seconds since 1970, `webhook-signature` with a
 * signature for each secret.
 *
 * @throws TypeError for a secret that is not of the form that `isSecret` demands: a defect
 */
export function signatureHeaders({ id, now, body, secrets }: Signed): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1_000));
  const signatures = secrets.map((secret) => {
    const key = keyOf(secret);
    if (key === undefined) throw new TypeError("A stored secret of a webhook is not of the form of a secret.");
    const signed = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body);
    return `v1,${signed.digest("base64")}`;
  });
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures.join(" ") };
}
