import { defaultPermissions, mergePermissions } from "../domain/permissions.ts";
import type { Permissions } from "../domain/permissions.ts";
import { isObject, parseJson } from "../domain/json.ts";
import { permissionKey, trustKey } from "../dynamodb/keys-actors.ts";
import {
  ConditionFailed,
  TransactionRefused,
  all,
  equals,
  itemExists,
  itemMissing,
  missing,
} from "../dynamodb/table.ts";
import type { Condition, Item, Table } from "../dynamodb/table.ts";
import { ServiceError } from "../errors.ts";
import type { JsonObject } from "../ports.ts";

/** Whose permissions, and what they start from. */
export interface PermissionSubject {
  readonly actorId: string;
  readonly peerId: string;
  readonly relationship: string;
  readonly secret: string;
}

/** What was set for single peers beside their relationship's defaults. */
export class PermissionStore {
  readonly #table: Table;
  readonly #defined: Readonly<Record<string, Permissions>>;

  /** `defined`: the deployment's own relationships. */
  constructor(table: Table, defined: Readonly<Record<string, Permissions>>) {
    this.#table = table;
    this.#defined = defined;
  }

  /** What the relationship allows by itself. */
  defaults(relationship: string): Permissions {
    return defaultPermissions(relationship, this.#defined);
  }

  /** What was set for this peer; undefined when nothing was. One read. */
  async custom(actorId: string, peerId: string): Promise<JsonObject | undefined> {
    const item = await this.#table.get(permissionKey(actorId, peerId));
    const text = item?.["permissions"];
    if (typeof text !== "string") return undefined;
    const value = parseJson(text);
    return isObject(value) ? value : undefined;
  }

  /** What the peer may do: the defaults with what was set on top. One read. */
  async effective(subject: Pick<PermissionSubject, "actorId" | "peerId" | "relationship">): Promise<Permissions> {
    const custom = await this.custom(subject.actorId, subject.peerId);
    const defaults = this.defaults(subject.relationship);
    return custom === undefined ? defaults : mergePermissions(defaults, custom);
  }

  /** Sets a peer's permissions; true when there were none before. @throws ServiceError resource.not_found without trust */
  async set(subject: PermissionSubject, permissions: JsonObject, now: number): Promise<boolean> {
    const item = {
      ...permissionKey(subject.actorId, subject.peerId),
      permissions: JSON.stringify(permissions),
      updatedAt: now,
    };
    if (await this.#put(subject, item, itemMissing)) return true;
    if (await this.#put(subject, item, itemExists)) return false;
    throw new ServiceError("callback.busy", "The permissions are being changed by someone else; try again.", {
      headers: { "Retry-After": "1" },
    });
  }

  /** Back to the relationship's defaults; false when nothing had been set. */
  async clear(actorId: string, peerId: string): Promise<boolean> {
    try {
      await this.#table.delete(permissionKey(actorId, peerId), itemExists);
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) return false;
      throw error;
    }
  }

  async #put(subject: PermissionSubject, item: Item, condition: Condition): Promise<boolean> {
    const trustStands = all(equals("secret", subject.secret), missing("ending"));
    try {
      await this.#table.transact([
        { check: trustKey(subject.actorId, subject.peerId), condition: trustStands },
        { put: item, condition },
      ]);
      return true;
    } catch (error) {
      if (!(error instanceof TransactionRefused)) throw error;
      if (error.reasons[0]?.code === "condition") {
        throw new ServiceError("resource.not_found", "There is no such trust any more.", { cause: error });
      }
      if (error.reasons[1]?.code === "condition") return false;
      throw error;
    }
  }
}
