import { mergePermissions, permissionsJson } from "../domain/permissions.ts";
import type { Clock, JsonObject } from "../ports.ts";
import type { PeerCalls, Trace } from "../trust/peer-calls.ts";
import type { TrustRecord } from "../trust/trust-record.ts";
import type { PermissionStore } from "./permission-store.ts";

/** Shows and changes what a peer may do, and lets the peer know. */
export class PermissionChanges {
  readonly #store: PermissionStore;
  readonly #calls: PeerCalls;
  readonly #clock: Clock;

  constructor(store: PermissionStore, calls: PeerCalls, clock: Clock) {
    this.#store = store;
    this.#calls = calls;
    this.#clock = clock;
  }

  /** What was set for the peer, or else what its relationship allows. */
  async shown(trust: TrustRecord): Promise<JsonObject> {
    const custom = await this.#store.custom(trust.actorId, trust.peerId);
    const permissions = custom ?? permissionsJson(this.#store.defaults(trust.relationship));
    return describe(trust, permissions, custom !== undefined);
  }

  /** What the peer may do in effect. */
  async effective(trust: TrustRecord): Promise<JsonObject> {
    const custom = await this.#store.custom(trust.actorId, trust.peerId);
    const defaults = this.#store.defaults(trust.relationship);
    const effective = custom === undefined ? defaults : mergePermissions(defaults, custom);
    return describe(trust, permissionsJson(effective), custom !== undefined);
  }

  /** Sets them and tells the peer, best effort; true when none had been set before. */
  async set(trust: TrustRecord, permissions: JsonObject, trace: Trace): Promise<boolean> {
    const first = await this.#store.set(trust, permissions, this.#clock.now());
    await this.#tell(trust, trace);
    return first;
  }

  /** Back to the relationship's defaults; tells the peer if that changed anything. */
  async clear(trust: TrustRecord, trace: Trace): Promise<void> {
    if (await this.#store.clear(trust.actorId, trust.peerId)) await this.#tell(trust, trace);
  }

  async #tell(trust: TrustRecord, trace: Trace): Promise<void> {
    if (!trust.approved) return;
    const effective = permissionsJson(await this.#store.effective(trust));
    await this.#calls.tellPermissions(trust, effective, this.#clock.now(), trace);
  }
}

function describe(trust: TrustRecord, permissions: JsonObject, custom: boolean): JsonObject {
  return {
    actor_id: trust.actorId,
    peer_id: trust.peerId,
    permissions,
    source: custom ? "custom_override" : "trust_type_default",
    trust_type: trust.relationship,
  };
}
