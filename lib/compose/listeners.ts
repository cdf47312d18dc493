/** Who hears the change log beside peers: the ways out, one row each, and what delivers to them. */
import type { ChangeLog } from "../change-log/change-log.ts";
import { together, type Listeners, type ListenersOfKinds } from "../engine/listening.ts";
import { FailedEventStore, type SourceWrites } from "../failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../failed-events/hook-event.ts";
import { sourceOf } from "../dynamodb/keys/failed-events.ts";
import { listenerKey, type ListenerRef } from "../dynamodb/keys/listeners.ts";
import type { Table } from "../dynamodb/table.ts";
import { ListenerDelivery } from "../listeners/delivery.ts";
import type { ListenerSessionsDeps } from "../listeners/listener-sessions.ts";
import { failedEventEnded } from "../listeners/listener-head.ts";
import type { Deadline } from "../system/ports.ts";
import type { Commits } from "../change-log/log-commits.ts";
import { Groups } from "../listeners/groups/groups.ts";
import { withBus } from "../listeners/bus-http.ts";
import { logSignals } from "../listeners/webhooks/webhook-signals.ts";
import { WebhookWay } from "../listeners/webhooks/webhook-way.ts";
import { Webhooks } from "../listeners/webhooks/webhooks.ts";
import { breakerPolicy } from "../publishing/delivery/delivery-services.ts";
import { rootUri } from "../trust/trust-services.ts";
import type { Runtime } from "./runtime.ts";

const DAY_MS = 86_400_000;

export interface ListenerServices {
  readonly listeners: Listeners;
  /** Does what is due of a listener, see `ListenerDelivery.runDue`. */
  readonly runDueListener: (ref: ListenerRef, deadline: Deadline) => Promise<void>;
  readonly listenerEvents: FailedEventStore<ListenerEvent>;
}

/** A failed event counts at its webhook, or its group, as long as there is one; it never stops one by itself. */
const countedAt = (table: Pick<Table, "get">): SourceWrites<ListenerEvent> => ({
  stopped: () => Promise.resolve(undefined),
  resolved: async ({ actorId, source }) => {
    const of = sourceOf(source);
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

/** One row of the table of ways out: `new ListenerDelivery(deps, way)`. */
type Row = ListenersOfKinds & Pick<ListenerDelivery<unknown, unknown>, "runDue">;

/** The ways out that read records. One more takes its module and its row here. */
const rowsOf = (base: Runtime, deps: ListenerRowDeps): readonly Row[] => [
  new ListenerDelivery(deps, webhookWay(base, deps)),
];

/** Puts the listeners together. They are the only ones who know which ways out there are. */
export function composeListeners(
  base: Runtime,
  { changeLog, unpublished }: { readonly changeLog: ChangeLog; readonly unpublished: Commits },
  others: readonly ListenersOfKinds[] = [],
): ListenerServices {
  const { table, clock, config } = base;
  const listenerEvents = new FailedEventStore({ table, clock, source: countedAt(table) });
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
  const rows = rowsOf(base, deps);
  return {
    listeners: together([...rows, ...others]),
    runDueListener: async (ref, deadline) => {
      for (const row of rows) if (row.hears(ref)) await row.runDue(ref, deadline);
    },
    listenerEvents,
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
  parts: Pick<ListenerServices, "listenerEvents"> & { readonly changeLog: ChangeLog; readonly commits: Commits },
): Groups {
  const { config } = base;
  return new Groups({
    ...base,
    changeLog: parts.changeLog,
    commits: parts.commits,
    failedEvents: parts.listenerEvents,
    failedKeepDays: config.parkedKeepDays,
    epoch: config.logEpoch,
    retentionMs: config.diffRetentionDays * DAY_MS,
    rootOf: (actorId) => rootUri(config, actorId),
  });
}
