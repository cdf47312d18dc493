/** The events of all actors: span of time by span of time, in each actor by actor. A reader keeps the position itself. */
import { readLogHead, type ChangeLog, type LogHead } from "../../change-log/change-log.ts";
import { firstRecordAfter } from "../first-record-after.ts";
import { readTime } from "../../change-log/record-time.ts";
import { envelopeOf } from "../../domain/events/envelope.ts";
import { eventIdOf, isAfter, parsePosition, positionOf, type PositionGone } from "../../domain/events/position.ts";
import { eventsOf } from "../../domain/events/record-events.ts";
import { selects, type Selection } from "../../domain/events/selection.ts";
import { feedShards, oldestFeedTime, settledAt } from "../../dynamodb/keys/feed.ts";
import { actorOfKey } from "../../dynamodb/keys/partition.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import type { FeedItem, Table } from "../../dynamodb/table.ts";
import { jsonBytesInResult } from "../../http/answer-size.ts";
import type { Clock, JsonObject } from "../../system/ports.ts";
import { printFeedPosition, resolveFeedPosition, type FeedPosition } from "./feed-position.ts";
import type { EventPage } from "./read-events.ts";

/** Most actors that one answer looks at. */
const MOST_ACTORS = 200;
const HEADS_AT_ONCE = 100;
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
 * Reads from a position on, at most one span. For each shard one request for each MB of keys of actors that have changed, for
 * 100 of these one for their heads, and for each a few that find where its log goes on, and one for each MB of it.
 */
export async function readAll(deps: ReadAllDeps, reading: AllReading): Promise<EventPage | PositionGone> {
  const { clock, epoch, retentionDays } = deps;
  const settled = settledAt(clock.now());
  const oldest = oldestFeedTime(clock.now(), retentionDays * DAY_MS);
  const begin = resolveFeedPosition(reading.from, { epoch, settled, oldest });
  if (typeof begin === "string") return begin;
  const { after } = begin;
  const until = begin.within?.until ?? settled;
  if (until <= after) return { events: [], next: printFeedPosition(begin), upToDate: true };
  const span = new Span(deps, reading, { after, until });
  const next = await span.read(begin);
  return {
    events: span.events,
    next: printFeedPosition(next),
    upToDate: next.within === undefined && until === settled,
  };
}

/**
 * A span of time of all logs that is being read: the records after `after` and up to `until`. State: the events so far, their
 * bytes, and how many actors were looked at. What changes meanwhile is later than the span: it moves actors in the index, and
 * never out of those that are to be read.
 */
class Span {
  readonly #deps: ReadAllDeps;
  readonly #reading: AllReading;
  readonly #after: number;
  readonly #until: number;
  readonly events: JsonObject[] = [];
  #bytes = 0;
  #actors = 0;

  constructor(
    deps: ReadAllDeps,
    reading: AllReading,
    { after, until }: { readonly after: number; readonly until: number },
  ) {
    this.#deps = deps;
    this.#reading = reading;
    this.#after = after;
    this.#until = until;
  }

  /** Reads from where the position is within the span. @returns the position afterwards */
  async read({ epoch, within }: FeedPosition): Promise<FeedPosition> {
    const [after, until] = [this.#after, this.#until];
    for (let shard = within?.shard ?? 0; shard < feedShards.length; shard += 1) {
      const begin = shard === within?.shard ? within : undefined;
      let last = begin?.position === undefined ? begin?.actorId : undefined;
      const actors = (await this.#changed(feedShards[shard] ?? "")).filter(
        (actorId) =>
          begin?.actorId === undefined || actorId > begin.actorId || (actorId === begin.actorId && last === undefined),
      );
      for (let at = 0; at < actors.length; at += HEADS_AT_ONCE) {
        const some = actors.slice(at, at + HEADS_AT_ONCE);
        const heads = await this.#heads(some);
        for (const actorId of some) {
          if (this.#actors >= MOST_ACTORS) return { epoch, after, within: { until, shard, actorId: last } };
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

  /** The actors of a shard that have changed since the span began, in the order of their ids. */
  async #changed(shard: string): Promise<readonly string[]> {
    const found = new Set<string>();
    let next: FeedItem | undefined;
    do {
      const page = await this.#deps.table.queryFeed(shard, this.#after, next);
      for (const item of page.items) {
        const actorId = actorOfKey(item);
        if (this.#reading.selectionOf(actorId) !== undefined) found.add(actorId);
      }
      ({ next } = page);
    } while (next !== undefined);
    return [...found].sort();
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
    // An actor that was deleted meanwhile has no log.
    if (head === undefined) return "done";
    const { changeLog, epoch } = this.#deps;
    const begin = from === undefined ? undefined : parsePosition(from);
    const first =
      begin === undefined
        ? await firstRecordAfter(changeLog, { actorId, head, after: this.#after })
        : begin.index === "all"
          ? begin.record + 1
          : begin.record;
    let left = from ?? "before";
    for await (const { number, record } of changeLog.stream(actorId, first - 1, head.newest, {
      limit: HEADS_AT_ONCE,
    })) {
      if (readTime(record.at) > this.#until) break;
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
