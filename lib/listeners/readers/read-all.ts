/** Reads the events of all actors: one span of time after another, and in a span one actor after another. */
import { readLogHead, type ChangeLog, type LogHead } from "../../change-log/change-log.ts";
import { readTime } from "../../change-log/record-time.ts";
import { envelopeOf } from "../../domain/events/envelope.ts";
import { oldestFeedTime, settledAt } from "../../domain/events/feed-time.ts";
import {
  eventIdOf,
  recordBefore,
  isAfter,
  parsePosition,
  positionAfter,
  positionOf,
  type PositionGone,
} from "../../domain/events/position.ts";
import { eventsOf } from "../../domain/events/record-events.ts";
import { selects, type Selection } from "../../domain/events/selection.ts";
import { feedShards } from "../../dynamodb/keys/feed.ts";
import { actorOfKey } from "../../dynamodb/keys/partition.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import type { Table } from "../../dynamodb/table.ts";
import { jsonBytesInResult } from "../../http/answer-size.ts";
import type { Clock, JsonObject } from "../../system/ports.ts";
import { DAY_MS } from "../../system/units.ts";
import { firstRecordAfter } from "../first-record-after.ts";
import { changedActors } from "./changed-actors.ts";
import { printFeedPosition, resolveFeedPosition, type FeedPosition } from "./feed-position.ts";
import type { EventPage } from "./read-events.ts";

/** Most actors whose logs one answer reads. */
const MOST_ACTORS = 200;
/** Actors whose logs' heads one request reads. */
const HEADS_AT_ONCE = 100;
/** One answer reads at most this many records, and about this many bytes of their JSON, even if it selects few events. */
const MOST_RECORDS = 2_000;
const MOST_READ_BYTES = 8 * 1_024 * 1_024;
/** An answer reads the logs of no further actors after this long, ms. */
const MOST_READING_MS = 3_000;

export interface ReadAllDeps {
  readonly table: Pick<Table, "queryFeed" | "getMany">;
  readonly changeLog: Pick<ChangeLog, "stream">;
  readonly clock: Clock;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
  readonly retentionDays: number;
  /** The root URI of an actor. */
  readonly rootOf: (actorId: string) => string;
}

export interface AllReading {
  /** `earliest`, `now`, or a position. */
  readonly from: string;
  /** The selection of one actor's events; undefined: none of them. */
  readonly selectionOf: (actorId: string) => Selection | undefined;
  readonly limit: number;
  readonly mostBytes: number;
}

/**
 * Reads from a position to the end of its span at most. For each shard, one request for each MB of keys of changed actors;
 * for each 100 of these, one for their heads; for each actor, a few to find its first record in the span, and one for each
 * MB read.
 */
export async function readAll(deps: ReadAllDeps, reading: AllReading): Promise<EventPage | PositionGone> {
  const { clock, epoch, retentionDays } = deps;
  const now = clock.now();
  const settled = settledAt(now);
  const ends = { epoch, settled, oldest: oldestFeedTime(now, retentionDays * DAY_MS) };
  const begin = resolveFeedPosition(reading.from, ends);
  if (typeof begin === "string") return begin;
  const { after } = begin;
  const until = begin.within?.until ?? settled;
  if (until <= after) return { events: [], next: printFeedPosition(begin), upToDate: true };
  const span = new SpanReading(deps, reading, { after, until });
  const next = await span.read(begin);
  return {
    events: span.events,
    next: printFeedPosition(next),
    upToDate: next.within === undefined && until >= settled,
  };
}

/**
 * Reads a span of time: of all logs, the records after `after` up to `until`. State: the events so far, their bytes, and
 * how many actors and records were read.
 *
 * Changes that are made meanwhile are later than the span. They move an actor to a later place in one of the indexes, so no
 * actor of the span is missed.
 */
class SpanReading {
  readonly #deps: ReadAllDeps;
  readonly #reading: AllReading;
  readonly #after: number;
  readonly #until: number;
  readonly events: JsonObject[] = [];
  #bytes = 0;
  #actors = 0;
  #records = 0;
  #readBytes = 0;
  readonly #stopAt: number;

  constructor(
    deps: ReadAllDeps,
    reading: AllReading,
    { after, until }: { readonly after: number; readonly until: number },
  ) {
    this.#deps = deps;
    this.#reading = reading;
    this.#after = after;
    this.#until = until;
    this.#stopAt = deps.clock.now() + MOST_READING_MS;
  }

