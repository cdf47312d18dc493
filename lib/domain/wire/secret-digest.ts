/** Comparison and digests of secrets. */
import { hash, timingSafeEqual } from "node:crypto";

/** The digest of a secret, to store and compare where the secret itself must not be: SHA-256, 64 hex characters. */
export function secretDigest(secret: string): string {
  return hash("sha256", secret, "hex");
}

/** True when both secrets are equal. Takes the same time wherever they differ. */
export function sameSecret(one: string, other: string): boolean {
  const digest = (secret: string): Buffer => hash("sha256", secret, "buffer");
  return timingSafeEqual(digest(one), digest(other));
}
