/** Who hears the change log beside peers: the ways out, one row each, what delivers to them, and what is due of them. */
import type { ActingWebApp } from "../application/acting-web-app.ts";
import type { ChangeLog } from "../change-log/change-log.ts";
import { combinedListeners, type Listeners, type ListenersOfKinds } from "../engine/listening.ts";
import { FailedEventStore, type SourceWrites } from "../failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../failed-events/hook-event.ts";
import { failedAt, sourceOf } from "../dynamodb/keys/failed-events.ts";
import { listenerKey, listenerOfKey, type ListenerKind, type ListenerRef } from "../dynamodb/keys/listeners.ts";
import { rootFailedKey } from "../dynamodb/keys/root-groups.ts";
import { webhookOfKey } from "../dynamodb/keys/webhooks.ts";
import { actorOfWithdrawal, isHubSubscription, isHubTopic } from "../dynamodb/keys/hub.ts";
import type { Key, Table } from "../dynamodb/table.ts";
import { ListenerDelivery } from "../listeners/delivery.ts";
import type { ListenerSessionsDeps } from "../listeners/listener-sessions.ts";
import { failedEventEnded } from "../listeners/listener-head.ts";
import type { Commits } from "../change-log/log-commits.ts";
import { groupListening } from "../listeners/groups/group-lag.ts";
import { Groups } from "../listeners/groups/groups.ts";
import { oneFailedEnded } from "../listeners/groups/root-group-item.ts";
import { RootGroups } from "../listeners/groups/root-groups.ts";
import { withBus } from "../listeners/bus-http.ts";
import { logSignals } from "../listeners/webhooks/webhook-signals.ts";
import { WebhookWay } from "../listeners/webhooks/webhook-way.ts";
import { Webhooks } from "../listeners/webhooks/webhooks.ts";
import { runDueSubscription, type DueSubscriptionDeps } from "../listeners/websub/due-subscription.ts";
import { HubWay } from "../listeners/websub/hub-way.ts";
import { hubListening, runDueTopic } from "../listeners/websub/topics.ts";
import { runDueWithdrawal } from "../listeners/websub/withdrawal.ts";
import { dueWorkKind, type DueWorkKind } from "../scheduler/due-work.ts";
import { retryDueEvent } from "../failed-events/retry-due-event.ts";
import { breakerPolicy } from "../publishing/delivery/delivery-services.ts";
import { rootUri } from "../trust/trust-services.ts";
import { composeEventHooks, type EventHookServices } from "./event-hooks.ts";
import type { Runtime } from "./runtime.ts";
import { DAY_MS } from "../system/units.ts";

export interface ListenerServices {
  readonly listeners: Listeners;
  /** The kinds of due work of all ways out. */
  readonly dueOfListeners: (parts: LaterParts) => readonly DueWorkKind[];
  readonly listenerEvents: FailedEventStore<ListenerEvent>;
  readonly eventHooks: EventHookServices;
}

/** What is composed after the ways out, and does some of the work that is due of them. */
export interface LaterParts {
  readonly webhooks: Pick<Webhooks, "resumeEnding" | "failed">;
  readonly hub: Omit<DueSubscriptionDeps, "way">;
}

/** One row of the table of ways out. */
interface Row {
  readonly listeners: ListenersOfKinds;
  /** Its kinds of due work; no two rows recognise the same key. */
  readonly due: (parts: LaterParts) => readonly DueWorkKind[];
}

/** A failed event counts at its webhook, or its group, as long as there is one; it never stops one by itself. */
const countedAt = (table: Pick<Table, "get">): SourceWrites<ListenerEvent> => ({
  stopped: () => Promise.resolve(undefined),
  resolved: async ({ actorId, source }) => {
    const of = sourceOf(source);
    if (of?.kind === "root-group") {
      const kept = (await table.get(rootFailedKey(of.id, actorId)))?.["failedEvents"];
      return kept === undefined ? undefined : { write: oneFailedEnded(of.id, actorId, Number(kept)) };
    }
    if (of?.kind !== "webhook" && of?.kind !== "group") return undefined;
    const ref = { actorId, kind: of.kind, id: of.id };
    const stands = (await table.get(listenerKey(ref), { only: [] })) !== undefined;
    return stands ? { write: failedEventEnded(ref) } : undefined;
  },
});

/** What delivers to a listener, and everything that is known of its failed events. */
type ListenerRowDeps = ListenerSessionsDeps & { readonly failedEvents: FailedEventStore<ListenerEvent> };

function webhookWay(base: Runtime, { failedEvents }: ListenerRowDeps): WebhookWay {
  const { config, log } = base;
  return new WebhookWay({
    ...base,
    http: withBus(base.http, base.bus),
    failedEvents,
    rootOf: (actorId) => rootUri(config, actorId),
    breaker: breakerPolicy(config),
    retentionMs: config.diffRetentionDays * DAY_MS,
    signalled: (webhook, noted) => {
      logSignals(log, webhook, noted);
      return Promise.resolve();
    },
  });
}

function webhookRow(base: Runtime, deps: ListenerRowDeps): Row {
  const delivery = new ListenerDelivery(deps, webhookWay(base, deps));
  return {
    listeners: delivery,
    due: ({ webhooks }) => [
      dueWorkKind((key) => listenerAt(key, "webhook"), { runDue: (ref, deadline) => delivery.runDue(ref, deadline) }),
      dueWorkKind(webhookOfKey, { runDue: (ref, deadline) => webhooks.resumeEnding(ref, deadline) }),
      dueWorkKind((key) => failedAt(key, "webhook"), { runDue: (key) => webhooks.failed.afterDeath(key) }),
    ],
  };
}

