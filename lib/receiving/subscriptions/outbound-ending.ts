/** The end of our subscriptions to peers, and of what they leave: buffered callbacks, failed events, stored data. */
import type { SubscriptionLifecycle } from "../../actors/application.ts";
import type { PeerRef, StreamRef } from "../../domain/terms/refs.ts";
import { placeOf } from "../../domain/terms/scope.ts";
import { deleteFailedEvents } from "../../failed-events/failed-event-deletion.ts";
import { hookSource } from "../../dynamodb/keys/failed-events.ts";
import { bufferEpoch, bufferPartition } from "../../dynamodb/keys/streams.ts";
import { deleteIf } from "../../dynamodb/outcomes.ts";
import { deleteRange } from "../../dynamodb/paging.ts";
import type { Key, Table } from "../../dynamodb/table.ts";
import type { Clock, Log } from "../../system/ports.ts";
import type { RemoteOf } from "../../peers/remote-actor.ts";
import { unsubscribe } from "../../peers/remote-subscriptions.ts";
import type { TrustStore } from "../../trust/trust-store.ts";
import type { PeerStore } from "../replica/peer-store.ts";
import { idsOf } from "../stream/event-applier.ts";
import type { Head } from "../stream/head.ts";
import { headIs } from "../stream/stream-changes.ts";
import type { OutboundHeads } from "./outbound-heads.ts";
import { broaderThan, forgetOwnership, owns } from "./ownership.ts";

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
   * Ends a subscription of ours; with `notifyPeer`, notifies the peer first, best effort.
   *
   * @returns false when there is none
   */
  async end(stream: StreamRef, options: { readonly notifyPeer: boolean }): Promise<boolean> {
    const { heads, trusts, clock, table, remote, log, lifecycle } = this.#deps;
    const head = await heads.get(stream);
    if (head === undefined) return false;
    const trust = options.notifyPeer ? await trusts.get(head.actorId, head.peerId) : undefined;
    if (trust !== undefined) {
      const answer = await unsubscribe(remote(trust), head.subscriptionId, clock);
      if (!answer.ok) {
        log.warn("the peer was not notified of an unsubscription", { ...idsOf(head), reason: answer.message });
      }
    }
    if ((await heads.end(head, false)) === undefined) return true;
    await emptyBuffer(table, head.key, head.epoch + 1);
    await this.giveUp(head);
    await lifecycle("subscription_deleted", { ...idsOf(head), ...head.scope });
    return true;
  }

  /** Deletes what a subscription owned, unless a broader one owns it now and has been asked to read it. */
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
    if (!trusted && !others.some((other) => other.subscriptionId === subscriptionId)) {
      await deleteFailedEvents(table, actorId, { source: hookSource({ peerId, subscriptionId }) });
    }
    if (!trusted && others.length === 0 && !head.keepData) await store(actorId, peerId).deleteAll();
    await deleteIf(table, head.key, headIs.ended);
    if (!trusted) await forgetOwnership(table, head);
  }

  /** Ends every subscription to a peer whose trust has ended, with its failed events, and its data unless it is kept. */
  async endAll(peer: PeerRef, options: { readonly keepData: boolean }): Promise<void> {
    const { actorId, peerId } = peer;
    const { heads, store, table } = this.#deps;
    for (const head of await heads.live(actorId, peerId)) {
      await heads.end(head, options.keepData);
      await emptyBuffer(table, head.key, head.epoch + 1);
    }
    await deleteFailedEvents(table, actorId, { peerId });
    if (!options.keepData) await store(actorId, peerId).deleteAll();
    await forgetOwnership(table, peer);
  }
}

/** Deletes callbacks that were buffered in epochs before this one; those of this one may have been acknowledged just now. */
export async function emptyBuffer(table: Table, stream: Key, epoch: number): Promise<void> {
  await deleteRange(table, { pk: bufferPartition(stream), prefix: "", until: bufferEpoch(epoch) });
}
