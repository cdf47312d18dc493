/** The events of an actor's log as listeners read them: stretch by stretch, each event with what order depends on. */
import { eventIdOf, isAfter, parsePosition, positionAfter, positionOf } from "../domain/events/position.ts";
import { eventsOf, type RecordEvent } from "../domain/events/record-events.ts";
import type { OrderedEvent } from "../domain/events/keeper-state.ts";
import type { Stretch, StretchRequest } from "../domain/events/keeper-steps.ts";
import type { FailedEvent } from "../failed-events/failed-event.ts";
import type { ListenerEvent } from "../failed-events/hook-event.ts";
import type { NumberedRecord } from "../change-log/change-log.ts";

/** An event of the log. */
export interface LogEvent extends OrderedEvent {
  /** The same for every listener and every attempt. */
  readonly id: string;
  /** The number of its record. */
  readonly record: number;
  readonly event: RecordEvent;
  /** Sent again from what is kept of it, because it was not taken. */
  readonly kept?: FailedEvent<ListenerEvent>;
}

/** Most records of one stretch: a listener that is far behind reads the next one afterwards. */
const MOST_RECORDS = 200;
/** Most events in memory of one stretch, about. */
const MOST_EVENTS = 1_000;
/** Most characters of their records' JSON text, about: many listeners read at the same time. */
const MOST_BYTES = 4 * 1_024 * 1_024;

/**
 * A cursor for which nothing was sent is stored only after it has advanced by this many records, or characters of them:
 * until then the next session reads them again.
 */
const LAZY_RECORDS = 100;
const LAZY_BYTES = 1_024 * 1_024;

export interface LogReading {
  readonly actorId: string;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
  /** How long a record can be read, ms. */
  readonly retentionMs: number;
  /** The records numbered over `after` and up to `upTo` that are there, ascending. */
  readonly stream: (after: number, upTo: number) => AsyncIterable<NumberedRecord>;
}

/** A stretch that was read, and about how many characters of JSON its records have. */
export interface LogStretch extends Stretch<LogEvent> {
  readonly bytes: number;
}

/**
 * Reads a stretch of a log whose newest record is `newest`.
 *
 * @returns `lost` when a record of the stretch is not there any more
 */
export async function readStretch(
  { actorId, epoch, retentionMs, stream }: LogReading,
  { after, upTo }: StretchRequest,
  newest: number,
): Promise<LogStretch | "lost"> {
  const from = parsePosition(after);
  if (from === undefined) throw new TypeError("A listener stands at a position that is none.");
  // The rest of a record whose first events were heard belongs to the stretch.
  const before = from.index === "all" ? from.record : from.record - 1;
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
  const record = recordIn(position);
  const asked = { after: positionAfter(reading.epoch, record - 1), upTo: positionAfter(reading.epoch, record) };
  const stretch = await readStretch(reading, asked, record);
  return stretch === "lost" ? undefined : stretch.events.find((event) => event.position === position);
}

/** True when a cursor that has advanced over this part of what was read is worth a write. */
export function isMuch(
  read: readonly Pick<LogStretch, "upTo" | "bytes">[],
  { from, to }: { readonly from: string; readonly to: string },
): boolean {
  if (recordIn(to) - recordIn(from) >= LAZY_RECORDS) return true;
  const passed = read.filter(({ upTo }) => upTo > from && upTo <= to);
  return passed.reduce((sum, { bytes }) => sum + bytes, 0) >= LAZY_BYTES;
}

const recordIn = (position: string): number => parsePosition(position)?.record ?? 0;
