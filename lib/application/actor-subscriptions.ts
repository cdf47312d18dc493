/** The subscriptions of one actor, both directions, for hooks and the deployer's own code. */
import type { FanOutResult } from "../engine/fan-out-result.ts";
import { isOutsideId } from "../domain/terms/identifiers.ts";
import { isOwnName, isTarget } from "../domain/terms/names.ts";
import { compact } from "../system/compact.ts";
import { isServiceError, ServiceError } from "../system/errors.ts";
import type { Clock, Deadline, Json } from "../system/ports.ts";
import type { ChangeLog } from "../change-log/change-log.ts";
import type { Suspension } from "../domain/terms/scope.ts";
import type { InboundHeads } from "../publishing/subscribers/inbound-heads.ts";
import type { InboundSubscriptions } from "../publishing/subscribers/inbound-subscriptions.ts";
import type { CursorStore } from "../publishing/subscribers/cursor-store.ts";
import type { Commits } from "../change-log/log-commits.ts";
import { publishAppEvent, type NotifySubscribers } from "../publishing/subscribers/app-events.ts";
import type { Resumed, Suspensions } from "../publishing/subscribers/suspensions.ts";
import type { Head } from "../receiving/stream/head.ts";
import type { OutboundHeads } from "../receiving/subscriptions/outbound-heads.ts";
import type { OutboundEnding } from "../receiving/subscriptions/outbound-ending.ts";
import type { OutboundSubscriptions } from "../receiving/subscriptions/outbound-subscriptions.ts";
import {
  checked,
  ofInbound,
  ofOutbound,
  requestedScope,
  type Subscription,
  type SubscriptionName,
  type RequestedSubscription,
} from "./subscription.ts";

export type { Subscription, SubscriptionName, RequestedSubscription } from "./subscription.ts";

/** A target, or a named part of it. An empty or null subtarget counts as absent. */
export interface TargetName {
  readonly target: string;
  readonly subtarget?: string | null;
}

/** A change of a target that is not kept as properties. */
export interface NewAppEvent extends TargetName {
  readonly resource?: string | null;
  /** The new content, relative to the place; nested and cut for each subscription like the value of a property. */
  readonly data: Json;
}

/** `catch_up` applies what is missing, and reads the state only where it must; `resync` reads the state again. */
export type SyncMode = "catch_up" | "resync";

export interface SyncOptions {
  /** How far to go [catch_up]. */
  readonly mode?: SyncMode;
}

/** The result of bringing one subscription up to date. */
export interface SyncResult extends SubscriptionName {
  /**
   * `caught_up`: what was missing was applied in order. `resynced`: the publisher's state took the place of ours.
   * `underway`: that state is too large for one call; the service continues reading it.
   */
  readonly result: "caught_up" | "resynced" | "underway";
  /** The newest number applied. */
  readonly sequence: number;
  /** How many diffs were applied one by one. */
  readonly applied: number;
}

/** The result of bringing all subscriptions to a peer up to date. */
export interface PeerSyncResult {
  readonly peerId: string;
  readonly synced: readonly SyncResult[];
  /** The subscriptions that failed; the service retries them. */
  readonly failed: readonly (SubscriptionName & { readonly error: string })[];
}

/** The parts of the service that subscriptions are made, read, notified and ended with. */
export interface ActorSubscriptionServices {
  readonly clock: Clock;
  readonly heads: Pick<OutboundHeads, "live" | "get">;
  readonly outbound: Pick<OutboundSubscriptions, "subscribe" | "resync">;
  readonly outboundEnding: Pick<OutboundEnding, "end">;
  readonly inboundHeads: Pick<InboundHeads, "all" | "ofPeer">;
  readonly inbound: Pick<InboundSubscriptions, "end">;
  readonly cursors: Pick<CursorStore, "preview">;
  readonly changeLog: Pick<ChangeLog, "head">;
  readonly commits: Commits;
  readonly suspensions: Suspensions;
  /** Sends what a commit has made. */
  readonly notify: NotifySubscribers;
}

/** One call of this component takes at most this much of the function's time, ms; the rest is due again. */
const MOST_MS = 20_000;
const GRANULARITIES: readonly string[] = ["high", "low", "none"];

/** `actor.subscriptions`. Every method also rejects with the table's own errors. */
export class ActorSubscriptions {
  readonly #actorId: string;
  readonly #services: ActorSubscriptionServices;

  constructor(actorId: string, services: ActorSubscriptionServices) {
    this.#actorId = actorId;
    this.#services = services;
  }

  /**
   * Subscribes to a peer and reads its state; when it resolves the subscription exists. A state that could not be read
   * is read later. The peer decides what a repeated request makes: an answer with the same id changes the granularity only.
   *
   * @throws ServiceError request.invalid, resource.not_found without a trust, auth.forbidden when it is not approved,
   *   peer.unreachable, peer.refused, peer.invalid_answer
   */
  async subscribeToPeer(asked: RequestedSubscription): Promise<Subscription> {
    const { peerId, granularity = "high" } = asked;
    const requested = {
      peerId: checked("peerId", peerId, isOutsideId, "1 to 128 of A-Z a-z 0-9 . _ ~ -"),
      ...requestedScope(asked),
      granularity,
    };
    checked("granularity", granularity, (text) => GRANULARITIES.includes(text), GRANULARITIES.join(" or "));
    const { head } = await this.#services.outbound.subscribe(this.#actorId, requested, this.#deadline());
    return ofOutbound(head);
  }

