import { createHash } from "node:crypto";

/**
 * Hex text of this many characters that looks random and is the same every time: it compresses to half and no further.
 */
export function randomHex(length: number): string {
  const parts: string[] = [];
  for (let at = 0; at * 128 < length; at += 1) parts.push(createHash("sha512").update(String(at)).digest("hex"));
  return parts.join("").slice(0, length);
}
