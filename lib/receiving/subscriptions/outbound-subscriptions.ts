/** Our subscriptions to peers: made at the peer, kept here, brought up to date, listed, ended by either side. */
import { compact } from "../../system/compact.ts";
import { placeOf } from "../../domain/terms/scope.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import { isPathKey } from "../../domain/diff/peer-names.ts";
import { LEASE_ATTRIBUTES, leaseIs } from "../../dynamodb/lease.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import {
  failedEventIdKey,
  failedEventPrefix,
  bufferEpoch,
  bufferPartition,
  staleReadOf,
} from "../../dynamodb/keys/streams.ts";
import { all, ConditionFailed, equals } from "../../dynamodb/table.ts";
import type { Key, Table } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock, Deadline, Log } from "../../system/ports.ts";
import type { RemoteActor } from "../../peers/remote-actor.ts";
import type { RemoteFailure } from "../../peers/remote-answer.ts";
import { subscribe, unsubscribe } from "../../peers/remote-subscriptions.ts";
import { dueAttributes, headIs } from "../stream/head.ts";
import type { Granularity, Head } from "../stream/head.ts";
import type { ReadFailure } from "../../peers/publisher.ts";
import type { Recovered } from "../recovery/recovery.ts";
import { reconciled } from "../recovery/recovery-settings.ts";
import type { Receiving } from "../intake/receiving.ts";
import { emptyPartition } from "./empty-partition.ts";
import type { OutboundHeads } from "./outbound-heads.ts";
import { broaderThan, owns } from "./ownership.ts";
import type { PeerStore } from "../replica/peer-store.ts";
import type { TrustStore } from "../../trust/trust-store.ts";
import { secretDigest } from "../../domain/wire/secret-digest.ts";
import type { CallbackAuthenticator } from "../../trust/callback-authenticator.ts";

export interface SubscriptionRequest extends Scope {
  readonly peerId: string;
  readonly granularity: Granularity;
}

export interface OutboundDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly heads: OutboundHeads;
  readonly trusts: TrustStore;
  readonly authenticator: CallbackAuthenticator;
  readonly receiving: Pick<Receiving, "recovery" | "streams" | "wakeUps">;
  readonly store: (actorId: string, peerId: string) => PeerStore;
  readonly remote: (trust: {
    readonly actorId: string;
    readonly baseUri: string;
    readonly secret: string;
  }) => RemoteActor;
  readonly settings: { readonly reconcileMs: number; readonly autoStorage: boolean };
  readonly lifecycle: (
    name: "subscription_created" | "subscription_deleted",
    event: { readonly actorId: string; readonly peerId: string; readonly subscriptionId: string } & Scope,
  ) => Promise<void>;
}

/** What bringing a subscription up to date came to. */
export type BroughtUp = Extract<Recovered, { is: "caught_up" | "resynced" | "underway" }>;

/** Makes, resyncs, clears and ends our subscriptions to peers. */
export class OutboundSubscriptions {
  readonly #deps: OutboundDeps;

  constructor(deps: OutboundDeps) {
    this.#deps = deps;
  }

  /**
   * Subscribes to a peer and reads its state. A failed baseline does not fail it: it is due again.
   *
   * @throws ServiceError request.invalid for a part that no path can name, resource.not_found without a trust,
   *   auth.forbidden when we have not approved it, peer.unreachable (408), peer.refused and peer.invalid_answer (502)
   */
  async subscribe(
    actorId: string,
    request: SubscriptionRequest,
    deadline: Deadline,
  ): Promise<{ head: Head; location: string }> {
    const { heads, trusts, authenticator, settings, receiving } = this.#deps;
    demandPath(request);
    const trust = await trusts.get(actorId, request.peerId);
    if (trust === undefined) throw new ServiceError("resource.not_found", "There is no trust with this peer.");
    if (!trust.approved)
      throw new ServiceError("auth.forbidden", "The trust with this peer is not approved; approve it first.");
    const made = await subscribe(this.#deps.remote(trust), scopeOf(request), request.granularity);
    if (!made.ok) throw peerError(made, "the subscription");
    const auth = secretDigest(trust.secret);
    const { subscriptionId, granularity, location } = made.value;
    const before = await heads.get(actorId, request.peerId, subscriptionId);
    const head = await heads.make({
      actorId,
      peerId: request.peerId,
      subscriptionId,
      scope: scopeOf(request),
      granularity,
      auth,
      reconcileMs: settings.reconcileMs,
      trusted: authenticator.approvedCheck({ actorId, peerId: request.peerId }, auth),
    });
    if (before !== undefined && owns(before) && !owns(head)) await this.#giveUp(head);
    await this.#deps.lifecycle("subscription_created", { actorId, ...idsAndScope(head) });
    await this.#baseline(head, deadline);
    const item = await receiving.streams.read(head.key);
    return { head: item ?? head, location };
  }

  async #baseline(head: Head, deadline: Deadline): Promise<void> {
    const { receiving, log } = this.#deps;
    try {
      await receiving.recovery.run(head.key, { kind: "resync" }, deadline);
    } catch (error) {
      // It is requested and due: the head was made so.
      log.warn("the baseline failed and will be tried again", { ...ids(head), error: String(error) });
      await receiving.wakeUps.schedule(head);
    }
  }

