import { actorPartition } from "../dynamodb/keys/partition.ts";
import { listenerPartition } from "../dynamodb/keys/listeners.ts";
import { outboundPrefix } from "../dynamodb/keys/streams.ts";
import { hubPartition } from "../dynamodb/keys/hub.ts";
import { ACTOR_SK, actorKey, KEPT_PREFIX, TRUST_PREFIX } from "../dynamodb/keys/actors.ts";
import {
  bucketPartition,
  logHeadKey,
  ownPartition,
  recordPartition,
  scopePartition,
} from "../dynamodb/keys/publishing.ts";
import { itemsOf } from "../dynamodb/paging.ts";
import type { Table } from "../dynamodb/table.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import { readLogHead } from "../change-log/change-log.ts";
import { collectPeerGarbage } from "../lists/list-garbage.ts";
import type { Clock, Deadline, DelayQueue, Log } from "../system/ports.ts";
import { removeOwnLists } from "../properties/list-removal.ts";
import { endTrust } from "../trust/ending.ts";
import { NOTIFY_MS, type Trace } from "../trust/peer-calls.ts";
import type { TrustServices } from "../trust/trust-services.ts";
import type { TrustStore } from "../trust/trust-store.ts";
import type { ActorRecord } from "../actors/actor-record.ts";
import type { ActorStore } from "../actors/actor-store.ts";
import { runHook, type Application } from "../actors/application.ts";

/** Peers that are notified at the same time. */
const AT_ONCE = 8;
/** A request that deletes an actor is answered within this time (ms), whatever its peers do; the rest is due work. */
const ANSWER_MS = 5_000;
/** Each run keeps this much of its time (ms) for the steps that follow notifying a peer. */
const AFTER_MS = 1_000;
/** With less time left than this (ms) a request leaves a peer to the due work. */
const LEAST_TO_NOTIFY_MS = 500;
/**
 * Due work gives each peer all the time that a notification may take; with less left than this (ms) it leaves the peer to the
 * next run.
 */
const LEAST_FOR_A_TRUST_MS = 8_000;

/** Items deleted between two checks of the time. */
const REMOVED_AT_ONCE = 100;

/** The longest that one run of a deletion takes. */
interface Pace {
  readonly mayNotify: () => boolean;
  /** How long notifying one peer may take, ms. */
  readonly notifyMs: () => number;
  readonly mayGoOn: () => boolean;
}

interface DeletionParts {
  readonly table: Table;
  readonly actors: ActorStore;
  readonly trusts: TrustStore;
  readonly trust: TrustServices;
  /** Deletes the data that was kept of one peer when its trust ended; may be called again. */
  readonly removePeerData: (actorId: string, peerId: string) => Promise<void>;
  /** The actor leaves the groups over all actors. */
  readonly leaveGroups: (actorId: string) => Promise<void>;
  readonly application: Application;
  readonly clock: Clock;
  readonly queue: DelayQueue;
  readonly log: Log;
}

/** Deletes actors with everything they have. */
export class ActorDeletion {
  readonly #parts: DeletionParts;

  constructor(parts: DeletionParts) {
    this.#parts = parts;
  }

  /**
   * Deletes an actor. From the first step on other requests find no such actor. When this resolves, which is within 5 s
   * although peers hang, no peer's bearer opens anything any more.
   *
   * @returns false when the rest is due work (`resume`), which notifies each peer that the request did not reach
   */
  async delete(actor: ActorRecord, deadline: Deadline, trace: Trace = {}): Promise<boolean> {
    const { actors, clock } = this.#parts;
    const until = clock.now() + ANSWER_MS;
    const left = (): number => Math.min(deadline.remaining(), until - clock.now()) - AFTER_MS;
    await actors.beginDeletion(actor.id, clock.now());
    const pace = { mayNotify: () => left() >= LEAST_TO_NOTIFY_MS, notifyMs: () => Math.min(left(), NOTIFY_MS) };
    return await this.#finish(actor, { ...pace, mayGoOn: () => left() > 0 }, trace);
  }

