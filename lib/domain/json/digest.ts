import { createHash } from "node:crypto";
import type { Json } from "../../system/ports.ts";
import { canonicalJson } from "./canonical-json.ts";

/**
 * Twelve hex characters that tell one content from another: the start of SHA-256 over the canonical text. Equal content
 * gives an equal digest whatever the order of its keys. Enough for "is this the same diff again", not for security.
 */
export function digestOf(json: Json): string {
  return createHash("sha256").update(canonicalJson(json)).digest("hex").slice(0, 12);
}
