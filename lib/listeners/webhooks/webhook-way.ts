/** The way out to webhooks: signed CloudEvents over HTTP. */
import type { Outcome, RedriveRequest } from "../../domain/events/keeper-steps.ts";
import { contentOf, envelopeOf } from "../../domain/events/envelope.ts";
import type { BreakerPolicy } from "../../domain/policy/breaker.ts";
import { printJson } from "../../domain/json/json-text.ts";
import { sourceText } from "../../dynamodb/keys/failed-events.ts";
import { webhookKey } from "../../dynamodb/keys/webhooks.ts";
import type { Item, Key, Table, Write } from "../../dynamodb/table.ts";
import type { PreparedAttempt, Tried } from "../../engine/way-out.ts";
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import { idOf, type ListenerEvent } from "../../failed-events/hook-event.ts";
import type { ListenerRef } from "../../dynamodb/keys/listeners.ts";
import { compact } from "../../system/compact.ts";
import type { JsonObject, Log, PeerHttp } from "../../system/ports.ts";
import { ONE_LANE, type ListenerHead, type SysEvent } from "../listener-head.ts";
import type {
  FailedStretch,
  ListenerWay,
  NoteExtras,
  Noted,
  OpenListener,
  RedriveProgress,
  TargetEvent,
} from "../listener-way.ts";
import { lastAttemptText, logAttempt } from "./attempt-log.ts";
import { endpointOf, lastUrl, tookLast } from "./endpoint.ts";
import { dataUrlOf, inlineMaxOf, withDataWithin, type EventDataDeps } from "../event-data.ts";
import { readFailedEvents } from "./redriven-events.ts";
import { sendEvent, type OutgoingEvent, type Sent } from "./sender.ts";
import { taskProgress } from "./tasks.ts";
import { webhookOf, type Webhook } from "./webhook-item.ts";
import { sysEventsOf } from "./webhook-signals.ts";
import { keeperOf } from "./webhook-store.ts";

export interface WebhookWayDeps extends EventDataDeps {
  readonly table: Pick<Table, "put">;
  readonly http: PeerHttp;
  readonly log: Log;
  readonly failedEvents: Pick<FailedEventStore<ListenerEvent>, "page" | "resolve">;
  readonly breaker: BreakerPolicy;
  /** How long a record can be read, ms. */
  readonly retentionMs: number;
  /** Called with the news about a webhook. Never rejects. */
  readonly signalled: (webhook: Webhook, noted: Noted) => Promise<void>;
}

/** What the attempts of a session have shown so far. */
interface Course {
  /** The digest of the url that took an event last (`tookLast`). */
  last: string | undefined;
  /** The last attempt failed. */
  isFailing: boolean;
  /** The attributes of the head that the next note has to store. */
  own: NonNullable<NoteExtras["own"]>;
}

/** A webhook during one session. */
export interface WebhookTarget {
  readonly webhook: Webhook;
  /** One object for all targets of the session. */
  readonly course: Course;
}

/** The result of an attempt. `cut`: the session's time ended it, so it does not show anything about the endpoint. */
export interface WebhookAnswer extends Sent {
  readonly cut: boolean;
}

/**
 * The way out to all webhooks. Its attributes in a head: `firstUrl`, the digest of the url that took an event last;
 * `isFailing`, whether the last attempt failed; `lastAttempt`, that attempt as its owner sees it.
 */
export class WebhookWay implements ListenerWay<WebhookTarget, WebhookAnswer> {
  readonly kind = "webhook";
  readonly #deps: WebhookWayDeps;

  constructor(deps: WebhookWayDeps) {
    this.#deps = deps;
  }

  also({ actorId, id }: ListenerRef): readonly Key[] {
    return [webhookKey(actorId, id)];
  }

  open(
    head: ListenerHead,
    items: (key: Key) => Item | undefined,
    before?: WebhookTarget,
  ): OpenListener<WebhookTarget> | undefined {
    const item = items(webhookKey(head.actorId, head.id));
    if (item === undefined || item["ending"] === true) return undefined;
    const webhook = webhookOf(item);
    if (webhook.paused) return undefined;
    const { order, parallel, maxAttempts, onExhausted, retryAmbiguous, timeoutSeconds, rate } = webhook.settings;
    const { breaker, retentionMs } = this.#deps;
    const rules = { order, parallel, maxAttempts, onExhausted, retryAmbiguous, breaker, retentionMs };
    const course = before?.course ?? { last: lastUrl(head), isFailing: head.own["isFailing"] === true, own: {} };
    return {
      target: { webhook, course },
      lanes: [{ id: ONE_LANE, state: keeperOf(head), rules }],
      timeoutMs: timeoutSeconds * 1_000,
      uncut: !retryAmbiguous,
      rate,
    };
  }

  async render(target: WebhookTarget, numbered: TargetEvent): Promise<PreparedAttempt<WebhookAnswer>> {
    const { event, id } = numbered.event;
    const { traceparent } = event.attributes;
    const envelope = await this.#sendable(target, numbered);
    const outgoing = { id, body: Buffer.from(printJson(envelope)), ...compact({ traceparent }) };
    return async (limitMs) => await this.#send(target, numbered, outgoing, limitMs);
  }

