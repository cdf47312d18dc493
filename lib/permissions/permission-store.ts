import { isObject, parseJson } from "../domain/json.ts";
import { defaultPermissions, mergePermissions, permissionsJson } from "../domain/permissions.ts";
import type { Permissions } from "../domain/permissions.ts";
import { permissionKey, trustKey } from "../dynamodb/keys-actors.ts";
import { all, equals, itemMissing, missing } from "../dynamodb/table.ts";
import type { Condition, Item, Table, Write } from "../dynamodb/table.ts";
import { ServiceError } from "../errors.ts";
import type { Clock, JsonObject } from "../ports.ts";
import type { LogCommits, LogRead } from "../publishing/log-commits.ts";
import { recordTime } from "../publishing/record-time.ts";
import { readTrust } from "../trust/trust-record.ts";
import type { TrustRecord } from "../trust/trust-record.ts";

/** Whose permissions, and what they start from. */
export type PermissionSubject = Pick<TrustRecord, "actorId" | "peerId" | "relationship">;

/** What a peer may do from one record of the log on. */
export interface Granted {
  /** As it stood then. */
  readonly trust: TrustRecord;
  readonly permissions: Permissions;
  /** When, as the record says: ISO 8601 with microseconds and `Z`. */
  readonly at: string;
}

/** What was set for single peers beside their relationship's defaults. */
export class PermissionStore {
  readonly #table: Table;
  readonly #commits: LogCommits;
  readonly #clock: Clock;
  readonly #defined: Readonly<Record<string, Permissions>>;

  /** `defined` are the deployment's own relationships. */
  constructor(deps: {
    readonly table: Table;
    readonly commits: LogCommits;
    readonly clock: Clock;
    readonly defined: Readonly<Record<string, Permissions>>;
  }) {
    this.#table = deps.table;
    this.#commits = deps.commits;
    this.#clock = deps.clock;
    this.#defined = deps.defined;
  }

  /** What the relationship allows by itself. */
  defaults(relationship: string): Permissions {
    return defaultPermissions(relationship, this.#defined);
  }

  /** What was set for this peer; undefined when nothing was. One read. */
  async custom(actorId: string, peerId: string): Promise<JsonObject | undefined> {
    return customOf(await this.#table.get(permissionKey(actorId, peerId)));
  }

  /** What the peer may do: the defaults with what was set on top. One read. */
  async effective(subject: PermissionSubject): Promise<Permissions> {
    return this.of(subject.relationship, await this.#table.get(permissionKey(subject.actorId, subject.peerId)));
  }

  /** The same from the peer's permission item as it was read. */
  of(relationship: string, item: Item | undefined): Permissions {
    const custom = customOf(item);
    const defaults = this.defaults(relationship);
    return custom === undefined ? defaults : mergePermissions(defaults, custom);
  }

  /** Sets a peer's permissions, in one transaction with the record of it. @throws ServiceError resource.not_found without trust */
  async set(trust: TrustRecord, permissions: JsonObject): Promise<Granted & { readonly first: boolean }> {
    const key = permissionKey(trust.actorId, trust.peerId);
    const text = JSON.stringify(permissions);
    let first = false;
    const granted = await this.#change(trust, (read) => {
      const stored = read.item(key);
      first = stored === undefined;
      // The number of the record of the last change: what a transaction that relies on it checks.
      const put = { ...key, permissions: text, record: read.head.newest + 1 };
      return { item: put, write: { put, condition: isAs(stored) } };
    });
    if (granted === undefined) throw new RangeError("setting permissions always writes");
    return { ...granted, first };
  }

  /** Back to the relationship's defaults, with the record of it; undefined when nothing had been set. */
  async clear(trust: TrustRecord): Promise<Granted | undefined> {
    const key = permissionKey(trust.actorId, trust.peerId);
    return await this.#change(trust, (read) => {
      const stored = read.item(key);
      return stored === undefined ? undefined : { write: { delete: key, condition: isAs(stored) } };
    });
  }

  async #change(
    trust: TrustRecord,
    change: (read: LogRead) => { readonly item?: Item; readonly write: Write } | undefined,
  ): Promise<Granted | undefined> {
    const { actorId, peerId } = trust;
    const keys = [trustKey(actorId, peerId), permissionKey(actorId, peerId)];
    let granted: Granted | undefined;
    await this.#commits.commit(
      actorId,
      keys,
      (read) => {
        granted = undefined;
        const standing = demandStanding(trust, read);
        const made = change(read);
        if (made === undefined) return undefined;
        const at = recordTime(this.#clock.now(), read.head.newest + 1);
        granted = { trust: standing, permissions: this.of(standing.relationship, made.item), at };
        const same = all(equals("secret", standing.secret), equals("revision", standing.revision), missing("ending"));
        return {
          records: [permissionRecord(granted)],
          writes: [{ check: trustKey(actorId, peerId), condition: same }, made.write],
        };
      },
      // It makes no numbers, so there is nobody to tell.
      { quiet: true },
    );
    return granted;
  }
}

/** The record that says what a peer may do from here on. */
export const permissionRecord = ({ trust, permissions, at }: Granted) =>
  ({ kind: "permissions", at, peerId: trust.peerId, permissions: permissions.properties }) as const;

/** That a peer's permission item is as it was read, for a transaction which relies on it. */
export function permissionsAsRead(actorId: string, peerId: string, item: Item | undefined): Write {
  return { check: permissionKey(actorId, peerId), condition: isAs(item) };
}

/** The trust as it stands, when it is still the one that is meant. @throws ServiceError resource.not_found */
export function demandStanding(trust: TrustRecord, read: LogRead): TrustRecord {
  const item = read.item(trustKey(trust.actorId, trust.peerId));
  const standing = item === undefined ? undefined : readTrust(item);
  if (standing?.secret === trust.secret && !standing.ending) return standing;
  throw new ServiceError("resource.not_found", "There is no such trust any more.");
}

/** What a peer may do, as JSON for that peer. */
export const grantJson = (granted: Granted): JsonObject => permissionsJson(granted.permissions);

function isAs(item: Item | undefined): Condition {
  return item === undefined ? itemMissing : equals("record", item["record"] ?? 0);
}

function customOf(item: Item | undefined): JsonObject | undefined {
  const text = item?.["permissions"];
  if (typeof text !== "string") return undefined;
  const value = parseJson(text);
  return isObject(value) ? value : undefined;
}
