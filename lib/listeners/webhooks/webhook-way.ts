/** Webhooks as a way out of an actor's change log: signed CloudEvents over HTTP. */
import { eventDataUrl } from "../../actors/event-data-url.ts";
import type { ActorStore } from "../../actors/actor-store.ts";
import type { Outcome } from "../../domain/events/keeper-steps.ts";
import { contentOf, envelopeOf, INLINE_MAX_BYTES } from "../../domain/events/envelope.ts";
import type { BreakerPolicy } from "../../domain/policy/breaker.ts";
import { printJson } from "../../domain/json/json-text.ts";
import { sourceText } from "../../dynamodb/keys/failed-events.ts";
import { webhookKey } from "../../dynamodb/keys/webhooks.ts";
import { always, type Item, type Key, type Table } from "../../dynamodb/table.ts";
import type { Attempt as EngineAttempt, Tried } from "../../engine/way-out.ts";
import { idOf, type ListenerEvent } from "../../failed-events/hook-event.ts";
import type { ListenerRef } from "../../dynamodb/keys/listeners.ts";
import { compact } from "../../system/compact.ts";
import type { Clock, JsonObject, Log, PeerHttp } from "../../system/ports.ts";
import { ONE_LANE, type ListenerHead } from "../listener-head.ts";
import type { ListenerWay, NoteExtras, Noted, OpenListener, TargetEvent } from "../listener-way.ts";
import { attemptItem } from "./attempt-log.ts";
import { endpointOf } from "./endpoint.ts";
import { sendEvent, type OutgoingEvent, type Sent } from "./sender.ts";
import { webhookOf, type Webhook } from "./webhook-item.ts";
import { keeperOf } from "./webhook-store.ts";

export interface WebhookWayDeps {
  readonly table: Pick<Table, "put">;
  readonly http: PeerHttp;
  readonly clock: Clock;
  readonly log: Log;
  readonly actors: Pick<ActorStore, "get">;
  /** The root URI of an actor. */
  readonly rootOf: (actorId: string) => string;
  readonly breaker: BreakerPolicy;
  /** How long a record can be read, ms. */
  readonly retentionMs: number;
  /** What a person may want to know of a webhook. Never rejects. */
  readonly signalled: (webhook: Webhook, noted: Noted) => Promise<void>;
}

/** A webhook as one session serves it, with what the next note is to store of it. */
export interface WebhookTarget {
  readonly webhook: Webhook;
  /** The index of the url that took an event last. */
  first: number;
  /** An attempt was not taken, and nothing was taken since. */
  isFailing: boolean;
  own: NonNullable<NoteExtras["own"]>;
}

/** What came back from an attempt. `cut`: its session's time ended it, so that it says nothing of the endpoint. */
export interface WebhookAnswer extends Sent {
  readonly cut: boolean;
}