  /** Does what is due when an actor's key is due: continues a deletion that was begun. Otherwise nothing happens. */
  async resume(actorId: string, deadline: Deadline): Promise<void> {
    const actor = await this.#parts.actors.get(actorId);
    if (actor?.deleting !== true) return;
    const least = Math.max(LEAST_FOR_A_TRUST_MS, deadline.stopStartingBelowMs ?? 0);
    await this.#finish(
      actor,
      {
        mayNotify: () => deadline.remaining() > least,
        notifyMs: () => NOTIFY_MS,
        mayGoOn: () => deadline.remaining() > AFTER_MS,
      },
      {},
    );
  }

  async #finish(actor: ActorRecord, pace: Pace, trace: Trace): Promise<boolean> {
    const { actors, application, log } = this.#parts;
    if (!actor.closed) await this.#closeTrusts(actor.id);
    const trusts = await this.#endTrusts(actor.id, pace, trace);
    if (trusts.left > 0 || !(await this.#removeKeptData(actor.id, pace)) || !(await this.#removeRest(actor.id, pace))) {
      return await this.#handOver(actor.id, trusts.left === 0 || trusts.ended > 0);
    }
    const { id: actorId, creator } = actor;
    await runHook(log, "actor_deleted", () => application.runActorHook("actor_deleted", { actorId, creator }));
    await actors.remove(actorId);
    return true;
  }

  /** Makes the rest due. The sweep finds the actor within the minute also when no message can be sent. */
  async #handOver(actorId: string, cameFurther: boolean): Promise<boolean> {
    const { actors, clock, log, queue } = this.#parts;
    const dueAt = clock.now();
    if (!(await actors.handOverDeletion(actorId, dueAt))) return true;
    try {
      // A run that did nothing sends no message: the next one would do nothing at once either.
      if (cameFurther) await queue.send({ kind: "due", ...actorKey(actorId), dueAt }, 0);
    } catch (error) {
      log.warn("no message for the rest of a deletion; the sweep finds it", { actorId, error });
    }
    return false;
  }

  /** Runs before any peer is notified, which takes time: a peer that is not notified yet must find everything closed too. */
  async #closeTrusts(actorId: string): Promise<void> {
    const { clock, trust: services, trusts } = this.#parts;
    await mapConcurrent(await trusts.list(actorId, { evenEnding: true }), AT_ONCE, async (trust) => {
      const ending = await trusts.beginEnding(trust, clock.now());
      if (ending === undefined) return;
      await services.consequences.revoked({ actorId, peerId: ending.peerId }, ending.revision);
    });
  }

  async #endTrusts(
    actorId: string,
    pace: Pace,
    trace: Trace,
  ): Promise<{ readonly ended: number; readonly left: number }> {
    const { trust: services, trusts } = this.#parts;
    let [ended, left] = [0, 0];
    await mapConcurrent(await trusts.list(actorId, { evenEnding: true }), AT_ONCE, async (trust) => {
      const options = { notify: true, keepData: false, notifyMs: pace.notifyMs() };
      if (pace.mayNotify() && (await endTrust(services, trust, options, trace))) ended += 1;
      else left += 1;
    });
    return { ended, left };
  }

  /** False when there is no time for the rest. */
  async #removeKeptData(actorId: string, { mayGoOn }: Pace): Promise<boolean> {
    const kept = itemsOf(this.#parts.table, { pk: actorPartition(actorId), prefix: KEPT_PREFIX, only: ["at"] });
    for await (const { sk } of kept) {
      if (!mayGoOn()) return false;
      await this.#parts.removePeerData(actorId, sk.slice(KEPT_PREFIX.length));
    }
    return true;
  }

  /**
   * Dead subscription heads stay until the longest lease has ended; the sweep purges them.
   *
   * @returns false when there is no time for the rest
   */
  async #removeRest(actorId: string, pace: Pace): Promise<boolean> {
    const { table } = this.#parts;
    // A writer that began before the deletion finds the actor's record as it is now, and changes nothing any more.
    if (!(await removeOwnLists(table, actorId, pace.mayGoOn))) return false;
    if (!(await this.#removeAll(ownPartition(actorId), pace))) return false;
    await collectPeerGarbage(table, actorId, "");
    if (!(await this.#removeAll(recordPartition(actorId), pace))) return false;
    if (!(await this.#removeAll(scopePartition(actorId), pace))) return false;
    if (!(await this.#removeAll(hubPartition(actorId), pace))) return false;
    if (!(await this.#removeAll(listenerPartition(actorId), pace))) return false;
    // The buckets before the head that counts them.
    const { buckets } = readLogHead(await table.get(logHeadKey(actorId)));
    for (const bucket of buckets.keys())
      if (!(await this.#removeAll(bucketPartition(actorId, bucket), pace))) return false;
    await table.deleteMany([logHeadKey(actorId)]);
    // A group makes a member only of an actor that has a log.
    await this.#parts.leaveGroups(actorId);
    const stays = (sk: string): boolean =>
      sk === ACTOR_SK || sk.startsWith(TRUST_PREFIX) || sk.startsWith(outboundPrefix());
    return await this.#removeAll(actorPartition(actorId), pace, stays);
  }

  async #removeAll(pk: string, { mayGoOn }: Pace, stays: (sk: string) => boolean = () => false): Promise<boolean> {
    let batch: { pk: string; sk: string }[] = [];
    for await (const { sk } of itemsOf(this.#parts.table, { pk, prefix: "", only: ["at"] })) {
      if (stays(sk)) continue;
      batch.push({ pk, sk });
      if (batch.length < REMOVED_AT_ONCE) continue;
      if (!mayGoOn()) return false;
      await this.#parts.table.deleteMany(batch);
      batch = [];
    }
    if (batch.length > 0) await this.#parts.table.deleteMany(batch);
    return true;
  }
}
