/** The publishing side: properties, the change log, and peers' subscriptions to us, put together over one runtime. */
import type { ActingWebApp } from "../application/acting-web-app.ts";
import type { SubscriptionLifecycle } from "../actors/application.ts";
import { ChangeLog } from "../change-log/change-log.ts";
import { LogCommits, type Commit, type Commits, type Publisher } from "../change-log/log-commits.ts";
import { unsubscribe } from "../peers/remote-subscriptions.ts";
import { TrustCapabilityCache } from "../peers/trust-capability-cache.ts";
import { PropertyStore } from "../properties/property-store.ts";
import { BreakerStore } from "../publishing/delivery/breaker-store.ts";
import { deliverSlice, type DeliverSlice } from "../publishing/delivery/slice-delivery.ts";
import { ChangeLogMaintenance, wakeMaintenance } from "../publishing/delivery/change-log-maintenance.ts";
import { DeferredPermissions } from "../publishing/delivery/deferred-permissions.ts";
import { DeliveryBudget } from "../engine/delivery-budget.ts";
import {
  breakerPolicy,
  deliveryServices,
  type DeliveryServices,
  type DeliveryServicesDeps,
  type DeliverySettings,
} from "../publishing/delivery/delivery-services.ts";
import { retryRefused } from "../publishing/delivery/refused-heads.ts";
import { TrustCache } from "../publishing/delivery/trust-cache.ts";
import type { NotifySubscribers } from "../publishing/subscribers/app-events.ts";
import { CapabilityRefresh } from "../publishing/subscribers/capability-refresh.ts";
import { CursorStore } from "../publishing/subscribers/cursor-store.ts";
import { InboundHeads } from "../publishing/subscribers/inbound-heads.ts";
import { InboundSubscriptions } from "../publishing/subscribers/inbound-subscriptions.ts";
import { RecordRetention } from "../publishing/subscribers/record-retention.ts";
import { readSubscriptionContext, type PermissionsOf } from "../publishing/subscribers/subscription-context.ts";
import { Suspensions } from "../publishing/subscribers/suspensions.ts";
import { UnnotifiedEnds } from "../publishing/subscribers/unnotified-ends.ts";
import { EventHookBeginnings } from "../listeners/event-hooks/event-hook-beginnings.ts";
import { PeerCalls } from "../trust/peer-calls.ts";
import { notifyLate } from "../trust/permission-changes.ts";
import { confirmRules, rulesDigest } from "../trust/relationship-rules.ts";
import { LISTENER_TROUBLE } from "../system/metric-names.ts";
import { composeListeners, type ListenerServices } from "./listeners.ts";
import type { Runtime } from "./runtime.ts";

export interface PublishingServices extends DeliveryServices, ListenerServices {
  readonly changeLog: ChangeLog;
  /** Commits, each followed by the delivery of what it made. */
  readonly commits: Commits;
  /** The same without the delivery: of those who deliver themselves, or let the worker do it. */
  readonly unpublished: Commits;
  readonly properties: PropertyStore;
  readonly inboundHeads: InboundHeads;
  readonly cursors: CursorStore;
  readonly inbound: InboundSubscriptions;
  readonly capabilities: CapabilityRefresh;
  readonly suspensions: Suspensions;
  readonly maintenance: ChangeLogMaintenance;
  /** Delivers to the subscribers of one bucket; see `slice-delivery.ts`. */
  readonly deliverSlice: DeliverSlice;
  readonly retention: RecordRetention;
  /** The permissions of a peer on the properties now; undefined without a trust. */
  readonly permissionsOf: PermissionsOf;
  /** The calls that trust makes to peers. */
  readonly calls: PeerCalls;
  readonly notify: NotifySubscribers;
  /** Delivery by other settings than the configuration's. */
  readonly deliveryBy: (settings: DeliverySettings) => DeliveryServices;
}

/** The change log, and what reads it: commits that are not published yet, cursors, retention. */
function composeLog(base: Runtime, app: ActingWebApp) {
  const { table, clock, log, config, trusts, permissions } = base;
  const inboundHeads = new InboundHeads(table);
  const changeLog = new ChangeLog({
    table,
    clock,
    retentionDays: config.diffRetentionDays,
    allEvents: config.allEvents,
  });
  const trustCache = new TrustCache({ table, clock });
  const digest = rulesDigest(app.relationships);
  const subscribers = async (actorId: string) => await inboundHeads.peers(actorId);
  const beginnings = new EventHookBeginnings({ runner: app, clock, epoch: config.logEpoch });
  const unpublished = new LogCommits({
    ...base,
    changeLog,
    invalidateCaches: (commit) => trustCache.invalidateNamed(commit),
    eventHooks: beginnings,
    ...(config.allEvents && {
      onLate: ({ actorId, newest }: Commit, ms: number) => {
        log.error("a change was committed late", { actorId, record: newest, ms, trouble: LISTENER_TROUBLE });
      },
    }),
    rules: {
      digest,
      confirm: async (actorId, commits) =>
        await confirmRules({ clock, permissions, digest, subscribers }, actorId, commits),
    },
  });
  const permissionsOf: PermissionsOf = async (actorId, peerId) => {
    const trust = await trusts.get(actorId, peerId);
    return trust === undefined ? undefined : permissions.of(trust).properties;
  };
  const contextDeps = { table, heads: inboundHeads, permissions: permissionsOf };
  const cursors = new CursorStore({
    table,
    clock,
    changeLog,
    commits: unpublished,
    incarnation: config.incarnation,
    contextOf: async (actorId, peerId) => await readSubscriptionContext(contextDeps, actorId, peerId),
  });
  const retention = new RecordRetention({ clock, log, changeLog, cursors, allEvents: config.allEvents });
  return { inboundHeads, changeLog, trustCache, unpublished, permissionsOf, cursors, retention };
}

