import { printJson } from "../domain/json/json-text.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import { actorPartition } from "../dynamodb/keys/partition.ts";
import { TRUST_PREFIX, actorKey, peerOfTrustKey, secretKey, trustKey } from "../dynamodb/keys/actors.ts";
import { refusedReasons, updateIf } from "../dynamodb/outcomes.ts";
import { queryAll } from "../dynamodb/paging.ts";
import {
  TransactionRefused,
  all,
  always,
  equals,
  exists,
  itemExists,
  itemMissing,
  missing,
  type Change,
  type Condition,
  type Item,
  type Key,
  type Table,
  type Write,
} from "../dynamodb/table.ts";
import { sameSecret, secretDigest } from "../domain/wire/secret-digest.ts";
import { readTrust, trustItem, type TrustChange, type TrustRecord } from "./trust-record.ts";

/** After this long (ms) the sweep takes over what a request began; longer than any request lives. */
const TAKEOVER_MS = 60_000;

const notEnding: Condition = missing("ending");
/** The item is the trust that was read, not one that replaced it. */
const isSame = (trust: TrustRecord): Condition => equals("secret", trust.secret);
/** The item is the trust that was read, and nothing that decides what its peer may do has changed since. */
export const trustUnchangedSince = (trust: TrustRecord): Condition =>
  all(isSame(trust), notEnding, equals("revision", trust.revision));
const actorLives: Condition = all(itemExists, missing("deleting"));

/** The trusts of our actors. Every write is conditional on the secret of the trust that it means. */
export class TrustStore {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** The trust with that peer; undefined when there is none, or its deletion is under way. One read. */
  async get(actorId: string, peerId: string): Promise<TrustRecord | undefined> {
    const trust = await this.getEvenEnding(actorId, peerId);
    return trust?.ending === true ? undefined : trust;
  }

  /** The trust with that peer, also while its deletion is under way. One read. */
  async getEvenEnding(actorId: string, peerId: string): Promise<TrustRecord | undefined> {
    const item = await this.#table.get(trustKey(actorId, peerId));
    return item === undefined ? undefined : readTrust(item);
  }

  /** The trust whose peer has this secret. Two reads, however many trusts there are. */
  async bySecret(actorId: string, secret: string): Promise<TrustRecord | undefined> {
    const pointer = await this.#table.get(secretKey(actorId, secretDigest(secret)));
    if (typeof pointer?.["peerId"] !== "string") return undefined;
    const trust = await this.get(actorId, pointer["peerId"]);
    return trust !== undefined && sameSecret(trust.secret, secret) ? trust : undefined;
  }

