/** How long deliveries may take for one request, or for one run of a worker. */
import type { Clock, Deadline } from "../system/ports.ts";
import { currentDeadline, isInsideHook } from "../system/request-context.ts";

/** A request begins no delivery later than this, ms, because its caller waits. */
const START_WITHIN_MS = 12_000;
/** Reserved for storing what became of the deliveries, ms. */
const RESERVE_MS = 3_000;
/** The shortest time that a delivery is begun with, ms. */
const LEAST_MS = 500;
/** How long deliveries may take that no request waits for, ms; longer than those that one waits for. */
export const BACKGROUND_MS = 20_000;

/** Says whether there is time for another delivery, and how much. */
export class DeliveryBudget {
  readonly #deadline: Deadline;
  readonly #stopStartingBelowMs: number;

  private constructor(deadline: Deadline, stopStartingBelowMs: number) {
    this.#deadline = deadline;
    this.#stopStartingBelowMs = stopStartingBelowMs;
  }

  /** For a request: deliveries begin within 12 s. */
  static ofRequest(deadline: Deadline): DeliveryBudget {
    return new DeliveryBudget(deadline, deadline.remaining() - START_WITHIN_MS);
  }

  /** For a worker: deliveries begin as long as its deadline allows. */
  static ofWorker(deadline: Deadline): DeliveryBudget {
    return new DeliveryBudget(deadline, deadline.stopStartingBelowMs ?? 0);
  }

  /** The time that the caller can wait; undefined inside a hook, which does not wait, because a publisher waits for it. */
  static ofCaller(clock: Clock): DeliveryBudget | undefined {
    if (isInsideHook()) return undefined;
    const deadline = currentDeadline();
    return deadline === undefined ? DeliveryBudget.from(clock) : DeliveryBudget.ofRequest(deadline);
  }

  /** For work that no request waits for: `ms` from now on. */
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
