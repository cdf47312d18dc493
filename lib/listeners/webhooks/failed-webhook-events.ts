/** What a person does with an event that a webhook did not take: one more attempt now, or dropping it. */
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

/** What an attempt leaves of its request's time, ms, for noting what came of it. */
const NOTE_MS = 2_000;
/** An attempt whose process ended may be made again after its time-out and this, ms. */
const GRACE_MS = 5_000;

export interface FailedWebhookEventsDeps extends EventDataDeps {
  readonly table: Pick<Table, "put" | "update">;
  readonly log: Log;
  readonly failedEvents: FailedEventStore<ListenerEvent>;
  readonly store: Pick<WebhookStore, "get">;
  readonly http: PeerHttp;
  readonly ids: Ids;
}

export class FailedWebhookEvents {
  readonly #deps: FailedWebhookEventsDeps;

  constructor(deps: FailedWebhookEventsDeps) {
    this.#deps = deps;
  }

  /**
   * Sends the event once more, with the settings of the moment and under the same id. One that is not taken stays parked.
   * @returns `busy` while another attempt at it is under way
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

  /** What its owner sees of it. Never rejects. */
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

  /** Notes an attempt whose process ended, when the event is due. */
  async afterDeath(key: Key): Promise<void> {
    const { clock, failedEvents } = this.#deps;
    const failed = await failedEvents.at(key);
    const now = clock.now();
    if (failed?.dueAt === undefined || failed.dueAt > now) return;
    const attempt = { at: now, error: "The process of an attempt ended before the attempt did." };
    await failedEvents.failed(failed, attempt, { status: "parked" });
  }

  /** Drops the event. @returns false while an attempt at it is under way */
  async skip(failed: FailedEvent<ListenerEvent>): Promise<boolean> {
    const { clock, failedEvents } = this.#deps;
    return (await failedEvents.resolve(failed, { now: clock.now(), unlessBusy: true })) !== "busy";
  }
}

function refOf({ actorId, source }: ListenerEvent): WebhookRef {
  const of = sourceOf(source);
  return { actorId, id: of?.kind === "webhook" ? of.id : "" };
}
