/** The events of an actor's log as an order keeper reads them. */
import type { OrderedEvent } from "../../domain/events/keeper-state.ts";
import type { Stretch, StretchRequest } from "../../domain/events/keeper-steps.ts";
import { isAfter, parsePosition, positionAfter, positionOf } from "../../domain/events/position.ts";
import { eventsOf, type RecordEvent } from "../../domain/events/record-events.ts";
import type { RecordCache } from "../../change-log/record-cache.ts";

/** An event of the log with what its order and its id depend on. */
export interface LogEvent extends RecordEvent, OrderedEvent {
  /** The number of its record, and the record's time. */
  readonly record: number;
  readonly at: string;
}

export interface LogReading {
  readonly records: Pick<RecordCache, "stream">;
  /** The number of the newest record. */
  readonly newest: number;
  readonly epoch: number;
  /** How long a record can be read, ms. */
  readonly retentionMs: number;
}

/** One reading ends with the record that has its last event. */
const MOST_EVENTS = 500;

/** Reads a part of the log; undefined when its beginning has expired, or lies in another epoch. */
export async function readStretch(
  { records, newest, epoch, retentionMs }: LogReading,
  { after, upTo }: StretchRequest,
): Promise<Stretch<LogEvent> | undefined> {
  const from = parsePosition(after);
  if (from?.epoch !== epoch) return undefined;
  const to = upTo === undefined ? undefined : parsePosition(upTo);
  const last = Math.min(newest, to?.record ?? newest);
  const first = from.index === "all" ? from.record + 1 : from.record;
  const events: LogEvent[] = [];
  let read = first - 1;
  for await (const { number, record } of records.stream(first - 1, last)) {
    if (number > read + 1) return undefined;
    read = number;
    const expiresAt = Date.parse(record.at) + retentionMs;
    for (const event of eventsOf(record)) {
      const position = positionOf(epoch, number, event);
      if (!isAfter(from, number, event.index) || (upTo !== undefined && position > upTo)) continue;
      events.push({ ...event, position, expiresAt, record: number, at: record.at });
    }
    if (events.length >= MOST_EVENTS) break;
  }
  // The missing records of the rest have expired.
  if (read < last && events.length < MOST_EVENTS) return undefined;
  const end = read < first ? after : positionAfter(epoch, read);
  return { after, upTo: upTo !== undefined && end > upTo ? upTo : end, events, atEnd: read >= newest };
}
