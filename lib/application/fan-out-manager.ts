/** Delivery to an actor's subscribers with settings of the application's own. */
import { ConfigError, codeFault } from "../system/config.ts";
import type { FanOutResult } from "../engine/fan-out-result.ts";
import { breakerState, type BreakerState } from "../domain/policy/breaker.ts";
import { ServiceError } from "../system/errors.ts";
import type { Clock, Json } from "../system/ports.ts";
import type { Actor } from "./actor.ts";
import type { OwnDelivery } from "./own-delivery.ts";
import { requestedScope } from "./subscription.ts";

/** How a manager delivers. An option that is left out has the value of the environment, else the default in brackets. */
export interface FanOutOptions {
  readonly actor: Actor;
  /** Deliveries at the same time, 1 to 100 [5]; one for each peer. */
  readonly maxConcurrent?: number;
  /** Seconds that one delivery may take [30]; never more than the request has left. */
  readonly defaultTimeout?: number;
  /** Failures of a peer in a row that open its circuit breaker, 1 to 100 [5]. */
  readonly failureThreshold?: number;
  /** Seconds until an open breaker lets one delivery through, 1 to 3600 [60]; each one that fails doubles them. */
  readonly recoveryTimeout?: number;
}

const LONGEST_TIMEOUT_SECONDS = 900;

/**
 * Delivers to the subscribers of one actor. The breakers are those of all deliveries to the same peers, in all instances of
 * the service: a failure that this manager meets counts everywhere.
 */
export class FanOutManager {
  readonly #clock: Clock;
  readonly #delivery: OwnDelivery;

  /** @throws ConfigError naming every option that is out of its range */
  constructor(options: FanOutOptions) {
    const { actor, maxConcurrent, defaultTimeout, failureThreshold, recoveryTimeout } = options;
    const faults = [
      codeFault("MAX_CONCURRENT_DELIVERIES", "maxConcurrent", maxConcurrent),
      timeoutFault(defaultTimeout),
      codeFault("BREAKER_FAILURE_THRESHOLD", "failureThreshold", failureThreshold),
      codeFault("BREAKER_RECOVERY_SECONDS", "recoveryTimeout", recoveryTimeout),
    ].filter((fault) => fault !== undefined);
    if (faults.length > 0) throw new ConfigError(faults);
    const { publishing } = actor;
    this.#clock = actor.clock;
    this.#delivery = actor.ownDelivery({
      maxConcurrentDeliveries: maxConcurrent ?? publishing.maxConcurrentDeliveries,
      deliveryTimeoutSeconds: defaultTimeout ?? publishing.fanOutTimeoutSeconds,
      breakerFailureThreshold: failureThreshold ?? publishing.breakerFailureThreshold,
      breakerRecoverySeconds: recoveryTimeout ?? publishing.breakerRecoverySeconds,
    });
  }

  /**
   * Publishes a change of a target: one change of the actor's log, sent with this manager's settings. When this resolves, each
   * subscription in scope was sent its number, or the result says why not.
   *
   * @throws ServiceError request.invalid, request.too_large over 256 KiB of JSON, resource.not_found without actor
   */
  async deliver(appEvent: {
    readonly target: string;
    readonly subtarget?: string | null;
    readonly data: Json;
  }): Promise<FanOutResult> {
    const { target, subtarget = null, data } = appEvent;
    return await this.#delivery.notify({ ...requestedScope({ target, subtarget }), data });
  }

  /**
   * `CLOSED`: deliveries go out. `OPEN`: none goes out for a while. `HALF_OPEN`: one is under way, or may begin.
   * @throws ServiceError resource.not_found without a trust with that peer
   */
  async getCircuitBreakerStatus(peerId: string): Promise<Uppercase<BreakerState>> {
    const breaker = await this.#delivery.breaker(peerId);
    if (breaker === undefined) throw noSuchPeer();
    return breakerState(breaker, this.#clock.now()).toUpperCase() as Uppercase<BreakerState>;
  }

  /** Closes the peer's breaker; missed callbacks go out soon. @throws ServiceError resource.not_found without a trust */
  async resetCircuitBreaker(peerId: string): Promise<void> {
    if (!(await this.#delivery.reset(peerId))) throw noSuchPeer();
  }
}

const noSuchPeer = (): ServiceError => new ServiceError("resource.not_found", "There is no trust with that peer.");

function timeoutFault(seconds: number | undefined): string | undefined {
  if (seconds === undefined || (seconds >= 0.5 && seconds <= LONGEST_TIMEOUT_SECONDS)) return undefined;
  return `the option defaultTimeout is ${String(seconds)}; allowed is a number from 0.5 to ${String(LONGEST_TIMEOUT_SECONDS)}.`;
}
