/** Sends single numbers to one peer, and notes what the answers say of the subscription. */
import { fullJitter } from "../../domain/policy/backoff.ts";
import type { RenderedDiff } from "../../domain/log/subscription-log.ts";
import type { Clock, Log } from "../../system/ports.ts";
import type { DeliveryFailure } from "../../engine/fan-out-result.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import type { BreakerStore } from "./breaker-store.ts";
import type { Tried as TriedOut } from "../../engine/way-out.ts";
import type { Callback, CallbackAnswer, CallbackOut, CallbackTarget, Sent } from "./callback-way.ts";

/** Pauses before another attempt at a number, ms. */
const RETRY = { base: 500, most: 30_000 };
/** After this status there is no other attempt on the spot. */
const TOO_MANY_REQUESTS = 429;

export interface NumberSenderDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly way: CallbackOut;
  readonly breakers: BreakerStore;
  readonly sleep: (ms: number) => Promise<void>;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  /** Attempts of one number after the first. */
  readonly retries: number;
  /** How long a delivered number stays readable, ms. */
  readonly keepMs: number;
  /** The longest that one request takes, ms. */
  readonly timeoutMs: number;
}

/**
 * The result of sending one number. `leavesAt`: when it leaves the backlog, as for `delivered`; `later`: the peer asked for
 * a pause, the number counts as not tried; `refused`: the peer does not know the subscription; `polls`: it has no
 * callbacks.
 */
export type Tried =
  | { readonly is: "taken"; readonly leavesAt: number | undefined }
  | { readonly is: "failed" | "later" | "refused" | "polls" };

/** Invariant: `failures` has each number that failed once. */
export class NumberSender {
  readonly #deps: NumberSenderDeps;
  readonly #target: CallbackTarget;
  readonly failures: DeliveryFailure[] = [];

  constructor(deps: NumberSenderDeps, target: CallbackTarget) {
    this.#deps = deps;
    this.#target = target;
  }

  /** True when the subscription is to be ended. */
  get hasEnded(): boolean {
    return this.#deps.way.ends(this.#target, this.#deps.clock.now()) !== undefined;
  }

  /**
   * Sends a number. Repeats a failure up to `retries` times, as long as there is time and the peer may still get what was
   * rendered; never when the peer said when to come back, or that the subscription is not there. A failure is one log line.
   */
  async send(head: InboundHead, rendered: RenderedDiff): Promise<Tried> {
    const { way, clock, log, sleep, random, retries, keepMs, timeoutMs } = this.#deps;
    const { recipient, time } = this.#target;
    const { permissions } = recipient;
    const { actorId } = head;
    const event = { head, rendered };
    const ask = await way.render(this.#target, event);
    let tried: TriedOut<Callback, CallbackAnswer, Sent>;
    for (let attempt = 1; ; attempt += 1) {
      const beganAt = clock.now();
      const answer = await ask(time.forOne(timeoutMs));
      const sent = way.classify(answer, this.#target);
      tried = { event, answer, outcome: sent, beganAt, endedAt: clock.now() };
      if (!("failure" in sent)) break;
      const wait = fullJitter(attempt, RETRY, random());
      const isWorthIt = sent.kind === "failed" && sent.failure.statusCode !== TOO_MANY_REQUESTS;
      const again = isWorthIt && attempt <= retries && time.mayStart(wait);
      log.warn("a callback failed", { actorId, sequence: rendered.sequence, attempt, again, ...sent.failure });
      if (!again) break;
      await sleep(wait);
      if ((await recipient.keptFrom()) !== undefined || recipient.permissions !== permissions) break;
    }
    const { outcome } = tried;
    if (outcome.kind === "polls") return { is: "polls" };
    if (outcome.kind === "taken") {
      way.onFailure(this.#target, tried);
      return { is: "taken", leavesAt: outcome.whole ? clock.now() + keepMs : undefined };
    }
    const is = await this.#failed(head, outcome);
    way.onFailure(this.#target, tried);
    return { is };
  }

  async #failed(
    head: InboundHead,
    sent: Extract<Sent, { readonly failure: DeliveryFailure }>,
  ): Promise<"failed" | "later" | "refused"> {
    const { breakers } = this.#deps;
    const { trust } = this.#target.recipient;
    this.failures.push(sent.failure);
    if (sent.kind === "failed") return "failed";
    if (sent.kind !== "later") return "refused";
    if (sent.failure.statusCode === 404) {
      await breakers.pause(trust, sent.until);
      return "later";
    }
    await breakers.pause(trust, sent.until, head.id);
    await breakers.failed(trust);
    return "later";
  }
}