  async #sendable(target: WebhookTarget, numbered: TargetEvent): Promise<JsonObject> {
    const { actorId, settings } = target.webhook;
    const { position, event, kept } = numbered.event;
    const inlineMaxBytes = inlineMaxOf(settings);
    if (kept !== undefined) return await withDataWithin(this.#deps, actorId, kept.event.event, inlineMaxBytes);
    const isLarge = contentOf(event).bytes.length > inlineMaxBytes;
    const dataref = isLarge ? await dataUrlOf(this.#deps, actorId, position) : "";
    return this.#envelope(target, numbered, { inlineMaxBytes, dataref });
  }

  #envelope(
    { webhook: { actorId } }: WebhookTarget,
    { number, event }: TargetEvent,
    data: { readonly inlineMaxBytes: number; readonly dataref: string },
  ): JsonObject {
    return envelopeOf({
      event: event.event,
      id: event.id,
      position: event.position,
      sequence: number,
      source: this.#deps.rootOf(actorId),
      inlineMaxBytes: data.inlineMaxBytes,
      dataref: () => data.dataref,
    });
  }

  async #send(
    target: WebhookTarget,
    { event: { position } }: TargetEvent,
    outgoing: OutgoingEvent,
    limitMs: number,
  ): Promise<WebhookAnswer> {
    const { clock } = this.#deps;
    const { webhook, course } = target;
    const endpoint = endpointOf(webhook, clock.now(), course.last);
    const timeoutMs = Math.min(limitMs, endpoint.timeoutMs);
    const sent = await sendEvent(this.#deps, { ...endpoint, timeoutMs }, outgoing);
    const isTaken = sent.outcome.is === "taken";
    const cut = !isTaken && timeoutMs < endpoint.timeoutMs && sent.attempt.ms >= timeoutMs;
    const attempt = { ...sent.attempt, position };
    if (!cut && (!isTaken || course.isFailing)) await logAttempt(this.#deps, webhook, attempt);
    if (!cut) course.own = { ...course.own, lastAttempt: lastAttemptText(attempt) };
    if (isTaken && endpoint.first !== sent.url) {
      course.last = tookLast(webhook, sent.url);
      course.own = { ...course.own, ...compact({ firstUrl: course.last }) };
    }
    if (!cut && course.isFailing === isTaken) {
      course.isFailing = !isTaken;
      course.own = { ...course.own, isFailing: !isTaken };
    }
    return { ...sent, cut };
  }

  classify({ outcome }: WebhookAnswer): Outcome {
    return outcome;
  }

  onFailure(
    { webhook: { actorId, id } }: WebhookTarget,
    { event, answer, outcome }: Tried<TargetEvent, WebhookAnswer>,
  ): void {
    if (outcome.is === "taken") return;
    const { status, error, target } = answer.attempt;
    const fields = compact({ status, error });
    this.#deps.log.warn("a webhook did not take an event", {
      actorId,
      webhookId: id,
      eventId: event.event.id,
      attempts: event.attempts + 1,
      is: outcome.is,
      target,
      ...fields,
    });
  }

  ends(): string | undefined {
    return undefined;
  }

  saying({ webhook }: WebhookTarget, noted: Noted): readonly SysEvent[] {
    return sysEventsOf(webhook, noted);
  }

  extras({ course }: WebhookTarget): NoteExtras {
    const { own } = course;
    course.own = {};
    return { own };
  }

  failureSource({ id }: ListenerRef): ListenerEvent["source"] {
    return sourceText({ kind: "webhook", id }) as ListenerEvent["source"];
  }

  failing(target: WebhookTarget, numbered: TargetEvent): ListenerEvent {
    const { actorId } = target.webhook;
    const { event, number } = numbered;
    const source = this.failureSource({ ...target.webhook, kind: this.kind });
    return {
      // The id contains the webhook: when an event fails at two webhooks, both failed events are kept.
      id: idOf([source, event.id]),
      actorId,
      source,
      sequence: number,
      position: event.position,
      topic: event.event.topic,
      type: event.event.type,
      ...compact({ key: event.key === event.event.topic ? undefined : event.key }),
      event: this.#envelope(target, numbered, { inlineMaxBytes: Infinity, dataref: "" }),
    };
  }

  async readFailed(target: WebhookTarget, request: RedriveRequest): Promise<FailedStretch> {
    return await readFailedEvents(this.#deps.failedEvents, target.webhook, request);
  }

  redriving({ webhook: { actorId } }: WebhookTarget, { id, done, failed, ended }: RedriveProgress): readonly Write[] {
    const end = ended ? ({ state: "done", endedAt: this.#deps.clock.now() } as const) : undefined;
    return [taskProgress({ actorId, taskId: id }, { done, failed }, end)];
  }

  async noted({ webhook }: WebhookTarget, noted: Noted): Promise<void> {
    const { clock, failedEvents, log } = this.#deps;
    for (const { event } of noted.redriven) {
      if (event.kept === undefined) continue;
      try {
        await failedEvents.resolve(event.kept, { now: clock.now() });
      } catch (error) {
        const { actorId, id } = webhook;
        log.warn("a redriven event was taken, and is still kept", { actorId, webhookId: id, eventId: event.id, error });
      }
    }
    await this.#deps.signalled(webhook, noted);
  }
}
