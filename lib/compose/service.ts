/** Everything the functions need, put together over one runtime: trust, receiving, subscriptions, due work. */
import { setTimeout as pause } from "node:timers/promises";
import { ActorDeletion } from "../operations/deletion.ts";
import type { ActingWebApp } from "../application/acting-web-app.ts";
import { Actor } from "../application/actor.ts";
import type { ActorServices } from "../application/actor.ts";
import { StateHooks } from "../application/state-hooks.ts";
import { composeDueWork } from "./due-work.ts";
import type { RunDue } from "../scheduler/due-work.ts";
import { TrustCache } from "../publishing/delivery/trust-cache.ts";
import { deliveryServices } from "../publishing/delivery/delivery-services.ts";
import type { DeliveryServices, DeliveryServicesDeps } from "../publishing/delivery/delivery-services.ts";
import { placeOf } from "../domain/terms/scope.ts";
import { currentTrace } from "../system/request-context.ts";
import { PeerReader } from "../receiving/replica/peer-reader.ts";
import { PeerStore } from "../receiving/replica/peer-store.ts";
import { storedState } from "../receiving/replica/stored-state.ts";
import { CapabilityRefresh } from "../publishing/subscribers/capability-refresh.ts";
import { RemoteActor } from "../peers/remote-actor.ts";
import { RemotePublisher } from "../peers/remote-publisher.ts";
import { unsubscribe } from "../peers/remote-subscriptions.ts";
import type { Deadline } from "../system/ports.ts";
import { PositionedReads } from "../publishing/snapshots/positioned-reads.ts";
import { PropertyStore } from "../properties/property-store.ts";
import { ChangeLog } from "../change-log/change-log.ts";
import type { After } from "../change-log/commit-line.ts";
import { inboundServices } from "./inbound-services.ts";
import type { InboundServices } from "./inbound-services.ts";
import type { InboundDeps } from "../publishing/subscribers/inbound-subscriptions.ts";
import { LogCommits } from "../change-log/log-commits.ts";
import { StateSnapshots } from "../publishing/snapshots/state-snapshot.ts";
import { AppEvents } from "../publishing/subscribers/app-events.ts";
import type { NotifySubscribers } from "../publishing/subscribers/app-events.ts";
import { Suspensions } from "../publishing/subscribers/suspensions.ts";
import { removeStandaloneStreams } from "../receiving/intake/standalone-streams.ts";
import type { Publishers } from "../peers/publisher.ts";
import { createReceiving } from "../receiving/intake/receiving.ts";
import type { Receiving } from "../receiving/intake/receiving.ts";
import { STATE_PIECES } from "../receiving/recovery/state-replacement.ts";
import { composeRuntime, systemPorts } from "./runtime.ts";
import type { Ports, Runtime } from "./runtime.ts";
import { GrantStore, readsOfGrant } from "../receiving/subscriptions/grant-store.ts";
import { RelationshipRules, rulesDigest } from "../trust/relationship-rules.ts";
import type { PermissionStore } from "../trust/permission-store.ts";
import { GrantChanges } from "../receiving/subscriptions/grant-changes.ts";
import { OutboundHeads } from "../receiving/subscriptions/outbound-heads.ts";
import { OutboundSubscriptions } from "../receiving/subscriptions/outbound-subscriptions.ts";
import { Resubscription } from "../receiving/subscriptions/resubscription.ts";
import { CallbackAuthenticator } from "../trust/callback-authenticator.ts";
import type { PermissionsLater } from "../trust/peer-calls.ts";
import { trustServices } from "../trust/trust-services.ts";
import type { TrustConsequences, TrustServices } from "../trust/trust-services.ts";

export interface Service extends Runtime, InboundServices, DeliveryServices {
  readonly app: ActingWebApp;
  readonly receiving: Receiving;
  readonly heads: OutboundHeads;
  readonly outbound: OutboundSubscriptions;
  readonly trust: TrustServices;
  readonly deletion: ActorDeletion;
  readonly runDue: RunDue;
  readonly store: (actorId: string, peerId: string) => PeerStore;
  readonly grants: GrantChanges;
  readonly permissions: PermissionStore;
  readonly capabilities: CapabilityRefresh;
  readonly suspensions: Suspensions;
  readonly changeLog: ChangeLog;
  readonly commits: LogCommits;
  readonly properties: PropertyStore;
  readonly positioned: PositionedReads;
  readonly snapshots: StateSnapshots;
  readonly authenticator: CallbackAuthenticator;
  readonly actorOf: (actorId: string) => Actor;
  readonly stateHooks: StateHooks;
}

const after: After = (ms, call) => {
  const timer = setTimeout(call, ms);
  return () => {
    clearTimeout(timer);
  };
};

