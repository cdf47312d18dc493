/** Suspends targets, and parts of targets: their changes make no diffs for a while. */
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import type { Table } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { FanOutResult } from "../../engine/fan-out-result.ts";
import { readLogHead } from "../../change-log/change-log.ts";
import type { Suspension } from "../../domain/terms/scope.ts";
import type { Commit, Commits } from "../../change-log/log-commits.ts";

/** Most suspensions of one actor at the same time: they stand in the head of its log. */
export const MAX_SUSPENSIONS = 100;

/** The result of resuming. */
export interface Resumed {
  /** Inbound subscriptions that got a resync number. */
  readonly count: number;
  /** Those whose peer took it. */
  readonly resynced: number;
  /** Those whose peer did not; the number stays readable. What is neither waits for its delivery or for a closed breaker. */
  readonly failed: number;
}

export interface SuspensionsDeps {
  readonly table: Table;
  readonly commits: Commits;
  /** Sends what a commit has made. */
  readonly fanOut: (commit: Commit) => Promise<FanOutResult>;
}

/**
 * The suspensions of all actors. Each beginning and end is a record of the log, so that every subscription leaves out the
 * same changes; a change is left out when it is at or below a suspended place, or the subscription is.
 */
export class Suspensions {
  readonly #deps: SuspensionsDeps;

  constructor(deps: SuspensionsDeps) {
    this.#deps = deps;
  }

  /** What is suspended, oldest first. One read. */
  async list(actorId: string): Promise<readonly Suspension[]> {
    return readLogHead(await this.#deps.table.get(logHeadKey(actorId))).suspended;
  }

  /** True when changes of that part of the target make no diffs: it is suspended, or the whole target is. One read. */
  async isSuspended(actorId: string, place: Suspension): Promise<boolean> {
    const suspended = await this.list(actorId);
    return suspended.some(
      ({ target, subtarget }) => target === place.target && (subtarget === undefined || subtarget === place.subtarget),
    );
  }

  /**
   * From here on changes at the place make no diffs. False when it was suspended already: nothing happens then.
   * @throws ServiceError resource.conflict for more than 100, resource.not_found without actor
   */
  async suspend(actorId: string, place: Suspension): Promise<boolean> {
    const made = await this.#deps.commits.commit(actorId, [], ({ head: { suspended } }) => {
      if (suspended.some((other) => isSame(other, place))) return undefined;
      if (suspended.length >= MAX_SUSPENSIONS) {
        const message = `At most ${String(MAX_SUSPENSIONS)} places can be suspended at the same time.`;
        throw new ServiceError("resource.conflict", message);
      }
      return this.#plan("suspend", place, [...suspended, place]);
    });
    return made !== undefined;
  }

  /**
   * Changes at the place make diffs again. Every inbound subscription that it touches gets a resync number, which is sent
   * before this resolves, as far as the request's time allows. A subscription that stays suspended as a whole gets it at
   * the end of that suspension. Undefined when the place was not suspended.
   */
  async resume(actorId: string, place: Suspension): Promise<Resumed | undefined> {
    const made = await this.#deps.commits.commit(
      actorId,
      [],
      ({ head: { suspended } }) => {
        const left = suspended.filter((other) => !isSame(other, place));
        return left.length === suspended.length ? undefined : this.#plan("resume", place, left);
      },
      { quiet: true },
    );
    if (made === undefined) return undefined;
    const { totalCount, successCount, failureCount } = await this.#deps.fanOut(made);
    return { count: totalCount, resynced: successCount, failed: failureCount };
  }

  #plan(kind: "suspend" | "resume", place: Suspension, left: readonly Suspension[]) {
    const head = left.length === 0 ? { remove: ["suspended"] } : { set: { suspended: JSON.stringify(left) } };
    return { records: [{ kind, ...place }], writes: [], head };
  }
}

const isSame = (one: Suspension, other: Suspension): boolean =>
  one.target === other.target && one.subtarget === other.subtarget;
