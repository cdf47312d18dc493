/** What a person can do with a failed event of a webhook: retry it now, or skip it. */
import type { FailedEvent } from "../../failed-events/failed-event.ts";
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../../failed-events/hook-event.ts";
import { printJson } from "../../domain/json/json-text.ts";
import { sourceOf } from "../../dynamodb/keys/failed-events.ts";
import type { Key, Table } from "../../dynamodb/table.ts";
import type { Deadline, Ids, Log, PeerHttp } from "../../system/ports.ts";
import { logAttempt, noteLastAttempt, type LoggedAttempt } from "./attempt-log.ts";
import { endpointOf, lastUrl } from "./endpoint.ts";
import { inlineMaxOf, withDataWithin, type EventDataDeps } from "../event-data.ts";
import { sendEvent } from "./sender.ts";
import type { ReadWebhook, WebhookRef, WebhookStore } from "./webhook-store.ts";

/** Time of the request that is kept for storing the outcome of the attempt, ms. */
const NOTE_MS = 2_000;
/** If the process of an attempt dies, the next attempt may start this long after the time-out, ms. */
const GRACE_MS = 5_000;

export interface FailedWebhookEventsDeps extends EventDataDeps {
  readonly table: Pick<Table, "put" | "update">;
  readonly log: Log;
  readonly failedEvents: FailedEventStore<ListenerEvent>;
  readonly store: Pick<WebhookStore, "get">;
  readonly http: PeerHttp;
  readonly ids: Ids;
}

/** The failed events of webhooks. The only state is the table. */
export class FailedWebhookEvents {
  readonly #deps: FailedWebhookEventsDeps;

  constructor(deps: FailedWebhookEventsDeps) {
    this.#deps = deps;
  }

  /**
   * Sends the event once more under the same id, with the webhook's present settings. It stays parked if the attempt fails.
   * @returns `busy` while another attempt runs
   */
  async retry(failed: FailedEvent<ListenerEvent>, deadline: Deadline): Promise<"done" | "parked" | "busy"> {
    const { clock, failedEvents, ids, store } = this.#deps;
    const stored = await store.get(refOf(failed.event));
    if (stored === undefined) return "parked";
    const now = clock.now();
    const endpoint = endpointOf(stored.webhook, now, lastUrl(stored.head));
    const timeoutMs = Math.min(endpoint.timeoutMs, deadline.remaining() - NOTE_MS);
    const until = now + timeoutMs + GRACE_MS;
    if (!(await failedEvents.begin(failed, { now, until, attemptId: ids.id() }))) return "busy";
    const begun = { ...failed, starts: failed.starts + 1 };
    const { actorId, event } = failed.event;
    const envelope = await withDataWithin(this.#deps, actorId, event, inlineMaxOf(stored.webhook.settings));
    const outgoing = { id: String(event["id"]), body: Buffer.from(printJson(envelope)) };
    const sent = await sendEvent(this.#deps, { ...endpoint, timeoutMs }, outgoing);
    const { outcome } = sent;
    const attempt = { ...sent.attempt, position: failed.event.position };
    if (outcome.is !== "taken") await logAttempt(this.#deps, stored.webhook, attempt);
    await this.#noteLast(stored, attempt);
    if (outcome.is === "taken") {
      await failedEvents.resolve(begun, { now: clock.now() });
      return "done";
    }
    const error = attempt.error ?? `The receiver answered ${String(attempt.status)}.`;
    await failedEvents.failed(begun, { at: now, error }, { status: "parked" });
    return "parked";
  }

  /** Notes the attempt as the webhook's last one. Never rejects. */
  async #noteLast({ head, webhook }: ReadWebhook, attempt: LoggedAttempt): Promise<void> {
    const { log, table } = this.#deps;
    try {
      await noteLastAttempt(table, head, attempt);
    } catch (error) {
      log.warn("the last attempt of a webhook was not noted", {
        actorId: webhook.actorId,
        webhookId: webhook.id,
        error,
      });
    }
  }

  /** Parks an event again that is due, because the process of an attempt has died. */
  async afterDeath(key: Key): Promise<void> {
    const { clock, failedEvents } = this.#deps;
    const failed = await failedEvents.at(key);
    const now = clock.now();
    if (failed?.dueAt === undefined || failed.dueAt > now) return;
    const attempt = { at: now, error: "The process ended before the attempt did." };
    await failedEvents.failed(failed, attempt, { status: "parked" });
  }

  /** Deletes the failed event. @returns false while an attempt runs */
  async skip(failed: FailedEvent<ListenerEvent>): Promise<boolean> {
    const { clock, failedEvents } = this.#deps;
    return (await failedEvents.resolve(failed, { now: clock.now(), unlessBusy: true })) !== "busy";
  }
}

function refOf({ actorId, source }: ListenerEvent): WebhookRef {
  const of = sourceOf(source);
  return { actorId, id: of?.kind === "webhook" ? of.id : "" };
}
