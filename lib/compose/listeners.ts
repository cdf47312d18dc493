/** Listeners of an actor's events beside its peers, put together over one runtime. */
import type { ChangeLog } from "../change-log/change-log.ts";
import type { Commits } from "../change-log/log-commits.ts";
import { sourceOf } from "../dynamodb/keys/failed-events.ts";
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
}

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
  const { config, log } = base;
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
  return { webhookDelivery: new ListenerDelivery(deps, way) };
}

/** The webhooks, as their owners make and change them. */
export function composeWebhooks(
  base: Runtime,
  { changeLog, commits }: { readonly changeLog: ChangeLog; readonly commits: Commits },
): Webhooks {
  const { config } = base;
  return new Webhooks({
    ...base,
    changeLog,
    commits,
    incarnation: config.incarnation,
    epoch: config.logEpoch,
    retentionMs: config.diffRetentionDays * DAY_MS,
    urls: { addresses: { allowHttp: config.allowHttpPeers, allowPrivate: config.allowPrivatePeers }, bus: false },
    rootOf: (actorId) => rootUri(config, actorId),
  });
}
