/** What the delivery of commits, and maintenance of the log, need of listeners. Peers' subscriptions are not listeners. */
import type { LogHead } from "../change-log/change-log.ts";
import type { Commit } from "../change-log/log-commits.ts";
import type { RecordCache } from "../change-log/record-cache.ts";
import type { Deadline } from "../system/ports.ts";
import type { DeliveryOutcome } from "./fan-out-result.ts";
import type { FoundListener } from "./in-scope.ts";

/** The longest that a request waits for all listeners together, ms. */
export const LISTENERS_WAIT_MS = 1_000;

/** How a commit is delivered to its listeners. */
export interface CommitDelivery {
  /** The records of the commit, and those before it. */
  readonly cache: RecordCache;
  /**
   * True while no delivery of an earlier record runs. A listener that is up to date then gets the commit without a lease,
   * and one write notes that.
   */
  readonly isAlone: () => boolean;
  /** How long the caller waits, ms. 0: the caller does not wait, and the worker delivers. */
  readonly waitMs: number;
}

/**
 * The result of catching up. `late`: there was no time for all. `again`: another delivery works on some of the listeners.
 */
export type CaughtUp = "done" | "late" | "again";

/** All listeners, or those of one kind. */
export interface Listeners {
  /**
   * Delivers a commit to the listeners in its scope within `waitMs`, and leaves the rest to the worker. Never rejects.
   * @returns one outcome for each listener that hears an event of the commit
   */
  deliver(commit: Commit, found: readonly FoundListener[], how: CommitDelivery): Promise<readonly DeliveryOutcome[]>;
  /**
   * Delivers to every listener of an actor that has not heard the log up to the newest record of `head`. After `done`, each
   * listener has heard the log up to there, or has a due time of its own for what is left.
   */
  catchUp(actorId: string, head: LogHead, deadline: Deadline): Promise<CaughtUp>;
}

/** The listeners of some kinds. */
export interface ListenersOfKinds extends Listeners {
  /** True for a listener of one of these kinds. */
  hears(found: Pick<FoundListener, "kind">): boolean;
}

/** Several as one. Each gets the listeners of its own kinds. */
export function combinedListeners(all: readonly ListenersOfKinds[]): Listeners {
  return {
    deliver: async (commit, found, how) => {
      const parts = all.map(
        async (each) =>
          await each.deliver(
            commit,
            found.filter((one) => each.hears(one)),
            how,
          ),
      );
      return (await Promise.all(parts)).flat();
    },
    catchUp: async (actorId, head, deadline) => {
      const results: CaughtUp[] = [];
      for (const each of all) results.push(await each.catchUp(actorId, head, deadline));
      return results.includes("late") ? "late" : results.includes("again") ? "again" : "done";
    },
  };
}
