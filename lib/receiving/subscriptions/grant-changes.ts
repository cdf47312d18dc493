/** A peer's permission callback: what it newly grants is fetched, what it takes back is removed when the deployment says so. */
import { compact } from "../../system/compact.ts";
import { printJson } from "../../domain/json/json-text.ts";
import type { PermissionCallback } from "../../domain/wire/permission-body.ts";
import type { PeerRef } from "../../domain/terms/refs.ts";
import { placeOf } from "../../domain/terms/scope.ts";
import { visiblePart, type Reads } from "../../domain/policy/visibility.ts";
import type { Table } from "../../dynamodb/table.ts";
import { idOf } from "../../failed-events/hook-event.ts";
import { isExcluded, markFollowed, readsOfGrant, storeGrant, unfollowedGrant, type KeptGrant } from "./grant-store.ts";
import type { PeerStore } from "../replica/peer-store.ts";
import { TOUCHES_PER_MS } from "../replica/write-policy.ts";
import type { Clock, Log } from "../../system/ports.ts";
import type { Receiving } from "../intake/receiving.ts";
import type { OutboundHeads } from "./outbound-heads.ts";

export interface GrantDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly heads: OutboundHeads;
  readonly receiving: Pick<Receiving, "streams" | "wake" | "hooks">;
  readonly store: (actorId: string, peerId: string) => PeerStore;
  readonly settings: { readonly autoDeleteOnRevocation: boolean };
}

/**
 * Stores a grant and follows it. A repeated call is harmless and continues where an earlier one broke off; so does the
 * sweep (`resumeGrant`).
 *
 * @returns false when a newer one was stored before
 * @throws ServiceError auth.forbidden when the trust is not approved, request.too_large, callback.busy
 */
export async function receiveGrant(deps: GrantDeps, peer: PeerRef, sent: PermissionCallback): Promise<boolean> {
  const received = await storeGrant(deps.table, peer, sent, deps.clock.now());
  if (received.result !== "stored") return received.result === "repeated";
  await follow(deps, peer, received);
  return true;
}

/** For the sweep, when a grant's key is due: follows a grant that was stored and not followed. */
export async function resumeGrant(deps: GrantDeps, peer: PeerRef): Promise<void> {
  const kept = await unfollowedGrant(deps.table, peer, deps.clock.now());
  if (kept !== undefined) await follow(deps, peer, kept);
}

async function follow(deps: GrantDeps, { actorId, peerId }: PeerRef, kept: KeptGrant): Promise<void> {
  const { newPatterns } = kept;
  // The grant is stored already: what a read leaves out from now on is judged by what this grant hides.
  if (newPatterns.length > 0) {
    await fetchGranted(deps, { actorId, peerId }, readsOfGrant({ ...kept.after, patterns: newPatterns }));
  }
  if (deps.settings.autoDeleteOnRevocation) await removeRevoked(deps, { actorId, peerId }, kept);
  await notifyHooks(deps, { actorId, peerId }, kept);
  await markFollowed(deps.table, { actorId, peerId }, kept.version);
  deps.log.info("permission callback", { actorId, peerId, newPatterns: newPatterns.length });
}

/** Asks subscriptions in whose scope something newly granted may lie to read their state again. */
async function fetchGranted({ heads, receiving, clock }: GrantDeps, peer: PeerRef, granted: Reads): Promise<void> {
  for (const head of await heads.live(peer.actorId, peer.peerId)) {
    if (head.scope.target !== "properties" || isExcluded(granted, placeOf(head.scope))) continue;
    const asked = await receiving.streams.requestRecovery(head, "resync", clock.now());
    await receiving.wake(asked ?? head);
  }
}

/** Removes what the grant closes to us, also from values of which the rest stays. */
async function removeRevoked({ heads, clock, store }: GrantDeps, peer: PeerRef, kept: KeptGrant): Promise<void> {
  const live = await heads.live(peer.actorId, peer.peerId);
  const stateVersion = Math.max(clock.now(), ...live.map((head) => head.stateVersion + 1));
  const reads = readsOfGrant(kept.after);
  const touched = clock.now() * TOUCHES_PER_MS + (kept.version % TOUCHES_PER_MS);
  await store(peer.actorId, peer.peerId).restrict(
    (value, place) => visiblePart(value, place, reads),
    { stateVersion, sequence: 0 },
    touched,
  );
}

async function notifyHooks(
  { receiving }: GrantDeps,
  { actorId, peerId }: PeerRef,
  { sent, timestamp }: KeptGrant,
): Promise<void> {
  const event = compact({
    id: idOf([actorId, peerId, "permission", timestamp ?? "", printJson(sent)]),
    actorId,
    peerId,
    subscriptionId: "permissions",
    target: "permissions",
    epoch: 0,
    sequence: 0,
    callbackType: "permission",
    data: sent,
    timestamp,
  });
  await receiving.hooks.runFirst(event, { starts: 1, hooksPaused: false });
}
