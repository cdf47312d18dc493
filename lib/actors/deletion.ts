import { actorPartition, outboundPrefix } from "../dynamodb/keys.ts";
import { ACTOR_SK, KEPT_PREFIX, TRUST_PREFIX } from "../dynamodb/keys-actors.ts";
import { ownPartition, recordPartition, scopePartition } from "../dynamodb/keys-publishing.ts";
import type { Table } from "../dynamodb/table.ts";
import { collectPeerGarbage } from "../peer-data/list-garbage.ts";
import type { Clock, Deadline, Log } from "../ports.ts";
import { removeOwnLists } from "../properties/list-removal.ts";
import type { TrustEnding } from "../trust/ending.ts";
import type { Trace } from "../trust/peer-calls.ts";
import type { TrustStore } from "../trust/trust-store.ts";
import type { ActorRecord } from "./actor-record.ts";
import type { ActorStore } from "./actor-store.ts";
import { tellHook } from "./application.ts";
import type { Application } from "./application.ts";

/** How many peers are told at the same time. */
const AT_ONCE = 8;
/** A peer that is told may take 5 s, and cleaning after it a little more; with less left the sweep goes on. */
const LEAST_MS_FOR_A_TRUST = 8000;

/** Shuts what a trust's peer may send to, by the trust's revision; may be called again. */
export type PeerClosing = (actorId: string, peerId: string, revision: number) => Promise<void>;

/** Removes what one peer left behind after its trust ended; may be called again. */
export type PeerDataRemoval = (actorId: string, peerId: string) => Promise<void>;

export interface DeletionParts {
  readonly table: Table;
  readonly actors: ActorStore;
  readonly trusts: TrustStore;
  readonly ending: TrustEnding;
  readonly closePeer: PeerClosing;
  /** For data that was kept when its trust ended. */
  readonly removePeerData: PeerDataRemoval;
  readonly application: Application;
  readonly clock: Clock;
  readonly log: Log;
}

/** Deletes actors with everything they have. */
export class ActorDeletion {
  readonly #parts: DeletionParts;

  constructor(parts: DeletionParts) {
    this.#parts = parts;
  }

  /**
   * Deletes an actor. From the first step on it is gone for everyone else; no peer's bearer opens anything any more when
   * this resolves. True when all is done; false when time ran out, then the sweep goes on (`resume`).
   */
  async delete(actor: ActorRecord, deadline: Deadline, trace: Trace = {}): Promise<boolean> {
    await this.#parts.actors.beginDeletion(actor.id, this.#parts.clock.now());
    return this.#finish(actor, deadline, trace);
  }

  /** For the sweep, when an actor's key is due: goes on with a deletion that was begun. Else nothing happens. */
  async resume(actorId: string, deadline: Deadline): Promise<void> {
    const actor = await this.#parts.actors.get(actorId);
    if (actor?.deleting === true) await this.#finish(actor, deadline, {});
  }

  async #finish(actor: ActorRecord, deadline: Deadline, trace: Trace): Promise<boolean> {
    const { actors, application, log } = this.#parts;
    await this.#closeTrusts(actor.id);
    if (!(await this.#endTrusts(actor.id, deadline, trace))) return false;
    await this.#removeKeptData(actor.id);
    await this.#removeRest(actor.id);
    const { id: actorId, creator } = actor;
    await tellHook(log, "actor_deleted", () => application.runActorHook("actor_deleted", { actorId, creator }));
    await actors.remove(actorId);
    return true;
  }

  /** Before any peer is told, which takes time: a peer not told yet must find everything closed too. */
  async #closeTrusts(actorId: string): Promise<void> {
    const { clock, closePeer, trusts } = this.#parts;
    const waiting = [...(await trusts.list(actorId, { evenEnding: true }))];
    const work = async (): Promise<void> => {
      for (let trust = waiting.shift(); trust !== undefined; trust = waiting.shift()) {
        const ending = await trusts.beginEnding(trust, clock.now());
        if (ending !== undefined) await closePeer(actorId, ending.peerId, ending.revision);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async #endTrusts(actorId: string, deadline: Deadline, trace: Trace): Promise<boolean> {
    const waiting = [...(await this.#parts.trusts.list(actorId, { evenEnding: true }))];
    const work = async (): Promise<void> => {
      while (deadline.remaining() > LEAST_MS_FOR_A_TRUST) {
        const trust = waiting.shift();
        if (trust === undefined) return;
        await this.#parts.ending.end(trust, { tell: true, keepData: false }, trace);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return waiting.length === 0;
  }

  async #removeKeptData(actorId: string): Promise<void> {
    for await (const sk of this.#sortKeys(actorPartition(actorId), KEPT_PREFIX)) {
      await this.#parts.removePeerData(actorId, sk.slice(KEPT_PREFIX.length));
    }
  }

  /** Dead subscription heads stay until the longest claim has run out; the sweep takes them with what came late. */
  async #removeRest(actorId: string): Promise<void> {
    // A writer that began before the deletion finds the actor's record as it is now, and changes nothing any more.
    await removeOwnLists(this.#parts.table, actorId);
    await this.#removeAll(ownPartition(actorId));
    await collectPeerGarbage(this.#parts.table, actorId, "");
    await this.#removeAll(recordPartition(actorId));
    await this.#removeAll(scopePartition(actorId));
    const stays = (sk: string): boolean =>
      sk === ACTOR_SK || sk.startsWith(TRUST_PREFIX) || sk.startsWith(outboundPrefix());
    await this.#removeAll(actorPartition(actorId), stays);
  }

  async #removeAll(pk: string, stays: (sk: string) => boolean = () => false): Promise<void> {
    let batch: { pk: string; sk: string }[] = [];
    for await (const sk of this.#sortKeys(pk, "")) {
      if (stays(sk)) continue;
      batch.push({ pk, sk });
      if (batch.length === 100) {
        await this.#parts.table.deleteMany(batch);
        batch = [];
      }
    }
    if (batch.length > 0) await this.#parts.table.deleteMany(batch);
  }

  async *#sortKeys(pk: string, prefix: string): AsyncGenerator<string> {
    let after: string | undefined;
    do {
      const range = { pk, prefix, only: ["at"] };
      const page = await this.#parts.table.query(after === undefined ? range : { ...range, after });
      for (const item of page.items) yield item.sk;
      after = page.next;
    } while (after !== undefined);
  }
}
