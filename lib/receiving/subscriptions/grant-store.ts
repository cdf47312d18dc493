import { compact } from "../../system/compact.ts";
import { printJson } from "../../domain/json/json-text.ts";
import type { PermissionCallback } from "../../domain/wire/permission-body.ts";
import { stringsOf } from "../../domain/policy/permissions.ts";
import { isArray, isObject, jsonBytes, own, parseJson } from "../../domain/json/json.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { parseTimestamp } from "../../domain/terms/timestamp.ts";
import type { Timestamp } from "../../domain/terms/timestamp.ts";
import { READS_ALL, readsOf } from "../../domain/policy/visibility.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import { grantKey, trustKey } from "../../dynamodb/keys/actors.ts";
import { dueShardOf } from "../../dynamodb/keys/due.ts";
import {
  ConditionFailed,
  TransactionRefused,
  all,
  equals,
  itemExists,
  itemMissing,
  missing,
} from "../../dynamodb/table.ts";
import type { Attribute, Item, Key, Table } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { JsonObject } from "../../system/ports.ts";

/** What a peer lets us see of its properties. */
export interface Grant {
  readonly patterns: readonly string[];
  readonly excluded_patterns: readonly string[];
  /** Empty when the peer named none: then reading counts as allowed. */
  readonly operations: readonly string[];
}

/** A grant that was kept, and what is still to be done about it. */
export interface KeptGrant {
  /** What `markFollowed` needs once the grant has been followed. */
  readonly version: number;
  readonly after: Grant;
  /** The whole grant as it was sent. */
  readonly sent: JsonObject;
  /** The time of the callback as it was written, if it had one. */
  readonly timestamp?: string;
  /** Patterns that may open what was closed; what they cover is worth fetching. */
  readonly newPatterns: readonly string[];
}

/** What a permission callback did. */
export type GrantReceived =
  | { readonly result: "older" }
  /** This very grant was followed before. */
  | { readonly result: "repeated" }
  | ({ readonly result: "stored" } & KeptGrant);

const MAX_TRIES = 4;
/** Well below what one item holds. */
const MAX_GRANT_BYTES = 256 * 1024;
/** A time further ahead of ours than this, ms, is not believed: kept, it would make every later callback an older one. */
const MOST_AHEAD_MS = 5 * 60_000;
/** The sweep follows a grant that no request has followed for this long, ms; longer than any request lives. */
const TAKEOVER_MS = 60_000;

/** What the grant lets us read. */
export function readsOfGrant(grant: Grant): Reads {
  return readsOf({ ...grant, operations: mayRead(grant) ? ["read"] : [] });
}

/**
 * True when a grant keeps the place and everything below it from us: what a read says of it, or does not say, tells
 * nothing of what the peer holds there.
 */
export const isExcluded = (reads: Reads, place: Place): boolean => !reads.at(place) && !reads.below(place);

const mayRead = (grant: Grant): boolean => grant.operations.length === 0 || grant.operations.includes("read");

