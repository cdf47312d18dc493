/** Reads the failed events of a webhook for a redrive. */
import type { OrderedEvent } from "../../domain/events/keeper-state.ts";
import type { NumberedEvent, RedriveRequest } from "../../domain/events/keeper-steps.ts";
import { PROPERTIES } from "../../domain/terms/scope.ts";
import { sourceText } from "../../dynamodb/keys/failed-events.ts";
import type { FailedEvent } from "../../failed-events/failed-event.ts";
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../../failed-events/hook-event.ts";
import { compact } from "../../system/compact.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import type { LogEvent } from "../log-events.ts";
import type { FailedStretch } from "../listener-way.ts";
import type { WebhookRef } from "./webhook-store.ts";

/** Failed events that are read at once: each contains its data. */
const AT_ONCE = 50;

/**
 * The first failed events of a webhook beyond `after` up to `upTo`. Their keys, which have their numbers, sort like
 * positions.
 */
export async function readFailedEvents(
  failedEvents: Pick<FailedEventStore<ListenerEvent>, "page">,
  { actorId, id }: WebhookRef,
  { after, upTo }: Pick<RedriveRequest, "after" | "upTo">,
): Promise<FailedStretch> {
  const source = sourceText({ kind: "webhook", id });
  const found: FailedEvent<ListenerEvent>[] = [];
  let next: string | undefined;
  do {
    const page = await failedEvents.page(actorId, compact({ source, limit: AT_ONCE, after: next }));
    found.push(...page.events.filter(({ event: { position } }) => position > after && position <= upTo));
    ({ next } = page);
  } while (next !== undefined && found.length < AT_ONCE);
  const isWhole = next === undefined;
  return {
    events: found.map(numbered),
    upTo: isWhole ? upTo : (found.at(-1)?.event.position ?? upTo),
    atEnd: isWhole,
  };
}

function numbered(kept: FailedEvent<ListenerEvent>): NumberedEvent<LogEvent> {
  const { sequence, position, topic, type, event } = kept.event;
  const { key = topic } = kept.event;
  const ordered: OrderedEvent = { position, key, barrier: topic === PROPERTIES, expiresAt: Number.MAX_SAFE_INTEGER };
  return {
    number: sequence,
    attempts: 0,
    event: {
      ...ordered,
      kept,
      id: String(event["id"]),
      record: 0,
      event: {
        index: 0,
        last: true,
        topic,
        key,
        barrier: ordered.barrier,
        type,
        hops: 0,
        time: String(event["time"]),
        data: dataIn(event),
        attributes: {},
      },
    },
  };
}

const dataIn = ({ data = null }: JsonObject): Json => data;
