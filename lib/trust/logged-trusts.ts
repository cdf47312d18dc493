import { permissionKey, trustKey } from "../dynamodb/keys-actors.ts";
import { demandStanding, permissionRecord, permissionsAsRead } from "../permissions/permission-store.ts";
import type { Granted, PermissionStore } from "../permissions/permission-store.ts";
import type { Clock } from "../ports.ts";
import type { LogCommits } from "../publishing/log-commits.ts";
import { recordTime } from "../publishing/record-time.ts";
import { taken } from "./trust-store.ts";
import type { TrustStore } from "./trust-store.ts";
import type { TrustRecord } from "./trust-record.ts";

/**
 * The changes of a trust by which its peer may see something else than before: each in one transaction with the record
 * that says so, because how the peer's subscriptions go on must follow from the actor's log alone.
 */
export class LoggedTrusts {
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
   * Our approval, given or taken back: the next revision. The sweep tells what hangs on it unless `hasSpread` comes. In
   * between nothing is lost: changes go on making numbers, and what could not be delivered is after an approval.
   * @throws ServiceError resource.not_found when it is gone or another
   */
  async changeApproval(trust: TrustRecord, approved: boolean): Promise<Granted> {
    return await this.#commit(trust, trust, (standing) => {
      const changed = { ...standing, approved, revision: standing.revision + 1 };
      return { trust: changed, writes: [this.#trusts.approvalWrite(standing, approved, this.#clock.now())] };
    });
  }

  /**
   * Puts a trust in the place of another with the same peer; the sweep tells what hangs on it unless `hasSpread` comes.
   * @throws ServiceError resource.conflict when it changed meanwhile or the secret is another's, resource.not_found
   *   without actor
   */
  async replace(old: TrustRecord, trust: TrustRecord): Promise<void> {
    await this.#commit(old, trust, () => ({
      trust,
      writes: this.#trusts.replacingWrites(old, trust, this.#clock.now()),
    }));
  }

  async #commit(
    old: TrustRecord,
    trust: TrustRecord,
    plan: (standing: TrustRecord) => {
      readonly trust: TrustRecord;
      readonly writes: ReturnType<TrustStore["replacingWrites"]>;
    },
  ): Promise<Granted> {
    const { actorId, peerId } = trust;
    const permitted = permissionKey(actorId, peerId);
    const replaces = old !== trust;
    let granted: Granted | undefined;
    await this.#commits.commit(
      actorId,
      [trustKey(actorId, peerId), permitted],
      (read) => {
        const planned = plan(replaces ? old : demandStanding(old, read));
        const permissions = this.#permissions.of(planned.trust.relationship, read.item(permitted));
        granted = { trust: planned.trust, permissions, at: recordTime(this.#clock.now(), read.head.newest + 1) };
        return {
          records: [permissionRecord(granted)],
          writes: [...planned.writes, permissionsAsRead(actorId, peerId, read.item(permitted))],
          // What is replaced was looked at before the peer was asked; what is approved is whatever stands now.
          refused: (index) => (replaces && index < planned.writes.length ? taken(peerId) : undefined),
        };
      },
      { quiet: true },
    );
    if (granted === undefined) throw new RangeError("a change of a trust always writes");
    return granted;
  }
}
