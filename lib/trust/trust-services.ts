import type { Application } from "../actors/application.ts";
import type { Config } from "../system/config.ts";
import type { Table } from "../dynamodb/table.ts";
import { PermissionChanges } from "./permission-changes.ts";
import type { PermissionStore } from "./permission-store.ts";
import type { Clock, Ids, Log } from "../system/ports.ts";
import type { Commits } from "../change-log/log-commits.ts";
import { TrustChanges } from "./changes.ts";
import { TrustEnding } from "./ending.ts";
import { TrustInitiation } from "./initiation.ts";
import { TrustCommits } from "./trust-commits.ts";
import type { PeerCalls } from "./peer-calls.ts";
import { TrustReception } from "./reception.ts";
import type { TrustConsequences } from "./trust-consequences.ts";
import type { TrustContext } from "./trust-context.ts";
import type { TrustStore } from "./trust-store.ts";

/** What trust is made from; the runtime of the functions has it all. */
export interface TrustParts {
  readonly config: Config;
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly application: Application;
  readonly trusts: TrustStore;
  /** What each peer may do. */
  readonly permissions: PermissionStore;
  readonly commits: Commits;
  readonly calls: PeerCalls;
}

/** Everything that can be done with trusts. */
export interface TrustServices {
  readonly initiation: TrustInitiation;
  readonly reception: TrustReception;
  readonly changes: TrustChanges;
  readonly ending: TrustEnding;
  readonly trustCommits: TrustCommits;
  readonly permissions: PermissionChanges;
}

/** Puts trust together. `consequences` is what hangs on a trust: subscriptions, stored data. */
export function trustServices(parts: TrustParts, consequences: TrustConsequences): TrustServices {
  const trustCommits = new TrustCommits(parts);
  const permissions = new PermissionChanges(parts.permissions, trustCommits, parts.calls);
  const context: TrustContext = { ...parts, trustCommits, permissions, consequences };
  return {
    initiation: new TrustInitiation(context),
    reception: new TrustReception(context),
    changes: new TrustChanges(context),
    ending: new TrustEnding(context),
    trustCommits,
    permissions,
  };
}
