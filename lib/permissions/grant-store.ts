import { printJson } from "../domain/json-text.ts";
import type { PermissionCallback } from "../domain/permission-body.ts";
import { stringsOf } from "../domain/permissions.ts";
import { isObject, jsonBytes, own, parseJson } from "../domain/json.ts";
import { readsOf } from "../domain/visibility.ts";
import type { Reads } from "../domain/visibility.ts";
import { grantKey, trustKey } from "../dynamodb/keys-actors.ts";
import {
  ConditionFailed,
  TransactionRefused,
  all,
  equals,
  itemExists,
  itemMissing,
  missing,
} from "../dynamodb/table.ts";
import type { Table } from "../dynamodb/table.ts";
import { ServiceError } from "../errors.ts";
import type { JsonObject } from "../ports.ts";

/** What a peer lets us see of its properties. */
export interface Grant {
  readonly patterns: readonly string[];
  readonly excluded_patterns: readonly string[];
  /** Empty when the peer named none: then reading counts as allowed. */
  readonly operations: readonly string[];
}

/** What a permission callback did. */
export type GrantReceived =
  | { readonly result: "older" }
  /** This very grant was followed before. */
  | { readonly result: "repeated" }
  | {
      readonly result: "stored";
      /** What `settle` is to be told once the grant has been followed. */
      readonly version: number;
      /** What the peer had granted by its last word; undefined when this is its first. */
      readonly before: Grant | undefined;
      readonly after: Grant;
      /** Patterns that may open what was closed; what they cover is worth fetching. */
      readonly newPatterns: readonly string[];
    };

const MAX_TRIES = 4;
/** Well below what one item holds. */
const MAX_GRANT_BYTES = 256 * 1024;

/** What the grant lets us read. */
export function readsOfGrant(grant: Grant): Reads {
  return readsOf({ ...grant, operations: mayRead(grant) ? ["read"] : [] });
}

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

  /**
   * Keeps a permission callback unless its `timestamp` is older than the one kept; one without counts as newest.
   * `beforehand` is told the new patterns before anything is kept: what they make necessary is then never lost, for
   * whoever sends the callback again is no news any more. It may run more than once.
   *
   * @throws ServiceError auth.forbidden when the trust is not approved any more, request.too_large over 256 KiB,
   *   callback.busy after bounded retries
   */
  async receive(
    actorId: string,
    peerId: string,
    sent: PermissionCallback,
    now: number,
    beforehand: (newPatterns: readonly string[]) => Promise<void>,
  ): Promise<GrantReceived> {
    const timestamp = sent.timestamp?.sortable ?? "";
    if (jsonBytes(sent.grant) > MAX_GRANT_BYTES) {
      throw new ServiceError("request.too_large", "The grant has more than 262144 bytes.");
    }
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      const stored = await this.#table.get(grantKey(actorId, peerId));
      const known = stored?.["timestamp"];
      if (timestamp !== "" && typeof known === "string" && known > timestamp) return { result: "older" };
      const same = stored?.["grant"] === printJson(sent.grant) && (timestamp === "" || known === timestamp);
      if (same && stored["followed"] === true) return { result: "repeated" };
      const kept = timestamp === "" && typeof known === "string" ? known : timestamp;
      const before = readGrant(stored?.["grant"]);
      const after = grantOf(sent.grant);
      const added = newPatterns(before, after);
      if (added.length > 0) await beforehand(added);
      const version = await this.#put(actorId, peerId, sent.grant, kept, stored?.["version"], now);
      if (version !== undefined) return { result: "stored", version, before, after, newPatterns: added };
    }
    throw new ServiceError("callback.busy", "The grant is being changed by someone else; try again.", {
      headers: { "Retry-After": "1" },
    });
  }

  /** The grant of this version has been followed: the same again changes nothing. 1 write. */
  async settle(actorId: string, peerId: string, version: number): Promise<void> {
    try {
      await this.#table.update(
        grantKey(actorId, peerId),
        { set: { followed: true } },
        all(itemExists, equals("version", version)),
      );
    } catch (error) {
      // A newer one has come: that one is to be followed.
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }

  async #put(
    actorId: string,
    peerId: string,
    grant: JsonObject,
    timestamp: string,
    version: unknown,
    now: number,
  ): Promise<number | undefined> {
    const next = typeof version === "number" ? version + 1 : 1;
    const item = { ...grantKey(actorId, peerId), grant: printJson(grant), timestamp, version: next, at: now };
    const condition = typeof version === "number" ? equals("version", version) : itemMissing;
    const trustStands = all(equals("approved", true), missing("ending"));
    try {
      await this.#table.transact([
        { check: trustKey(actorId, peerId), condition: trustStands },
        { put: item, condition },
      ]);
      return next;
    } catch (error) {
      if (!(error instanceof TransactionRefused)) throw error;
      if (error.reasons[0]?.code === "condition") {
        throw new ServiceError("auth.forbidden", "The trust with this peer is not approved.", { cause: error });
      }
      if (error.reasons[1]?.code === "condition") return undefined;
      throw error;
    }
  }
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

function newPatterns(before: Grant | undefined, after: Grant): readonly string[] {
  if (!mayRead(after)) return [];
  if (before === undefined || !mayRead(before)) return after.patterns;
  const added = after.patterns.filter((pattern) => !before.patterns.includes(pattern));
  const uncovered = before.excluded_patterns.filter((pattern) => !after.excluded_patterns.includes(pattern));
  return [...new Set([...added, ...uncovered])];
}
