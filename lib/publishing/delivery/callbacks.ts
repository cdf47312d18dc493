/** Has the callbacks of each commit sent: before the answer goes out, or behind it. */
import { currentDeadline, isInsideHook } from "../../system/request-context.ts";
import type { Clock, Log } from "../../system/ports.ts";
import type { Commit } from "../../change-log/log-commits.ts";
import type { FanOut } from "./fan-out.ts";
import type { FanOutResult } from "../subscribers/fan-out-result.ts";
import { DeliveryBudget } from "./delivery-budget.ts";

/** How long callbacks may take that no request waits for, ms. */
const BEHIND_MS = 20_000;

export interface CallbacksDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly fanOut: Pick<FanOut, "changed" | "later">;
  /** `async`: a request does not wait for the callbacks of its changes. */
  readonly mode: "sync" | "async";
}

export class Callbacks {
  readonly #deps: CallbacksDeps;
  readonly #behind = new Set<Promise<void>>();

  constructor(deps: CallbacksDeps) {
    this.#deps = deps;
  }

  /** Delivers what a commit made. Never rejects, because the commit stands; in async mode it resolves at once. */
  async committed(commit: Commit): Promise<void> {
    if (commit.head.subscribers === 0) return;
    if (this.#deps.mode === "async") this.#notifyAfterwards(commit);
    else await this.#notify(commit);
  }

  /**
   * Tells of a commit, and says what became of it: for those who ask for that, in either mode. A hook does not wait, for
   * a publisher waits for the hook: there all are deferred.
   */
  async deliver(commit: Commit): Promise<FanOutResult> {
    if (isInsideHook()) return await this.#deps.fanOut.later(commit);
    const deadline = currentDeadline();
    const { clock, fanOut } = this.#deps;
    const time = deadline === undefined ? DeliveryBudget.from(clock, BEHIND_MS) : DeliveryBudget.ofRequest(deadline);
    return await fanOut.changed(commit, time);
  }

  #notifyAfterwards(commit: Commit): void {
    const work = this.#notify(commit);
    this.#behind.add(work);
    void work.finally(() => this.#behind.delete(work));
  }

  /** Resolves when nothing is being sent behind an answer any more. */
  async idle(): Promise<void> {
    while (this.#behind.size > 0) await Promise.all(this.#behind);
  }

  async #notify(commit: Commit): Promise<void> {
    const { clock, log, fanOut, mode } = this.#deps;
    try {
      if (mode === "sync") await this.deliver(commit);
      else await fanOut.changed(commit, DeliveryBudget.from(clock, BEHIND_MS));
    } catch (error) {
      // The change stands, and the maintenance does what was not done.
      log.error("the callbacks of a change failed", { actorId: commit.actorId, error });
    }
  }
}