  /** Reads on from a position within the span. @returns the position after what was read */
  async read({ epoch, within }: FeedPosition): Promise<FeedPosition> {
    const [after, until] = [this.#after, this.#until];
    for (let shard = within?.shard ?? 0; shard < feedShards.length; shard += 1) {
      const begin = shard === within?.shard ? within : undefined;
      let last = begin?.position === undefined ? begin?.actorId : undefined;
      const changed = await changedActors(this.#deps.table, feedShards[shard] ?? "", this.#after);
      // The actor in whose log the position lies belongs to the span, even if the indexes show only its later changes.
      const inside = last === undefined && begin?.actorId !== undefined ? [begin.actorId] : [];
      const later = changed.filter((actorId) => begin?.actorId === undefined || actorId > begin.actorId);
      const actors = [...inside, ...later].filter((actorId) => this.#reading.selectionOf(actorId) !== undefined);
      for (let at = 0; at < actors.length; at += HEADS_AT_ONCE) {
        const some = actors.slice(at, at + HEADS_AT_ONCE);
        const heads = await this.#heads(some);
        for (const actorId of some) {
          if (this.#isEnough()) return { epoch, after, within: { until, shard, actorId: last } };
          this.#actors += 1;
          const position = actorId === begin?.actorId ? begin.position : undefined;
          const left = await this.#readActor(actorId, heads.get(actorId), position);
          if (left === "before") return { epoch, after, within: { until, shard, actorId: last } };
          if (left !== "done") return { epoch, after, within: { until, shard, actorId, position: left } };
          last = actorId;
        }
      }
    }
    return { epoch, after: until };
  }

  /** True when the next actor is left to the next answer. */
  #isEnough(): boolean {
    return this.#actors >= MOST_ACTORS || (this.#actors > 0 && this.#deps.clock.now() > this.#stopAt);
  }

  async #heads(actorIds: readonly string[]): Promise<ReadonlyMap<string, LogHead>> {
    const items = await this.#deps.table.getMany(actorIds.map(logHeadKey));
    return new Map(items.map((item) => [actorOfKey(item), readLogHead(item)]));
  }

  /**
   * Adds the events of one actor in the span; `from` is the position in its log where an earlier answer ended.
   * @returns `done`; `before`: there was no room for the first event; else the position up to which events were added
   */
  async #readActor(actorId: string, head: LogHead | undefined, from: string | undefined): Promise<string> {
    // A deleted actor has no log. An index entry covers some time after the change, so there may be no record in the span.
    if (head === undefined || Math.floor(head.at / 1_000) <= this.#after) return "done";
    const { changeLog, epoch } = this.#deps;
    const begin = from === undefined ? undefined : parsePosition(from);
    const first =
      begin === undefined
        ? await firstRecordAfter(changeLog, { actorId, head, after: this.#after })
        : recordBefore(begin) + 1;
    let left = from ?? "before";
    for await (const { number, record, bytes } of changeLog.stream(actorId, first - 1, head.newest, {
      limit: HEADS_AT_ONCE,
    })) {
      if (readTime(record.at) > this.#until) break;
      if (this.#records >= MOST_RECORDS || this.#readBytes >= MOST_READ_BYTES) return left;
      this.#records += 1;
      this.#readBytes += bytes;
      for (const event of eventsOf(record)) {
        if (begin !== undefined && !isAfter(begin, number, event.index)) continue;
        const position = positionOf(epoch, number, event);
        const selection = this.#reading.selectionOf(actorId);
        if (selection !== undefined && selects(selection, event)) {
          const id = eventIdOf({ actorId, record: number, at: record.at, index: event.index });
          const input = { event, source: this.#deps.rootOf(actorId), id, position };
          // All data is in the envelope: a URL of the data would be signed with the actor's passphrase, which no operator
          // has.
          if (!this.#add(envelopeOf({ ...input, inlineMaxBytes: Infinity, dataref: () => "" }))) return left;
        }
        left = position;
      }
      left = positionAfter(epoch, number);
    }
    return "done";
  }

  /** @returns false when there is no room for the event */
  #add(envelope: JsonObject): boolean {
    const { limit, mostBytes } = this.#reading;
    const bytes = jsonBytesInResult(envelope) + 1;
    const isFull = this.events.length >= limit || this.#bytes + bytes > mostBytes;
    if (this.events.length > 0 && isFull) return false;
    this.events.push(envelope);
    this.#bytes += bytes;
    return true;
  }
}
