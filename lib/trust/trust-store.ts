import { printJson } from "../domain/json/json-text.ts";
import { compact } from "../system/compact.ts";
import { ServiceError, isServiceError } from "../system/errors.ts";
import { actorPartition } from "../dynamodb/keys/partition.ts";
import { dueShardOf } from "../dynamodb/keys/due.ts";
import { TRUST_PREFIX, actorKey, peerOfTrustKey, secretKey, trustKey } from "../dynamodb/keys/actors.ts";
import {
  ConditionFailed,
  TransactionRefused,
  all,
  always,
  equals,
  exists,
  itemExists,
  itemMissing,
  missing,
} from "../dynamodb/table.ts";
import type { Change, Condition, Item, Table, Write } from "../dynamodb/table.ts";
import { sameSecret, secretDigest } from "../domain/wire/secret-digest.ts";
import { readTrust, trustItem } from "./trust-record.ts";
import type { TrustChange, TrustRecord } from "./trust-record.ts";

/** How long whoever began something may take before the sweep takes over; longer than any request lives. */
const TAKEOVER_MS = 60_000;
const DUE = ["dueShard", "dueAt"];

const isEnding: Condition = equals("ending", true);
const notEnding: Condition = missing("ending");
/** It is still the trust that was read, not one that replaced it. */
const isSame = (trust: TrustRecord): Condition => equals("secret", trust.secret);
/** The same, and nothing of it has changed since by which its peer may do something else. */
export const trustUnchangedSince = (trust: TrustRecord): Condition =>
  all(isSame(trust), notEnding, equals("revision", trust.revision));
const actorLives: Condition = all(itemExists, missing("deleting"));

/** The trusts of our actors. Every write names the trust it means by its secret. */
export class TrustStore {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** The trust with that peer; undefined when there is none, or none any more. One read. */
  async get(actorId: string, peerId: string): Promise<TrustRecord | undefined> {
    const trust = await this.getEvenEnding(actorId, peerId);
    return trust?.ending === true ? undefined : trust;
  }

  /** The same, also while its deletion is under way. */
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

  /** All trusts of an actor, oldest first; one query per 1 MB. Those whose deletion is under way only when asked for. */
  async list(actorId: string, options: { readonly evenEnding?: boolean } = {}): Promise<readonly TrustRecord[]> {
    const trusts: TrustRecord[] = [];
    let after: string | undefined;
    do {
      const range = { pk: actorPartition(actorId), prefix: TRUST_PREFIX };
      const page = await this.#table.query(after === undefined ? range : { ...range, after });
      trusts.push(...page.items.map(readTrust));
      after = page.next;
    } while (after !== undefined);
    return trusts
      .filter((trust) => options.evenEnding === true || !trust.ending)
      .sort((one, other) => one.createdAt - other.createdAt);
  }

  /**
   * Some of an actor's trusts by the peers' ids, at most `limit`, with what else is noted in their items; those whose
   * deletion is under way are left out. One query.
   */
  async page(
    actorId: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<{
    readonly trusts: readonly { readonly trust: TrustRecord; readonly item: Item }[];
    readonly next?: string;
  }> {
    const { after, limit } = options;
    const range = { pk: actorPartition(actorId), prefix: TRUST_PREFIX, limit };
    const page = await this.#table.query(
      after === undefined ? range : { ...range, after: trustKey(actorId, after).sk },
    );
    const next = page.next === undefined ? undefined : peerOfTrustKey(page.next);
    const trusts = page.items.map((item) => ({ trust: readTrust(item), item })).filter(({ trust }) => !trust.ending);
    return compact({ trusts, next });
  }

