/** Digests of JSON values. */
import { hash } from "node:crypto";
import type { Json } from "../../system/ports.ts";
import { canonicalJson } from "./canonical-json.ts";

/**
 * Twelve hex characters that distinguish contents: the start of SHA-256 over the canonical text. Equal contents have
 * equal digests, whatever the order of keys. Enough to recognise a repeated diff, not for security.
 */
export function digestOf(json: Json): string {
  return hash("sha256", canonicalJson(json), "hex").slice(0, 12);
}
