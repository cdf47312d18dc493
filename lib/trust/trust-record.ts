import { parseText, printJson } from "../domain/json/json-text.ts";
import { compact } from "../system/compact.ts";
import { isObject } from "../domain/json/json.ts";
import { actorOfKey } from "../dynamodb/keys/partition.ts";
import { trustKey } from "../dynamodb/keys/actors.ts";
import { readCapabilities } from "../peers/trust-capability-cache.ts";
import type { CachedCapabilities } from "../peers/capabilities.ts";
import type { Attribute, Item } from "../dynamodb/table.ts";
import type { Json, JsonObject } from "../system/ports.ts";
import { secretDigest } from "../domain/wire/secret-digest.ts";

/** A trust with a peer, as it is stored: our side of it. */
export interface TrustRecord {
  /** Our actor. */
  readonly actorId: string;
  readonly peerId: string;
  /** The peer's root, without a slash at the end. Its bearer goes nowhere else. */
  readonly baseUri: string;
  readonly type: string;
  readonly relationship: string;
  readonly secret: string;
  readonly desc: string;
  /** We approved the trust: the peer's bearer opens what its relationship allows, and callbacks go to the peer. */
  readonly approved: boolean;
  /** The other side approved it. */
  readonly peerApproved: boolean;
  /** The peer answered the verification under its `baseUri`. */
  readonly verified: boolean;
  readonly verificationToken: string;
  /** ms since 1970. */
  readonly createdAt: number;
  /** Incremented by every change of approval, secret or permissions; orders what follows from a change. */
  readonly revision: number;
  /** The deletion of the trust has begun: it opens nothing any more. */
  readonly ending: boolean;
  /** Permissions set for this peer beside what its relationship allows; they outlive a replacement of the trust. */
  readonly custom?: JsonObject;
  /** What the peer last said it supports; kept in the item of the trust, and never part of a new one. */
  readonly capabilities?: CachedCapabilities;
  /**
   * The `fetchedAt` of the capabilities that advertised compression although the peer did not decompress callbacks. As long
   * as those capabilities are kept, callbacks go out plain.
   */
  readonly plainSince?: number;
  /** The peer asked for no requests before then, ms since 1970. */
  readonly pausedUntil?: number;
}

/** A change of a trust; what is not given stays. */
export interface TrustChange {
  readonly approved?: boolean;
  /** Permissions to set for this peer beside what its relationship allows; null removes them. */
  readonly custom?: JsonObject | null;
  readonly desc?: string;
  readonly baseUri?: string;
}

/** The trust after a change that makes its next revision. */
export function revised(trust: TrustRecord, change: TrustChange): TrustRecord {
  const { custom: before, capabilities, ...rest } = trust;
  const { approved, desc, baseUri } = change;
  const custom = change.custom === undefined ? before : (change.custom ?? undefined);
  const moved = baseUri !== undefined && baseUri !== trust.baseUri;
  return {
    ...rest,
    revision: trust.revision + 1,
    ...compact({ approved, desc, baseUri, custom, capabilities: moved ? undefined : capabilities }),
  };
}

/** Reads a trust's item. */
export function readTrust(item: Item): TrustRecord {
  const text = (name: string): string => (typeof item[name] === "string" ? item[name] : "");
  const custom = parseText(text("custom") || "null") as Json;
  return {
    actorId: actorOfKey(item),
    peerId: text("peerId"),
    baseUri: text("baseUri"),
    type: text("type"),
    relationship: text("relationship"),
    secret: text("secret"),
    desc: text("desc"),
    approved: item["approved"] === true,
    peerApproved: item["peerApproved"] === true,
    verified: item["verified"] === true,
    verificationToken: text("verificationToken"),
    createdAt: numberIn(item, "createdAt") ?? 0,
    revision: numberIn(item, "revision") ?? 0,
    ending: item["ending"] === true,
    ...compact({
      custom: isObject(custom) ? custom : undefined,
      capabilities: readCapabilities(item),
      plainSince: numberIn(item, "plainSince"),
      pausedUntil: numberIn(item, "pausedUntil"),
    }),
  };
}

const numberIn = (item: Item, name: string): number | undefined =>
  typeof item[name] === "number" ? item[name] : undefined;

/** The item of a new trust, without what was read from the peer of an earlier one. */
export function trustItem(trust: TrustRecord, more: Readonly<Record<string, Attribute>> = {}): Item {
  const {
    actorId,
    ending,
    custom,
    capabilities: _other,
    plainSince: _plain,
    pausedUntil: _pause,
    ...attributes
  } = trust;
  return {
    ...trustKey(actorId, trust.peerId),
    ...attributes,
    // Conditions of other items' writes name the digest, so that the secret itself stays here.
    secretDigest: secretDigest(trust.secret),
    ...compact({ ending: ending || undefined, custom: custom && printJson(custom) }),
    ...more,
  };
}

/** A trust on the wire. Both spellings of the token have the same value. */
export function trustWire(trust: TrustRecord): JsonObject {
  return {
    id: trust.actorId,
    peerid: trust.peerId,
    baseuri: trust.baseUri,
    type: trust.type,
    relationship: trust.relationship,
    secret: trust.secret,
    desc: trust.desc,
    approved: trust.approved,
    peer_approved: trust.peerApproved,
    verified: trust.verified,
    verification_token: trust.verificationToken,
    verificationToken: trust.verificationToken,
    created_at: new Date(trust.createdAt).toISOString(),
  };
}

/** A trust on the wire for a caller that it does not belong to: without what would let the caller act as its peer. */
export function trustWireWithoutSecrets(trust: TrustRecord): JsonObject {
  const { secret: _secret, verification_token: _token, verificationToken: _spelling, ...rest } = trustWire(trust);
  return rest;
}
