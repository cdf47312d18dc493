import type { Application } from "../actors/application.ts";
import type { Config } from "../system/config.ts";
import type { Table } from "../dynamodb/table.ts";
import { PermissionChanges } from "./permission-changes.ts";
import { PermissionStore } from "./permission-store.ts";
import type { Clock, Ids, Log, PeerHttp } from "../system/ports.ts";
import type { LogCommits } from "../change-log/log-commits.ts";
import { TrustChanges } from "./changes.ts";
import { TrustEnding } from "./ending.ts";
import { TrustInitiation } from "./initiation.ts";
import { TrustCommits } from "./trust-commits.ts";
import { PeerCalls } from "./peer-calls.ts";
import type { PermissionsLater } from "./peer-calls.ts";
import { TrustReception } from "./reception.ts";
import type { TrustConsequences } from "./trust-consequences.ts";
import type { TrustContext } from "./trust-context.ts";
import type { TrustStore } from "./trust-store.ts";

/** What trust is made from; the runtime of the functions has it all. */
export interface TrustParts {
  readonly config: Config;
  readonly table: Table;
  readonly http: PeerHttp;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly application: Application;
  readonly trusts: TrustStore;
  readonly commits: LogCommits;
  /** What becomes of permission callbacks that a peer does not want now; absent: they are lost. */
  readonly permissionsLater?: PermissionsLater;
}

/** Everything that can be done with trusts. */
export interface TrustServices {
  readonly initiation: TrustInitiation;
  readonly reception: TrustReception;
  readonly changes: TrustChanges;
  readonly ending: TrustEnding;
  readonly trustCommits: TrustCommits;
  readonly permissions: PermissionChanges;
  /** What each peer may do. */
  readonly permissionStore: PermissionStore;
}

/** Puts trust together. `consequences` is what hangs on a trust: subscriptions, stored data. */
export function trustServices(parts: TrustParts, consequences: TrustConsequences): TrustServices {
  const { application, clock, commits, config, http, ids, log, table, trusts } = parts;
  const calls = new PeerCalls(http, log, clock, parts.permissionsLater);
  const permissionStore = new PermissionStore(application.relationships);
  const trustCommits = new TrustCommits({ commits, permissions: permissionStore, trusts, clock });
  const permissions = new PermissionChanges(permissionStore, trustCommits, calls);
  const context: TrustContext = {
    ...{ config, table, trusts, trustCommits, permissions, calls, consequences, application, clock, ids, log },
  };
  return {
    initiation: new TrustInitiation(context),
    reception: new TrustReception(context),
    changes: new TrustChanges(context),
    ending: new TrustEnding(context),
    trustCommits,
    permissions,
    permissionStore,
  };
}
