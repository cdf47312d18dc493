/** An actor's change log as it is stored: numbered records, and a head that says which is the newest. */
import { compact } from "../system/compact.ts";
import type { LogRecord } from "../domain/diff/change-record.ts";
import { parseText, printJson } from "../domain/json/json-text.ts";
import { endOfRecord, logHeadKey, logRecordKey, recordPartition } from "../dynamodb/keys/publishing.ts";
import { dueShardOf } from "../dynamodb/keys/due.ts";
import {
  ConditionFailed,
  above,
  all,
  any,
  atLeast,
  below,
  equals,
  itemExists,
  itemMissing,
  missing,
} from "../dynamodb/table.ts";
import type { Change, Item, Table, Write } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import type { Clock } from "../system/ports.ts";

/** A record's JSON text may take so many items, of at most so many bytes of text each. */
export const MAX_RECORD_PARTS = 4;
const PART_BYTES = 300 * 1_024;
/** Most bytes of JSON text that one record takes. */
export const MAX_RECORD_BYTES = MAX_RECORD_PARTS * (PART_BYTES - 3);
const DAY_SECONDS = 86_400;
/** So long after records became superfluous, ms, they go, unless something else makes the maintenance run sooner. */
export const TIDY_AFTER_MS = 5 * 60_000;

export interface ChangeLogDeps {
  readonly table: Table;
  readonly clock: Clock;
  /** Days that a record can be read for (`DIFF_RETENTION_DAYS`). */
  readonly retentionDays: number;
}

/** A suspended target, or part of one. */
export interface Suspension {
  readonly target: string;
  readonly subtarget?: string;
}

/** What of a log's head its readers need; nothing but zeros before the first record. */
export interface LogHead {
  /** The number of the newest record. */
  readonly newest: number;
  /** The record of the last deletion of all properties: what was changed last at or before it is gone. */
  readonly cleared: number;
  /** How many inbound subscriptions there are. */
  readonly subscribers: number;
  /** What makes no diffs at the moment. */
  readonly suspended: readonly Suspension[];
  /** The records up to this one are deleted: nobody needed them. */
  readonly deletedUpTo: number;
  /** The newest record at the last maintenance. */
  readonly maintainedUpTo: number;
  /** The time of the newest record, µs since 1970. */
  readonly at: number;
  /** By which rules of relationships what peers may do was recorded last; see `RelationshipRules`. */
  readonly rules?: string;
  /** When that was begun, ms since 1970. */
  readonly rulesAt: number;
  /** The last peer for whom it was; absent: it was for all. */
  readonly rulesTo?: string;
  /** When there is maintenance to do, ms since 1970. */
  readonly dueAt?: number;
}

export interface NumberedRecord {
  readonly number: number;
  readonly record: LogRecord;
}

/** A stretch of a log, in order and without a gap after `lost`. */
export interface LogStretch {
  readonly records: readonly NumberedRecord[];
  /** The newest number of the stretch that has expired; those given come after it. Absent: none has. */
  readonly lost?: number;
}

/** The change logs of all actors. A change is committed by one transaction of `appendWrites` and whatever it changes. */
export class ChangeLog {
  readonly #deps: ChangeLogDeps;

  constructor(deps: ChangeLogDeps) {
    this.#deps = deps;
  }

  /** The number of the newest record, 0 before the first. One read. */
  async newest(actorId: string): Promise<number> {
    return (await this.head(actorId)).newest;
  }