/**
 * One instance serves all webhooks. What it keeps in a head: `firstUrl`, the index of the url that took an event last;
 * `isFailing`, whether the last attempt was not taken.
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

  open(head: ListenerHead, items: (key: Key) => Item | undefined): OpenListener<WebhookTarget> | undefined {
    const item = items(webhookKey(head.actorId, head.id));
    if (item === undefined || item["ending"] === true) return undefined;
    const webhook = webhookOf(item);
    if (webhook.paused) return undefined;
    const { order, parallel, maxAttempts, onExhausted, retryAmbiguous, timeoutSeconds, rate } = webhook.settings;
    const { breaker, retentionMs } = this.#deps;
    const rules = { order, parallel, maxAttempts, onExhausted, retryAmbiguous, breaker, retentionMs };
    const first = Number(head.own["firstUrl"] ?? 0);
    return {
      target: { webhook, first, isFailing: head.own["isFailing"] === true, own: {} },
      lanes: [{ id: ONE_LANE, state: keeperOf(head), rules }],
      timeoutMs: timeoutSeconds * 1_000,
      rate,
    };
  }

  async render(target: WebhookTarget, numbered: TargetEvent): Promise<EngineAttempt<WebhookAnswer>> {
    const { actorId, settings } = target.webhook;
    const { position, event } = numbered.event;
    const inlineMaxBytes = settings.inlineMaxBytes ?? INLINE_MAX_BYTES;
    const dataref = contentOf(event).bytes.length > inlineMaxBytes ? await this.#dataUrl(actorId, position) : "";
    const envelope = this.#envelope(target, numbered, { inlineMaxBytes, dataref });
    const { traceparent } = event.attributes;
    const outgoing = { id: numbered.event.id, body: Buffer.from(printJson(envelope)), ...compact({ traceparent }) };
    return async (limitMs) => await this.#send(target, numbered, outgoing, limitMs);
  }

  async #dataUrl(actorId: string, position: string): Promise<string> {
    const { actors, clock, rootOf } = this.#deps;
    const actor = await actors.get(actorId);
    if (actor === undefined) return "";
    return eventDataUrl(actor, { root: rootOf(actorId), position, now: clock.now() });
  }

  #envelope(
    { webhook: { actorId } }: WebhookTarget,
    { number, event }: TargetEvent,
    data: { readonly inlineMaxBytes: number; readonly dataref: string },
  ): JsonObject {
    return envelopeOf({
      ...{ event: event.event, id: event.id, position: event.position, sequence: number },
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
    const endpoint = endpointOf(target.webhook, clock.now(), target.first);
    const timeoutMs = Math.min(limitMs, endpoint.timeoutMs);
    const sent = await sendEvent(this.#deps, { ...endpoint, timeoutMs }, outgoing);
    const isTaken = sent.outcome.is === "taken";
    const cut = !isTaken && timeoutMs < endpoint.timeoutMs && sent.attempt.ms >= timeoutMs;
    if (!cut && (!isTaken || target.isFailing)) await this.#logAttempt(target, position, sent);
    if (isTaken && target.first !== sent.url) {
      target.first = sent.url;
      target.own = { ...target.own, firstUrl: sent.url };
    }
    if (!cut && target.isFailing === isTaken) {
      target.isFailing = !isTaken;
      target.own = { ...target.own, isFailing: !isTaken };
    }
    return { ...sent, cut };
  }

  /** A line of the attempt for the owner, written at once: a crash before the note may repeat the attempt, not hide it. */
  async #logAttempt({ webhook: { actorId, id } }: WebhookTarget, position: string, { attempt }: Sent): Promise<void> {
    const { log, table } = this.#deps;
    try {
      // Whatever stands there is the same attempt.
      await table.put(attemptItem(actorId, id, { ...attempt, position }), always);
    } catch (error) {
      log.warn("an attempt of a webhook was not noted", { actorId, webhookId: id, error });
    }
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
      ...{ actorId, webhookId: id, eventId: event.event.id, attempts: event.attempts + 1, is: outcome.is, target },
      ...fields,
    });
  }

  ends(): string | undefined {
    return undefined;
  }

  extras(target: WebhookTarget): NoteExtras {
    const { own } = target;
    target.own = {};
    return { own };
  }

  failing(target: WebhookTarget, numbered: TargetEvent): ListenerEvent {
    const { actorId, id } = target.webhook;
    const { event, number } = numbered;
    const source = sourceText({ kind: "webhook", id }) as ListenerEvent["source"];
    return {
      // Two webhooks that do not take one event each keep it.
      id: idOf([source, event.id]),
      ...{ actorId, source, sequence: number, position: event.position },
      ...{ topic: event.event.topic, type: event.event.type },
      event: this.#envelope(target, numbered, { inlineMaxBytes: Infinity, dataref: "" }),
    };
  }

  async noted({ webhook }: WebhookTarget, noted: Noted): Promise<void> {
    await this.#deps.signalled(webhook, noted);
  }
}
