/** Listeners of an actor's events beside its peers, put together over one runtime. */
import type { ChangeLog } from "../change-log/change-log.ts";
import type { Commits } from "../change-log/log-commits.ts";
import { OrderKeeper } from "../domain/events/order-keeper.ts";
import { selects, type Selection } from "../domain/events/selection.ts";
import { sourceOf } from "../dynamodb/keys/failed-events.ts";
import type { LogEvent } from "../listeners/log-events.ts";
import { FailedEventStore, type SourceWrites } from "../failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../failed-events/hook-event.ts";
import { ListenerDelivery, type ListenerDeliveryDeps } from "../listeners/delivery.ts";
import { failedEventEnded } from "../listeners/listener-head.ts";
import { WebhookWay, type WebhookAnswer, type WebhookTarget } from "../listeners/webhooks/webhook-way.ts";
import { logSignals } from "../listeners/webhooks/webhook-signals.ts";
import { Webhooks } from "../listeners/webhooks/webhooks.ts";
import { breakerPolicy } from "../publishing/delivery/delivery-services.ts";
import { rootUri } from "../trust/trust-services.ts";
import type { Runtime } from "./runtime.ts";

const DAY_MS = 86_400_000;

export interface ListenerServices {
  readonly webhookDelivery: ListenerDelivery<WebhookTarget, WebhookAnswer>;
  /** The events that webhooks did not take. */
  readonly failedWebhookEvents: FailedEventStore<ListenerEvent>;
}

const selectsEvent = (selection: Selection, { event }: LogEvent): boolean => selects(selection, event);

/** A failed event counts at its listener while it stands; it never stops one by itself. */
const LISTENER_WRITES: SourceWrites<ListenerEvent> = {
  stopped: () => Promise.resolve(undefined),
  resolved: ({ actorId, source }) => {
    const of = sourceOf(source);
    if (of === undefined || of.kind === "hook") return Promise.resolve(undefined);
    const kind = of.kind === "webhook" ? "webhook" : "event-hooks";
    return Promise.resolve({ write: failedEventEnded({ actorId, kind, id: of.id }) });
  },
};

/** What delivers to listeners. */
export function composeListeners(base: Runtime, changeLog: ChangeLog): ListenerServices {
  const { config, log, random } = base;
  const failedEvents = new FailedEventStore<ListenerEvent>({ ...base, source: LISTENER_WRITES });
  const retentionMs = config.diffRetentionDays * DAY_MS;
  const deps: ListenerDeliveryDeps = {
    ...base,
    changeLog,
    failedEvents,
    incarnation: config.incarnation,
    epoch: config.logEpoch,
    retentionDays: config.diffRetentionDays,
    failedKeepDays: config.parkedKeepDays,
    keeperOf: (state, rules) => new OrderKeeper<LogEvent, Selection>(state, rules, { selects: selectsEvent, random }),
  };
  const way = new WebhookWay({
    ...base,
    rootOf: (actorId) => rootUri(config, actorId),
    breaker: breakerPolicy(config),
    retentionMs,
    signalled: (webhook, noted) => {
      logSignals(log, webhook, noted);
      return Promise.resolve();
    },
  });
  return { webhookDelivery: new ListenerDelivery(deps, way), failedWebhookEvents: failedEvents };
}

/** The webhooks, as their owners make and change them. */
export function composeWebhooks(
  base: Runtime,
  parts: Pick<ListenerServices, "failedWebhookEvents"> & {
    readonly changeLog: ChangeLog;
    readonly commits: Commits;
  },
): Webhooks {
  const { config } = base;
  return new Webhooks({
    ...base,
    changeLog: parts.changeLog,
    commits: parts.commits,
    failedEvents: parts.failedWebhookEvents,
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
