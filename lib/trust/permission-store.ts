import {
  defaultPermissions,
  mergePermissions,
  permissionsJson,
  type Permissions,
} from "../domain/policy/permissions.ts";
import type { JsonObject } from "../system/ports.ts";
import type { TrustRecord } from "./trust-record.ts";

/** The permissions of a peer from one record of the log on. */
export interface Granted {
  /** The trust at that record. */
  readonly trust: TrustRecord;
  readonly permissions: Permissions;
  /** The time of the record: ISO 8601 with microseconds and `Z`. */
  readonly at: string;
}

/** The permissions of peers: those of their relationship, merged with those set for a single peer. */
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

  /** The permissions of the peer of a trust. */
  of({ relationship, custom }: Pick<TrustRecord, "relationship" | "custom">): Permissions {
    const defaults = this.defaults(relationship);
    return custom === undefined ? defaults : mergePermissions(defaults, custom);
  }
}

/** The log record of what a peer may do from then on. */
export const permissionRecord = ({ trust, permissions }: Pick<Granted, "trust" | "permissions">) =>
  ({ kind: "permissions", peerId: trust.peerId, permissions: permissions.properties }) as const;

/** The permissions of a peer, as JSON for that peer. */
export const grantJson = (granted: Granted): JsonObject => permissionsJson(granted.permissions);
