/** Everything that trust is made of. The functions of this room take it as their first argument. */
import { runHook, type Application, type TrustHookName } from "../actors/application.ts";
import type { Commits } from "../change-log/log-commits.ts";
import { parsePeerUrl } from "../domain/terms/peer-url.ts";
import type { PeerRef } from "../domain/terms/refs.ts";
import type { Table } from "../dynamodb/table.ts";
import type { Config } from "../system/config.ts";
import { ServiceError } from "../system/errors.ts";
import type { Clock, Ids, Log } from "../system/ports.ts";
import type { PeerCalls } from "./peer-calls.ts";
import { PermissionChanges } from "./permission-changes.ts";
import type { PermissionStore } from "./permission-store.ts";
import { TrustCommits } from "./trust-commits.ts";
import type { TrustRecord } from "./trust-record.ts";
import type { TrustStore } from "./trust-store.ts";

/** The dependencies of trust; the runtime of the functions has all of them. */
interface TrustParts {
  readonly config: Pick<Config, "baseUrl" | "trustAutoApprove" | "autoCleanup">;
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly application: Application;
  readonly trusts: TrustStore;
  /** The permissions of each peer. */
  readonly permissions: PermissionStore;
  readonly commits: Commits;
  readonly calls: PeerCalls;
}

/**
 * The effects of a change of a trust on its dependents: the heads of the outbound subscriptions carry a digest of the
 * peer's secret, stored data and pending callbacks belong to the peer. Called after the trust's own record was written;
 * what a method promises holds everywhere when it resolves. Every method may be called again with the same arguments.
 */
export interface TrustConsequences {
  /**
   * The peer's bearer opens its streams. `revision` is the trust's; a call with an older one than was applied must
   * change nothing, so that an approval that was overtaken by a revocation stays revoked.
   */
  approved(peer: PeerRef, secretDigest: string, revision: number): Promise<void>;
  /** The peer's bearer opens nothing any more. */
  revoked(peer: PeerRef, revision: number): Promise<void>;
  /** Everything of that peer is deleted; its stored data stays when `keepData`. */
  ended(peer: PeerRef, options: { readonly keepData: boolean }): Promise<void>;
}

export interface TrustServices extends Omit<TrustParts, "permissions"> {
  readonly consequences: TrustConsequences;
  readonly permissions: PermissionChanges;
  readonly trustCommits: TrustCommits;
}

/** Puts trust together. */
export function trustServices(parts: TrustParts, consequences: TrustConsequences): TrustServices {
  const trustCommits = new TrustCommits(parts);
  const permissions = new PermissionChanges(parts.permissions, trustCommits, parts.calls);
  return { ...parts, consequences, permissions, trustCommits };
}

/** The root of one of our actors. */
export function rootUri(config: Pick<Config, "baseUrl">, actorId: string): string {
  return `${config.baseUrl}/${actorId}`;
}

/** The URL of a trust at our side. */
export function trustLocation(config: Pick<Config, "baseUrl">, trust: TrustRecord): string {
  return `${rootUri(config, trust.actorId)}/trust/${trust.relationship}/${trust.peerId}`;
}

/** A peer's root as it is stored: without a slash at its end. @throws ServiceError request.invalid which names the field */
export function peerRoot(given: string, field: string): string {
  const url = parsePeerUrl(given);
  // An empty query or fragment shows only in the whole URL.
  if (url === undefined || /[?#]/.test(url.href)) {
    const message = `The field "${field}" must be the http(s) root URL of an actor.`;
    throw new ServiceError("request.invalid", message, { field });
  }
  return url.href.replace(/\/+$/, "");
}

/** Calls the deployer's trust hook; an error of the hook is logged. */
export async function runTrustHook(
  { application, log }: TrustServices,
  name: TrustHookName,
  trust: TrustRecord,
): Promise<void> {
  const { actorId, peerId, relationship, approved, peerApproved } = trust;
  await runHook(log, `trust ${name}`, () =>
    application.runTrustHook(name, { actorId, peerId, relationship, approved, peerApproved }),
  );
}