  /** What the log's head says. One read. */
  async head(actorId: string): Promise<LogHead> {
    return readLogHead(await this.#deps.table.get(logHeadKey(actorId)));
  }

  /**
   * The writes that put records after the one numbered `newest`, to go into one transaction: first the head's, which
   * fails when another record has come meanwhile, then those of the records, numbered from `newest` + 1 on.
   *
   * @param head what else changes on the head
   * @throws ServiceError request.too_large when a record takes more than four parts of 300 KB
   */
  appendWrites(actorId: string, newest: number, records: readonly LogRecord[], head: Change = {}): readonly Write[] {
    const ttl = Math.ceil(this.#deps.clock.now() / 1_000) + this.#deps.retentionDays * DAY_SECONDS;
    const move: Write = {
      update: logHeadKey(actorId),
      change: { ...head, set: { ...head.set, newest: newest + records.length } },
      condition: newest === 0 ? itemMissing : equals("newest", newest),
    };
    const puts = records.flatMap((record, index): Write[] => {
      const texts = cut(Buffer.from(printJson(record)));
      if (texts.length > MAX_RECORD_PARTS) {
        throw new ServiceError("request.too_large", "This is more than one change can hold; make it in several.");
      }
      return texts.map((text, part) => ({
        put: {
          ...logRecordKey(actorId, newest + 1 + index, part),
          text,
          ttl,
          ...(part === 0 ? { parts: texts.length } : {}),
        },
        condition: itemMissing,
      }));
    });
    return [move, ...puts];
  }

  /**
   * The records numbered over `after` and up to `upTo` that are there, ascending, one page in memory at a time; those
   * that expired are left out. One query for each MB.
   */
  async *stream(actorId: string, after: number, upTo: number): AsyncGenerator<NumberedRecord & { bytes: number }> {
    if (upTo <= after) return;
    const open = new Map<number, Texts>();
    let from: string | undefined = endOfRecord(after);
    while (from !== undefined) {
      const range = { pk: recordPartition(actorId), prefix: "", after: from, until: endOfRecord(upTo) };
      const page = await this.#deps.table.query(range);
      for (const item of page.items) this.#collect(open, item);
      from = page.next;
      const last = [...open.keys()].at(-1);
      for (const [number, found] of open) {
        // The parts of a record may be on two pages.
        if (number === last && from !== undefined && !isWhole(found)) continue;
        if (isWhole(found)) yield { number, record: parsed(found), bytes: found.texts.join("").length };
        open.delete(number);
      }
    }
  }

  /**
   * The oldest record that can be read, and when it expires (ms since 1970); undefined when there is none. One query but
   * after expiry.
   */
  async oldest(actorId: string): Promise<{ readonly number: number; readonly expiresAt: number } | undefined> {
    const now = Math.floor(this.#deps.clock.now() / 1_000);
    let after: string | undefined;
    do {
      const range = { pk: recordPartition(actorId), prefix: "", only: ["ttl"], limit: 100 };
      const page = await this.#deps.table.query(after === undefined ? range : { ...range, after });
      const live = page.items.find((item) => Number(item["ttl"]) > now);
      if (live !== undefined) {
        return { number: Number(live.sk.slice(0, 16)), expiresAt: Number(live["ttl"]) * 1_000 };
      }
      after = page.next;
    } while (after !== undefined);
    return undefined;
  }

  /** Has the maintenance run soon, because a peer has cleared what it had. One write. */
  async tidySoon(actorId: string): Promise<void> {
    const key = logHeadKey(actorId);
    const dueAt = this.#deps.clock.now() + TIDY_AFTER_MS;
    const later = all(itemExists, any(missing("dueAt"), above("dueAt", dueAt)));
    try {
      await this.#deps.table.update(key, { set: { dueShard: dueShardOf(key), dueAt } }, later);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }

  /** Deletes the records up to one that nobody needs any more, and notes it. May be called again. */
  async deleteRecords(actorId: string, upTo: number): Promise<void> {
    const { table } = this.#deps;
    const range = { pk: recordPartition(actorId), prefix: "", until: endOfRecord(upTo), only: ["parts"], limit: 100 };
    for (;;) {
      const page = await table.query(range);
      if (page.items.length > 0) await table.deleteMany(page.items.map(({ pk, sk }) => ({ pk, sk })));
      if (page.next === undefined) break;
    }
    const further = all(atLeast("newest", upTo), any(missing("deletedUpTo"), below("deletedUpTo", upTo)));
    try {
      await table.update(logHeadKey(actorId), { set: { deletedUpTo: upTo } }, further);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }

  /** The records numbered over `after` and up to `upTo`, which must be there or expired. One query for each MB. */
  async read(actorId: string, after: number, upTo: number): Promise<LogStretch> {
    if (upTo <= after) return { records: [] };
    const texts = new Map<number, Texts>();
    let from: string | undefined = endOfRecord(after);
    while (from !== undefined) {
      const range = { pk: recordPartition(actorId), prefix: "", after: from, until: endOfRecord(upTo) };
      const page = await this.#deps.table.query(range);
      for (const item of page.items) this.#collect(texts, item);
      from = page.next;
    }
    const records: NumberedRecord[] = [];
    let lost: number | undefined;
    for (let number = upTo; number > after; number -= 1) {
      const found = texts.get(number);
      if (found === undefined || !isWhole(found)) {
        lost = number;
        break;
      }
      records.push({ number, record: parsed(found) });
    }
    return compact({ records: records.toReversed(), lost });
  }

  #collect(texts: Map<number, Texts>, item: Item): void {
    // What has expired is deleted some time later.
    if (Number(item["ttl"]) * 1_000 <= this.#deps.clock.now()) return;
    const number = Number(item.sk.slice(0, 16));
    const found = texts.get(number) ?? { parts: Number.POSITIVE_INFINITY, texts: [] };
    if (typeof item["parts"] === "number") found.parts = item["parts"];
    found.texts.push(String(item["text"]));
    texts.set(number, found);
  }
}

/** Texts of at most `PART_BYTES`, cut between characters. */
function cut(bytes: Buffer): string[] {
  const parts: string[] = [];
  for (let start = 0; start < bytes.length;) {
    let end = Math.min(start + PART_BYTES, bytes.length);
    // A byte 10xxxxxx goes on with a character.
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    parts.push(bytes.toString("utf8", start, end));
    start = end;
  }
  return parts;
}

/** Reads a log's head as it is stored. */
export function readLogHead(item: Item | undefined): LogHead {
  const number = (name: string): number => Number(item?.[name] ?? 0);
  const suspended = item?.["suspended"];
  return {
    newest: number("newest"),
    cleared: number("cleared"),
    subscribers: number("subscribers"),
    suspended: typeof suspended === "string" ? (parseText(suspended) as Suspension[]) : [],
    deletedUpTo: number("deletedUpTo"),
    maintainedUpTo: number("maintainedUpTo"),
    at: number("at"),
    rulesAt: number("rulesAt"),
    ...(typeof item?.["rules"] === "string" ? { rules: item["rules"] } : {}),
    ...(typeof item?.["rulesTo"] === "string" ? { rulesTo: item["rulesTo"] } : {}),
    ...(item?.["dueAt"] === undefined ? {} : { dueAt: number("dueAt") }),
  };
}

interface Texts {
  parts: number;
  readonly texts: string[];
}

/** The parts of an expired record are deleted one by one. */
const isWhole = (found: Texts): boolean => found.texts.length === found.parts;

const parsed = (found: Texts): LogRecord => parseText(found.texts.join("")) as LogRecord;