/** Puts the publishing side together: the log, peers' subscriptions, delivery, and the commits that it follows. */
export function composePublishing(
  base: Runtime,
  app: ActingWebApp,
  lifecycle: SubscriptionLifecycle,
): PublishingServices {
  const { table, clock, log, http, config, trusts, remote, permissions } = base;
  const composed = composeLog(base, app);
  const { inboundHeads, changeLog, trustCache, unpublished, permissionsOf, cursors, retention } = composed;

  const capabilities = new CapabilityRefresh({
    ...base,
    reader: (actorId) => ({
      clock,
      capabilityCache: (peerId) => new TrustCapabilityCache(table, actorId, peerId),
      remoteActor: async (peerId) => {
        const trust = await trusts.get(actorId, peerId);
        return trust === undefined ? undefined : remote(trust);
      },
    }),
  });
  const unnotifiedEnds = new UnnotifiedEnds({ table, clock, keepDays: config.diffRetentionDays });
  const inboundBy = (commits: Commits): InboundSubscriptions =>
    new InboundSubscriptions({
      ...base,
      heads: inboundHeads,
      commits,
      changeLog,
      cursors,
      unnotifiedEnds,
      lifecycle,
      permissions: permissionsOf,
      subscribed: async (actorId, peerId) => await capabilities.requestRefresh(actorId, peerId),
      renewed: async (head) => await retryRefused(base, head),
      notifyEnded: async ({ actorId, peerId, id }) => {
        const trust = await trusts.get(actorId, peerId);
        const answer = trust === undefined ? undefined : await unsubscribe(remote(trust), id, clock);
        if (answer?.ok === false)
          log.warn("a peer was not notified that its subscription ended", { actorId, peerId, id });
        return answer?.ok !== false;
      },
    });

  const listening = composeListeners(base, app, { changeLog, unpublished });
  const { listeners } = listening;
  const breakers = new BreakerStore({ ...base, trustCache, policy: breakerPolicy(config) });
  const deferredPermissions = new DeferredPermissions({ ...base, trustCache, breakers });
  const calls = new PeerCalls(http, log, clock, deferredPermissions);
  const unpublishedInbound = inboundBy(unpublished);
  const deliveryDeps: DeliveryServicesDeps = {
    ...base,
    changeLog,
    inboundHeads,
    cursors,
    listeners,
    trustCache,
    deferredPermissions,
    notifyPermissions: async (trust, timestamp) => await notifyLate({ calls, permissions }, trust, timestamp),
    // Not published, because this is called by a delivery: maintenance delivers what the end makes for a broader one.
    ended: async ({ actorId, peerId, id }) => {
      const ids = { actorId, peerId, subscriptionId: id };
      try {
        await unpublishedInbound.end({ actorId, peerId, id }, { notifyPeer: false });
        log.info("a subscription has ended, as its peer says", ids);
        await wakeMaintenance(base, actorId);
      } catch (error) {
        log.error("a subscription was not ended; the sweep tries it again", { ...ids, error });
      }
    },
  };
  const delivery = deliveryServices(deliveryDeps);
  const { fanOut } = delivery;

  // In async mode a commit resolves at once.
  const inBackground: Publisher = {
    publish: (commit) => {
      void fanOut.publish(commit, DeliveryBudget.from(clock));
      return Promise.resolve();
    },
  };
  const commits = unpublished.publishedBy(config.callbackMode === "sync" ? fanOut : inBackground);
  const properties = new PropertyStore({ ...base, commits });
  const notify: NotifySubscribers = async (commit) => await fanOut.publish(commit);
  return {
    ...delivery,
    ...listening,
    changeLog,
    commits,
    unpublished,
    properties,
    inboundHeads,
    cursors,
    inbound: inboundBy(commits),
    capabilities,
    suspensions: new Suspensions({ table, commits, fanOut: notify }),
    deliverSlice: async (slice, deadline) => {
      await deliverSlice({ ...base, heads: inboundHeads, changeLog, fanOut }, slice, deadline);
    },
    maintenance: new ChangeLogMaintenance({
      ...base,
      heads: inboundHeads,
      fanOut,
      listeners,
      properties,
      retention,
      changeLog,
    }),
    retention,
    permissionsOf,
    calls,
    notify,
    deliveryBy: (settings) => deliveryServices(deliveryDeps, settings),
  };
}