  /**
   * Stores a new trust. With `tentativeSince` (ms) the sweep takes it away again unless `finishInitiation` comes.
   * @throws ServiceError resource.conflict when there is one with that peer (or secret), resource.not_found without actor
   */
  async create(trust: TrustRecord, tentativeSince?: number): Promise<void> {
    const tentative = tentativeSince === undefined ? {} : { initiating: true, ...dueOf(trust, tentativeSince) };
    await this.#transact(trust, [
      { check: actorKey(trust.actorId), condition: actorLives },
      { put: trustItem(trust, tentative), condition: itemMissing },
      { put: secretItem(trust), condition: itemMissing },
    ]);
  }

  /** The writes that put a trust in the place of another with the same peer, to go into one transaction (`TrustCommits`). */
  replacingWrites(old: TrustRecord, trust: TrustRecord, now: number): readonly Write[] {
    const put: Write = {
      put: trustItem(trust, { propagating: true, ...dueOf(trust, now) }),
      condition: all(trustUnchangedSince(old), missing("initiating")),
    };
    if (old.secret === trust.secret) return [put];
    return [
      put,
      // Right whatever is stored: the old secret ends here.
      { delete: secretKey(old.actorId, secretDigest(old.secret)), condition: always },
      { put: secretItem(trust), condition: itemMissing },
    ];
  }

  /**
   * Changes a trust that is still the one that was read, and returns it as it is then.
   * @throws ServiceError resource.not_found when it is gone or another
   */
  async change(trust: TrustRecord, change: Change, condition: Condition = itemExists): Promise<TrustRecord> {
    try {
      const key = trustKey(trust.actorId, trust.peerId);
      return readTrust(await this.#table.update(key, change, all(isSame(trust), notEnding, condition)));
    } catch (error) {
      if (error instanceof ConditionFailed) throw noLongerThere(error);
      throw error;
    }
  }

  /** The write that makes such a change the next revision, to go into one transaction (`TrustCommits`). */
  revisingWrite(trust: TrustRecord, change: TrustChange, now: number): Write {
    const { approved, custom } = change;
    const { set, remove = [] } = describing(trust, change);
    const due = approved === undefined ? undefined : dueOf(trust, now);
    return {
      update: trustKey(trust.actorId, trust.peerId),
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
   * Changes how a trust is described, which no revision counts.
   * @throws ServiceError resource.not_found when it is gone or another
   */
  async describe(trust: TrustRecord, change: Pick<TrustChange, "desc" | "baseUri">): Promise<TrustRecord> {
    if (change.desc === undefined && change.baseUri === undefined) return trust;
    return await this.change(trust, describing(trust, change));
  }

  /** What hangs on the trust knows this revision of it. Nothing happens when there is a newer one, or it is ending. */
  async notePropagated(trust: TrustRecord): Promise<void> {
    // While the peer is still being asked the due time serves that too; the sweep then propagates it once more.
    const condition = all(trustUnchangedSince(trust), missing("initiating"));
    try {
      const change: Change = { remove: ["propagating", ...DUE] };
      await this.#table.update(trustKey(trust.actorId, trust.peerId), change, all(condition, exists("propagating")));
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }

  /** The trust, when a change of it has not reached what hangs on it in time; else undefined. */
  async propagating(actorId: string, peerId: string, now: number): Promise<TrustRecord | undefined> {
    const item = await this.#table.get(trustKey(actorId, peerId));
    if (item?.["propagating"] !== true || item["ending"] === true || item["initiating"] === true) return undefined;
    return typeof item["dueAt"] === "number" && item["dueAt"] <= now ? readTrust(item) : undefined;
  }

  /** The peer answered: the trust stays. @throws ServiceError resource.not_found when it is gone or another */
  async finishInitiation(trust: TrustRecord, peerApproved: boolean): Promise<TrustRecord> {
    const set = peerApproved ? { set: { peerApproved: true } } : {};
    try {
      return await this.change(trust, { ...set, remove: ["initiating", ...DUE] }, missing("propagating"));
    } catch (error) {
      if (!isServiceError(error) || error.code !== "resource.not_found") throw error;
      // Gone, or changed while the peer was asked: then it stays due for that.
      return this.change(trust, { ...set, remove: ["initiating"] });
    }
  }

  /** Takes back a trust that came to nothing. Nothing happens when it is gone or another. */
  async withdraw(trust: TrustRecord): Promise<void> {
    await this.#transactUnlessOther([
      { delete: trustKey(trust.actorId, trust.peerId), condition: isSame(trust) },
      { delete: secretKey(trust.actorId, secretDigest(trust.secret)), condition: always },
    ]);
  }

  /** From here on the trust opens nothing; the sweep finishes its deletion if nobody else does. Undefined: gone or another. */
  async beginEnding(trust: TrustRecord, now: number): Promise<TrustRecord | undefined> {
    try {
      const change: Change = {
        set: { approved: false, ending: true, ...dueOf(trust, now) },
        add: { revision: 1 },
        remove: ["initiating", "propagating"],
      };
      return readTrust(await this.#table.update(trustKey(trust.actorId, trust.peerId), change, isSame(trust)));
    } catch (error) {
      if (error instanceof ConditionFailed) return undefined;
      throw error;
    }
  }

  /** The last step of a deletion. Nothing happens when it is gone or another. */
  async remove(trust: TrustRecord): Promise<void> {
    await this.#transactUnlessOther([
      { delete: trustKey(trust.actorId, trust.peerId), condition: all(isSame(trust), isEnding) },
      { delete: secretKey(trust.actorId, secretDigest(trust.secret)), condition: always },
    ]);
  }

  /** True when the trust is a start that nobody brought to an end. */
  async isAbandonedStart(actorId: string, peerId: string, now: number): Promise<boolean> {
    const item = await this.#table.get(trustKey(actorId, peerId));
    return item?.["initiating"] === true && typeof item["dueAt"] === "number" && item["dueAt"] <= now;
  }

  async #transact(trust: TrustRecord, writes: readonly Write[]): Promise<void> {
    try {
      await this.#table.transact(writes);
    } catch (error) {
      if (!(error instanceof TransactionRefused)) throw error;
      if (error.reasons[0]?.code === "condition") {
        throw new ServiceError("resource.not_found", "There is no such actor.", { cause: error });
      }
      if (error.reasons.some((reason) => reason.code === "condition")) throw taken(trust.peerId, error);
      throw error;
    }
  }

  async #transactUnlessOther(writes: readonly Write[]): Promise<void> {
    try {
      await this.#table.transact(writes);
    } catch (error) {
      if (error instanceof TransactionRefused && error.reasons[0]?.code === "condition") return;
      throw error;
    }
  }
}

function dueOf(trust: TrustRecord, now: number): { dueShard: string; dueAt: number } {
  return { dueShard: dueShardOf(trustKey(trust.actorId, trust.peerId)), dueAt: now + TAKEOVER_MS };
}

/** What was said at an old address does not hold at a new one. */
function describing(trust: TrustRecord, { desc, baseUri }: Pick<TrustChange, "desc" | "baseUri">): Change {
  const moved = baseUri !== undefined && baseUri !== trust.baseUri;
  return { set: compact({ desc, baseUri }), remove: moved ? ["capabilities"] : [] };
}

function secretItem(trust: TrustRecord): Item {
  return { ...secretKey(trust.actorId, secretDigest(trust.secret)), peerId: trust.peerId };
}

function noLongerThere(cause: unknown): ServiceError {
  return new ServiceError("resource.not_found", "There is no such trust any more.", { cause });
}

/** There is a trust already. */
export function taken(peerId: string, cause?: unknown): ServiceError {
  return new ServiceError(
    "resource.conflict",
    `There is a trust with ${peerId} already, or its deletion is under way.`,
    {
      cause,
    },
  );
}
