import { ServiceError } from "../system/errors.ts";
import { sameSecret } from "../domain/wire/secret-digest.ts";
import type { ChangeBody } from "./trust-body.ts";
import { trustWire, type TrustRecord } from "../trust/trust-record.ts";

/** Members of a trust's record that a PUT does not change. */
const STANDING = [
  "id",
  "peerid",
  "type",
  "relationship",
  "secret",
  "peer_approved",
  "verified",
  "verification_token",
  "verificationToken",
  "created_at",
] as const;

/**
 * A client may put back the record that it has read. A member with another value is refused: after a 204 the client would
 * believe that the value holds.
 * @throws ServiceError request.invalid which names the field
 */
export function demandStanding(trust: TrustRecord, body: ChangeBody): void {
  const wire = trustWire(trust);
  for (const field of STANDING) {
    const given = body[field];
    if (given === undefined || given === null || same(String(wire[field]), given)) continue;
    const message = `The field ${JSON.stringify(field)} of a trust does not change; end the trust and make another.`;
    throw new ServiceError("request.invalid", message, { field });
  }
}

/** Booleans come as text too. Compared in constant time: two of the members are secrets. */
function same(standing: string, given: unknown): boolean {
  return (typeof given === "string" || typeof given === "boolean") && sameSecret(standing, String(given));
}
