/** An actor's change log as it is stored: numbered records, and a head with the number of the newest. */
import { compact } from "../system/compact.ts";
import type { LogRecord } from "../domain/diff/change-record.ts";
import type { FeedEntries } from "../domain/events/feed-time.ts";
import { parseBuckets, type Buckets } from "../domain/log/buckets.ts";
import { parseText } from "../domain/json/json-text.ts";
import type { Suspension } from "../domain/terms/scope.ts";
import { readFeedEntries } from "../dynamodb/keys/feed.ts";
import { endOfRecord, logHeadKey, recordPartition } from "../dynamodb/keys/publishing.ts";
import { updateIf } from "../dynamodb/outcomes.ts";
import { deleteRange, itemsOf } from "../dynamodb/paging.ts";
import {
  above,
  all,
  any,
  atMost,
  equals,
  itemExists,
  missing,
  type Condition,
  type Item,
  type Table,
} from "../dynamodb/table.ts";
import type { Clock } from "../system/ports.ts";

/** Maintenance deletes superfluous records this much later, ms, unless something else makes it run sooner. */
export const TIDY_AFTER_MS = 5 * 60_000;

/** What records and heads of logs depend on. */
export interface LogSettings {
  readonly clock: Clock;
  /** Days for which a record can be read (`DIFF_RETENTION_DAYS`). */
  readonly retentionDays: number;
  /** The events of all actors are read (`ALL_EVENTS`): each log stands in the feed index. */
  readonly allEvents?: boolean;
}

export interface ChangeLogDeps extends LogSettings {
  readonly table: Table;
}

/** The head of a log; zeros before the first record. */
export interface LogHead {
  /** The number of the newest record. */
  readonly newest: number;
  /** The record of the last deletion of all properties: it deleted every property last changed at or before it. */
  readonly cleared: number;
  /** The number of inbound subscriptions. */
  readonly subscribers: number;
  /** The listeners beside peers. */
  readonly listeners: ListenerCounts;
  /** The marks of the application's event hooks that have begun (`EventHookBeginnings`). */
  readonly eventHooks: readonly string[];
  /** How many of their heads lie in each bucket. */
  readonly buckets: Buckets;
  /** The targets and subtargets whose changes make no diffs. */
  readonly suspended: readonly Suspension[];
  /** The records up to this one are being deleted, or are: no subscription needed them, and a listener begins after them. */
  readonly deletedUpTo: number;
  /** The newest record at the last maintenance. */
  readonly maintainedUpTo: number;
  /** The time of the newest record, µs since 1970. */
  readonly at: number;
  /** The rules of relationships by which the permissions of subscribers were recorded last; see `confirmRules`. */
  readonly rules?: string;
  /** When that recording began, ms since 1970. */
  readonly rulesAt: number;
  /** The last peer for whom they were recorded; absent when they were recorded for all. */
  readonly rulesTo?: string;
  /** The public targets: the newest event at each place of them is kept as its state. */
  readonly publicTargets: readonly string[];
  /** Incremented with each new subscription at the hub; absent: there is none. */
  readonly hubJoins?: number;
  /** Its entries in the feed indexes. */
  readonly feed: FeedEntries;
  /** When maintenance is due, ms since 1970. */
  readonly dueAt?: number;
}

/**
 * The listeners of an actor beside its peers, as the log's head counts them. A commit is planned again when they have
 * changed since it read the head, so that it finds exactly those that were there before it.
 */
export interface ListenerCounts {
  /** Those with a pattern that begins with a name. */
  readonly named: number;
  /** Those with a pattern that begins with a wildcard: one more query for each change. */
  readonly wildcard: number;
  /** Those that have no marker, because the release itself knows what they hear: the hooks on an actor's own events. */
  readonly unmarked: number;
  /** Those that read the records: while there are any, no record is deleted before it expires. */
  readonly reading: number;
  /** Those with a pattern that begins with `$sys`. */
  readonly sys: number;
  /** Grows with each change of the listeners. */
  readonly revision: number;
}

