import { compact } from "../system/compact.ts";
import { trustKey } from "../dynamodb/keys/actors.ts";
import type { Write } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import { permissionRecord } from "./permission-store.ts";
import type { Granted, PermissionStore } from "./permission-store.ts";
import type { Clock, JsonObject } from "../system/ports.ts";
import type { LogCommits, LogRead } from "../change-log/log-commits.ts";
import { taken } from "./trust-store.ts";
import type { TrustStore } from "./trust-store.ts";
import { readTrust, revised } from "./trust-record.ts";
import type { TrustChange, TrustRecord } from "./trust-record.ts";

/** How a trust is to be, and the writes that make it so. */
interface TrustPlan {
  readonly trust: TrustRecord;
  readonly writes: readonly Write[];
}

/**
 * The changes of a trust by which its peer may see something else than before: each in one transaction with the record
 * that says so, because how the peer's subscriptions go on must follow from the actor's log alone.
 */
export class TrustCommits {
  readonly #commits: LogCommits;
  readonly #permissions: PermissionStore;
  readonly #trusts: TrustStore;
  readonly #clock: Clock;

  constructor(deps: {
    readonly commits: LogCommits;
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
   * All that is to be different, in one step: the next revision. When our approval is given or taken back, the sweep tells
   * what hangs on it unless `notePropagated` comes; in between nothing is lost: changes go on making numbers, and what could not
   * be delivered is after an approval. `first`: nothing had been set for this peer before.
   * @throws ServiceError resource.not_found when it is gone or another
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

  /** Sets what a peer may do beside its relationship's defaults. @throws as `change` */
  async setCustom(trust: TrustRecord, custom: JsonObject): Promise<Granted & { readonly first: boolean }> {
    return await this.change(trust, { custom });
  }

  /** Back to the relationship's defaults; undefined when nothing had been set. @throws as `change` */
  async clearCustom(trust: TrustRecord): Promise<Granted | undefined> {
    return await this.#commit(trust, (read) => {
      const standing = demandStanding(trust, read);
      return standing.custom === undefined ? undefined : this.#revised(standing, { custom: null });
    });
  }

  /**
   * Puts a trust in the place of another with the same peer; the sweep tells what hangs on it unless `notePropagated` comes.
   * @throws ServiceError resource.conflict when it changed meanwhile or the secret is another's, resource.not_found
   *   without actor
   */
  async replace(old: TrustRecord, trust: TrustRecord): Promise<void> {
    const writes = this.#trusts.replacingWrites(old, trust, this.#clock.now());
    // What is replaced was looked at before the peer was asked; what is changed is whatever stands now.
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
      // It makes no numbers, so there is nobody to tell.
      { quiet: true },
    );
    return granted;
  }
}

/** The trust as it stands, when it is still the one that is meant. */
function demandStanding(trust: TrustRecord, read: LogRead): TrustRecord {
  const item = read.item(trustKey(trust.actorId, trust.peerId));
  const standing = item === undefined ? undefined : readTrust(item);
  if (standing?.secret === trust.secret && !standing.ending) return standing;
  throw new ServiceError("resource.not_found", "There is no such trust any more.");
}

function sure(granted: Granted | undefined): Granted {
  if (granted === undefined) throw new RangeError("this change of a trust always writes");
  return granted;
}
