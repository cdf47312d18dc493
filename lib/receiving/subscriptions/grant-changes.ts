/** What a peer's permission callback does: what it newly grants is fetched, what it takes back goes when the deployment says so. */
import { compact } from "../../system/compact.ts";
import { printJson } from "../../domain/json/json-text.ts";
import type { PermissionCallback } from "../../domain/wire/permission-body.ts";
import { placeOf } from "../../domain/terms/scope.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { visiblePart } from "../../domain/policy/visibility.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import { idOf } from "../hooks/hook-event.ts";
import { isExcluded, readsOfGrant } from "./grant-store.ts";
import type { GrantStore, KeptGrant } from "./grant-store.ts";
import type { PeerStore } from "../replica/peer-store.ts";
import type { Clock, Json, Log } from "../../system/ports.ts";
import type { Receiving } from "../intake/receiving.ts";
import type { OutboundHeads } from "./outbound-heads.ts";

export interface GrantChangesDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly grants: GrantStore;
  readonly heads: OutboundHeads;
  readonly receiving: Pick<Receiving, "streams" | "wakeUps" | "hooks">;
  readonly store: (actorId: string, peerId: string) => PeerStore;
  readonly settings: { readonly autoDeleteOnRevocation: boolean };
}

/** What `touched` of the application's own writes counts in: see RemotePeerStore. */
const TOUCHES_A_MS = 4_096;

/** What follows when a peer changes what it lets us see. */
export class GrantChanges {
  readonly #deps: GrantChangesDeps;

  constructor(deps: GrantChangesDeps) {
    this.#deps = deps;
  }

  /**
   * Keeps a grant and follows it. Repeating it is harmless, and goes on where an earlier attempt broke off; so does the
   * sweep (`resume`).
   *
   * @returns false when a newer one was kept before
   * @throws ServiceError auth.forbidden when the trust is not approved, request.too_large, callback.busy
   */
  async receive(actorId: string, peerId: string, sent: PermissionCallback): Promise<boolean> {
    const { grants, clock } = this.#deps;
    const received = await grants.receive(actorId, peerId, sent, clock.now());
    if (received.result !== "stored") return received.result === "repeated";
    await this.#follow(actorId, peerId, received);
    return true;
  }

  /** For the sweep, when a grant's key is due: follows one that was kept and not followed. Anything else is left alone. */
  async resume(actorId: string, peerId: string): Promise<void> {
    const { grants, clock } = this.#deps;
    const kept = await grants.unfollowed(actorId, peerId, clock.now());
    if (kept !== undefined) await this.#follow(actorId, peerId, kept);
  }

  async #follow(actorId: string, peerId: string, kept: KeptGrant): Promise<void> {
    const { grants, settings, log } = this.#deps;
    const { newPatterns } = kept;
    // After the grant stands: what is read now must be told apart from what the peer hides by that very grant.
    if (newPatterns.length > 0)
      await this.#fetch(actorId, peerId, readsOfGrant({ ...kept.after, patterns: newPatterns }));
    if (settings.autoDeleteOnRevocation) await this.#remove(actorId, peerId, kept);
    await this.#notifyHooks(actorId, peerId, kept);
    await grants.markFollowed(actorId, peerId, kept.version);
    log.info("permission callback", { actorId, peerId, newPatterns: newPatterns.length });
  }

  /** Subscriptions in whose scope something newly granted may lie read their state again. */
  async #fetch(actorId: string, peerId: string, granted: Reads): Promise<void> {
    const { heads, receiving, clock } = this.#deps;
    for (const head of await heads.live(actorId, peerId)) {
      if (head.scope.target !== "properties" || isExcluded(granted, placeOf(head.scope))) continue;
      const asked = await receiving.streams.requestRecovery(head, "resync", clock.now());
      await receiving.wakeUps.schedule(asked ?? head);
    }
  }

  /** What the grant does not let us see goes, also out of values of which the rest may stay. */
  async #remove(actorId: string, peerId: string, kept: KeptGrant): Promise<void> {
    const { heads, clock, store } = this.#deps;
    const live = await heads.live(actorId, peerId);
    const stateVersion = Math.max(clock.now(), ...live.map((head) => head.stateVersion + 1));
    const reads = readsOfGrant(kept.after);
    const seen = (value: Json, place: Place): Json | undefined => visiblePart(value, place, reads);
    const touched = clock.now() * TOUCHES_A_MS + (kept.version % TOUCHES_A_MS);
    await store(actorId, peerId).restrict(seen, { stateVersion, sequence: 0 }, touched);
  }

  async #notifyHooks(actorId: string, peerId: string, { sent, timestamp }: KeptGrant): Promise<void> {
    const id = idOf([actorId, peerId, "permission", timestamp ?? "", printJson(sent)]);
    const event = {
      ...{ id, actorId, peerId, subscriptionId: "permissions", target: "permissions", epoch: 0, sequence: 0 },
      callbackType: "permission" as const,
      data: sent,
      ...compact({ timestamp }),
    };
    await this.#deps.receiving.hooks.first(event, { starts: 1, hooksPaused: false });
  }
}
