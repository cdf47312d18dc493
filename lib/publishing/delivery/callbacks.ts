/** Sends the callbacks of each commit: before the request is answered, or after. */
import { currentDeadline, isInsideHook } from "../../system/request-context.ts";
import type { Clock, Log } from "../../system/ports.ts";
import type { Commit } from "../../change-log/log-commits.ts";
import type { FanOut } from "./fan-out.ts";
import type { FanOutResult } from "../subscribers/fan-out-result.ts";
import { DeliveryBudget } from "./delivery-budget.ts";

/** How long callbacks may take that no request waits for, ms. */
const BACKGROUND_MS = 20_000;

export interface CallbacksDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly fanOut: Pick<FanOut, "publish">;
  /** `async`: a request does not wait for the callbacks of its changes. */
  readonly mode: "sync" | "async";
}

/** Starts the fan-out of commits. Its only state are the fan-outs that no request waits for. */
export class Callbacks {
  readonly #deps: CallbacksDeps;
  readonly #background = new Set<Promise<void>>();

  constructor(deps: CallbacksDeps) {
    this.#deps = deps;
  }

  /** Publishes a commit of the log. Never rejects; in async mode it resolves at once. */
  async committed(commit: Commit): Promise<void> {
    if (commit.head.subscribers === 0) return;
    const { clock, fanOut, log, mode } = this.#deps;
    const time = mode === "sync" ? this.#budget() : DeliveryBudget.from(clock, BACKGROUND_MS);
    const work = fanOut.publish(commit, time).then(
      () => undefined,
      (error: unknown) => {
        // The change stands, and log maintenance does what was not done.
        log.error("the callbacks of a change failed", { actorId: commit.actorId, error });
      },
    );
    if (mode === "sync") {
      await work;
      return;
    }
    this.#background.add(work);
    void work.finally(() => this.#background.delete(work));
  }

  /** Publishes a commit in either mode, and returns what became of its callbacks. */
  async deliver(commit: Commit): Promise<FanOutResult> {
    return await this.#deps.fanOut.publish(commit, this.#budget());
  }

  /** Resolves when no callback is being sent in the background any more. */
  async idle(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background);
  }

  /** The time that the caller can wait. A hook does not wait, because a publisher waits for the hook. */
  #budget(): DeliveryBudget | undefined {
    if (isInsideHook()) return undefined;
    const deadline = currentDeadline();
    if (deadline !== undefined) return DeliveryBudget.ofRequest(deadline);
    return DeliveryBudget.from(this.#deps.clock, BACKGROUND_MS);
  }
}
