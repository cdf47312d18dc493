/** Every kind of due work, and what does it. */
import { ACTOR_SK, peerOfCapabilityKey, peerOfGrantKey, peerOfTrustKey } from "../dynamodb/keys/actors.ts";
import { LOG_SK, inboundOfKey, peerOfBreakerKey } from "../dynamodb/keys/publishing.ts";
import { actorOfKey } from "../dynamodb/keys/partition.ts";
import { failedEventPrefix, peerOfOwnershipKey, staleReadOf, streamOfKey } from "../dynamodb/keys/streams.ts";
import type { Key, Table } from "../dynamodb/table.ts";
import { collectGeneration, isListGarbage } from "../lists/list-garbage.ts";
import type { ActorDeletion } from "../operations/deletion.ts";
import type { BreakerRecovery } from "../publishing/delivery/breaker-recovery.ts";
import type { RefusedHeads } from "../publishing/delivery/refused-heads.ts";
import type { ChangeLogMaintenance } from "../publishing/delivery/change-log-maintenance.ts";
import type { CapabilityRefresh } from "../publishing/subscribers/capability-refresh.ts";
import { retryDueEvent } from "../receiving/hooks/retry-due-event.ts";
import type { Receiving } from "../receiving/intake/receiving.ts";
import type { GrantChanges } from "../receiving/subscriptions/grant-changes.ts";
import type { Ownership } from "../receiving/subscriptions/ownership.ts";
import { DueWork, dueWorkKind } from "../scheduler/due-work.ts";
import type { DueWorkKind } from "../scheduler/due-work.ts";
import type { Clock, Log } from "../system/ports.ts";
import type { TrustEnding } from "../trust/ending.ts";

/** Everything that does due work, and what it is done with. */
export interface DueWorkDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly receiving: Receiving;
  readonly heads: { readonly ownership: Pick<Ownership, "resume"> };
  readonly grants: Pick<GrantChanges, "resume">;
  readonly maintenance: Pick<ChangeLogMaintenance, "runDue">;
  readonly breakerRecovery: Pick<BreakerRecovery, "runDue">;
  readonly refusedHeads: Pick<RefusedHeads, "runDue">;
  readonly capabilities: Pick<CapabilityRefresh, "runDue">;
  readonly trust: { readonly ending: Pick<TrustEnding, "resume"> };
  readonly deletion: Pick<ActorDeletion, "resume">;
}

/** The registry of due work, made from what does it. The first kind that recognises a key does its work. */
export function composeDueWork(deps: DueWorkDeps): DueWork {
  const { table, clock, log, receiving, heads, trust } = deps;
  const { deletion, maintenance, breakerRecovery, capabilities, grants, refusedHeads } = deps;
  const { failedEvents, hooks } = receiving;
  return new DueWork(
    [
      dueWorkKind(
        (key) => (streamOfKey(key) === undefined ? undefined : key),
        async (key, deadline) => await receiving.dueStreams.runDue(key, deadline),
      ),
      dueWorkKind(
        (key) => (staleReadOf(key) === undefined ? undefined : key),
        async (key, deadline) => await receiving.staleReads.runDue(key, deadline),
      ),
      dueWorkKind(
        (key) => (key.sk.startsWith(failedEventPrefix()) ? key : undefined),
        async (key, deadline) => await retryDueEvent({ failedEvents, hooks, clock }, key, deadline),
      ),
      dueWorkKind(
        (key) => (isListGarbage(key) ? key : undefined),
        async (key) => await collectGeneration(table, key),
      ),
      ofPeer(peerOfTrustKey, async (actorId, peerId) => await trust.ending.resume(actorId, peerId)),
      ofPeer(peerOfOwnershipKey, async (actorId, peerId) => await heads.ownership.resume(actorId, peerId)),
      ofPeer(peerOfCapabilityKey, async (actorId, peerId) => await capabilities.runDue(actorId, peerId)),
      ofPeer(peerOfGrantKey, async (actorId, peerId) => await grants.resume(actorId, peerId)),
      dueWorkKind(
        (key) => withActor(key, inboundOfKey(key.sk)),
        async ({ actorId, found }, deadline) => await refusedHeads.runDue(actorId, found, deadline),
      ),
      dueWorkKind(
        (key) => (key.sk === LOG_SK ? actorOfKey(key) : undefined),
        async (actorId, deadline) => await maintenance.runDue(actorId, deadline),
      ),
      dueWorkKind(
        (key) => withActor(key, peerOfBreakerKey(key.sk)),
        async ({ actorId, found }, deadline) => await breakerRecovery.runDue(actorId, found, deadline),
      ),
      dueWorkKind(
        (key) => (key.sk === ACTOR_SK ? actorOfKey(key) : undefined),
        async (actorId, deadline) => await deletion.resume(actorId, deadline),
      ),
    ],
    log,
  );
}

function withActor<T>(key: Key, found: T | undefined): { readonly actorId: string; readonly found: T } | undefined {
  return found === undefined ? undefined : { actorId: actorOfKey(key), found };
}

function ofPeer(
  peerOf: (sk: string) => string | undefined,
  run: (actorId: string, peerId: string) => Promise<void>,
): DueWorkKind {
  return dueWorkKind(
    (key) => withActor(key, peerOf(key.sk)),
    async ({ actorId, found }) => await run(actorId, found),
  );
}
