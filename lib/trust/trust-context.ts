import type { Application, TrustHookName } from "../actors/application.ts";
import { runHook } from "../actors/application.ts";
import type { Config } from "../system/config.ts";
import { parsePeerUrl } from "../domain/terms/peer-url.ts";
import { ServiceError } from "../system/errors.ts";
import type { Clock, Ids, Log } from "../system/ports.ts";
import type { Table } from "../dynamodb/table.ts";
import type { PermissionChanges } from "./permission-changes.ts";
import type { TrustCommits } from "./trust-commits.ts";
import type { PeerCalls } from "./peer-calls.ts";
import type { TrustConsequences } from "./trust-consequences.ts";
import type { TrustRecord } from "./trust-record.ts";
import type { TrustStore } from "./trust-store.ts";

/** What everything about trust is made from. */
export interface TrustContext {
  readonly config: Pick<Config, "baseUrl" | "trustAutoApprove" | "autoCleanup">;
  readonly table: Table;
  readonly trusts: TrustStore;
  readonly trustCommits: TrustCommits;
  readonly permissions: PermissionChanges;
  readonly calls: PeerCalls;
  readonly consequences: TrustConsequences;
  readonly application: Application;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

/** The root of one of our actors. */
export function rootUri(config: Pick<Config, "baseUrl">, actorId: string): string {
  return `${config.baseUrl}/${actorId}`;
}

/** Where a trust is found at our side. */
export function trustLocation(config: Pick<Config, "baseUrl">, trust: TrustRecord): string {
  return `${rootUri(config, trust.actorId)}/trust/${trust.relationship}/${trust.peerId}`;
}

/** A peer's root as it is stored: without a slash at its end. @throws ServiceError request.invalid which names the field */
export function peerRoot(given: string, field: string): string {
  const url = parsePeerUrl(given);
  // An empty query or fragment leaves its mark only in the whole.
  if (url === undefined || /[?#]/.test(url.href)) {
    throw new ServiceError("request.invalid", `The field "${field}" must be the http(s) root URL of an actor.`, {
      field,
    });
  }
  return url.href.replace(/\/+$/, "");
}

/** Tells the deployer's trust hook; what it throws is logged. */
export async function runTrustHook(context: TrustContext, name: TrustHookName, trust: TrustRecord): Promise<void> {
  const { actorId, peerId, relationship, approved, peerApproved } = trust;
  await runHook(context.log, `trust ${name}`, () =>
    context.application.runTrustHook(name, { actorId, peerId, relationship, approved, peerApproved }),
  );
}
