import type { PermissionCallback } from "../domain/permission-body.ts";
import { isOpen, stringsOf } from "../domain/permissions.ts";
import { isObject, jsonBytes, own, parseJson } from "../domain/json.ts";
import type { Place } from "../domain/scope.ts";
import { grantKey, trustKey } from "../dynamodb/keys-actors.ts";
import { TransactionRefused, all, equals, itemMissing, missing } from "../dynamodb/table.ts";
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
  | {
      readonly result: "stored";
      /** What the peer had granted by its last word; undefined when this is its first. */
      readonly before: Grant | undefined;
      readonly after: Grant;
      /** Patterns that may open what was closed; what they cover is worth fetching. */
      readonly newPatterns: readonly string[];
    };

const MAX_TRIES = 4;
/** Well below what one item holds. */
const MAX_GRANT_BYTES = 256 * 1024;

/** True when the grant lets us read at the place. */
export function grantOpens(grant: Grant, place: Place): boolean {
  return (grant.operations.length === 0 || grant.operations.includes("read")) && isOpen(grant, place);
}

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
   * @throws ServiceError auth.forbidden when the trust is not approved any more, request.too_large over 256 KiB,
   *   callback.busy after bounded retries
   */
  async receive(actorId: string, peerId: string, sent: PermissionCallback, now: number): Promise<GrantReceived> {
    const timestamp = sent.timestamp?.sortable ?? "";
    if (jsonBytes(sent.grant) > MAX_GRANT_BYTES) {
      throw new ServiceError("request.too_large", "The grant has more than 262144 bytes.");
    }
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      const stored = await this.#table.get(grantKey(actorId, peerId));
      const known = stored?.["timestamp"];
      if (timestamp !== "" && typeof known === "string" && known > timestamp) return { result: "older" };
      const kept = timestamp === "" && typeof known === "string" ? known : timestamp;
      const before = readGrant(stored?.["grant"]);
      const after = grantOf(sent.grant);
      if (await this.#put(actorId, peerId, sent.grant, kept, stored?.["version"], now)) {
        return { result: "stored", before, after, newPatterns: newPatterns(before, after) };
      }
    }
    throw new ServiceError("callback.busy", "The grant is being changed by someone else; try again.", {
      headers: { "Retry-After": "1" },
    });
  }

  async #put(
    actorId: string,
    peerId: string,
    grant: JsonObject,
    timestamp: string,
    version: unknown,
    now: number,
  ): Promise<boolean> {
    const next = typeof version === "number" ? version + 1 : 1;
    const item = { ...grantKey(actorId, peerId), grant: JSON.stringify(grant), timestamp, version: next, at: now };
    const condition = typeof version === "number" ? equals("version", version) : itemMissing;
    const trustStands = all(equals("approved", true), missing("ending"));
    try {
      await this.#table.transact([
        { check: trustKey(actorId, peerId), condition: trustStands },
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
  if (before === undefined) return after.patterns;
  const added = after.patterns.filter((pattern) => !before.patterns.includes(pattern));
  const uncovered = before.excluded_patterns.filter((pattern) => !after.excluded_patterns.includes(pattern));
  return [...new Set([...added, ...uncovered])];
}
