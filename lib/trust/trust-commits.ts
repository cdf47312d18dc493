import { compact } from "../system/compact.ts";
import { trustKey } from "../dynamodb/keys/actors.ts";
import type { Write } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import { permissionRecord, type Granted, type PermissionStore } from "./permission-store.ts";
import type { Clock, JsonObject } from "../system/ports.ts";
import type { Commits, LogRead } from "../change-log/log-commits.ts";
import { taken, type TrustStore } from "./trust-store.ts";
import { readTrust, revised, type TrustChange, type TrustRecord } from "./trust-record.ts";

/** A trust after a change, and the writes of the change. */
interface TrustPlan {
  readonly trust: TrustRecord;
  readonly writes: readonly Write[];
}

/**
 * The changes of a trust by which its peer may see something else than before. Each is one transaction with its record,
 * because the actor's log alone must decide how the peer's subscriptions continue.
 */
export class TrustCommits {
  readonly #commits: Commits;
  readonly #permissions: PermissionStore;
  readonly #trusts: TrustStore;
  readonly #clock: Clock;

  constructor(deps: {
    readonly commits: Commits;
    readonly permissions: PermissionStore;
    readonly trusts: TrustStore;
    readonly clock: Clock;
  }) {
    this.#commits = deps.commits;
    this.#permissions = deps.permissions;
    this.#trusts = deps.trusts;
    this.#clock = deps.clock;
  }

  /**
   * Makes a change in one step: the next revision. When our approval is given or revoked, the sweep propagates the change
   * unless `notePropagated` is called. In between nothing is lost: changes continue to make numbers, and numbers that could not
   * be delivered are delivered after an approval. `first`: no permissions had been set for this peer before.
   * @throws ServiceError resource.not_found when the trust is gone or replaced
   */
  async change(trust: TrustRecord, change: TrustChange): Promise<Granted & { readonly first: boolean }> {
    let first = false;
    const granted = await this.#commit(trust, (read) => {
      const standing = demandStanding(trust, read);
      first = standing.custom === undefined;
      return this.#revised(standing, change);
    });
    return { ...sure(granted), first };
  }

  /** Sets a peer's permissions beside its relationship's defaults. @throws as `change` */
  async setCustom(trust: TrustRecord, custom: JsonObject): Promise<Granted & { readonly first: boolean }> {
    return await this.change(trust, { custom });
  }

  /** Removes a peer's permissions, so that its relationship's defaults hold; undefined when none had been set. @throws as `change` */
  async clearCustom(trust: TrustRecord): Promise<Granted | undefined> {
    return await this.#commit(trust, (read) => {
      const standing = demandStanding(trust, read);
      return standing.custom === undefined ? undefined : this.#revised(standing, { custom: null });
    });
  }

  /**
   * Replaces a trust by another with the same peer; the sweep propagates that unless `notePropagated` is called.
   * @throws ServiceError resource.conflict when the trust changed meanwhile or the secret is another trust's, resource.not_found
   *   without actor
   */
  async replace(old: TrustRecord, trust: TrustRecord): Promise<void> {
    const writes = this.#trusts.replacingWrites(old, trust, this.#clock.now());
    // A replacement depends on the trust as it was before the peer was asked; a change depends on the trust as it is now.
    const refused = (index: number) => (index < writes.length ? taken(trust.peerId) : undefined);
    await this.#commit(trust, () => ({ trust, writes }), refused);
  }

  #revised(standing: TrustRecord, change: TrustChange): TrustPlan {
    return {
      trust: revised(standing, change),
      writes: [this.#trusts.revisingWrite(standing, change, this.#clock.now())],
    };
  }

  async #commit(
    { actorId, peerId }: TrustRecord,
    plan: (read: LogRead) => TrustPlan | undefined,
    refused?: (index: number) => Error | undefined,
  ): Promise<Granted | undefined> {
    let granted: Granted | undefined;
    await this.#commits.commit(
      actorId,
      [trustKey(actorId, peerId)],
      (read) => {
        granted = undefined;
        const planned = plan(read);
        if (planned === undefined) return undefined;
        const { trust, writes } = planned;
        granted = { trust, permissions: this.#permissions.of(trust), at: read.at };
        return compact({ records: [permissionRecord(granted)], writes, refused });
      },
      // No subscription gets a number from this record, so there is nothing to deliver.
      { quiet: true },
    );
    return granted;
  }
}

/** The stored trust, when it is the one that is meant. @throws ServiceError resource.not_found */
function demandStanding(trust: TrustRecord, read: LogRead): TrustRecord {
  const item = read.item(trustKey(trust.actorId, trust.peerId));
  const standing = item === undefined ? undefined : readTrust(item);
  if (standing?.secret === trust.secret && !standing.ending) return standing;
  throw new ServiceError("resource.not_found", "There is no such trust any more.");
}

function sure(granted: Granted | undefined): Granted {
  if (granted === undefined) throw new RangeError("a change of a trust always writes");
  return granted;
}
