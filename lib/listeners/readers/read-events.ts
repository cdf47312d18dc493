/**
 * Reads the events of one actor's log after a position. Readers keep their positions themselves; the service stores
 * nothing.
 */
import { eventDataUrl } from "../../actors/event-data-url.ts";
import type { ActorRecord } from "../../actors/actor-record.ts";
import type { ChangeLog, NumberedRecord } from "../../change-log/change-log.ts";
import { envelopeOf } from "../../domain/events/envelope.ts";
import {
  eventIdOf,
  recordBefore,
  isAfter,
  positionAfter,
  positionOf,
  printPosition,
  resolvePosition,
  type Position,
  type PositionGone,
} from "../../domain/events/position.ts";
import { eventsOf } from "../../domain/events/record-events.ts";
import { selects, type Selection } from "../../domain/events/selection.ts";
import { visibleEvent, type VisibleEvent } from "../../domain/events/visible-event.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import { jsonBytesInResult } from "../../http/answer-size.ts";
import { compact } from "../../system/compact.ts";
import type { Clock, JsonObject } from "../../system/ports.ts";

/** One request reads at most this many records, and about this many bytes of their JSON, even if it selects few events. */
const MOST_RECORDS = 2_000;
const MOST_READ_BYTES = 8 * 1_024 * 1_024;
/**
 * A page of the log has at least this many records, even if fewer events are asked for: many records have no event for a
 * reader.
 */
const LEAST_PAGE = 100;

export interface ReadEventsDeps {
  readonly changeLog: Pick<ChangeLog, "head" | "stream">;
  readonly clock: Clock;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
}

/** What one request of a reader asks for. */
export interface Reading {
  readonly actor: Pick<ActorRecord, "id" | "passphraseHash">;
  /** The root URI of the actor. */
  readonly root: string;
  /** `earliest`, `now`, or a position. */
  readonly from: string;
  readonly selection: Selection;
  /** Most events. */
  readonly limit: number;
  /** Most bytes of their envelopes in the answer. The first event is returned even if it is larger. */
  readonly mostBytes: number;
  /** The permissions of the reader; absent: the reader is the owner, who may see everything. */
  readonly reads?: Reads | undefined;
}

/** Some events of a log, in order. */
export interface EventPage {
  readonly events: readonly JsonObject[];
  /** The position from which the next request reads. */
  readonly next: string;
  /** The log had no later record. */
  readonly upToDate: boolean;
}

/**
 * Reads the events after a position. One request for the log's head, and one for each MB of the log.
 *
 * @returns the events, or why the reader cannot continue at the position
 */
export async function readEvents(deps: ReadEventsDeps, reading: Reading): Promise<EventPage | PositionGone> {
  const { changeLog, epoch } = deps;
  const { actor, from, limit } = reading;
  const { newest, deletedUpTo } = await changeLog.head(actor.id);
  const begin = resolvePosition(from, { epoch, oldest: deletedUpTo + 1, newest });
  if (typeof begin === "string") return begin;
  const before = recordBefore(begin);
  const page = new PageInMaking(deps, reading, begin);
  let read = before;
  let bytes = 0;
  const stream = changeLog.stream(actor.id, before, newest, { limit: Math.max(limit + 1, LEAST_PAGE) });
  for await (const numbered of stream) {
    const { number } = numbered;
    // Records expire from the oldest on, and `earliest` stands for the oldest one that is left.
    if (number !== read + 1 && !(from === "earliest" && read === before)) break;
    if (page.add(numbered) === "full") return page.made(false);
    read = number;
    bytes += numbered.bytes;
    if (read - before >= MOST_RECORDS || bytes >= MOST_READ_BYTES) break;
  }
  if (read > before || newest === before) return page.made(read === newest);
  return from === "earliest" ? { events: [], next: positionAfter(epoch, newest), upToDate: true } : "expired";
}

/**
 * Builds the page of an answer. State: the events, their bytes, and the position up to which each event was added, or is
 * not for the reader. Invariant: a reader that continues at that position gets each later event, and no earlier one.
 */
class PageInMaking {
  readonly #deps: ReadEventsDeps;
  readonly #reading: Reading;
  readonly #begin: Position;
  readonly #events: JsonObject[] = [];
  #bytes = 0;
  #next: string;

  constructor(deps: ReadEventsDeps, reading: Reading, begin: Position) {
    this.#deps = deps;
    this.#reading = reading;
    this.#begin = begin;
    this.#next = printPosition(begin);
  }

  /** Adds the events of a record. @returns `full` when one of them did not fit, and is left to the next request */
  add({ number, record }: NumberedRecord): "added" | "full" {
    const { epoch } = this.#deps;
    const { selection, limit, mostBytes, reads } = this.#reading;
    const changes = record.kind === "change" ? record.changes : [];
    for (const event of eventsOf(record)) {
      const change = changes[event.index];
      if (change === undefined || !isAfter(this.#begin, number, event.index)) continue;
      const seen = reads === undefined ? { event, isCut: false } : visibleEvent(event, change, reads);
      if (seen !== undefined && selects(selection, seen.event)) {
        const envelope = this.#envelopeOf(number, record.at, seen);
        const bytes = jsonBytesInResult(envelope) + 1;
        const isFull = this.#events.length >= limit || this.#bytes + bytes > mostBytes;
        if (this.#events.length > 0 && isFull) return "full";
        this.#events.push(envelope);
        this.#bytes += bytes;
      }
      this.#next = positionOf(epoch, number, event);
    }
    this.#next = positionAfter(epoch, number);
    return "added";
  }

  made(upToDate: boolean): EventPage {
    return { events: this.#events, next: this.#next, upToDate };
  }

  #envelopeOf(record: number, at: string, { event, isCut }: VisibleEvent): JsonObject {
    const { clock, epoch } = this.#deps;
    const { actor, root } = this.#reading;
    const position = positionOf(epoch, record, event);
    const id = eventIdOf({ actorId: actor.id, record, at, index: event.index });
    // A URL would give the reader all of the data, so data that was cut stays in the envelope.
    const inlineMaxBytes = isCut ? Infinity : undefined;
    const dataref = (): string => eventDataUrl(actor, { root, position, now: clock.now() });
    return envelopeOf({ event, source: root, id, position, dataref, ...compact({ inlineMaxBytes }) });
  }
}
