/** Sends single numbers to one peer, and notes what the answers say of the subscription. */
import { fullJitter } from "../../domain/policy/backoff.ts";
import type { RenderedDiff } from "../../domain/log/subscription-log.ts";
import type { Clock, Log } from "../../system/ports.ts";
import type { DeliveryFailure } from "../../engine/fan-out-result.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import type { BreakerStore } from "./breaker-store.ts";
import type { CallbackSender, Sent } from "./callback-sender.ts";
import type { DeliveryBudget } from "../../engine/delivery-budget.ts";
import type { Recipient } from "./recipient.ts";
import type { RefusalNotes } from "./refusal-notes.ts";

/** Pauses before another attempt at a number, ms. */
const RETRY = { base: 500, most: 30_000 };
/** After this status there is no other attempt on the spot. */
const TOO_MANY_REQUESTS = 429;

export interface NumberSenderDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly sender: Pick<CallbackSender, "send">;
  readonly breakers: BreakerStore;
  readonly sleep: (ms: number) => Promise<void>;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  /** Attempts of one number after the first. */
  readonly retries: number;
  /** How long a delivered number stays readable, ms. */
  readonly keepMs: number;
}

/** The delivery that the numbers are part of. */
interface Delivery {
  readonly recipient: Recipient;
  readonly refusal: RefusalNotes;
  readonly time: DeliveryBudget;
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
  readonly #delivery: Delivery;
  readonly failures: DeliveryFailure[] = [];

  constructor(deps: NumberSenderDeps, delivery: Delivery) {
    this.#deps = deps;
    this.#delivery = delivery;
  }

  /**
   * Sends a number. Repeats a failure up to `retries` times, as long as there is time and the peer may still get what was
   * rendered; never when the peer said when to come back, or that the subscription is not there. A failure is one log line.
   */
  async send(head: InboundHead, rendered: RenderedDiff): Promise<Tried> {
    const { sender, clock, log, sleep, random, retries, keepMs } = this.#deps;
    const { recipient, refusal, time } = this.#delivery;
    const { trust, permissions } = recipient;
    const { actorId } = head;
    const mayAgain = async (): Promise<boolean> =>
      (await recipient.isTrusted()) && recipient.permissions === permissions;
    let sent: Sent;
    for (let attempt = 1; ; attempt += 1) {
      sent = await sender.send(trust, head, rendered, time, { mayAgain });
      if (!("failure" in sent)) break;
      const wait = fullJitter(attempt, RETRY, random());
      const isWorthIt = sent.kind === "failed" && sent.failure.statusCode !== TOO_MANY_REQUESTS;
      const again = isWorthIt && attempt <= retries && time.mayStart(wait);
      log.warn("a callback failed", { actorId, sequence: rendered.sequence, attempt, again, ...sent.failure });
      if (!again) break;
      await sleep(wait);
      if ((await recipient.keptFrom()) !== undefined || recipient.permissions !== permissions) break;
    }
    if (sent.kind === "polls") return { is: "polls" };
    if (sent.kind !== "taken") return { is: await this.#failed(head, sent) };
    refusal.forget();
    return { is: "taken", leavesAt: sent.whole ? clock.now() + keepMs : undefined };
  }

  async #failed(
    head: InboundHead,
    sent: Extract<Sent, { readonly failure: DeliveryFailure }>,
  ): Promise<"failed" | "later" | "refused"> {
    const { breakers } = this.#deps;
    const { refusal, recipient } = this.#delivery;
    const { trust } = recipient;
    const { statusCode = 0 } = sent.failure;
    this.failures.push(sent.failure);
    switch (sent.kind) {
      case "gone":
        refusal.unknownForGood(statusCode);
        return "refused";
      case "unknown":
        refusal.unknown(statusCode);
        return "refused";
      case "failed":
        refusal.otherwise();
        return "failed";
      case "later":
        if (statusCode === 404) {
          await breakers.pause(trust, sent.until);
          refusal.unknown(statusCode, sent.until);
          return "later";
        }
        await breakers.pause(trust, sent.until, head.id);
        refusal.otherwise(sent.until);
        await breakers.failed(trust);
        return "later";
    }
  }
}
