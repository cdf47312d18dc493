/** Our subscriptions to peers: made at the peer, brought up to date, cleared. */
import { compact } from "../../system/compact.ts";
import type { SubscriptionLifecycle } from "../../actors/application.ts";
import type { PeerRef } from "../../domain/terms/refs.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import { isPathKey } from "../../domain/diff/peer-names.ts";
import type { Table } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock, Deadline, Log } from "../../system/ports.ts";
import type { RemoteOf } from "../../peers/remote-actor.ts";
import type { RemoteFailure } from "../../peers/remote-answer.ts";
import { subscribe } from "../../peers/remote-subscriptions.ts";
import { idsOf } from "../stream/event-applier.ts";
import type { Granularity, Head } from "../stream/head.ts";
import type { ReadFailure } from "../../peers/publisher.ts";
import { recoverStream, type Recovered } from "../recovery/recover-stream.ts";
import { clearStream } from "../stream/stream-lives.ts";
import type { Receiving } from "../intake/receiving.ts";
import { emptyBuffer, type OutboundEnding } from "./outbound-ending.ts";
import type { OutboundHeads } from "./outbound-heads.ts";
import { owns } from "./ownership.ts";
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
  readonly receiving: Receiving;
  readonly ending: Pick<OutboundEnding, "giveUp">;
  readonly remote: RemoteOf;
  readonly settings: { readonly reconcileMs: number; readonly autoStorage: boolean };
  readonly lifecycle: SubscriptionLifecycle;
}

/** The result of bringing a subscription up to date. */
export type BroughtUp = Extract<Recovered, { is: "caught_up" | "resynced" | "underway" }>;

/** Makes, resyncs and clears our subscriptions to peers. */
export class OutboundSubscriptions {
  readonly #deps: OutboundDeps;

  constructor(deps: OutboundDeps) {
    this.#deps = deps;
  }

  /**
   * Subscribes to a peer and reads its state, the baseline. A baseline that fails does not fail the call: it is due again.
   *
   * @throws ServiceError request.invalid for a part that no path can name, resource.not_found without a trust,
   *   auth.forbidden when we have not approved it, peer.unreachable (408), peer.refused and peer.invalid_answer (502)
   */
  async subscribe(
    actorId: string,
    request: SubscriptionRequest,
    deadline: Deadline,
  ): Promise<{ head: Head; location: string }> {
    const { heads, trusts, authenticator, settings, receiving, ending } = this.#deps;
    demandPath(request);
    const trust = await trusts.get(actorId, request.peerId);
    if (trust === undefined) throw new ServiceError("resource.not_found", "There is no trust with this peer.");
    if (!trust.approved)
      throw new ServiceError("auth.forbidden", "The trust with this peer is not approved; approve it first.");
    const made = await subscribe(this.#deps.remote(trust), scopeOf(request), request.granularity);
    if (!made.ok) throw subscribeError(made);
    const auth = secretDigest(trust.secret);
    const { subscriptionId, granularity, location } = made.value;
    const before = await heads.get({ actorId, peerId: request.peerId, subscriptionId });
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
    if (before !== undefined && owns(before) && !owns(head)) await ending.giveUp(head);
    await this.#deps.lifecycle("subscription_created", { ...idsOf(head), ...head.scope });
    await this.#baseline(head, deadline);
    const item = await receiving.streams.read(head.key);
    return { head: item ?? head, location };
  }

  async #baseline(head: Head, deadline: Deadline): Promise<void> {
    const { receiving, log } = this.#deps;
    try {
      await recoverStream(receiving, head.key, { kind: "resync" }, deadline);
    } catch (error) {
      // The head was made with the baseline requested and due.
      log.warn("the baseline failed and will be tried again", { ...idsOf(head), error: String(error) });
      await receiving.wake(head);
    }
  }

  /**
   * Brings one subscription up to date now. `catch_up` applies what is missing, and reads the state only where it must;
   * `resync` reads the state in any case, where there is one.
   *
   * @throws ServiceError resource.not_found when there is none, service.unavailable while another works on it,
   *   peer.unreachable, peer.refused and peer.invalid_answer
   */
  async resync(head: Head, mode: "catch_up" | "resync", deadline: Deadline): Promise<BroughtUp> {
    const kind = mode === "resync" ? "refresh" : mode;
    const recovered = await recoverStream(this.#deps.receiving, head.key, { kind }, deadline);
    switch (recovered.is) {
      case "caught_up":
      case "resynced":
      case "underway":
        return recovered;
      case "busy":
        throw underWay();
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
   * Begins a subscription's numbering again: epoch + 1, nothing applied, nothing buffered. Acquires the stream's lease.
   *
   * @throws ServiceError service.unavailable while the lease is another's
   */
  async clearState(head: Head, deadline: Deadline): Promise<void> {
    const { table, receiving, clock, settings, log } = this.#deps;
    const acquired = await receiving.streams.acquireLease(head.key, {
      leaseMs: deadline.remaining(),
      evenReplacing: true,
    });
    if (!acquired.won) throw underWay();
    const clearing = clearStream(acquired.head, clock.now(), settings.reconcileMs);
    const cleared = await receiving.streams.amend(head.key, clearing);
    if (cleared === undefined) {
      await receiving.streams.release(acquired.head);
      throw underWay();
    }
    await emptyBuffer(table, cleared.key, cleared.epoch);
    log.info("state cleared", idsOf(head));
  }

  /** For a peer that may send again: what it sent meanwhile was refused, so every subscription to it catches up. */
  async catchUpAll({ actorId, peerId }: PeerRef): Promise<void> {
    const { heads, receiving, clock } = this.#deps;
    for (const head of await heads.live(actorId, peerId)) {
      const asked = await receiving.streams.requestRecovery(head, "catch_up", clock.now());
      if (asked !== undefined) await receiving.wake(asked);
    }
  }
}

const underWay = (): ServiceError =>
  new ServiceError("service.unavailable", "This subscription is being worked on; try again in a moment.", {
    headers: { "Retry-After": "1" },
  });

/** Refuses a scope that no path can name, because it could never be read. @throws ServiceError request.invalid with `field` */
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

/** A peer's failure as our answer: 408 when the peer was not reached, 502 with its status when it answered. */
function peerError(
  code: "peer.unreachable" | "peer.refused" | "peer.invalid_answer",
  message: string,
  status: number | undefined,
): ServiceError {
  const peerStatus = code === "peer.unreachable" ? undefined : status;
  return new ServiceError(code, message, { extra: compact({ peerStatus }) });
}

function readError({ reason, status, unreachable }: ReadFailure): ServiceError {
  const refused = status !== undefined && status >= 400 && status < 500;
  const code = unreachable === true ? "peer.unreachable" : refused ? "peer.refused" : "peer.invalid_answer";
  return peerError(code, `The publisher could not be read (${reason}); it will be tried again.`, status);
}

function subscribeError({ kind, status, message }: RemoteFailure): ServiceError {
  if (kind === "unreachable") {
    return peerError("peer.unreachable", `The peer could not be reached for the subscription: ${message}`, status);
  }
  const code = kind === "refused" || kind === "blocked" ? "peer.refused" : "peer.invalid_answer";
  return peerError(code, `The peer did not make the subscription: ${message}`, status);
}