/** What peers granted us, each by its last permission callback. */
export class GrantStore {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** The peer's last word; undefined when it never sent one. One read. */
  async get(actorId: string, peerId: string): Promise<Grant | undefined> {
    return readGrant((await this.#table.get(grantKey(actorId, peerId)))?.["grant"]);
  }

  /** What the peer lets us see by its last word; everything when it never sent one. One read. */
  async reads(actorId: string, peerId: string): Promise<Reads> {
    const grant = await this.get(actorId, peerId);
    return grant === undefined ? READS_ALL : readsOfGrant(grant);
  }

  /**
   * Keeps a permission callback unless its `timestamp` is older than the one kept; one without counts as newest. A time
   * more than five minutes ahead of ours is not kept, so that whatever comes next is applied. The grant stands from then
   * on, and is due until `markFollowed`: the sweep follows it when the request breaks off (`unfollowed`).
   *
   * @throws ServiceError auth.forbidden when the trust is not approved any more, request.too_large over 256 KiB,
   *   callback.busy after bounded retries
   */
  async receive(actorId: string, peerId: string, sent: PermissionCallback, now: number): Promise<GrantReceived> {
    if (jsonBytes(sent.grant) > MAX_GRANT_BYTES) {
      throw new ServiceError("request.too_large", "The grant has more than 262144 bytes.");
    }
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      const stored = await this.#table.get(grantKey(actorId, peerId));
      const known = believed(textIn(stored, "timestamp"), now);
      if (isOlder(sent.timestamp, known)) return { result: "older" };
      if (isSame(stored, sent) && stored?.["followed"] === true) return { result: "repeated" };
      const after = grantOf(sent.grant);
      const newPatterns = [
        ...new Set([...patternsLeft(stored), ...addedPatterns(readGrant(stored?.["grant"]), after)]),
      ];
      const keptTime = sent.timestamp === undefined ? known : believed(sent.timestamp.text, now);
      const version = Number(stored?.["version"] ?? 0) + 1;
      const item = compact({
        ...{ ...grantKey(actorId, peerId), ...dueOf(grantKey(actorId, peerId), now) },
        ...{ grant: printJson(sent.grant), version, at: now, fetch: JSON.stringify(newPatterns) },
        timestamp: keptTime?.text,
        said: sent.timestamp?.text,
      });
      if (await this.#put(item, stored?.["version"], trustKey(actorId, peerId))) {
        const kept = { version, after, sent: sent.grant, newPatterns };
        return { result: "stored", ...kept, ...compact({ timestamp: sent.timestamp?.text }) };
      }
    }
    throw new ServiceError("callback.busy", "The grant is being changed by someone else; try again.", {
      headers: { "Retry-After": "1" },
    });
  }

  /** The grant that was kept and not followed, once it is due at `now` (ms); else undefined. One read. */
  async unfollowed(actorId: string, peerId: string, now: number): Promise<KeptGrant | undefined> {
    const stored = await this.#table.get(grantKey(actorId, peerId));
    const dueAt = stored?.["dueAt"];
    if (stored === undefined || typeof dueAt !== "number" || dueAt > now) return undefined;
    const sent = parseJson(String(stored["grant"]));
    if (!isObject(sent)) return undefined;
    const kept = { version: Number(stored["version"]), after: grantOf(sent), sent, newPatterns: patternsLeft(stored) };
    return { ...kept, ...compact({ timestamp: textIn(stored, "said") }) };
  }

  /** The grant of this version has been followed: the same again changes nothing. 1 write. */
  async markFollowed(actorId: string, peerId: string, version: number): Promise<void> {
    try {
      await this.#table.update(
        grantKey(actorId, peerId),
        { set: { followed: true }, remove: ["fetch", "dueShard", "dueAt"] },
        all(itemExists, equals("version", version)),
      );
    } catch (error) {
      // A newer one has come: that one is to be followed.
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }

  /** False when another came first. */
  async #put(item: Item, version: Attribute | undefined, trust: Key): Promise<boolean> {
    const condition = typeof version === "number" ? equals("version", version) : itemMissing;
    const trustStands = all(equals("approved", true), missing("ending"));
    try {
      await this.#table.transact([
        { check: trust, condition: trustStands },
        { put: item, condition },
      ]);
      return true;
    } catch (error) {
      if (!(error instanceof TransactionRefused)) throw error;
      if (error.reasons[0]?.code === "condition") {
        throw new ServiceError("auth.forbidden", "The trust with this peer is not approved.", { cause: error });
      }
      if (error.reasons[1]?.code === "condition") return false;
      throw error;
    }
  }
}

const dueOf = (key: Key, now: number) => ({ dueShard: dueShardOf(key), dueAt: now + TAKEOVER_MS });

function textIn(item: Item | undefined, name: string): string | undefined {
  const text = item?.[name];
  return typeof text === "string" && text !== "" ? text : undefined;
}

/** A time that callbacks may be ordered by: undefined for none, and for one that is too far ahead. */
function believed(text: string | undefined, now: number): Timestamp | undefined {
  const time = text === undefined ? undefined : parseTimestamp(text);
  return time === undefined || time.ms > now + MOST_AHEAD_MS ? undefined : time;
}

const isOlder = (sent: Timestamp | undefined, known: Timestamp | undefined): boolean =>
  sent !== undefined && known !== undefined && sent.sortable < known.sortable;

/** The very callback that was kept last, or one with the same content and no time. */
function isSame(stored: Item | undefined, sent: PermissionCallback): boolean {
  if (stored?.["grant"] !== printJson(sent.grant)) return false;
  const said = textIn(stored, "said");
  return (
    sent.timestamp === undefined || (said !== undefined && parseTimestamp(said)?.sortable === sent.timestamp.sortable)
  );
}

/** What an earlier grant that was not followed has left to fetch. */
function patternsLeft(stored: Item | undefined): readonly string[] {
  const text = textIn(stored, "fetch");
  const patterns = text === undefined ? [] : parseJson(text);
  return isArray(patterns) ? patterns.filter((pattern) => typeof pattern === "string") : [];
}

function readGrant(stored: unknown): Grant | undefined {
  if (typeof stored !== "string") return undefined;
  const value = parseJson(stored);
  return isObject(value) ? grantOf(value) : undefined;
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