  /**
   * Brings one subscription up to date now. `catch_up` applies what is missing, and reads the state only where it must;
   * `resync` reads it in any case, where there is one.
   *
   * @throws ServiceError resource.not_found when there is none, service.unavailable while another works on it,
   *   peer.unreachable, peer.refused and peer.invalid_answer
   */
  async resync(head: Head, mode: "catch_up" | "resync", deadline: Deadline): Promise<BroughtUp> {
    const { recovery } = this.#deps.receiving;
    const kind = mode === "resync" ? "refresh" : mode;
    const recovered = await recovery.run(head.key, { kind }, deadline);
    switch (recovered.is) {
      case "caught_up":
      case "resynced":
      case "underway":
        return recovered;
      case "busy":
        throw isBusy();
      case "failed":
        throw readError(recovered.failure);
      case "unknown":
        throw new ServiceError(
          "peer.refused",
          "The publisher does not know this subscription; it will be asked again.",
          {
            extra: { peerStatus: 404 },
          },
        );
      case "moved":
      case "closed":
        throw new ServiceError("resource.not_found", "There is no such subscription, or its trust is not approved.");
    }
  }

  /**
   * Starts a subscription's numbering anew: epoch + 1, nothing applied, nothing buffered. Takes the stream's lease.
   *
   * @throws ServiceError service.unavailable while another holds it
   */
  async clearState(head: Head, deadline: Deadline): Promise<void> {
    const { receiving, clock, settings, log } = this.#deps;
    const acquired = await receiving.streams.acquireLease(head.key, {
      leaseMs: deadline.remaining(),
      evenReplacing: true,
    });
    if (!acquired.won) throw isBusy();
    const now = clock.now();
    const reconcile = reconciled(now, settings);
    const needsState =
      acquired.head.recoveryRequested !== undefined || acquired.head.replacing || acquired.head.contradicted;
    // A state read that is requested stays requested, and paused hooks are still to be resumed.
    const dueAt = needsState || acquired.head.hooksResuming ? now : reconcile.reconcileAt;
    const due = dueAt === undefined ? undefined : dueAttributes(head.key, dueAt);
    const cleared = await receiving.streams.amend(
      head.key,
      {
        set: {
          lastSeq: 0,
          starts: 0,
          attempts: 0,
          digests: "",
          lastTimestamp: "",
          timestampOf: 0,
          coveredTo: 0,
          ...reconcile,
          ...due,
          ...(needsState ? { recoveryRequested: "resync" } : {}),
          stateVersion: Math.max(now, acquired.head.stateVersion + 1),
        },
        remove: [
          ...["buffered", "gapSince", ...LEASE_ATTRIBUTES],
          ...["replacing", "replacedFrom", "recovery", "begun"],
          ...(due === undefined ? ["dueShard", "dueAt"] : []),
          ...(reconcile.reconcileAt === undefined ? ["reconcileAt"] : []),
        ],
        add: { epoch: 1, version: 1 },
      },
      // What was asked for since then is not to be forgotten.
      all(leaseIs.ownedBy(acquired.head.lease), headIs.askedFor(acquired.head.recoveryRevision)),
    );
    if (cleared === undefined) {
      await receiving.streams.release(acquired.head);
      throw isBusy();
    }
    await this.#emptyBuffer(cleared.key, cleared.epoch);
    log.info("state cleared", ids(head));
  }

