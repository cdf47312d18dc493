/** Limits how long the deliveries of one request, or of one run of a worker, may take. */
import type { Clock, Deadline } from "../system/ports.ts";
import { currentDeadline, isInsideHook } from "../system/request-context.ts";

/** A request starts no delivery after this many ms, because its caller waits for the answer. */
const START_WITHIN_MS = 12_000;
/** Time that is kept for storing the results of deliveries, ms. */
const RESERVE_MS = 3_000;
/** A delivery starts only with at least this much time, ms, beside the reserve. */
const LEAST_MS = 500;
/** How long deliveries may take when no request waits for them, ms: longer than the 12 s of those that delay an answer. */
export const BACKGROUND_MS = 20_000;

/** Says whether there is time for another delivery, and how much. */
export class DeliveryBudget {
  readonly #deadline: Deadline;
  readonly #stopStartingBelowMs: number;

  private constructor(deadline: Deadline, stopStartingBelowMs: number) {
    this.#deadline = deadline;
    this.#stopStartingBelowMs = stopStartingBelowMs;
  }

  /** For a request: deliveries start within 12 s. */
  static ofRequest(deadline: Deadline): DeliveryBudget {
    return new DeliveryBudget(deadline, deadline.remaining() - START_WITHIN_MS);
  }

  /** For a worker: deliveries start as long as the worker's deadline allows. */
  static ofWorker(deadline: Deadline): DeliveryBudget {
    return new DeliveryBudget(deadline, deadline.stopStartingBelowMs ?? 0);
  }

  /**
   * For the code that runs now: as long as its request may take. Undefined inside a hook, because a publisher waits for
   * that.
   */
  static ofCaller(clock: Clock): DeliveryBudget | undefined {
    if (isInsideHook()) return undefined;
    const deadline = currentDeadline();
    return deadline === undefined ? DeliveryBudget.from(clock) : DeliveryBudget.ofRequest(deadline);
  }

  /** For work that no request waits for: the next `ms`. */
  static from(clock: Clock, ms = BACKGROUND_MS): DeliveryBudget {
    const end = clock.now() + ms;
    return new DeliveryBudget({ remaining: () => Math.max(0, end - clock.now()) }, 0);
  }

  /** True when another delivery may begin, now or in `ms`. */
  mayStart(ms = 0): boolean {
    const remaining = this.#deadline.remaining() - ms;
    return remaining > this.#stopStartingBelowMs && remaining >= RESERVE_MS + LEAST_MS;
  }

  /** The longest that one delivery may take, ms: `most`, or the time that remains. */
  forOne(most: number): number {
    return Math.max(1, Math.min(most, this.#deadline.remaining() - RESERVE_MS));
  }

  /** How long all deliveries together may still take, ms. */
  remaining(): number {
    return this.#deadline.remaining();
  }
}
