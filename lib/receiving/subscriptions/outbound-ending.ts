/** The end of our subscriptions to peers, and of what they leave: buffered callbacks, failed events, stored data. */
import type { SubscriptionLifecycle } from "../../actors/application.ts";
import { placeOf } from "../../domain/terms/scope.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import { failedEventIdKey, failedEventPrefix, staleReadOf } from "../../dynamodb/keys/streams.ts";
import { deleteIf } from "../../dynamodb/outcomes.ts";
import type { Key, Table } from "../../dynamodb/table.ts";
import type { Clock, Log } from "../../system/ports.ts";
import type { RemoteOf } from "../../peers/remote-actor.ts";
import { unsubscribe } from "../../peers/remote-subscriptions.ts";
import type { TrustStore } from "../../trust/trust-store.ts";
import type { PeerStore } from "../replica/peer-store.ts";
import { idsOf } from "../stream/event-applier.ts";
import type { Head } from "../stream/head.ts";
import { headIs } from "../stream/stream-changes.ts";
import { emptyBuffer, emptyPartition } from "./empty-partition.ts";
import type { OutboundHeads } from "./outbound-heads.ts";
import { broaderThan, owns } from "./ownership.ts";

export interface OutboundEndingDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly heads: OutboundHeads;
  readonly trusts: TrustStore;
  readonly store: (actorId: string, peerId: string) => PeerStore;
  readonly remote: RemoteOf;
  readonly lifecycle: SubscriptionLifecycle;
}

/** Ends our subscriptions to peers. */
export class OutboundEnding {
  readonly #deps: OutboundEndingDeps;

  constructor(deps: OutboundEndingDeps) {
    this.#deps = deps;
  }

  /**
   * Ends a subscription of ours. `notifyPeer`: the peer is notified first, best effort.
   *
   * @returns false when there is none
   */
  async end(
    actorId: string,
    peerId: string,
    subscriptionId: string,
    options: { notifyPeer: boolean },
  ): Promise<boolean> {
    const { heads, trusts, clock } = this.#deps;
    const head = await heads.get(actorId, peerId, subscriptionId);
    if (head === undefined) return false;
    const trust = options.notifyPeer ? await trusts.get(actorId, peerId) : undefined;
    if (trust !== undefined) {
      const answer = await unsubscribe(this.#deps.remote(trust), subscriptionId, clock);
      if (!answer.ok)
        this.#deps.log.warn("the peer was not notified of an unsubscription", {
          ...idsOf(head),
          reason: answer.message,
        });
    }
    if ((await heads.end(head, false)) === undefined) return true;
    await emptyBuffer(this.#deps.table, head.key, head.epoch + 1);
    await this.giveUp(head);
    await this.#deps.lifecycle("subscription_deleted", { ...idsOf(head), ...head.scope });
    return true;
  }

  /** Deletes what a subscription owned, unless a broader one took it over, which is requested to read it. */
  async giveUp(head: Head): Promise<void> {
    const others = await this.#deps.heads.live(head.actorId, head.peerId);
    if (broaderThan(head, others) === undefined) await this.#removeData(head, others);
  }

  async #removeData(head: Head, others: readonly Head[]): Promise<void> {
    if (head.scope.target !== "properties") return;
    const excludedScopes = others.filter(owns).map((other) => placeOf(other.scope));
    const stateVersion = Math.max(this.#deps.clock.now(), head.stateVersion + 1);
    const store = this.#deps.store(head.actorId, head.peerId);
    const owned = { scope: placeOf(head.scope), excludedScopes };
    await store.removeScope(owned, { stateVersion, sequence: head.lastSeq });
  }

  /** Deletes what was written after a head ended, then the head itself. */
  async purgeEnded(head: Head): Promise<void> {
    const { actorId, peerId, subscriptionId } = head;
    const { heads, table, trusts, store } = this.#deps;
    await emptyBuffer(table, head.key, head.epoch + 1);
    const others = await heads.live(actorId, peerId);
    if (!head.keepData && broaderThan(head, others) === undefined) await this.#removeData(head, others);
    const trusted = (await trusts.get(actorId, peerId)) !== undefined;
    if (!trusted && !others.some((other) => isSame(other, head))) {
      await this.#emptyFailedEvents(actorId, failedEventPrefix(peerId, subscriptionId));
    }
    if (!trusted && others.length === 0 && !head.keepData) await store(actorId, peerId).deleteAll();
    await deleteIf(table, head.key, headIs.ended);
    if (!trusted) await heads.ownership.forget(actorId, peerId);
  }

  /** Ends every subscription to a peer whose trust has ended, with its failed events, and its data unless it is kept. */
  async endAll(actorId: string, peerId: string, options: { readonly keepData: boolean }): Promise<void> {
    const { heads, store, table } = this.#deps;
    for (const head of await heads.live(actorId, peerId)) {
      await heads.end(head, options.keepData);
      await emptyBuffer(table, head.key, head.epoch + 1);
    }
    await this.#emptyFailedEvents(actorId, failedEventPrefix(peerId));
    if (!options.keepData) await store(actorId, peerId).deleteAll();
    await heads.ownership.forget(actorId, peerId);
  }

  async #emptyFailedEvents(actorId: string, prefix: string): Promise<void> {
    const { table } = this.#deps;
    const failedEvents = await emptyPartition(table, { pk: actorPartition(actorId), prefix });
    await table.deleteMany(failedEvents.flatMap((sk) => failedEventPointer(actorId, sk)));
  }
}

/** The item that finds a failed event, or a stale read, by its id. */
function failedEventPointer(actorId: string, sk: string): Key[] {
  const eventId = staleReadOf({ pk: "", sk })?.id ?? sk.split("#")[5];
  return eventId === undefined ? [] : [failedEventIdKey(actorId, eventId)];
}

const isSame = (one: Head, other: Head): boolean => one.subscriptionId === other.subscriptionId;
