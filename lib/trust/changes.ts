/** The changes of a trust that exists, and how they reach what depends on it. */
import { secretDigest } from "../domain/wire/secret-digest.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import { NOTIFY_MS, type Trace } from "./peer-calls.ts";
import type { TrustRecord } from "./trust-record.ts";
import type { TrustChangeRequest } from "./trust-requests.ts";
import { peerRoot, runTrustHook, type TrustServices } from "./trust-services.ts";

/**
 * Changes what the owner, or an admin, asks for: all of it in one step, or nothing. An approval may be repeated, which
 * repairs what an earlier one did not reach. Before it resolves it notifies the peer of its approval, and of its permissions
 * if they may be new to the peer: at most 5 s together, and a failure undoes nothing.
 */
export async function changeTrust(
  services: TrustServices,
  trust: TrustRecord,
  body: TrustChangeRequest,
  trace: Trace = {},
): Promise<TrustRecord> {
  const { calls, clock, permissions, trustCommits, trusts } = services;
  const newly = body.approved === true && !trust.approved;
  const approved = newly || body.approved === false ? body.approved : undefined;
  const change = compact({ ...described(body), approved, custom: body.permissions });
  const revises = approved !== undefined || body.permissions !== undefined;
  const granted = revises ? await trustCommits.change(trust, change) : undefined;
  const changed = granted?.trust ?? (await trusts.describe(trust, change));
  if (body.approved !== undefined) await propagate(services, changed);
  if (body.approved === true) await undoIfOvertaken(services, changed);

  const until = clock.now() + NOTIFY_MS;
  const reached = body.approved !== true || (await calls.notifyApproved(changed, trace, NOTIFY_MS));
  // A peer that does not take its approval does not take a callback either.
  if (granted !== undefined && (reached || !newly)) {
    if (body.permissions !== undefined || permissions.mattersOnApproval(granted)) {
      await permissions.notify(granted, trace, until - clock.now());
    }
  }
  if (newly) await runTrustHook(services, "approve", changed);
  return changed;
}

/** Changes what a peer asks for: its own address and description only. @throws ServiceError auth.forbidden */
export async function changeTrustByPeer(
  { trusts }: TrustServices,
  trust: TrustRecord,
  body: TrustChangeRequest,
): Promise<void> {
  for (const field of ["approved", "permissions"] as const) {
    if (body[field] === undefined) continue;
    const message = `A peer sets only its own baseuri and desc, not ${field}.`;
    throw new ServiceError("auth.forbidden", message, { field });
  }
  await trusts.describe(trust, described(body));
}

/**
 * Notes whether the other side approved us, as it says. @throws ServiceError resource.not_found when it is gone or
 * replaced
 */
export async function notePeerApproval(
  { trusts }: TrustServices,
  trust: TrustRecord,
  approved: boolean,
): Promise<void> {
  await trusts.change(trust, { set: { peerApproved: approved } });
}

/**
 * Brings what depends on a trust to where the trust's record stands, then notes that in the record. When it resolves the
 * change holds everywhere; until then the trust is due. May be repeated.
 */
export async function propagate(
  { consequences, trusts }: Pick<TrustServices, "consequences" | "trusts">,
  trust: TrustRecord,
): Promise<void> {
  const { actorId, peerId, secret, revision } = trust;
  if (trust.approved) await consequences.approved({ actorId, peerId }, secretDigest(secret), revision);
  else await consequences.revoked({ actorId, peerId }, revision);
  await trusts.notePropagated(trust);
}

/** A revocation may have come between our record and what depends on it; then the revocation holds. */
async function undoIfOvertaken({ consequences, trusts }: TrustServices, approved: TrustRecord): Promise<void> {
  const { actorId, peerId } = approved;
  const latest = await trusts.get(actorId, peerId);
  if (latest === undefined || latest.approved) return;
  await consequences.revoked({ actorId, peerId }, latest.revision);
}

/** @throws ServiceError request.invalid for an address that cannot be a peer's */
function described({ desc, baseuri }: TrustChangeRequest): { readonly desc?: string; readonly baseUri?: string } {
  return compact({ desc, baseUri: baseuri === undefined ? undefined : peerRoot(baseuri, "baseuri") });
}
