/** Every kind of due work, and what does it. */
import { ACTOR_SK, peerOfCapabilityKey, peerOfGrantKey, peerOfTrustKey } from "../dynamodb/keys/actors.ts";
import { LOG_SK, inboundOfKey, peerOfBreakerKey, sliceOfKey } from "../dynamodb/keys/publishing.ts";
import { listenerOfKey } from "../dynamodb/keys/listeners.ts";
import { actorOfKey } from "../dynamodb/keys/partition.ts";
import { rootGroupOfKey } from "../dynamodb/keys/root-groups.ts";
import { failedAt, staleReadOf } from "../dynamodb/keys/failed-events.ts";
import { peerOfOwnershipKey, streamOfKey } from "../dynamodb/keys/streams.ts";
import type { Key, Table } from "../dynamodb/table.ts";
import type { Groups } from "../listeners/groups/groups.ts";
import type { RootGroups } from "../listeners/groups/root-groups.ts";
import { collectGeneration, isListGarbage } from "../lists/list-garbage.ts";
import type { ActorDeletion } from "../operations/deletion.ts";
import type { DeliverSlice } from "../publishing/delivery/slice-delivery.ts";
import type { BreakerRecovery } from "../publishing/delivery/breaker-recovery.ts";
import { runRefusedHead, type RefusedHeadDeps } from "../publishing/delivery/refused-heads.ts";
import type { ChangeLogMaintenance } from "../publishing/delivery/change-log-maintenance.ts";
import type { CapabilityRefresh } from "../publishing/subscribers/capability-refresh.ts";
import { retryDueEvent } from "../failed-events/retry-due-event.ts";
import { runDueStream } from "../receiving/recovery/due-streams.ts";
import type { Receiving } from "../receiving/intake/receiving.ts";
import { resumeGrant, type GrantDeps } from "../receiving/subscriptions/grant-changes.ts";
import { resumeOwnership, type OwnershipDeps } from "../receiving/subscriptions/ownership.ts";
import type { LaterParts, ListenerServices } from "./listeners.ts";
import { dueWork, dueWorkKind, type DueWorkKind, type RunDue } from "../scheduler/due-work.ts";
import type { Clock, Deadline, Log } from "../system/ports.ts";
import { resumeTrust } from "../trust/ending.ts";
import type { TrustServices } from "../trust/trust-services.ts";

/** Everything that does due work, and what it is done with. */
export interface DueWorkDeps extends LaterParts {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly receiving: Receiving;
  readonly ownership: OwnershipDeps;
  readonly grants: GrantDeps;
  readonly maintenance: Pick<ChangeLogMaintenance, "runDue">;
  readonly breakerRecovery: Pick<BreakerRecovery, "runDue">;
  readonly refusedHeads: RefusedHeadDeps;
  readonly deliverSlice: DeliverSlice;
  readonly capabilities: Pick<CapabilityRefresh, "runDue">;
  readonly trust: TrustServices;
  readonly deletion: Pick<ActorDeletion, "resume">;
  readonly dueOfListeners: ListenerServices["dueOfListeners"];
  readonly groups: Pick<Groups, "runDue">;
  readonly rootGroups: Pick<RootGroups, "finish">;
}

/** The registry of due work, in the order in which its kinds are asked for a key. */
export function composeDueWork({ table, clock, log, receiving, dueOfListeners, ...doers }: DueWorkDeps): RunDue {
  const { deletion, trust, ownership, maintenance, breakerRecovery, capabilities, grants, refusedHeads } = doers;
  const { staleReads, failedEvents, hooks } = receiving;
  return dueWork(
    [
      dueWorkKind((key) => streamOfKey(key) && key, {
        runDue: (key, deadline) => runDueStream(receiving, key, deadline),
      }),
      dueWorkKind((key) => staleReadOf(key) && key, staleReads),
      dueWorkKind((key) => failedAt(key, "hook"), {
        runDue: (key, deadline) => retryDueEvent({ failedEvents, hooks, clock }, key, deadline),
      }),
      ...dueOfListeners(doers),
      dueWorkKind(groupOfKey, { runDue: (ref) => doers.groups.runDue(ref) }),
      dueWorkKind(rootGroupOfKey, { runDue: (name, deadline) => doers.rootGroups.finish(name, deadline) }),
      dueWorkKind((key) => (isListGarbage(key) ? key : undefined), { runDue: (key) => collectGeneration(table, key) }),
      ofPeer(peerOfTrustKey, { runDue: (actorId, peerId) => resumeTrust(trust, { actorId, peerId }) }),
      ofPeer(peerOfOwnershipKey, { runDue: (actorId, peerId) => resumeOwnership(ownership, { actorId, peerId }) }),
      ofPeer(peerOfCapabilityKey, capabilities),
      ofPeer(peerOfGrantKey, { runDue: (actorId, peerId) => resumeGrant(grants, { actorId, peerId }) }),
      ofPeer(inboundOfKey, {
        runDue: (actorId, name, deadline) => runRefusedHead(refusedHeads, actorId, name, deadline),
      }),
      dueWorkKind(sliceOfKey, { runDue: doers.deliverSlice }),
      ofPeer(peerOfBreakerKey, breakerRecovery),
      dueWorkKind((key) => (key.sk === LOG_SK ? actorOfKey(key) : undefined), maintenance),
      dueWorkKind((key) => (key.sk === ACTOR_SK ? actorOfKey(key) : undefined), {
        runDue: (actorId, deadline) => deletion.resume(actorId, deadline),
      }),
    ],
    log,
  );
}

/** A kind whose keys name, in their sort key, a peer of the actor or something of that peer's. */
function ofPeer<T>(
  read: (sk: string) => T | undefined,
  doer: { runDue(actorId: string, found: T, deadline: Deadline): Promise<unknown> },
): DueWorkKind {
  return (key, deadline) => {
    const found = read(key.sk);
    return found === undefined ? undefined : doer.runDue(actorOfKey(key), found, deadline);
  };
}

/** The consumer group of a key, which is due when it is drained, when something is to be said of it, or when it may lag. */
function groupOfKey(key: Key): { readonly actorId: string; readonly name: string } | undefined {
  const ref = listenerOfKey(key);
  return ref?.kind === "group" ? { actorId: ref.actorId, name: ref.id } : undefined;
}
