/** How a trust begins: we ask a peer, or a peer asks us. */
import { DEFAULT_RELATIONSHIP } from "../domain/policy/relationships.ts";
import { compact } from "../system/compact.ts";
import { isServiceError, ServiceError } from "../system/errors.ts";
import { propagate } from "./changes.ts";
import type { Trace } from "./peer-calls.ts";
import type { TrustRecord } from "./trust-record.ts";
import type { TrustInitiationRequest, TrustReceptionRequest } from "./trust-requests.ts";
import { peerRoot, rootUri, runTrustHook, type TrustServices } from "./trust-services.ts";
import { taken } from "./trust-store.ts";

/**
 * Asks a peer to trust one of our actors: reads who the peer is, stores our side approved, because the peer verifies it
 * while we ask, and asks. A start that fails leaves nothing behind; after a crash the sweep takes it back.
 *
 * @throws ServiceError request.invalid, resource.conflict (a trust exists and stays as it is), peer.unreachable,
 *   peer.invalid_answer, auth.forbidden (refused)
 */
export async function initiateTrust(
  services: TrustServices,
  actorId: string,
  body: TrustInitiationRequest,
  trace: Trace,
): Promise<TrustRecord> {
  const { calls, clock, config, application, ids, trusts } = services;
  const baseUri = peerRoot(body.url, "url");
  const ourRoot = rootUri(config, actorId);
  if (baseUri === ourRoot) {
    throw new ServiceError("request.invalid", "An actor cannot trust itself.", { field: "url" });
  }
  const meta = await calls.meta(baseUri, actorId, trace);
  if (body.type !== undefined && body.type !== "" && body.type !== meta.type) {
    throw new ServiceError("peer.invalid_answer", "The peer is of another type than the one asked for.");
  }
  if ((await trusts.getEvenEnding(actorId, meta.id)) !== undefined) throw taken(meta.id);
  const now = clock.now();
  const trust: TrustRecord = {
    actorId,
    peerId: meta.id,
    baseUri,
    type: meta.type,
    relationship: body.relationship ?? DEFAULT_RELATIONSHIP,
    secret: body.secret ?? ids.secret(),
    desc: body.desc ?? "",
    approved: true,
    peerApproved: false,
    // The peer answered at the address that we asked.
    verified: true,
    verificationToken: ids.secret(),
    createdAt: now,
    revision: 1,
    ending: false,
  };
  await trusts.create(trust, now);
  let made: TrustRecord;
  try {
    made = await trusts.finishInitiation(trust, await calls.ask(trust, ourRoot, application.awType, trace));
  } catch (error) {
    await trusts.withdraw(trust);
    // Without a clear refusal the peer may have a record by now.
    if (!isRefusal(error)) await calls.notifyDeleted(trust, trace);
    throw error;
  }
  await runTrustHook(services, "create", made);
  return made;
}

/** The peer has stored nothing of our request: it refused, or it takes no more requests now (429). */
const isRefusal = (error: unknown): boolean =>
  isServiceError(error) && (error.code === "auth.forbidden" || error.extra["peerStatus"] === 429);

/**
 * Takes a peer's request for a trust: verifies the peer and stores our side, approved only where the deployment approves
 * this relationship automatically and the peer verified. A verified request from the same `baseuri` replaces a trust that
 * exists, without approval; so does any request when that trust is neither verified nor approved.
 *
 * @throws ServiceError request.invalid, auth.forbidden (address refused), resource.conflict (the trust stays as it is)
 */
export async function receiveTrust(
  services: TrustServices,
  { actorId, relationship }: { readonly actorId: string; readonly relationship: string },
  body: TrustReceptionRequest,
  trace: Trace,
): Promise<TrustRecord> {
  const { calls, clock, config, ids, trustCommits, trusts } = services;
  const baseUri = peerRoot(body.baseuri, "baseuri");
  if (baseUri === rootUri(config, actorId)) {
    throw new ServiceError("request.invalid", "An actor cannot trust itself.", { field: "baseuri" });
  }
  const asked: TrustRecord = {
    actorId,
    peerId: body.id,
    baseUri,
    type: body.type ?? "",
    relationship,
    secret: body.secret,
    desc: body.desc ?? "",
    approved: false,
    peerApproved: false,
    verified: false,
    verificationToken: ids.secret(),
    createdAt: clock.now(),
    revision: 1,
    ending: false,
  };
  const verified = await calls.verifies(asked, body.verify ?? "", trace);
  const old = await trusts.getEvenEnding(actorId, body.id);
  // The peer that asks has approved the trust at its side; that counts only when the peer is who it says it is.
  const trust: TrustRecord = { ...asked, verified, peerApproved: verified };
  if (old !== undefined) {
    const isSamePeer = verified && baseUri === old.baseUri;
    const isWorthless = !old.verified && !old.approved;
    if (old.ending || !(isSamePeer || isWorthless)) throw taken(old.peerId);
    const replacing = { ...trust, ...compact({ custom: old.custom }), revision: old.revision + 1 };
    await trustCommits.replace(old, replacing);
    await propagate(services, replacing);
    await runTrustHook(services, "create", replacing);
    return replacing;
  }
  const approved = verified && config.trustAutoApprove.includes(relationship);
  const stored = { ...trust, approved };
  await trusts.create(stored);
  if (approved) await propagate(services, stored);
  await runTrustHook(services, "create", stored);
  if (approved) await runTrustHook(services, "approve", stored);
  return stored;
}
