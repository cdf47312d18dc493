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
  /** By us: the peer's bearer opens what its relationship allows, and callbacks go to it. */
  readonly approved: boolean;
  /** By the other side. */
  readonly peerApproved: boolean;
  /** The peer answered the verification under its `baseUri`. */
  readonly verified: boolean;
  readonly verificationToken: string;
  /** ms since 1970. */
  readonly createdAt: number;
  /** Grows with every change of approval, secret or permissions; what follows a change is ordered by it. */
  readonly revision: number;
  /** Its deletion has begun: it opens nothing any more. */
  readonly ending: boolean;
  /** What was set for this peer beside what its relationship allows; it outlives a replacement. */
  readonly custom?: JsonObject;
  /** What the peer last said it can; kept beside the trust, and never part of a new one. */
  readonly capabilities?: CachedCapabilities;
  /**
   * The `fetchedAt` of the capabilities by which callbacks went out compressed and were not undone: as long as those are
   * kept, they go out plain.
   */
  readonly plainSince?: number;
  /** By the peer's word nothing goes to it before then, ms since 1970. */
  readonly pausedUntil?: number;
}

/** A change of a trust that stands; what is not given stays. */
export interface TrustChange {
  readonly approved?: boolean;
  /** What is set for this peer beside what its relationship allows; null: nothing any more. */
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
    ...{ ...rest, revision: trust.revision + 1 },
    ...compact({ approved, desc, baseUri, custom, capabilities: moved ? undefined : capabilities }),
  };
}

/** Reads a trust's item. */
export function readTrust(item: Item): TrustRecord {
  const text = (name: string): string => (typeof item[name] === "string" ? item[name] : "");
  const capabilities = readCapabilities(item);
  const number = (name: string): number => (typeof item[name] === "number" ? item[name] : 0);
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
    createdAt: number("createdAt"),
    revision: number("revision"),
    ending: item["ending"] === true,
    ...(isObject(custom) ? { custom } : {}),
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(typeof item["plainSince"] === "number" ? { plainSince: item["plainSince"] } : {}),
    ...(typeof item["pausedUntil"] === "number" ? { pausedUntil: item["pausedUntil"] } : {}),
  };
}

/** The item of a new trust; what was known of an earlier one's peer does not come along. */
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
    // Conditions of others name the digest, so that the secret itself stays here.
    secretDigest: secretDigest(trust.secret),
    ...(ending ? { ending } : {}),
    ...(custom === undefined ? {} : { custom: printJson(custom) }),
    ...more,
  };
}

/** A trust on the wire. Both spellings of the token hold the same. */
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

/** A trust on the wire for someone it does not belong to: without what would let them act as its peer. */
export function trustWireWithoutSecrets(trust: TrustRecord): JsonObject {
  const { secret: _secret, verification_token: _token, verificationToken: _spelling, ...rest } = trustWire(trust);
  return rest;
}
