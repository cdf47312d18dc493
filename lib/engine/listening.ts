/** What joins listeners to the change log: how they are found after a commit, and what a commit's delivery asks of them. */
import type { Deadline } from "../system/ports.ts";
import type { ListenerRef } from "../dynamodb/keys/listeners.ts";
import type { Selection } from "../domain/events/selection.ts";
import type { Commit } from "../change-log/log-commits.ts";
import type { DeliveryOutcome } from "./fan-out-result.ts";

/** A listener that a commit's markers name, with that part of its selection that stands at the markers found. */
export interface FoundListener extends ListenerRef {
  /** It lets at least one event of the commit through. */
  readonly selection: Selection;
}

/** What the delivery of commits, and maintenance of the log, ask of all listeners. */
export interface Listeners {
  /**
   * Delivers a commit to the listeners in its scope, for a request that waits at most a second: the rest goes to the worker.
   * Never rejects. One outcome for each listener found.
   */
  deliver(
    commit: Commit,
    found: readonly FoundListener[],
    options: { readonly alone: boolean },
  ): Promise<readonly DeliveryOutcome[]>;
  /**
   * Lets every listener of an actor that is behind the record `upTo` catch up. `late`: there was no time for all. Afterwards
   * each has heard the log up to there, or has a due time of its own for what is left.
   */
  catchUp(actorId: string, upTo: number, deadline: Deadline): Promise<"done" | "late">;
}
