import { isRelationship } from "../domain/policy/relationships.ts";
import type { PeerRef } from "../domain/terms/refs.ts";
import { ServiceError } from "../system/errors.ts";
import type { Caller } from "./callers.ts";
import type { JsonObject } from "../system/ports.ts";
import { trustWire, trustWireWithoutSecrets, type TrustRecord } from "./trust-record.ts";
import type { TrustStore } from "./trust-store.ts";

/** The trust that a path names. @throws ServiceError resource.not_found, also for a trust of another relationship */
export async function namedTrust(
  trusts: TrustStore,
  { actorId, peerId }: PeerRef,
  relationship: string,
): Promise<TrustRecord> {
  return demandTrust(await trusts.get(actorId, peerId), relationship);
}

/** @throws ServiceError resource.not_found unless it is a trust of that relationship */
export function demandTrust(trust: TrustRecord | undefined, relationship: string): TrustRecord {
  if (trust?.relationship === relationship) return trust;
  throw new ServiceError("resource.not_found", "There is no such trust.");
}

/** A filter of a list of trusts; an empty value counts as absent. */
export interface TrustFilter {
  readonly relationship?: string | undefined;
  readonly peerId?: string | undefined;
  readonly type?: string | undefined;
}

/** True when the trust meets every part of the filter. */
export function meets(trust: TrustRecord, filter: TrustFilter): boolean {
  const same = (requested: string | undefined, is: string): boolean =>
    requested === undefined || requested === "" || requested === is;
  return (
    same(filter.relationship, trust.relationship) && same(filter.peerId, trust.peerId) && same(filter.type, trust.type)
  );
}

/** A trust as this caller may see it: an admin peer sees other trusts without their secrets. */
export function shownTo(caller: Caller, trust: TrustRecord): JsonObject {
  const own = caller.kind !== "peer" || caller.peerId === trust.peerId;
  return own ? trustWire(trust) : trustWireWithoutSecrets(trust);
}

/** True when the caller is the peer of this trust, not its owner or an admin that acts as one. */
export function isItsPeer(caller: Caller, trust: TrustRecord): boolean {
  return caller.kind === "peer" && caller.peerId === trust.peerId;
}

/** The name, if a relationship may have it. @throws ServiceError request.invalid */
export function demandRelationship(name: string): string {
  if (isRelationship(name)) return name;
  throw new ServiceError("request.invalid", `${JSON.stringify(name)} is no name for a relationship.`);
}
