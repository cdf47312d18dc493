/**
 * The events of one actor's log after a position, as a reader gets them: a reader keeps its own position, and we nothing.
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

/** Most records of one reading: one that selects little of a long log continues with the next request. */
const MOST_RECORDS = 2_000;
/** Most bytes of their JSON text, about. */
const MOST_READ_BYTES = 8 * 1_024 * 1_024;
/** Fewest items of a page of the log, however few events are asked for: most records make no event for most readers. */
const LEAST_PAGE = 100;

export interface ReadEventsDeps {
  readonly changeLog: Pick<ChangeLog, "head" | "stream">;
  readonly clock: Clock;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
}

/** What one reading asks for. */
export interface Reading {
  readonly actor: Pick<ActorRecord, "id" | "passphraseHash">;
  /** The root URI of the actor. */
  readonly root: string;
  /** `earliest`, `now`, or a position. */
  readonly from: string;
  readonly selection: Selection;
  /** Most events. */
  readonly limit: number;
  /** Most bytes of their envelopes in the answer; one event is given however large it is. */
  readonly mostBytes: number;
  /** What the reader may see; absent: it is the owner. */
  readonly reads?: Reads | undefined;
}

/** Some events of a log, in order. */
export interface EventPage {
  readonly events: readonly JsonObject[];
  /** Where the next reading begins. */
  readonly next: string;
  /** The log had nothing more. */
  readonly upToDate: boolean;
}

/**
 * Reads from a position on. One request for the log's head, and one for each MB of the log.
 *
 * @returns why the reader cannot go on at the position, when that is so
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
    // Records expire from the oldest on, and `earliest` is the oldest of those that remain.
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
 * The events of an answer as they are gathered. State: the events, their bytes, and the position up to which everything was
 * gathered or is not for the reader. Invariant: a reader that goes on at that position gets each later event, and no
 * earlier.
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

  /** @returns `full` when an event of the record is left for the next reading */
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
    // The URL of the data leads to all of them, so that what is cut stays in the envelope.
    const inlineMaxBytes = isCut ? Infinity : undefined;
    const dataref = (): string => eventDataUrl(actor, { root, position, now: clock.now() });
    return envelopeOf({ event, source: root, id, position, dataref, ...compact({ inlineMaxBytes }) });
  }
}
