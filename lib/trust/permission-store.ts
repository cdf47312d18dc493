import { defaultPermissions, mergePermissions, permissionsJson } from "../domain/policy/permissions.ts";
import type { Permissions } from "../domain/policy/permissions.ts";
import type { JsonObject } from "../system/ports.ts";
import type { TrustRecord } from "./trust-record.ts";

/** What a peer may do from one record of the log on. */
export interface Granted {
  /** The trust at that record. */
  readonly trust: TrustRecord;
  readonly permissions: Permissions;
  /** The time of the record: ISO 8601 with microseconds and `Z`. */
  readonly at: string;
}

/** What peers may do: the permissions of their relationship, merged with those set for a single peer. */
export class PermissionStore {
  readonly #defined: Readonly<Record<string, Permissions>>;

  /** `defined` are the deployment's own relationships. */
  constructor(defined: Readonly<Record<string, Permissions>>) {
    this.#defined = defined;
  }

  /** The permissions of a relationship. */
  defaults(relationship: string): Permissions {
    return defaultPermissions(relationship, this.#defined);
  }

  /** What the peer of a trust may do. */
  of({ relationship, custom }: Pick<TrustRecord, "relationship" | "custom">): Permissions {
    const defaults = this.defaults(relationship);
    return custom === undefined ? defaults : mergePermissions(defaults, custom);
  }
}

/** The log record of what a peer may do from then on. */
export const permissionRecord = ({ trust, permissions }: Pick<Granted, "trust" | "permissions">) =>
  ({ kind: "permissions", peerId: trust.peerId, permissions: permissions.properties }) as const;

/** What a peer may do, as JSON for that peer. */
export const grantJson = (granted: Granted): JsonObject => permissionsJson(granted.permissions);
