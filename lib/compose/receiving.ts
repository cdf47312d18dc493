/** The receiving side: our subscriptions to peers, put together over one runtime. */
import type { ActingWebApp } from "../application/acting-web-app.ts";
import type { SubscriptionLifecycle } from "../actors/application.ts";
import { placeOf } from "../domain/terms/scope.ts";
import type { Publishers } from "../peers/publisher.ts";
import { RemotePublisher } from "../peers/remote-publisher.ts";
import { createReceiving, createStreams, type Receiving } from "../receiving/intake/receiving.ts";
import { STATE_PIECES } from "../receiving/recovery/recovery-settings.ts";
import { PeerReader } from "../receiving/replica/peer-reader.ts";
import { PeerStore } from "../receiving/replica/peer-store.ts";
import { storedState } from "../receiving/replica/stored-state.ts";
import type { GrantDeps } from "../receiving/subscriptions/grant-changes.ts";
import { readGrant, readsOfGrant } from "../receiving/subscriptions/grant-store.ts";
import { OutboundEnding } from "../receiving/subscriptions/outbound-ending.ts";
import { OutboundHeads } from "../receiving/subscriptions/outbound-heads.ts";
import type { OwnershipDeps } from "../receiving/subscriptions/ownership.ts";
import { OutboundSubscriptions } from "../receiving/subscriptions/outbound-subscriptions.ts";
import { resubscribe } from "../receiving/subscriptions/resubscription.ts";
import { CallbackAuthenticator } from "../trust/callback-authenticator.ts";
import type { Runtime } from "./runtime.ts";

export interface ReceivingServices {
  readonly receiving: Receiving;
  readonly authenticator: CallbackAuthenticator;
  readonly heads: OutboundHeads;
  readonly outbound: OutboundSubscriptions;
  readonly outboundEnding: OutboundEnding;
  readonly ownership: OwnershipDeps;
  readonly grants: GrantDeps;
  /** The copy of a peer's state. */
  readonly store: (actorId: string, peerId: string) => PeerStore;
}

/** Puts the receiving side together: streams, heads and their end, the engine, and subscriptions on top of it. */
export function composeReceiving(
  base: Runtime,
  app: ActingWebApp,
  lifecycle: SubscriptionLifecycle,
): ReceivingServices {
  const { table, clock, trusts, remote, config } = base;
  const settings = {
    incarnation: config.incarnation,
    maxPending: config.maxPending,
    gapTimeoutMs: config.gapTimeoutSeconds * 1_000,
    reconcileMs: config.reconcileIntervalSeconds * 1_000,
    autoStorage: config.autoStorage,
    nestedDiffs: config.nestedDiffs,
    hookMaxAttempts: config.hookMaxAttempts,
    hookTimeoutMs: config.hookTimeoutSeconds * 1_000,
    resubscribe: config.resubscribe,
    pieces: STATE_PIECES,
  };
  const store = (actorId: string, peerId: string): PeerStore => new PeerStore({ table, clock, actorId, peerId });
  const authenticator = new CallbackAuthenticator(table);
  const streaming = createStreams({ ...base, settings });
  const { streams, wake } = streaming;
  const ownership: OwnershipDeps = {
    table,
    clock,
    askResync: async (head, also) => {
      const requested = await streams.requestRecovery(head, "resync", clock.now(), also);
      if (requested !== undefined) await wake(requested);
      return requested;
    },
  };
  const heads = new OutboundHeads(ownership);
  const ending = new OutboundEnding({ ...base, heads, store, lifecycle });
  const publishers: Publishers = async (actorId, peerId, deadline) => {
    const trust = await trusts.get(actorId, peerId);
    return trust?.approved === true ? new RemotePublisher(remote(trust, deadline)) : undefined;
  };
  const receiving = createReceiving(
    {
      ...base,
      publishers,
      authenticator,
      settings,
      logEpoch: config.logEpoch,
      runner: app,
      data: store,
      state: async (event) => {
        const head = await heads.get(event);
        const reader = new PeerReader({ ...event, table });
        return await storedState(reader, placeOf(event), head?.excludedScopes ?? []);
      },
      openTo: async (actorId, peerId) => {
        if (config.autoDeleteOnRevocation) return undefined;
        const grant = await readGrant(table, { actorId, peerId });
        return grant === undefined ? undefined : readsOfGrant(grant);
      },
      forgotten: {
        again: async (head, deadline) =>
          await resubscribe({ ...base, heads, authenticator, wake, settings }, head, deadline),
        ended: async (head) => {
          await ending.end(head, { notifyPeer: false });
        },
      },
      purgeEnded: async (head) => await ending.purgeEnded(head),
    },
    streaming,
  );
  return {
    receiving,
    authenticator,
    heads,
    outbound: new OutboundSubscriptions({ ...base, heads, authenticator, receiving, ending, lifecycle, settings }),
    outboundEnding: ending,
    ownership,
    grants: { ...base, heads, receiving, store, settings: config },
    store,
  };
}
