/** The header `Content-Digest` (RFC 9530): digests of a message's body as it goes over the wire. */
import { hash } from "node:crypto";

/** The algorithms that we check, the strongest first. */
const ALGORITHMS = [
  { name: "sha-512", node: "sha512" },
  { name: "sha-256", node: "sha256" },
] as const;

/** The header's value for these bytes, by SHA-256. */
export const contentDigest = (bytes: Uint8Array | string): string => `sha-256=:${hash("sha256", bytes, "base64")}:`;

/**
 * True when the strongest digest that we know, of those in the header, is that of the bytes. Other algorithms are ignored;
 * a header with no others says nothing, so it is true.
 */
export function digestFits(header: string, bytes: Uint8Array): boolean {
  const said = new Map(
    header.split(",").map((member): [string, string] => {
      const [name = "", ...value] = (member.split(";", 1)[0] ?? "").split("=");
      return [name.trim(), value.join("=").trim()];
    }),
  );
  const strongest = ALGORITHMS.find(({ name }) => said.has(name));
  if (strongest === undefined) return true;
  const [, base64] = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(said.get(strongest.name) ?? "") ?? [];
  if (base64 === undefined) return false;
  return Buffer.from(base64, "base64").equals(hash(strongest.node, bytes, "buffer"));
}
