/** What a peer lets us see of its properties, by its last permission callback: one item for each peer. */
import { compact } from "../../system/compact.ts";
import { printJson } from "../../domain/json/json-text.ts";
import type { PermissionCallback } from "../../domain/wire/permission-body.ts";
import { stringsOf } from "../../domain/policy/permissions.ts";
import { isArray, isObject, jsonBytes, own, parseJson } from "../../domain/json/json.ts";
import type { PeerRef } from "../../domain/terms/refs.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { parseTimestamp, type Timestamp } from "../../domain/terms/timestamp.ts";
import { readsOf, type Reads } from "../../domain/policy/visibility.ts";
import { grantKey, trustKey } from "../../dynamodb/keys/actors.ts";
import { refusedReasons, updateIf } from "../../dynamodb/outcomes.ts";
import {
  all,
  equals,
  itemExists,
  itemMissing,
  missing,
  TransactionRefused,
  type Item,
  type Table,
} from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import type { JsonObject } from "../../system/ports.ts";

/** What a peer lets us see of its properties. */
export interface Grant {
  readonly patterns: readonly string[];
  readonly excluded_patterns: readonly string[];
  /** Empty when the peer named none: reading counts as allowed then. */
  readonly operations: readonly string[];
}

/** A grant that was stored and is to be followed. */
export interface KeptGrant {
  /** For `markFollowed`. */
  readonly version: number;
  readonly after: Grant;
  /** The whole grant as it was sent. */
  readonly sent: JsonObject;
  /** The time of the callback as it was written, if it had one. */
  readonly timestamp?: string;
  /** Patterns that may open what was closed to us: what they cover is fetched. */
  readonly newPatterns: readonly string[];
}

/** The result of storing a permission callback. */
export type GrantReceived =
  | { readonly result: "older" }
  /** The same grant was followed before. */
  | { readonly result: "repeated" }
  | ({ readonly result: "stored" } & KeptGrant);

const MAX_TRIES = 4;
/** Well below the size of an item. */
const MAX_GRANT_BYTES = 256 * 1024;
/** A time further ahead of ours than this, ms, is not stored: it would make every later callback an older one. */
const MOST_AHEAD_MS = 5 * 60_000;
/** The sweep follows a grant that was not followed for this long, ms; longer than any request lives. */
const TAKEOVER_MS = 60_000;

/** The reads that a grant allows. */
export function readsOfGrant(grant: Grant): Reads {
  return readsOf({ ...grant, operations: mayRead(grant) ? ["read"] : [] });
}

/** True when a grant closes the place and everything below it to us: a read says nothing about what the peer has there. */
export const isExcluded = (reads: Reads, place: Place): boolean => !reads.at(place) && !reads.below(place);

const mayRead = (grant: Grant): boolean => grant.operations.length === 0 || grant.operations.includes("read");

/** What a peer granted us by its last permission callback; undefined when it never sent one. One read. */
export async function readGrant(table: Table, { actorId, peerId }: PeerRef): Promise<Grant | undefined> {
  return storedGrant(await table.get(grantKey(actorId, peerId)));
}

/**
 * Stores a permission callback unless its `timestamp` is older than the stored one; one without counts as newest. A time
 * more than five minutes ahead of ours is not stored, so that the next callback is applied whatever its time. The grant
 * counts from then on, and is due until `markFollowed`: the sweep follows it when the request breaks off.
 *
 * @throws ServiceError auth.forbidden when the trust is not approved any more, request.too_large over 256 KiB,
 *   callback.busy after bounded retries
 */
