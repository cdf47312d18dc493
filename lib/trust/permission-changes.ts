import { printJson } from "../domain/json/json-text.ts";
import { permissionsJson } from "../domain/policy/permissions.ts";
import type { JsonObject } from "../system/ports.ts";
import type { TrustCommits } from "./trust-commits.ts";
import { NOTIFY_MS, type PeerCalls, type Trace } from "./peer-calls.ts";
import type { TrustRecord } from "./trust-record.ts";
import { grantJson, type Granted, type PermissionStore } from "./permission-store.ts";

/** Shows and changes what a peer may do, and notifies the peer. */
export class PermissionChanges {
  readonly #store: PermissionStore;
  readonly #trustCommits: TrustCommits;
  readonly #calls: PeerCalls;

  constructor(store: PermissionStore, trustCommits: TrustCommits, calls: PeerCalls) {
    this.#store = store;
    this.#trustCommits = trustCommits;
    this.#calls = calls;
  }

  /** The permissions set for the peer, or else those of its relationship. */
  shown(trust: TrustRecord): JsonObject {
    return describe(trust, trust.custom ?? permissionsJson(this.#store.defaults(trust.relationship)));
  }

  /** The effective permissions of the peer. */
  effective(trust: TrustRecord): JsonObject {
    return describe(trust, permissionsJson(this.#store.of(trust)));
  }

  /**
   * Sets the permissions and notifies the peer, best effort, at most 5 s; `first` when none had been set before. When this
   * resolves the permissions hold for every subscription of the peer, from their record in the actor's log on.
   */
  async set(trust: TrustRecord, permissions: JsonObject, trace: Trace) {
    const granted = await this.#trustCommits.setCustom(trust, permissions);
    await this.notify(granted, trace);
    return { first: granted.first, shown: this.shown(granted.trust) };
  }

  /** Removes the permissions, so that the relationship's defaults hold; notifies the peer if any had been set. */
  async clear(trust: TrustRecord, trace: Trace): Promise<void> {
    const granted = await this.#trustCommits.clearCustom(trust);
    if (granted !== undefined) await this.notify(granted, trace);
  }

  /**
   * Sends an approved peer what it is allowed, best effort, within `withinMs` [5 s]. The callback has the time of the record, so
   * that the later of two wins.
   */
  async notify(granted: Granted, trace: Trace, withinMs: number = NOTIFY_MS): Promise<void> {
    if (!granted.trust.approved) return;
    await this.#calls.notifyPermissions(granted.trust, grantJson(granted), granted.at, trace, withinMs);
  }

  /**
   * Whether the permissions are new to the peer at an approval. At the first approval only permissions set for the peer are,
   * because the peer knows its relationship.
   */
  mattersOnApproval(granted: Granted): boolean {
    const usual = permissionsJson(this.#store.defaults(granted.trust.relationship));
    const first = granted.trust.revision === 2;
    return !first || printJson(usual) !== printJson(grantJson(granted));
  }
}

/** Sends a peer what it is allowed now, in place of a callback of that time (ISO 8601) that was deferred. At most 5 s. */
export async function notifyLate(
  { calls, permissions }: { readonly calls: PeerCalls; readonly permissions: PermissionStore },
  trust: TrustRecord,
  timestamp: string,
): Promise<void> {
  await calls.notifyPermissions(trust, permissionsJson(permissions.of(trust)), timestamp, {}, NOTIFY_MS);
}

/** The document of a peer's permissions. Their members are repeated at its top, where clients in the field look for them. */
function describe(trust: TrustRecord, permissions: JsonObject): JsonObject {
  const isCustom = trust.custom !== undefined;
  return {
    actor_id: trust.actorId,
    peer_id: trust.peerId,
    permissions,
    source: isCustom ? "custom_override" : "trust_type_default",
    trust_type: trust.relationship,
    is_custom: isCustom,
    ...permissions,
  };
}