  /**
   * Ends a subscription of ours. The owner's way tells the peer first, best effort; the peer's does not.
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
        this.#deps.log.warn("the peer was not notified of an unsubscription", { ...ids(head), reason: answer.message });
    }
    if ((await heads.end(head, false)) === undefined) return true;
    await this.#emptyBuffer(head.key, head.epoch + 1);
    await this.#giveUp(head);
    await this.#deps.lifecycle("subscription_deleted", { actorId, ...idsAndScope(head) });
    return true;
  }

  /** What a subscription owned goes away unless a broader one took it over, which has been asked to read it. */
  async #giveUp(head: Head): Promise<void> {
    const others = await this.#deps.heads.live(head.actorId, head.peerId);
    if (broaderThan(head, others) === undefined) await this.#removeData(head, others);
  }

  async #removeData(head: Head, others: readonly Head[]): Promise<void> {
    if (head.scope.target !== "properties") return;
    const excludedScopes = others.filter(owns).map((other) => placeOf(other.scope));
    const stateVersion = Math.max(this.#deps.clock.now(), head.stateVersion + 1);
    const store = this.#deps.store(head.actorId, head.peerId);
    await store.removeScope(placeOf(head.scope), excludedScopes, { stateVersion, sequence: head.lastSeq });
  }

  /** Callbacks that wait in epochs before this one: those of this one may have been acknowledged just now. */
  async #emptyBuffer(key: Key, epoch: number): Promise<void> {
    await emptyPartition(this.#deps.table, { pk: bufferPartition(key), prefix: "", until: bufferEpoch(epoch) });
  }

  /** An ended head whose time has come: what was written late goes, then the head itself. */
  async purgeEnded(head: Head): Promise<void> {
    const { actorId, peerId, subscriptionId } = head;
    const { heads, table, trusts, store } = this.#deps;
    await this.#emptyBuffer(head.key, head.epoch + 1);
    const others = await heads.live(actorId, peerId);
    if (!head.keepData && broaderThan(head, others) === undefined) await this.#removeData(head, others);
    const trusted = (await trusts.get(actorId, peerId)) !== undefined;
    if (!trusted && !others.some((other) => isSame(other, head))) {
      await this.#emptyFailedEvents(actorId, failedEventPrefix(peerId, subscriptionId));
    }
    if (!trusted && others.length === 0 && !head.keepData) await store(actorId, peerId).deleteAll();
    try {
      await table.delete(head.key, equals("state", "ended"));
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
    if (!trusted) await heads.ownership.forget(actorId, peerId);
  }

  /** A peer may send again after it could not: what it sent meanwhile was refused, so it is asked where it is. */
  async catchUpAll(actorId: string, peerId: string): Promise<void> {
    const { heads, receiving, clock } = this.#deps;
    for (const head of await heads.live(actorId, peerId)) {
      const asked = await receiving.streams.requestRecovery(head, "catch_up", clock.now());
      if (asked !== undefined) await receiving.wakeUps.schedule(asked);
    }
  }

  /** A peer's trust has ended: every subscription with it, what waits and what failed, and its data unless it is kept. */
  async endAll(actorId: string, peerId: string, options: { readonly keepData: boolean }): Promise<void> {
    const { heads, store } = this.#deps;
    for (const head of await heads.live(actorId, peerId)) {
      await heads.end(head, options.keepData);
      await this.#emptyBuffer(head.key, head.epoch + 1);
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

const isBusy = (): ServiceError =>
  new ServiceError("service.unavailable", "This subscription is being worked on; try again in a moment.", {
    headers: { "Retry-After": "1" },
  });

/** What a path cannot name could never be read by itself. @throws ServiceError request.invalid, naming the field */
function demandPath({ subtarget, resource }: Scope): void {
  for (const [field, text] of Object.entries({ subtarget, resource })) {
    if (text === undefined || isPathKey(text)) continue;
    const why = `${field} must not have "%" or "?": gateways decode a path before they route it.`;
    throw new ServiceError("request.invalid", why, { field });
  }
}

function scopeOf(request: Scope): Scope {
  return compact({ target: request.target, subtarget: request.subtarget, resource: request.resource });
}

const ids = (head: Head) => ({ actorId: head.actorId, peerId: head.peerId, subscriptionId: head.subscriptionId });

const idsAndScope = (head: Head) => ({ peerId: head.peerId, subscriptionId: head.subscriptionId, ...head.scope });

/** Why a publisher could not be read, as our answer: 408 when it was not reached, 502 with its status when it said something. */
function readError(failure: ReadFailure): ServiceError {
  const { reason, status, unreachable } = failure;
  if (unreachable === true) {
    return new ServiceError("peer.unreachable", `The publisher could not be read (${reason}); it will be tried again.`);
  }
  const extra = status === undefined ? {} : { peerStatus: status };
  const code = status !== undefined && status >= 400 && status < 500 ? "peer.refused" : "peer.invalid_answer";
  return new ServiceError(code, `The publisher could not be read (${reason}); it will be tried again.`, { extra });
}

/** A peer's failure as our answer: 408 when it could not be reached, 502 with its status when it said no. */
function peerError(failure: RemoteFailure, what: string): ServiceError {
  const status = failure.status;
  if (failure.kind === "unreachable") {
    return new ServiceError("peer.unreachable", `The peer could not be reached for ${what}: ${failure.message}`);
  }
  const extra = status === undefined ? {} : { peerStatus: status };
  const code = failure.kind === "refused" || failure.kind === "blocked" ? "peer.refused" : "peer.invalid_answer";
  return new ServiceError(code, `The peer did not make ${what}: ${failure.message}`, { extra });
}
