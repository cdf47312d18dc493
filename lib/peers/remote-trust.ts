import { timingSafeEqual } from "node:crypto";
import { isObject, own } from "../domain/json/json.ts";
import { isOpaqueId } from "../domain/terms/names.ts";
import type { Json, JsonObject } from "../system/ports.ts";
import type { RemoteActor } from "./remote-actor.ts";
import { nonsense, type Remote } from "./remote-answer.ts";

/** Most milliseconds for a notification of the other side: our own answer waits for it. */
const NOTIFY_MS = 5_000;

/** A peer's `/meta`. */
interface RemoteMeta {
  readonly id: string;
  readonly type: string;
  readonly desc: string;
  /** The version of the protocol; empty when the peer gives none. */
  readonly version: string;
  readonly supported: readonly string[];
}

/** A trust as the other side has it. */
interface RemoteTrust {
  readonly id: string;
  readonly peerId: string;
  readonly baseUri: string;
  readonly type: string;
  readonly relationship: string;
  readonly desc: string;
  readonly approved: boolean;
  readonly peerApproved: boolean;
  readonly verified: boolean;
  readonly verificationToken: string;
}

/** `GET <peer>/meta`. An answer without an id is nonsense. Reads the nested and the flat form of version and tags. */
export async function readMeta(remote: RemoteActor): Promise<Remote<RemoteMeta>> {
  const called = await remote.callJson({ method: "GET", at: ["meta"] });
  if (!called.ok) return called;
  const meta = called.value;
  if (!isObject(meta)) return nonsense(called.status, "to /meta is no object");
  const id = text(meta, "id");
  if (!isOpaqueId(id)) return nonsense(called.status, "to /meta has no usable id");
  const nested = own(meta, "actingweb");
  const inner = isObject(nested) ? nested : {};
  return {
    ok: true,
    status: called.status,
    value: {
      id,
      type: text(meta, "type"),
      desc: text(meta, "desc"),
      version: text(inner, "version") || text(meta, "aw_version"),
      supported: parseSupported(text(inner, "supported") || text(meta, "aw_supported")),
    },
  };
}

/** More tags than any version of the protocol has. */
const MAX_TAGS = 100;

/** Reads a peer's comma-separated list of tags: trimmed, sorted, each once, without invalid entries. */
export function parseSupported(list: string): readonly string[] {
  const tags = list
    .split(",")
    .map((tag) => tag.trim().toLowerCase())
    .filter((tag) => /^[a-z0-9][a-z0-9._:-]{0,63}$/.test(tag));
  return [...new Set(tags)].sort().slice(0, MAX_TAGS);
}

/** `POST <peer>/trust/{relationship}`: asks for a trust. Gives the peer's record of the trust, with the peer's approval. */
export async function requestTrust(
  remote: RemoteActor,
  relationship: string,
  body: {
    readonly baseuri: string;
    readonly id: string;
    readonly type: string;
    readonly secret: string;
    readonly desc: string;
    readonly verify: string;
  },
): Promise<Remote<RemoteTrust>> {
  const called = await remote.callJson({ method: "POST", at: ["trust", relationship], json: { ...body } });
  return called.ok ? asTrust(called.value, called.status) : called;
}

/** `GET <peer>/trust/{relationship}/{our id}`. */
async function readTrustOfPeer(remote: RemoteActor, relationship: string): Promise<Remote<RemoteTrust>> {
  const called = await remote.callJson({ method: "GET", at: ["trust", relationship, remote.ourId] });
  return called.ok ? asTrust(called.value, called.status) : called;
}

/** Whether the peer still has a trust with us, approved (200) or not (202). A failure: the peer could not be asked. */
export async function trustStands(remote: RemoteActor, relationship: string): Promise<Remote<boolean>> {
  const called = await remote.call({ method: "GET", at: ["trust", relationship, remote.ourId] });
  if (called.ok) return { ok: true, value: called.status === 200 || called.status === 202, status: called.status };
  return called.kind === "refused" ? { ok: true, value: false, status: called.status ?? 0 } : called;
}

/**
 * Verifies that the peer wants this trust: the peer's record of it must have the token that was sent to us. A failure means
 * that the peer could not be asked. Tokens are compared in constant time; an empty token is never right.
 */
export async function verifyTrust(remote: RemoteActor, relationship: string, token: string): Promise<Remote<boolean>> {
  const read = await readTrustOfPeer(remote, relationship);
  if (!read.ok) return read;
  const theirs = Buffer.from(read.value.verificationToken);
  const given = Buffer.from(token);
  const same = given.length > 0 && theirs.length === given.length && timingSafeEqual(theirs, given);
  return { ok: true, value: same, status: read.status };
}

/** `POST <peer>/trust/{relationship}/{our id} {approved: true}`: notifies the peer of our approval. At most 5 s. */
export async function sendApproval(remote: RemoteActor, relationship: string): Promise<Remote<undefined>> {
  const called = await remote.call({
    method: "POST",
    at: ["trust", relationship, remote.ourId],
    json: { approved: true },
    timeoutMs: NOTIFY_MS,
  });
  return called.ok ? { ok: true, value: undefined, status: called.status } : called;
}

/**
 * `DELETE <peer>/trust/{relationship}/{our id}`: notifies the peer that the trust ends. Succeeds when the peer has no such
 * trust. At most 5 s.
 */
export async function sendTrustDeleted(remote: RemoteActor, relationship: string): Promise<Remote<undefined>> {
  const called = await remote.call({
    method: "DELETE",
    at: ["trust", relationship, remote.ourId],
    timeoutMs: NOTIFY_MS,
  });
  if (!called.ok && called.status !== 404 && called.status !== 410) return called;
  return { ok: true, value: undefined, status: called.status ?? 404 };
}

function asTrust(json: Json, status: number): Remote<RemoteTrust> {
  if (!isObject(json)) return nonsense(status, "about the trust is no object");
  return {
    ok: true,
    status,
    value: {
      id: text(json, "id"),
      peerId: text(json, "peerid"),
      baseUri: text(json, "baseuri"),
      type: text(json, "type"),
      relationship: text(json, "relationship"),
      desc: text(json, "desc"),
      approved: flag(json, "approved"),
      peerApproved: flag(json, "peer_approved"),
      verified: flag(json, "verified"),
      verificationToken: text(json, "verificationToken") || text(json, "verification_token"),
    },
  };
}

function text(object: JsonObject, name: string): string {
  const value = own(object, name);
  return typeof value === "string" ? value : "";
}

/** Peers in the field write booleans as strings too. */
function flag(object: JsonObject, name: string): boolean {
  const value = own(object, name);
  return value === true || value === "true";
}
