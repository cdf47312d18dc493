/** Reads the events of an actor's log for listeners, one stretch at a time. */
import {
  eventIdOf,
  recordBefore,
  isAfter,
  parsePosition,
  positionAfter,
  positionOf,
  recordOf,
} from "../domain/events/position.ts";
import { eventsOf, type RecordEvent } from "../domain/events/record-events.ts";
import { selects, type Selection } from "../domain/events/selection.ts";
import type { OrderedEvent } from "../domain/events/keeper-state.ts";
import type { Stretch, StretchRequest } from "../domain/events/keeper-steps.ts";
import type { FailedEvent } from "../failed-events/failed-event.ts";
import type { ListenerEvent } from "../failed-events/hook-event.ts";
import type { NumberedRecord } from "../change-log/change-log.ts";

/** An event of the log. */
export interface LogEvent extends OrderedEvent {
  /** The id of the event: the same for every listener and every attempt. */
  readonly id: string;
  /** The number of its record; 0 for a failed event. */
  readonly record: number;
  readonly event: RecordEvent;
  /** The failed event that a redrive sends again. Absent: the event was read from the log. */
  readonly kept?: FailedEvent<ListenerEvent>;
}

/** True when a selection lets an event of the log through. */
export const hears = (selection: Selection, { event }: LogEvent): boolean => selects(selection, event);

/** A stretch ends after this many records; a listener that is far behind reads several stretches. */
const MOST_RECORDS = 200;
/** A stretch ends with the record that brings it to this many events, */
const MOST_EVENTS = 1_000;
/** or to this many characters of JSON: many listeners read at the same time, and all stretches are in memory. */
const MOST_BYTES = 4 * 1_024 * 1_024;

/**
 * When nothing was sent, how far the listener has read is stored only after this many records, or characters of their JSON.
 * Until then, the next session reads them again, which is cheaper than a write.
 */
const LAZY_RECORDS = 100;
const LAZY_BYTES = 1_024 * 1_024;

export interface LogReading {
  readonly actorId: string;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
  /** How long a record can be read, ms. */
  readonly retentionMs: number;
  /** The existing records with numbers above `after` up to `upTo`, ascending. */
  readonly stream: (after: number, upTo: number) => AsyncIterable<NumberedRecord>;
}

/** A stretch, and about how many characters of JSON its records have. */
export interface LogStretch extends Stretch<LogEvent> {
  readonly bytes: number;
}

/**
 * Reads a stretch of a log whose newest record is `newest`.
 *
 * @returns `lost` when a record of the stretch has expired
 * @throws TypeError when `after` is not a position: a defect
 */
export async function readStretch(
  { actorId, epoch, retentionMs, stream }: LogReading,
  { after, upTo }: StretchRequest,
  newest: number,
): Promise<LogStretch | "lost"> {
  const from = parsePosition(after);
  if (from === undefined) throw new TypeError("The stored position of a listener cannot be read.");
  const before = recordBefore(from);
  const end = Math.min(newest, (upTo === undefined ? undefined : parsePosition(upTo)?.record) ?? newest);
  const events: LogEvent[] = [];
  let [read, readBytes] = [before, 0];
  for await (const { number, record, bytes } of stream(before, end)) {
    if (number !== read + 1) return "lost";
    read = number;
    readBytes += bytes ?? 0;
    const at = { actorId, record: number, at: record.at };
    const expiresAt = Date.parse(record.at) + retentionMs;
    for (const event of eventsOf(record)) {
      const position = positionOf(epoch, number, event);
      const { index } = event;
      if (isAfter(from, number, index)) {
        const { key, barrier } = event;
        events.push({ id: eventIdOf({ ...at, index }), record: number, event, position, key, barrier, expiresAt });
      }
    }
    if (read - before >= MOST_RECORDS || events.length >= MOST_EVENTS || readBytes >= MOST_BYTES) break;
  }
  if (read === before && end > before) return "lost";
  const reached = positionAfter(epoch, read);
  return { after, upTo: reached > after ? reached : after, events, atEnd: read >= newest, bytes: readBytes };
}

/** The event at a position; undefined when its record has expired. One query. */
export async function eventAt(reading: LogReading, position: string): Promise<LogEvent | undefined> {
  const record = recordOf(position);
  const asked = { after: positionAfter(reading.epoch, record - 1), upTo: positionAfter(reading.epoch, record) };
  const stretch = await readStretch(reading, asked, record);
  return stretch === "lost" ? undefined : stretch.events.find((event) => event.position === position);
}

/** True when advancing from one position to another has passed so much of what was read that a write is worth it. */
export function isMuch(
  read: readonly Pick<LogStretch, "upTo" | "bytes">[],
  { from, to }: { readonly from: string; readonly to: string },
): boolean {
  if (recordOf(to) - recordOf(from) >= LAZY_RECORDS) return true;
  const passed = read.filter(({ upTo }) => upTo > from && upTo <= to);
  return passed.reduce((sum, { bytes }) => sum + bytes, 0) >= LAZY_BYTES;
}