/** Puts the service together over the given ports. */
export function composeService(app: ActingWebApp, ports: Ports): Service {
  const base = composeRuntime(app, ports);
  const { table, clock, ids, log, config, http, queue, trusts } = base;
  const store = (actorId: string, peerId: string): PeerStore => new PeerStore({ table, clock, actorId, peerId });
  const remote = (trust: { actorId: string; baseUri: string; secret: string }, deadline?: Deadline): RemoteActor =>
    new RemoteActor({
      ...{ http, baseUri: trust.baseUri, bearer: trust.secret, ourId: trust.actorId },
      ...currentTrace(),
      ...(deadline === undefined ? {} : { deadline }),
    });
  const publishers: Publishers = async (actorId, peerId, deadline) => {
    const trust = await trusts.get(actorId, peerId);
    return trust?.approved === true ? new RemotePublisher(remote(trust, deadline)) : undefined;
  };
  const authenticator = new CallbackAuthenticator(table);
  const heads = new OutboundHeads({
    ...{ table, clock },
    askResync: async (head, also) => {
      const asked = await receiving.streams.requestRecovery(head, "resync", clock.now(), also);
      if (asked !== undefined) await receiving.wakeUps.schedule(asked);
      return asked;
    },
  });
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
  const grantStore = new GrantStore(table);
  const receiving = createReceiving({
    ...{ table, clock, ids, log, queue, publishers, authenticator, settings },
    random: Math.random,
    runner: app,
    state: async (event) => {
      const head = await heads.get(event.actorId, event.peerId, event.subscriptionId);
      const reader = new PeerReader({ table, actorId: event.actorId, peerId: event.peerId });
      return await storedState(reader, placeOf(event), head?.excludedScopes ?? []);
    },
    data: store,
    openTo: async (actorId, peerId) => {
      if (config.autoDeleteOnRevocation) return undefined;
      const grant = await grantStore.get(actorId, peerId);
      return grant === undefined ? undefined : readsOfGrant(grant);
    },
    forgotten: {
      again: async (...forgotten) => await resubscription.again(...forgotten),
      ended: async (head) => await resubscription.ended(head),
    },
    purgeEnded: async (head) => {
      await outbound.purgeEnded(head);
    },
  });
  const lifecycle: InboundDeps["lifecycle"] = async (name, event) => {
    try {
      await app.runSubscriptionHook(name, event);
    } catch (error) {
      log.error("hook failed", { hook: name, error });
    }
  };
  const outbound = new OutboundSubscriptions({
    ...{ table, clock, log, heads, trusts, authenticator, receiving, store, remote, settings },
    lifecycle,
  });
  const resubscription = new Resubscription({
    ...{ table, clock, log, heads, trusts, authenticator, remote, settings },
    receiving: () => receiving,
    end: async ({ actorId, peerId, subscriptionId }) => {
      await outbound.end(actorId, peerId, subscriptionId, { notifyPeer: false });
    },
  });
  const consequences: TrustConsequences = {
    approved: async ({ actorId, peerId }, digest, revision) => {
      await heads.authorize(actorId, peerId, digest, revision);
      await outbound.catchUpAll(actorId, peerId);
      await delivery.maintenance.wake(actorId);
    },
    revoked: async ({ actorId, peerId }, revision) => {
      await heads.authorize(actorId, peerId, undefined, revision);
    },
    ended: async ({ actorId, peerId }, options) => {
      await outbound.endAll(actorId, peerId, options);
      await inbounds.inbound.endAll(actorId, peerId);
      await removeStandaloneStreams(table, actorId, peerId);
    },
  };
  const changeLog = new ChangeLog({ table, clock, retentionDays: config.diffRetentionDays });
  const digest = rulesDigest(app.relationships);
  const trustCache = new TrustCache({ table, clock });
  const commits = new LogCommits({
    ...{ table, clock, changeLog, log, random: Math.random },
    pause: async (ms) => await pause(ms),
    after,
    committed: async (commit) => {
      await delivery.callbacks.committed(commit);
    },
    invalidateCaches: (commit) => {
      trustCache.invalidateNamed(commit);
    },
    rules: {
      digest,
      confirm: async (actorId) => {
        await rules.confirm(actorId);
      },
    },
  });
  const permissionsLater: PermissionsLater = {
    isPaused: (trustCache) => delivery.deferredPermissions.isPaused(trustCache),
    defer: async (...deferred) => await delivery.deferredPermissions.defer(...deferred),
  };
  const trust = trustServices({ ...base, commits, permissionsLater }, consequences);
  const permissions = trust.permissionStore;
  const rules = new RelationshipRules({
    ...{ clock, commits, permissions, digest },
    subscribers: async (actorId) => [
      ...new Set((await inbounds.inboundHeads.all(actorId)).map(({ peerId }) => peerId)),
    ],
  });
  const properties = new PropertyStore({ table, clock, ids, commits });
  const deletion = new ActorDeletion({
    ...base,
    trust,
    removePeerData: async (actorId, peerId) => {
      await store(actorId, peerId).deleteAll();
    },
  });
  const capabilities = new CapabilityRefresh({
    ...{ table, clock, log, random: Math.random },
    reader: (actorId) => actorOf(actorId),
  });
  const suspensions = new Suspensions({ table, commits, fanOut: async (made) => await notify(made) });
  const runDue = composeDueWork({
    ...{ table, clock, log, receiving, deletion, capabilities },
    trust,
    ownership: heads.ownership,
    maintenance: { runDue: async (...due) => await delivery.maintenance.runDue(...due) },
    breakers: { runDue: async (...due) => await delivery.breakerRecovery.runDue(...due) },
    grants: { resume: async (...due) => await grants.resume(...due) },
    refusedHeads: { runDue: async (...due) => await delivery.refusedHeads.runDue(...due) },
  });
  const grants = new GrantChanges({
    ...{ table, clock, log, heads, receiving, store, settings: config },
    grants: grantStore,
  });
  const actorOf = (actorId: string): Actor => new Actor(actorId, actorServices());
  app.bind(actorOf);
  const stateHooks = new StateHooks({ app, actorOf, log, timeoutMs: settings.hookTimeoutMs });
  const snapshots = new StateSnapshots({
    ...{ table, log: changeLog, properties },
    ownTarget: async (...requested) => await stateHooks.text(...requested),
  });
  const inbounds = inboundServices({
    ...{ table, clock, ids, log, commits, changeLog, lifecycle },
    incarnation: config.incarnation,
    retentionDays: config.diffRetentionDays,
    subscribed: async (...peer) => await capabilities.requestRefresh(...peer),
    renewed: async (head) => await delivery.refusedHeads.renew(head),
    permissions: async (actorId, peerId) => {
      const trustCache = await trusts.get(actorId, peerId);
      return trustCache === undefined ? undefined : permissions.of(trustCache).properties;
    },
    notifyEnded: async (actorId, peerId, id) => {
      const trustCache = await trusts.get(actorId, peerId);
      const answer = trustCache === undefined ? undefined : await unsubscribe(remote(trustCache), id, clock);
      if (answer?.ok === false)
        log.warn("a peer was not notified that its subscription ended", { actorId, peerId, id });
      return answer?.ok !== false;
    },
    snapshot: async (...requested) => await snapshots.snapshot(...requested),
    rootOf: (actorId) => `${config.baseUrl}/${actorId}`,
  });
  const deliveryParts: DeliveryServicesDeps = {
    ...{ table, clock, ids, log, http, queue, config, changeLog, properties, permissions, trustCache },
    inboundHeads: inbounds.inboundHeads,
    cursors: inbounds.cursors,
    retention: inbounds.retention,
    random: Math.random,
    pause: async (ms) => await pause(ms),
    notifyPermissions: async (...late) => await trust.permissions.notifyLate(...late),
    ended: async ({ actorId, peerId, id }) => {
      const ids = { actorId, peerId, subscriptionId: id };
      try {
        await inbounds.inbound.end(actorId, peerId, id, { notifyPeer: false, quiet: true });
        log.info("a subscription has ended, as its peer says", ids);
        await delivery.maintenance.wake(actorId);
      } catch (error) {
        log.error("a subscription was not ended; the sweep tries it again", { ...ids, error });
      }
    },
    after,
  };
  const delivery = deliveryServices(deliveryParts);
  const appEvents = new AppEvents({ commits });
  const notify: NotifySubscribers = async (commit) => await delivery.callbacks.deliver(commit);
  const actorServices = (): ActorServices => ({
    ...{ ...base, ...inbounds, properties, trust, heads, outbound, remote, changeLog, appEvents, suspensions, notify },
    deliveryBy: (rules) => deliveryServices(deliveryParts, rules),
  });
  const positioned = new PositionedReads({ table, log: changeLog, properties, positions: inbounds.cursors });
  const publishing = {
    ...inbounds,
    ...delivery,
    snapshots,
    authenticator,
    permissions,
    capabilities,
    suspensions,
    changeLog,
    commits,
    properties,
    positioned,
    stateHooks,
  };
  return { ...base, app, receiving, heads, outbound, trust, deletion, runDue, store, grants, ...publishing, actorOf };
}

let shared: Service | undefined;

/** The service of this instance, made at the first call. @throws ConfigError when the environment is not usable */
export function service(app: ActingWebApp): Service {
  shared ??= composeService(app, systemPorts(app));
  return shared;
}
