/** The events of all actors: span of time by span of time, in each actor by actor. A reader keeps the position itself. */
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
import { firstRecordAfter } from "../first-record-after.ts";
import { changedActors } from "./changed-actors.ts";
import { printFeedPosition, resolveFeedPosition, type FeedPosition } from "./feed-position.ts";
import type { EventPage } from "./read-events.ts";

/** Most actors that one answer looks at. */
const MOST_ACTORS = 200;
const HEADS_AT_ONCE = 100;
/** Most records of one answer, and about the most bytes of their JSON text: one that selects little of long logs. */
const MOST_RECORDS = 2_000;
const MOST_READ_BYTES = 8 * 1_024 * 1_024;
/** An answer looks at no further actor after so long, ms. */
const MOST_READING_MS = 3_000;
const DAY_MS = 86_400_000;

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
  /** What of an actor is asked for; undefined: nothing. */
  readonly selectionOf: (actorId: string) => Selection | undefined;
  readonly limit: number;
  readonly mostBytes: number;
}

/**
 * Reads from a position on, at most one span. For each shard one request for each MB of keys of actors that have changed,
 * for 100 of these one for their heads, and for each a few that find where its log goes on, and one for each MB of it.
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
 * A span of time of all logs that is being read: the records after `after` and up to `until`. State: the events so far,
 * their bytes, and how much was looked at. What changes meanwhile is later than the span: it moves an actor in one of the
 * indexes, and never out of those that are to be read.
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

  /** Reads from where the position is within the span. @returns the position afterwards */
  async read({ epoch, within }: FeedPosition): Promise<FeedPosition> {
    const [after, until] = [this.#after, this.#until];
    for (let shard = within?.shard ?? 0; shard < feedShards.length; shard += 1) {
      const begin = shard === within?.shard ? within : undefined;
      let last = begin?.position === undefined ? begin?.actorId : undefined;
      const changed = await changedActors(this.#deps.table, feedShards[shard] ?? "", this.#after);
      // The actor in whose log the position is has changed, whatever the indexes show.
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

  /** The next actor is for the next answer. */
  #isEnough(): boolean {
    return this.#actors >= MOST_ACTORS || (this.#actors > 0 && this.#deps.clock.now() > this.#stopAt);
  }

  async #heads(actorIds: readonly string[]): Promise<ReadonlyMap<string, LogHead>> {
    const items = await this.#deps.table.getMany(actorIds.map(logHeadKey));
    return new Map(items.map((item) => [actorOfKey(item), readLogHead(item)]));
  }

  /**
   * Gathers the events of one actor in the span, from a position of its log on when it was left there.
   * @returns `done`; `before`: there is no room for the first; else the position up to which there was room
   */
  async #readActor(actorId: string, head: LogHead | undefined, from: string | undefined): Promise<string> {
    // An actor that was deleted meanwhile has no log; the index covers some time after the newest change.
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
          // There is no URL of the data for the operator, who has no passphrase of the actor to sign it.
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