/** The attributes of the log's head that count listeners. */
export const LISTENER_ATTRIBUTES = {
  named: "namedListeners",
  wildcard: "wildcardListeners",
  unmarked: "unmarkedListeners",
  reading: "readingListeners",
  sys: "sysListeners",
  revision: "listenerRevision",
} as const satisfies Record<keyof ListenerCounts, string>;

/** True when some listener may hear a change. */
export const hasListeners = ({ listeners, hubJoins }: Pick<LogHead, "listeners" | "hubJoins">): boolean =>
  listeners.named > 0 || listeners.wildcard > 0 || listeners.unmarked > 0 || hubJoins !== undefined;

/** A record with its number in the log. */
export interface NumberedRecord {
  readonly number: number;
  readonly record: LogRecord;
  /** Characters of its JSON text, where it was read from the table. */
  readonly bytes?: number;
}

/** A stretch of a log, in order and without a gap after `lost`. */
export interface LogStretch {
  readonly records: readonly NumberedRecord[];
  /** The newest expired number of the stretch; the records come after it. Absent: none has expired. */
  readonly lost?: number;
}

/** The change logs of all actors, as they are read. One transaction commits a change: see `appendWrites`. */
export class ChangeLog {
  readonly #deps: ChangeLogDeps;

  constructor(deps: ChangeLogDeps) {
    this.#deps = deps;
  }

  /** As the writes of a commit need them. */
  get settings(): LogSettings {
    return this.#deps;
  }

  /** The number of the newest record, 0 before the first. One read. */
  async newest(actorId: string): Promise<number> {
    return (await this.head(actorId)).newest;
  }

