/** The writes of a commit to a log: its records, and the move of its head. */
import type { LogRecord } from "../domain/diff/change-record.ts";
import { cutText, PART_BYTES } from "../domain/json/json.ts";
import { printJson } from "../domain/json/json-text.ts";
import { feedMove } from "../dynamodb/keys/feed.ts";
import { logHeadKey, logRecordKey } from "../dynamodb/keys/publishing.ts";
import {
  all,
  any,
  equals,
  exists,
  itemMissing,
  missing,
  type Change,
  type Condition,
  type Write,
} from "../dynamodb/table.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import { hasListeners, LISTENER_ATTRIBUTES, type LogHead, type LogSettings } from "./change-log.ts";

/** Most items that the JSON text of one record takes. */
const MAX_RECORD_PARTS = 4;
/** Most bytes of JSON text that one record takes: a cut between characters can leave three bytes of a part unused. */
export const MAX_RECORD_BYTES = MAX_RECORD_PARTS * (PART_BYTES - 3);
const DAY_SECONDS = 86_400;
/** Delay until maintenance of the log is due after a change, ms: it delivers what a writer that died did not. */
const MAINTENANCE_AFTER_MS = 30_000;

/** What one commit appends. */
export interface Appended {
  readonly records: readonly LogRecord[];
  /** The time of the records, µs since 1970. */
  readonly at: number;
  /** What else changes on the head. */
  readonly change?: Change | undefined;
  /** What else must hold of the head. */
  readonly when?: Condition | undefined;
  /** The digest of the rules of relationships in this release; absent: they do not concern the logs. */
  readonly rules?: string | undefined;
}

/**
 * The writes that append records, numbered from the head's `newest` + 1 on, for one transaction: first that of the
 * head, which fails when another record was appended since it was read, then those of the records. From the first
 * subscriber or listener on the log becomes due, so that maintenance finishes what a writer that died left to do.
 *
 * @throws ServiceError request.too_large when a record takes more than four parts of 300 KB
 */
export function appendWrites(
  { clock, retentionDays, allEvents }: LogSettings,
  actorId: string,
  head: LogHead,
  { records, at, change = {}, when, rules }: Appended,
): readonly Write[] {
  const { newest } = head;
  const now = clock.now();
  const key = logHeadKey(actorId);
  const { set = {}, remove = [], ...more } = change;
  const isFirst = head.subscribers === 0;
  const isRead = !isFirst || hasListeners(head) || Number(more.add?.["subscribers"] ?? 0) > 0;
  // Set even if the log is due already, because maintenance may have put it off since the read.
  const dueAt = Math.min(head.dueAt ?? Number.POSITIVE_INFINITY, now + MAINTENANCE_AFTER_MS);
  // The first subscriptions begin by the present rules.
  const begins = isFirst && Number(more.add?.["subscribers"] ?? 0) > 0 && rules !== undefined;
  // This release's permissions follow those that another recorded: then neither's rules hold for all peers.
  const isMixed =
    !isFirst &&
    rules !== undefined &&
    rules !== head.rules &&
    set["rules"] === undefined &&
    records.some(({ kind }) => kind === "permissions" || kind === "subscriptions");
  const move: Write = {
    update: key,
    change: {
      ...more,
      set: {
        ...(begins && { rules }),
        ...(isRead && { dueAt }),
        ...set,
        ...(allEvents === true && records.length > 0 && feedMove(key, head.feed, Math.floor(at / 1_000))),
        at,
        newest: newest + records.length,
      },
      remove: [...remove, ...(begins ? ["rulesTo"] : isMixed ? ["rules", "rulesTo"] : [])],
    },
    condition: all(
      newest === 0 ? any(itemMissing, missing("newest"), equals("newest", 0)) : equals("newest", newest),
      sameListeners(head),
      ...(when === undefined ? [] : [when]),
    ),
  };
  const ttl = Math.ceil(now / 1_000) + retentionDays * DAY_SECONDS;
  const puts = records.flatMap((record, index): Write[] => {
    const texts = cutText(printJson(record));
    if (texts.length > MAX_RECORD_PARTS) {
      throw new ServiceError("request.too_large", "This is more than one change can hold; make it in several.");
    }
    return texts.map((text, part) => {
      const key = logRecordKey(actorId, newest + 1 + index, part);
      const parts = part === 0 ? texts.length : undefined;
      return { put: compact({ ...key, text, ttl, parts }), condition: itemMissing };
    });
  });
  return [move, ...puts];
}

/**
 * No listener was made, changed or deleted since the head was read, and the hub has subscriptions as it had: none or some.
 */
const sameListeners = ({ listeners: { revision }, hubJoins }: Pick<LogHead, "listeners" | "hubJoins">): Condition =>
  all(
    revision === 0 ? missing(LISTENER_ATTRIBUTES.revision) : equals(LISTENER_ATTRIBUTES.revision, revision),
    hubJoins === undefined ? missing("hubJoins") : exists("hubJoins"),
  );
