/** What is done with each kind of due work. The sweep finds it by the due index, a delayed message brings it sooner. */
import { ACTOR_SK, peerOfCapabilityKey, peerOfGrantKey, peerOfTrustKey } from "../dynamodb/keys-actors.ts";
import { LOG_SK, inboundOfKey, peerOfBreakerKey } from "../dynamodb/keys-publishing.ts";
import { parkedPrefix, peerOfOwnershipKey, staleReadOf, streamOfKey } from "../dynamodb/keys.ts";
import type { Key, Table } from "../dynamodb/table.ts";
import type { ActorDeletion } from "../operations/deletion.ts";
import { collectGeneration, isListGarbage } from "../lists/list-garbage.ts";
import type { CapabilityRefresh } from "../publishing/subscribers/capability-refresh.ts";
import type { BreakerRecovery } from "../publishing/delivery/breaker-recovery.ts";
import type { RefusedHeads } from "../publishing/delivery/refused-heads.ts";
import type { Upkeep } from "../publishing/delivery/upkeep.ts";
import type { Clock, Deadline, Log } from "../system/ports.ts";
import type { Receiving } from "../receiving/intake/receiving.ts";
import type { GrantChanges } from "../receiving/subscriptions/grant-changes.ts";
import type { Ownership } from "../receiving/subscriptions/ownership.ts";
import type { TrustEnding } from "../trust/ending.ts";

export interface DutiesDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly receiving: Receiving;
  readonly deletion: ActorDeletion;
  readonly ending: TrustEnding;
  readonly ownership: Ownership;
  readonly upkeep: Pick<Upkeep, "look">;
  readonly breakers: Pick<BreakerRecovery, "look">;
  readonly capabilities: Pick<CapabilityRefresh, "look">;
  readonly grants: Pick<GrantChanges, "resume">;
  readonly refusedHeads: Pick<RefusedHeads, "look">;
}

/** What the sweep and the delayed messages do to one due item. */
export class ClockworkDuties {
  readonly #deps: DutiesDeps;

  constructor(deps: DutiesDeps) {
    this.#deps = deps;
  }

  /**
   * Does what is due at a key. Safe to call at any time and more than once; what is not due stays.
   *
   * @returns since when a gap stands there (ms since 1970), if one does
   */
  async look(key: Key, deadline: Deadline): Promise<number | undefined> {
    const { receiving, deletion, ending, ownership, upkeep, breakers, capabilities, grants, refusedHeads, table, log } =
      this.#deps;
    if (streamOfKey(key) !== undefined) return await receiving.dueStreams.look(key, deadline);
    const actorId = key.pk.slice(2);
    const peerId = peerOfTrustKey(key.sk);
    const owner = peerOfOwnershipKey(key.sk);
    const failing = peerOfBreakerKey(key.sk);
    const subscriber = peerOfCapabilityKey(key.sk);
    const granting = peerOfGrantKey(key.sk);
    const refused = inboundOfKey(key.sk);
    if (staleReadOf(key) !== undefined) await receiving.staleReads.look(key, deadline);
    else if (key.sk.startsWith(parkedPrefix())) await this.#retry(key, deadline);
    else if (isListGarbage(key)) await collectGeneration(table, key);
    else if (peerId !== undefined) await ending.resume(actorId, peerId);
    else if (owner !== undefined) await ownership.resume(actorId, owner);
    else if (subscriber !== undefined) await capabilities.look(actorId, subscriber);
    else if (granting !== undefined) await grants.resume(actorId, granting);
    else if (refused !== undefined) await refusedHeads.look(actorId, refused, deadline);
    else if (key.sk === LOG_SK) await upkeep.look(actorId, deadline);
    else if (failing !== undefined) await breakers.look(actorId, failing, deadline);
    else if (key.sk === ACTOR_SK) await deletion.resume(actorId, deadline);
    else log.error("work of an unknown kind is due", { sk: key.sk });
    return undefined;
  }

  async #retry(key: Key, deadline: Deadline): Promise<void> {
    const { receiving, clock } = this.#deps;
    const parked = await receiving.parked.at(key);
    if (parked?.dueAt === undefined || parked.dueAt > clock.now()) return;
    // A start that the end of this invocation cuts off would count: the next one has the time.
    if (deadline.remaining() <= receiving.hooks.longestMs) return;
    if (receiving.hooks.exhausted(parked)) {
      await receiving.hooks.giveUp(parked);
      return;
    }
    await receiving.hooks.again(parked);
  }
}
