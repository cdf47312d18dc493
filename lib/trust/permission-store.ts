import { defaultPermissions, mergePermissions, permissionsJson } from "../domain/policy/permissions.ts";
import type { Permissions } from "../domain/policy/permissions.ts";
import type { JsonObject } from "../system/ports.ts";
import type { TrustRecord } from "./trust-record.ts";

/** What a peer may do from one record of the log on. */
export interface Granted {
  /** As it stood then. */
  readonly trust: TrustRecord;
  readonly permissions: Permissions;
  /** When, as the record says: ISO 8601 with microseconds and `Z`. */
  readonly at: string;
}

/** What peers may do: what their relationship allows, with what was set for single ones on top. */
export class PermissionStore {
  readonly #defined: Readonly<Record<string, Permissions>>;

  /** `defined` are the deployment's own relationships. */
  constructor(defined: Readonly<Record<string, Permissions>>) {
    this.#defined = defined;
  }

  /** What the relationship allows by itself. */
  defaults(relationship: string): Permissions {
    return defaultPermissions(relationship, this.#defined);
  }

  /** What the peer may do, as its trust was last read. */
  of({ relationship, custom }: Pick<TrustRecord, "relationship" | "custom">): Permissions {
    const defaults = this.defaults(relationship);
    return custom === undefined ? defaults : mergePermissions(defaults, custom);
  }
}

/** The record that says what a peer may do from here on. */
export const permissionRecord = ({ trust, permissions }: Pick<Granted, "trust" | "permissions">) =>
  ({ kind: "permissions", peerId: trust.peerId, permissions: permissions.properties }) as const;

/** What a peer may do, as JSON for that peer. */
export const grantJson = (granted: Granted): JsonObject => permissionsJson(granted.permissions);