export async function storeGrant(
  table: Table,
  { actorId, peerId }: PeerRef,
  sent: PermissionCallback,
  now: number,
): Promise<GrantReceived> {
  if (jsonBytes(sent.grant) > MAX_GRANT_BYTES) {
    throw new ServiceError("request.too_large", "The grant has more than 262144 bytes.");
  }
  const key = grantKey(actorId, peerId);
  const received = await retryOnConflict<undefined, GrantReceived>(undefined, MAX_TRIES, async () => {
    const stored = await table.get(key);
    const known = believed(textIn(stored, "timestamp"), now);
    if (isOlder(sent.timestamp, known)) return { done: { result: "older" } };
    if (isSame(stored, sent) && stored?.["followed"] === true) return { done: { result: "repeated" } };
    const after = grantOf(sent.grant);
    const newPatterns = [...new Set([...patternsLeft(stored), ...addedPatterns(storedGrant(stored), after)])];
    const keptTime = sent.timestamp === undefined ? known : believed(sent.timestamp.text, now);
    const version = Number(stored?.["version"] ?? 0) + 1;
    const timestamp = sent.timestamp?.text;
    const item = compact({
      ...key,
      dueAt: now + TAKEOVER_MS,
      grant: printJson(sent.grant),
      version,
      at: now,
      fetch: JSON.stringify(newPatterns),
      timestamp: keptTime?.text,
      said: timestamp,
    });
    const seen = stored?.["version"];
    const refused = await refusedReasons(table, [
      { check: trustKey(actorId, peerId), condition: all(equals("approved", true), missing("ending")) },
      { put: item, condition: typeof seen === "number" ? equals("version", seen) : itemMissing },
    ]);
    if (refused?.[0]?.code === "condition") {
      throw new ServiceError("auth.forbidden", "The trust with this peer is not approved.");
    }
    if (refused?.[1]?.code === "condition") return { found: undefined };
    if (refused !== undefined) throw new TransactionRefused(refused);
    return { done: compact({ result: "stored", version, after, sent: sent.grant, newPatterns, timestamp }) };
  });
  if (received !== undefined) return received;
  throw new ServiceError("callback.busy", "The grant is being changed by another request; try again.", {
    headers: { "Retry-After": "1" },
  });
}

/** The grant that was stored and not followed, once it is due at `now` (ms); else undefined. One read. */
export async function unfollowedGrant(
  table: Table,
  { actorId, peerId }: PeerRef,
  now: number,
): Promise<KeptGrant | undefined> {
  const stored = await table.get(grantKey(actorId, peerId));
  const dueAt = stored?.["dueAt"];
  if (stored === undefined || typeof dueAt !== "number" || dueAt > now) return undefined;
  const sent = parseJson(String(stored["grant"]));
  if (!isObject(sent)) return undefined;
  return compact({
    version: Number(stored["version"]),
    after: grantOf(sent),
    sent,
    newPatterns: patternsLeft(stored),
    timestamp: textIn(stored, "said"),
  });
}

/** Marks the grant of this version as followed, unless a newer one has come. 1 write. */
export async function markFollowed(table: Table, { actorId, peerId }: PeerRef, version: number): Promise<void> {
  const change = { set: { followed: true }, remove: ["fetch", "dueAt"] };
  await updateIf(table, grantKey(actorId, peerId), change, all(itemExists, equals("version", version)));
}

function textIn(item: Item | undefined, name: string): string | undefined {
  const text = item?.[name];
  return typeof text === "string" && text !== "" ? text : undefined;
}

/** The time that callbacks are ordered by; undefined for none, and for one that is too far ahead. */
function believed(text: string | undefined, now: number): Timestamp | undefined {
  const time = text === undefined ? undefined : parseTimestamp(text);
  return time === undefined || time.ms > now + MOST_AHEAD_MS ? undefined : time;
}

const isOlder = (sent: Timestamp | undefined, known: Timestamp | undefined): boolean =>
  sent !== undefined && known !== undefined && sent.sortable < known.sortable;

/** True for the callback that was stored last, and for one with the same content and no time. */
function isSame(stored: Item | undefined, sent: PermissionCallback): boolean {
  if (stored?.["grant"] !== printJson(sent.grant)) return false;
  const before = textIn(stored, "said");
  return (
    sent.timestamp === undefined ||
    (before !== undefined && parseTimestamp(before)?.sortable === sent.timestamp.sortable)
  );
}

/** The patterns of earlier grants that are still to be fetched. */
function patternsLeft(stored: Item | undefined): readonly string[] {
  const text = textIn(stored, "fetch");
  const patterns = text === undefined ? [] : parseJson(text);
  return isArray(patterns) ? patterns.filter((pattern) => typeof pattern === "string") : [];
}

function storedGrant(stored: Item | undefined): Grant | undefined {
  const text = stored?.["grant"];
  const value = typeof text === "string" ? parseJson(text) : undefined;
  return value !== undefined && isObject(value) ? grantOf(value) : undefined;
}

function grantOf(grant: JsonObject): Grant {
  const given = own(grant, "properties");
  const properties = given !== undefined && isObject(given) ? given : {};
  return {
    patterns: stringsOf(properties, "patterns"),
    excluded_patterns: stringsOf(properties, "excluded_patterns"),
    operations: stringsOf(properties, "operations"),
  };
}

function addedPatterns(before: Grant | undefined, after: Grant): readonly string[] {
  if (!mayRead(after)) return [];
  if (before === undefined || !mayRead(before)) return after.patterns;
  const added = after.patterns.filter((pattern) => !before.patterns.includes(pattern));
  const uncovered = before.excluded_patterns.filter((pattern) => !after.excluded_patterns.includes(pattern));
  return [...new Set([...added, ...uncovered])];
}