  /** All trusts of an actor, oldest first; those whose deletion is under way only with `evenEnding`. One query per 1 MB. */
  async list(actorId: string, options: { readonly evenEnding?: boolean } = {}): Promise<readonly TrustRecord[]> {
    const items = await queryAll(this.#table, { pk: actorPartition(actorId), prefix: TRUST_PREFIX });
    return items
      .map(readTrust)
      .filter((trust) => options.evenEnding === true || !trust.ending)
      .sort((one, other) => one.createdAt - other.createdAt);
  }

  /**
   * Some of an actor's trusts, at most `limit`, in the order of the peers' ids and with their items; those whose deletion is
   * under way are left out. `after` and `next` are peers' ids. One query.
   */
  async page(
    actorId: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<{
    readonly trusts: readonly { readonly trust: TrustRecord; readonly item: Item }[];
    readonly next?: string;
  }> {
    const { after: peerId, limit } = options;
    const after = peerId === undefined ? undefined : trustKey(actorId, peerId).sk;
    const page = await this.#table.query(compact({ pk: actorPartition(actorId), prefix: TRUST_PREFIX, limit, after }));
    const next = page.next === undefined ? undefined : peerOfTrustKey(page.next);
    const trusts = page.items.map((item) => ({ trust: readTrust(item), item })).filter(({ trust }) => !trust.ending);
    return compact({ trusts, next });
  }

  /**
   * Stores a new trust. With `tentativeSince` (ms) the sweep deletes it again unless `finishInitiation` is called.
   * @throws ServiceError resource.conflict when a trust with that peer (or secret) exists, resource.not_found without actor
   */
  async create(trust: TrustRecord, tentativeSince?: number): Promise<void> {
    const tentative = tentativeSince === undefined ? {} : { initiating: true, dueAt: tentativeSince + TAKEOVER_MS };
    const reasons = await refusedReasons(this.#table, [
      { check: actorKey(trust.actorId), condition: actorLives },
      { put: trustItem(trust, tentative), condition: itemMissing },
      { put: secretItem(trust), condition: itemMissing },
    ]);
    if (reasons === undefined) return;
    if (reasons[0]?.code === "condition") throw new ServiceError("resource.not_found", "There is no such actor.");
    if (reasons.some(({ code }) => code === "condition")) throw taken(trust.peerId);
    throw new TransactionRefused(reasons);
  }

  /** The writes that replace a trust by another with the same peer, for one transaction (`TrustCommits`). */
  replacingWrites(old: TrustRecord, trust: TrustRecord, now: number): readonly Write[] {
    const put: Write = {
      put: trustItem(trust, { propagating: true, dueAt: now + TAKEOVER_MS }),
      condition: all(trustUnchangedSince(old), missing("initiating")),
    };
    if (old.secret === trust.secret) return [put];
    return [
      put,
      // Right whatever is stored: the old secret opens nothing any more.
      { delete: secretKey(old.actorId, secretDigest(old.secret)), condition: always },
      { put: secretItem(trust), condition: itemMissing },
    ];
  }

  /**
   * Changes a trust that is still the one that was read.
   * @returns the trust after the change
   * @throws ServiceError resource.not_found when the trust is gone or replaced, or the condition does not hold
   */
  async change(trust: TrustRecord, change: Change, condition: Condition = itemExists): Promise<TrustRecord> {
    const changed = await this.#changeIf(trust, change, condition);
    if (changed === undefined) throw new ServiceError("resource.not_found", "There is no such trust any more.");
    return changed;
  }

  /** The write that makes a change the next revision of the trust, for one transaction (`TrustCommits`). */
  revisingWrite(trust: TrustRecord, change: TrustChange, now: number): Write {
    const { approved, custom } = change;
    const { set, remove = [] } = describing(trust, change);
    const due = approved === undefined ? undefined : { dueAt: now + TAKEOVER_MS };
    return {
      update: keyOf(trust),
      change: {
        set: compact({
          ...set,
          ...due,
          approved,
          propagating: due === undefined ? undefined : true,
          custom: custom ? printJson(custom) : undefined,
        }),
        add: { revision: 1 },
        remove: custom === null ? [...remove, "custom"] : remove,
      },
      condition: trustUnchangedSince(trust),
    };
  }

  /**
   * Changes the description or the address of a trust, which makes no revision.
   * @throws ServiceError resource.not_found when the trust is gone or replaced
   */
  async describe(trust: TrustRecord, change: Pick<TrustChange, "desc" | "baseUri">): Promise<TrustRecord> {
    if (change.desc === undefined && change.baseUri === undefined) return trust;
    return await this.change(trust, describing(trust, change));
  }

  /** Notes that what depends on the trust has this revision of it. Nothing happens when there is a newer one, or the trust ends. */
  async notePropagated(trust: TrustRecord): Promise<void> {
    // While the peer is still being asked, the due time serves that too; the sweep then propagates the change once more.
    const condition = all(trustUnchangedSince(trust), missing("initiating"), exists("propagating"));
    await updateIf(this.#table, keyOf(trust), { remove: ["propagating", "dueAt"] }, condition);
  }

  /** The trust, when a change of it has not reached what depends on it in time; else undefined. */
  async propagating(actorId: string, peerId: string, now: number): Promise<TrustRecord | undefined> {
    const item = await this.#table.get(trustKey(actorId, peerId));
    if (item?.["propagating"] !== true || item["ending"] === true || item["initiating"] === true) return undefined;
    return typeof item["dueAt"] === "number" && item["dueAt"] <= now ? readTrust(item) : undefined;
  }

  /**
   * Keeps a trust whose peer has answered. @throws ServiceError resource.not_found when the trust is gone or replaced
   */
  async finishInitiation(trust: TrustRecord, peerApproved: boolean): Promise<TrustRecord> {
    const set = peerApproved ? { set: { peerApproved: true } } : {};
    const remove = ["initiating", "dueAt"];
    const finished = await this.#changeIf(trust, { ...set, remove }, missing("propagating"));
    // Otherwise the trust is gone, or a change of it while the peer was asked must stay due.
    return finished ?? (await this.change(trust, { ...set, remove: ["initiating"] }));
  }

  /** Deletes a trust whose start failed. Nothing happens when the trust is gone or replaced. */
  async withdraw(trust: TrustRecord): Promise<void> {
    await this.#delete(trust, isSame(trust));
  }

  /**
   * From here on the trust opens nothing; the sweep finishes its deletion if its request does not. Undefined: gone or
   * replaced.
   */
  async beginEnding(trust: TrustRecord, now: number): Promise<TrustRecord | undefined> {
    const change: Change = {
      set: { approved: false, ending: true, dueAt: now + TAKEOVER_MS },
      add: { revision: 1 },
      remove: ["initiating", "propagating"],
    };
    const begun = await updateIf(this.#table, keyOf(trust), change, isSame(trust));
    return begun.written ? readTrust(begun.item) : undefined;
  }

  /** The last step of a deletion. Nothing happens when the trust is gone or replaced. */
  async remove(trust: TrustRecord): Promise<void> {
    await this.#delete(trust, all(isSame(trust), equals("ending", true)));
  }

  /** True when the trust was made for a start that broke off. */
  async isAbandonedStart(actorId: string, peerId: string, now: number): Promise<boolean> {
    const item = await this.#table.get(trustKey(actorId, peerId));
    return item?.["initiating"] === true && typeof item["dueAt"] === "number" && item["dueAt"] <= now;
  }

  /** Undefined when the trust is gone or replaced, or the condition does not hold. */
  async #changeIf(trust: TrustRecord, change: Change, condition: Condition): Promise<TrustRecord | undefined> {
    const changed = await updateIf(this.#table, keyOf(trust), change, all(isSame(trust), notEnding, condition));
    return changed.written ? readTrust(changed.item) : undefined;
  }

  /** Deletes a trust and its secret; nothing happens when the condition on the trust does not hold. */
  async #delete(trust: TrustRecord, condition: Condition): Promise<void> {
    const reasons = await refusedReasons(this.#table, [
      { delete: keyOf(trust), condition },
      { delete: secretKey(trust.actorId, secretDigest(trust.secret)), condition: always },
    ]);
    if (reasons !== undefined && reasons[0]?.code !== "condition") throw new TransactionRefused(reasons);
  }
}

const keyOf = ({ actorId, peerId }: TrustRecord): Key => trustKey(actorId, peerId);

/** The change of a description or address; capabilities read at an old address do not hold at a new one. */
function describing(trust: TrustRecord, { desc, baseUri }: Pick<TrustChange, "desc" | "baseUri">): Change {
  const moved = baseUri !== undefined && baseUri !== trust.baseUri;
  return { set: compact({ desc, baseUri }), remove: moved ? ["capabilities"] : [] };
}

function secretItem(trust: TrustRecord): Item {
  return { ...secretKey(trust.actorId, secretDigest(trust.secret)), peerId: trust.peerId };
}

/** The error where a trust with that peer exists already. */
export function taken(peerId: string): ServiceError {
  return new ServiceError(
    "resource.conflict",
    `There is a trust with ${peerId} already, or its deletion is under way.`,
  );
}
