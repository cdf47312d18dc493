/** How long deliveries may go on for one request, or one run of a worker. */
import type { Clock, Deadline } from "../../system/ports.ts";

/** Within a request nothing is begun later than this, ms: whoever asked waits. */
const START_WITHIN_MS = 12_000;
/** So much is left for noting what became of the deliveries, ms. */
const RESERVE_MS = 3_000;
/** Less is not worth a try, ms. */
const LEAST_MS = 500;

/** Says whether there is time for another delivery, and how much. */
export class DeliveryBudget {
  readonly #deadline: Deadline;
  readonly #stopStartingBelowMs: number;

  private constructor(deadline: Deadline, stopStartingBelowMs: number) {
    this.#deadline = deadline;
    this.#stopStartingBelowMs = stopStartingBelowMs;
  }

  /** For someone who waits: deliveries begin within 12 s. */
  static ofRequest(deadline: Deadline): DeliveryBudget {
    return new DeliveryBudget(deadline, deadline.remaining() - START_WITHIN_MS);
  }

  /** For a worker: as long as it may begin anything. */
  static ofWorker(deadline: Deadline): DeliveryBudget {
    return new DeliveryBudget(deadline, deadline.stopStartingBelowMs ?? 0);
  }

  /** For work behind an answer that has gone out: `ms` from now on. */
  static from(clock: Clock, ms: number): DeliveryBudget {
    const end = clock.now() + ms;
    return new DeliveryBudget({ remaining: () => Math.max(0, end - clock.now()) }, 0);
  }

  /** True when another delivery may begin, now or in `ms`. */
  mayStart(ms = 0): boolean {
    const remaining = this.#deadline.remaining() - ms;
    return remaining > this.#stopStartingBelowMs && remaining >= RESERVE_MS + LEAST_MS;
  }

  /** The longest one may take, ms: `most`, or what is left. */
  forOne(most: number): number {
    return Math.max(1, Math.min(most, this.#deadline.remaining() - RESERVE_MS));
  }

  /** How long all of it may still take, ms. */
  remaining(): number {
    return this.#deadline.remaining();
  }
}