/** One run for all hooks of an actor, whose states share an item: a change costs the same however many hear it. */
function eventHookRow({ clock }: Runtime, { listener, failedEvents, hooks }: EventHookServices): Row {
  return {
    listeners: listener,
    due: () => [
      dueWorkKind((key) => listenerAt(key, "event-hooks"), {
        runDue: ({ actorId }, deadline) => listener.runDue(actorId, deadline),
      }),
      dueWorkKind((key) => failedAt(key, "event-hook"), {
        runDue: (key, deadline) => retryDueEvent({ failedEvents, hooks, clock }, key, deadline),
      }),
    ],
  };
}

/** Reads no records of its own: a change makes topics due, whose newest state goes out. */
function hubRow(base: Runtime, changeLog: ChangeLog): Row {
  const way = new HubWay(base);
  return {
    listeners: hubListening({ ...base, changeLog }),
    due: ({ hub: parts }) => {
      const hub = { ...parts, way };
      return [
        dueWorkKind(actorOfWithdrawal, { runDue: (actorId, deadline) => runDueWithdrawal(hub, actorId, deadline) }),
        dueWorkKind((key) => (isHubSubscription(key) ? key : undefined), {
          runDue: (key, deadline) => runDueSubscription(hub, key, deadline),
        }),
        dueWorkKind((key) => (isHubTopic(key) ? key : undefined), {
          runDue: (key, deadline) => runDueTopic(hub, key, deadline),
        }),
      ];
    },
  };
}

function listenerAt(key: Key, kind: ListenerKind): ListenerRef | undefined {
  const ref = listenerOfKey(key);
  return ref?.kind === kind ? ref : undefined;
}

/** Puts the listeners together: the table of ways out. One more takes its module and its row here. */
export function composeListeners(
  base: Runtime,
  app: ActingWebApp,
  { changeLog, unpublished }: { readonly changeLog: ChangeLog; readonly unpublished: Commits },
): ListenerServices {
  const { table, clock, config } = base;
  const listenerEvents = new FailedEventStore({ table, clock, epoch: config.logEpoch, source: countedAt(table) });
  const deps: ListenerRowDeps = {
    ...base,
    changeLog,
    commits: unpublished,
    failedEvents: listenerEvents,
    failedKeepDays: config.parkedKeepDays,
    epoch: config.logEpoch,
    retentionDays: config.diffRetentionDays,
    incarnation: config.incarnation,
  };
  const eventHooks = composeEventHooks(base, app, { changeLog, unpublished });
  const groups = groupListening({
    ...base,
    changeLog,
    epoch: config.logEpoch,
    retentionMs: config.diffRetentionDays * DAY_MS,
  });
  const rows: readonly Row[] = [
    webhookRow(base, deps),
    eventHookRow(base, eventHooks),
    hubRow(base, changeLog),
    // What is due of them is done by the groups themselves, which are composed later.
    { listeners: groups, due: () => [] },
  ];
  return {
    listeners: combinedListeners(rows.map(({ listeners }) => listeners)),
    dueOfListeners: (parts) => rows.flatMap(({ due }) => due(parts)),
    listenerEvents,
    eventHooks,
  };
}

/** The webhooks, as their owners make and change them. */
export function composeWebhooks(
  base: Runtime,
  parts: Pick<ListenerServices, "listenerEvents"> & {
    readonly changeLog: ChangeLog;
    readonly commits: Commits;
  },
): Webhooks {
  const { config } = base;
  return new Webhooks({
    ...base,
    http: withBus(base.http, base.bus),
    changeLog: parts.changeLog,
    commits: parts.commits,
    failedEvents: parts.listenerEvents,
    incarnation: config.incarnation,
    epoch: config.logEpoch,
    retentionMs: config.diffRetentionDays * DAY_MS,
    urls: {
      addresses: { allowHttp: config.allowHttpPeers, allowPrivate: config.allowPrivatePeers },
      bus: config.bus !== "none",
    },
    rootOf: (actorId) => rootUri(config, actorId),
  });
}

/** The consumer groups, as the routes need them. */
export function composeGroups(
  base: Runtime,
  parts: Pick<ListenerServices, "listenerEvents"> & {
    readonly changeLog: ChangeLog;
    readonly commits: Commits;
    readonly unpublished: Commits;
  },
): Groups {
  const { config } = base;
  return new Groups({
    ...base,
    changeLog: parts.changeLog,
    commits: parts.commits,
    unpublished: parts.unpublished,
    failedEvents: parts.listenerEvents,
    failedKeepDays: config.parkedKeepDays,
    epoch: config.logEpoch,
    retentionMs: config.diffRetentionDays * DAY_MS,
    rootOf: (actorId) => rootUri(config, actorId),
  });
}

/** The consumer groups over all actors, as the routes need them. */
export function composeRootGroups(
  base: Runtime,
  parts: Pick<ListenerServices, "listenerEvents"> & { readonly changeLog: ChangeLog },
): RootGroups {
  const { config } = base;
  return new RootGroups({
    ...base,
    changeLog: parts.changeLog,
    failedEvents: parts.listenerEvents,
    failedKeepDays: config.parkedKeepDays,
    epoch: config.logEpoch,
    retentionMs: config.diffRetentionDays * DAY_MS,
    rootOf: (actorId) => rootUri(config, actorId),
  });
}