  /**
   * Publishes a change of a target that is not kept as properties, as one change of the actor's log: a subscriber that is not
   * reached finds the change in its backlog. When this resolves, each subscription in scope was sent its number, or the
   * result says why not.
   *
   * @throws ServiceError request.invalid, request.too_large over 256 KiB of JSON, resource.not_found without actor
   */
  async notifySubscribers({ data, ...place }: NewAppEvent): Promise<FanOutResult> {
    return await publishAppEvent(this.#services, this.#actorId, { ...requestedScope(place), data });
  }

  /** Every subscription of this actor, both directions, in order of creation; only those with a peer when given. */
  async allSubscriptions(peerId?: string): Promise<Subscription[]> {
    const both = await Promise.all([this.outboundSubscriptions(peerId), this.inboundSubscriptions(peerId)]);
    return both.flat().sort((one, other) => one.createdAt - other.createdAt);
  }

  /** Our subscriptions to peers, in order of creation; only those to one peer when given. */
  async outboundSubscriptions(peerId?: string): Promise<Subscription[]> {
    return (await this.#services.heads.live(this.#actorId, peerId)).map(ofOutbound);
  }

  /** Peers' subscriptions to us, in order of creation; only those of one peer when given. */
  async inboundSubscriptions(peerId?: string): Promise<Subscription[]> {
    const { changeLog, inboundHeads, cursors } = this.#services;
    const { newest, buckets } = await changeLog.head(this.#actorId);
    const heads = await (peerId === undefined
      ? inboundHeads.all(this.#actorId, buckets)
      : inboundHeads.ofPeer(this.#actorId, peerId));
    // Not every head has noted its newest number yet.
    return (await cursors.preview(heads, newest)).map(ofInbound);
  }

  /**
   * Ends the subscription of that id, in either direction, and notifies the peer, best effort, at most 5 s. The stored data
   * that a subscription of ours owned passes to the next broader one, or is deleted; the backlog of a peer's is deleted.
   *
   * @returns false when there is no such subscription
   */
  async unsubscribe({ peerId, subscriptionId }: SubscriptionName): Promise<boolean> {
    const { inbound, outboundEnding } = this.#services;
    const actorId = this.#actorId;
    const notify = { notifyPeer: true };
    if (await outboundEnding.end({ actorId, peerId, subscriptionId }, notify)) return true;
    return await inbound.end({ actorId, peerId, id: subscriptionId }, notify);
  }

  /**
   * From here on changes of the target, or of a named part of it, make no diffs, until `resume`.
   *
   * @returns false when the place was suspended already
   * @throws ServiceError request.invalid, resource.conflict for more than 100 at the same time
   */
  async suspend(place: TargetName): Promise<boolean> {
    return await this.#services.suspensions.suspend(this.#actorId, named(place));
  }

  /**
   * Lets changes make diffs again. Every subscription that this touches gets a resync, before this resolves as far as the
   * request's time allows. All zeros when the place was not suspended.
   */
  async resume(place: TargetName): Promise<Resumed> {
    const resumed = await this.#services.suspensions.resume(this.#actorId, named(place));
    return resumed ?? { count: 0, resynced: 0, failed: 0 };
  }

  /** True while changes of the place make no diffs: the place is suspended, or its whole target is. */
  async isSuspended(place: TargetName): Promise<boolean> {
    return await this.#services.suspensions.isSuspended(this.#actorId, named(place));
  }

  /**
   * Brings our subscription up to date with its publisher now. Not for a hook about that same subscription: its stream
   * is leased while the hook runs, so this rejects with service.unavailable.
   *
   * @throws ServiceError resource.not_found, service.unavailable while the stream is leased, peer.unreachable
   */
  async syncSubscription({ peerId, subscriptionId, mode }: SubscriptionName & SyncOptions): Promise<SyncResult> {
    const head = await this.#services.heads.get({ actorId: this.#actorId, peerId, subscriptionId });
    if (head === undefined) throw new ServiceError("resource.not_found", "There is no such subscription.");
    return await this.#sync(head, checkedMode(mode), this.#deadline());
  }

  /** Brings all our subscriptions to a peer up to date, one after another; a failure stops none of the others. */
  async syncPeer(peerId: string, { mode }: SyncOptions = {}): Promise<PeerSyncResult> {
    const how = checkedMode(mode);
    const deadline = this.#deadline();
    const synced: SyncResult[] = [];
    const failed: (SubscriptionName & { readonly error: string })[] = [];
    for (const head of await this.#services.heads.live(this.#actorId, peerId)) {
      try {
        synced.push(await this.#sync(head, how, deadline));
      } catch (error) {
        if (!isServiceError(error)) throw error;
        failed.push({ peerId, subscriptionId: head.subscriptionId, error: error.message });
      }
    }
    return { peerId, synced, failed };
  }

  async #sync(head: Head, mode: SyncMode, deadline: Deadline): Promise<SyncResult> {
    const recovered = await this.#services.outbound.resync(head, mode, deadline);
    const { is: result, applied } = recovered;
    const { peerId, subscriptionId, lastSeq: sequence } = recovered.head;
    return { peerId, subscriptionId, result, sequence, applied };
  }

  #deadline(): Deadline {
    const { clock } = this.#services;
    const end = clock.now() + MOST_MS;
    return { remaining: () => Math.max(0, end - clock.now()) };
  }
}

function checkedMode(mode: SyncMode = "catch_up"): SyncMode {
  return checked("mode", mode, (text) => text === "catch_up" || text === "resync") as SyncMode;
}

function named({ target, subtarget }: TargetName): Suspension {
  const checkedTarget = checked("target", target, isTarget);
  return compact({
    target: checkedTarget,
    subtarget: subtarget ? checked("subtarget", subtarget, isOwnName) : undefined,
  });
}