  /** The log's head. One read. */
  async head(actorId: string): Promise<LogHead> {
    return readLogHead(await this.#deps.table.get(logHeadKey(actorId)));
  }

  /**
   * The number of the newest record, or that of a moment ago. One read, for half of what another costs: for those who look
   * again and again.
   */
  async recentNewest(actorId: string): Promise<number> {
    const item = await this.#deps.table.get(logHeadKey(actorId), { consistent: false, only: ["newest"] });
    return readLogHead(item).newest;
  }

  /**
   * The records numbered over `after` and up to `upTo` that are there, ascending, one page in memory at a time; expired
   * ones are left out. One query for each MB, or for each `limit` items.
   */
  async *stream(
    actorId: string,
    after: number,
    upTo: number,
    options: { readonly limit?: number } = {},
  ): AsyncGenerator<NumberedRecord & { bytes: number }> {
    if (upTo <= after) return;
    const { table, clock } = this.#deps;
    const pk = recordPartition(actorId);
    const range = { pk, prefix: "", after: endOfRecord(after), until: endOfRecord(upTo), ...options };
    let open: { readonly number: number; readonly parts: number; readonly texts: string[] } | undefined;
    for await (const item of itemsOf(table, range)) {
      // DynamoDB deletes expired items some time later, and one by one: without its first part a record is never whole.
      if (Number(item["ttl"]) * 1_000 <= clock.now()) continue;
      const number = numberOf(item);
      if (open?.number !== number) open = { number, parts: Number(item["parts"] ?? Infinity), texts: [] };
      open.texts.push(String(item["text"]));
      if (open.texts.length < open.parts) continue;
      const text = open.texts.join("");
      yield { number, record: parseText(text) as LogRecord, bytes: text.length };
    }
  }

  /** The records numbered over `after` and up to `upTo`, which must be there or expired. One query for each MB. */
  async read(actorId: string, after: number, upTo: number): Promise<LogStretch> {
    let records: NumberedRecord[] = [];
    let lost: number | undefined;
    let next = after + 1;
    for await (const { number, record } of this.stream(actorId, after, upTo)) {
      if (number > next) [records, lost] = [[], number - 1];
      records.push({ number, record });
      next = number + 1;
    }
    return next <= upTo ? { records: [], lost: upTo } : compact({ records, lost });
  }

  /**
   * The oldest record from `from` on that can be read, and when it expires (ms since 1970); undefined when there is none.
   * One query, and more only where records have expired.
   */
  async oldest(
    actorId: string,
    from = 1,
  ): Promise<{ readonly number: number; readonly expiresAt: number } | undefined> {
    const { table, clock } = this.#deps;
    const now = Math.floor(clock.now() / 1_000);
    const after = endOfRecord(from - 1);
    const range = { pk: recordPartition(actorId), prefix: "", after, only: ["ttl"], limit: 100 };
    for await (const item of itemsOf(table, range)) {
      const ttl = Number(item["ttl"]);
      if (ttl > now) return { number: numberOf(item), expiresAt: ttl * 1_000 };
    }
    return undefined;
  }

  /** Makes the maintenance run soon, because a peer has cleared what it had. One write. */
  async tidySoon(actorId: string): Promise<void> {
    const key = logHeadKey(actorId);
    const dueAt = this.#deps.clock.now() + TIDY_AFTER_MS;
    const later = all(itemExists, any(missing("dueAt"), above("dueAt", dueAt)));
    await updateIf(this.#deps.table, key, { set: { dueAt } }, later);
  }

  /** Deletes the records up to one that no subscription needs any more. May be called again. */
  async deleteRecords(actorId: string, upTo: number): Promise<void> {
    await deleteRange(this.#deps.table, { pk: recordPartition(actorId), prefix: "", until: endOfRecord(upTo) });
  }
}

/** Reads a log's head as it is stored. */
export function readLogHead(item: Item | undefined): LogHead {
  const number = (name: string): number => Number(item?.[name] ?? 0);
  const text = (name: string): string | undefined => (item?.[name] === undefined ? undefined : String(item[name]));
  const suspended = text("suspended");
  const publicTargets = text("publicTargets");
  return compact({
    newest: number("newest"),
    cleared: number("cleared"),
    subscribers: number("subscribers"),
    listeners: {
      named: number(LISTENER_ATTRIBUTES.named),
      wildcard: number(LISTENER_ATTRIBUTES.wildcard),
      unmarked: number(LISTENER_ATTRIBUTES.unmarked),
      reading: number(LISTENER_ATTRIBUTES.reading),
      sys: number(LISTENER_ATTRIBUTES.sys),
      revision: number(LISTENER_ATTRIBUTES.revision),
    },
    eventHooks: text("eventHooks")?.split(",") ?? [],
    buckets: parseBuckets(text("buckets") ?? ""),
    suspended: suspended === undefined ? [] : (parseText(suspended) as Suspension[]),
    publicTargets: publicTargets === undefined ? [] : (parseText(publicTargets) as string[]),
    hubJoins: item?.["hubJoins"] === undefined ? undefined : number("hubJoins"),
    deletedUpTo: number("deletedUpTo"),
    maintainedUpTo: number("maintainedUpTo"),
    at: number("at"),
    rulesAt: number("rulesAt"),
    rules: text("rules"),
    rulesTo: text("rulesTo"),
    feed: readFeedEntries(item),
    dueAt: item?.["dueAt"] === undefined ? undefined : number("dueAt"),
  });
}

/** The number of the oldest record that a listener may begin at, of the oldest one that is there; undefined: there is none. */
export const oldestKept = (
  { deletedUpTo }: Pick<LogHead, "deletedUpTo">,
  oldest: { readonly number: number } | undefined,
): number | undefined => oldest && Math.max(oldest.number, deletedUpTo + 1);

/** No records were chosen for deletion since the head was read. */
export const sameDeleted = ({ deletedUpTo }: Pick<LogHead, "deletedUpTo">): Condition =>
  deletedUpTo === 0 ? any(missing("deletedUpTo"), equals("deletedUpTo", 0)) : equals("deletedUpTo", deletedUpTo);

/** No listener reads the records, so that maintenance may delete them. */
export const isReadByNone: Condition = any(
  missing(LISTENER_ATTRIBUTES.reading),
  atMost(LISTENER_ATTRIBUTES.reading, 0),
);

/** The number in the key of a record's part. */
const numberOf = ({ sk }: Item): number => Number(sk.slice(0, 16));
