/** The subscriptions of one actor, for hooks and the deployer's own code. */
import { isOutsideId } from "../domain/identifiers.ts";
import { isPropertyName } from "../domain/names.ts";
import type { Scope } from "../domain/scope.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import type { Clock, Deadline } from "../ports.ts";
import type { Granularity, Head } from "../receiving/head.ts";
import type { OutboundHeads } from "../subscriptions/outbound-heads.ts";
import type { OutboundSubscriptions } from "../subscriptions/outbound-subscriptions.ts";

/** One of our subscriptions to a peer. */
export interface Subscription {
  readonly peerId: string;
  readonly subscriptionId: string;
  readonly target: string;
  readonly subtarget?: string;
  readonly resource?: string;
  readonly granularity: Granularity;
  /** The newest number applied; 0 before the first. */
  readonly sequence: number;
  /** `outbound`: ours to a peer, from which we receive. */
  readonly direction: "outbound";
  /** ms since 1970. */
  readonly createdAt: number;
}

/** What to subscribe to. An empty or null subtarget or resource is none. */
export interface SubscriptionWish {
  readonly peerId: string;
  readonly target: string;
  readonly subtarget?: string | null;
  readonly resource?: string | null;
  readonly granularity?: Granularity;
}

/** Which subscription: the peer's id, and the id the peer gave it. */
export interface SubscriptionName {
  readonly peerId: string;
  readonly subscriptionId: string;
}

/** What bringing one subscription up to date came to. */
export interface SyncResult extends SubscriptionName {
  /** `caught_up`: what was missing was applied in order. `resynced`: the publisher's state took the place of ours. */
  readonly result: "caught_up" | "resynced";
  /** The newest number applied. */
  readonly sequence: number;
  /** How many diffs were applied one by one. */
  readonly applied: number;
}

/** What bringing all subscriptions to a peer up to date came to. */
export interface PeerSyncResult {
  readonly peerId: string;
  readonly synced: readonly SyncResult[];
  /** Those that failed now; the service tries them again by itself. */
  readonly failed: readonly (SubscriptionName & { readonly error: string })[];
}

/** What subscriptions are made, read and ended with. */
export interface ActorSubscriptionServices {
  readonly clock: Clock;
  readonly heads: Pick<OutboundHeads, "live" | "get">;
  readonly outbound: Pick<OutboundSubscriptions, "subscribe" | "end" | "resync">;
}

/** What one call of this component may take of the function's time, ms; what is not done then is due again. */
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
   * Subscribes to a peer and reads its state; when it resolves the subscription stands. A state that could not be read
   * is read later. Asking for what there is already is up to the peer: one that answers with the same id changes the
   * granularity only.
   *
   * @throws ServiceError request.invalid, resource.not_found without a trust, auth.forbidden when it is not approved,
   *   peer.unreachable, peer.refused, peer.invalid_answer
   */
  async subscribeToPeer(wish: SubscriptionWish): Promise<Subscription> {
    const { peerId, granularity = "high" } = wish;
    const wanted = { peerId: checked("peerId", peerId, isOutsideId), ...scopeOf(wish), granularity };
    checked("granularity", granularity, (text) => GRANULARITIES.includes(text));
    const { head } = await this.#services.outbound.subscribe(this.#actorId, wanted, this.#deadline());
    return shown(head);
  }

  /** Every subscription of this actor, in order of creation; only those with a peer when given. */
  async allSubscriptions(peerId?: string): Promise<Subscription[]> {
    return await this.outboundSubscriptions(peerId);
  }

  /** Our subscriptions to peers, in order of creation; only those to one peer when given. */
  async outboundSubscriptions(peerId?: string): Promise<Subscription[]> {
    return (await this.#services.heads.live(this.#actorId, peerId)).map(shown);
  }

  /**
   * Ends our subscription: the peer is told, best effort, at most 5 s; what it owned in the peer's stored data goes to
   * the next broader subscription, or away.
   *
   * @returns false when there is none
   */
  async unsubscribe({ peerId, subscriptionId }: SubscriptionName): Promise<boolean> {
    return await this.#services.outbound.end(this.#actorId, peerId, subscriptionId, { tellPeer: true });
  }

  /**
   * Brings our subscription up to date with its publisher now. Not for a hook about that same subscription: its stream
   * is held while the hook runs, so this rejects with service.unavailable.
   *
   * @throws ServiceError resource.not_found, service.unavailable while another works on it, peer.unreachable
   */
  async syncSubscription({ peerId, subscriptionId }: SubscriptionName): Promise<SyncResult> {
    const head = await this.#services.heads.get(this.#actorId, peerId, subscriptionId);
    if (head === undefined) throw new ServiceError("resource.not_found", "There is no such subscription.");
    return await this.#sync(head, this.#deadline());
  }

  /** Brings all our subscriptions to a peer up to date, one after another; one that fails stops none of the others. */
  async syncPeer(peerId: string): Promise<PeerSyncResult> {
    const deadline = this.#deadline();
    const synced: SyncResult[] = [];
    const failed: (SubscriptionName & { readonly error: string })[] = [];
    for (const head of await this.#services.heads.live(this.#actorId, peerId)) {
      try {
        synced.push(await this.#sync(head, deadline));
      } catch (error) {
        if (!isServiceError(error)) throw error;
        failed.push({ peerId, subscriptionId: head.subscriptionId, error: error.message });
      }
    }
    return { peerId, synced, failed };
  }

  async #sync(head: Head, deadline: Deadline): Promise<SyncResult> {
    const { peerId, subscriptionId } = head;
    const recovered = await this.#services.outbound.resync(head, deadline);
    return {
      ...{ peerId, subscriptionId, result: recovered.is },
      ...{ sequence: recovered.head.lastSeq, applied: recovered.applied },
    };
  }

  #deadline(): Deadline {
    const { clock } = this.#services;
    const end = clock.now() + MOST_MS;
    return { remaining: () => Math.max(0, end - clock.now()) };
  }
}

function scopeOf(wish: SubscriptionWish): Scope {
  const target = checked("target", wish.target, isOutsideId);
  if (!wish.subtarget) {
    if (wish.resource) throw new ServiceError("request.invalid", "resource needs a subtarget.", { field: "resource" });
    return { target };
  }
  const subtarget = checked("subtarget", wish.subtarget, isPropertyName);
  return wish.resource
    ? { target, subtarget, resource: checked("resource", wish.resource, isResource) }
    : { target, subtarget };
}

const isResource = (text: string): boolean =>
  text.length <= 1_024 && text.split("/").every((part) => part !== "." && part !== "..");

function checked(field: string, value: string, isValid: (text: string) => boolean): string {
  if (typeof value === "string" && isValid(value)) return value;
  throw new ServiceError("request.invalid", `${field} is not valid: ${JSON.stringify(value)}.`, { field });
}

function shown(head: Head): Subscription {
  const { peerId, subscriptionId, scope, granularity, lastSeq, createdAt } = head;
  return { peerId, subscriptionId, ...scope, granularity, sequence: lastSeq, direction: "outbound", createdAt };
}
