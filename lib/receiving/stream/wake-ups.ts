import { MAX_DELAY_SECONDS } from "../../system/ports.ts";
import type { Clock, DelayQueue, Log } from "../../system/ports.ts";
import type { Head } from "./head.ts";

/** Delayed messages that bring due work forward from the next sweep to its second. */
export class WakeUps {
  readonly #queue: DelayQueue;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(deps: { queue: DelayQueue; clock: Clock; log: Log }) {
    this.#queue = deps.queue;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** Sends a message for the head's due time, if it has one. Never rejects: the sweep finds the same work. */
  async schedule(head: Pick<Head, "key" | "dueAt">): Promise<void> {
    if (head.dueAt === undefined) return;
    const seconds = Math.max(0, Math.ceil((head.dueAt - this.#clock.now()) / 1_000));
    try {
      await this.#queue.send({ kind: "due", ...head.key, dueAt: head.dueAt }, Math.min(seconds, MAX_DELAY_SECONDS));
    } catch (error) {
      this.#log.warn("a delayed message was not sent; the sweep will find the work", { error: String(error) });
    }
  }
}
