import type { Clock, DelayQueue, Log } from "../../system/ports.ts";
import { wakeUp } from "../../system/wake-up.ts";
import type { Head } from "./head.ts";

/** Delayed messages that bring due work forward from the next sweep to its second. */
export class WakeUps {
  readonly #deps: { queue: DelayQueue; clock: Clock; log: Log };

  constructor(deps: { queue: DelayQueue; clock: Clock; log: Log }) {
    this.#deps = deps;
  }

  /** Sends a message for the head's due time, if it has one. Never rejects: the sweep finds the same work. */
  async schedule({ key, dueAt }: Pick<Head, "key" | "dueAt">): Promise<void> {
    if (dueAt !== undefined) await wakeUp(this.#deps, key, dueAt);
  }
}
