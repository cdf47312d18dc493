/** The trusts of one actor, for hooks and the deployer's own code. */
import { changeTrust } from "../trust/changes.ts";
import { endTrust } from "../trust/ending.ts";
import type { TrustServices } from "../trust/trust-services.ts";
import type { TrustRecord } from "../trust/trust-record.ts";
import type { TrustStore } from "../trust/trust-store.ts";

/** A trust as code may pass it around and log it: without its secret and its verification token. */
export type Trust = Pick<
  TrustRecord,
  "peerId" | "baseUri" | "type" | "relationship" | "desc" | "approved" | "peerApproved" | "verified" | "createdAt"
>;

/** The parts of the service that trusts are read and changed with. */
export interface ActorTrustServices {
  readonly trusts: TrustStore;
  readonly trust: TrustServices;
}

/** `actor.trust`. Every method also rejects with the table's own errors. */
export class ActorTrust {
  readonly #actorId: string;
  readonly #services: ActorTrustServices;

  constructor(actorId: string, services: ActorTrustServices) {
    this.#actorId = actorId;
    this.#services = services;
  }

  /** The trusts of this actor, oldest first; only those of a relationship, or of a peer's type, when given. */
  async relationships(filter: { readonly relationship?: string; readonly type?: string } = {}): Promise<Trust[]> {
    const { relationship, type } = filter;
    const trusts = await this.#services.trusts.list(this.#actorId);
    return trusts
      .filter((trust) => relationship === undefined || trust.relationship === relationship)
      .filter((trust) => type === undefined || trust.type === type)
      .map(shown);
  }

  /** The trust with that peer; undefined when there is none. */
  async getTrust(peerId: string): Promise<Trust | undefined> {
    const trust = await this.#services.trusts.get(this.#actorId, peerId);
    return trust === undefined ? undefined : shown(trust);
  }

  /**
   * Approves the trust: from then on the peer's bearer opens what its relationship allows. Notifies the peer before it
   * resolves, best effort, at most 5 s. May be repeated. Undefined when there is no trust with that peer.
   */
  async approve(peerId: string): Promise<Trust | undefined> {
    const trust = await this.#services.trusts.get(this.#actorId, peerId);
    return trust === undefined ? undefined : shown(await changeTrust(this.#services.trust, trust, { approved: true }));
  }

  /**
   * Ends the trust with everything that depends on it: subscriptions, waiting events, and the peer's stored data, unless
   * `keepData` [the application's `autoCleanup`] says otherwise. Notifies the peer before it resolves, best effort, at most
   * 5 s.
   *
   * @returns false when there is no trust with that peer
   */
  async delete(peerId: string, options: { readonly keepData?: boolean } = {}): Promise<boolean> {
    const trust = await this.#services.trusts.getEvenEnding(this.#actorId, peerId);
    if (trust === undefined) return false;
    await endTrust(this.#services.trust, trust, { notify: true, ...options });
    return true;
  }
}

function shown(trust: TrustRecord): Trust {
  const { peerId, baseUri, type, relationship, desc, approved, peerApproved, verified, createdAt } = trust;
  return { peerId, baseUri, type, relationship, desc, approved, peerApproved, verified, createdAt };
}
