/** What one delivery learns of whether the peer knows the subscription, as the subscription's head stores it. */
import { refusalPause, type Refusal } from "../../domain/policy/refusal.ts";
import type { Clock } from "../../system/ports.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";

/** Delay of the next try when an instance dies before it has ended a subscription, ms. */
const ENDING_MS = 60_000;

export interface RefusalDeps {
  readonly clock: Clock;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  /** A subscription ends once its peer has answered only 404 for this long, ms. */
  readonly refusalMs: number;
}

/**
 * States and what moves from one to the next:
 *
 *   known     no refusal; a 2xx leads here, and so does an empty backlog
 *   refused   until the next try; a 404 leads here. Any other failure begins the time again after which it is over, and
 *             so does the peer when it says what it has, or asks for the subscription again
 *   over      the subscription is to be ended: a 410, or `refusalMs` of 404 alone
 */
export class RefusalNotes {
  readonly #deps: RefusalDeps;
  #refusal: Refusal | undefined;
  /** The stored head says something else. */
  #hasChanged = false;
  readonly #acknowledgedAt: number;
  #asked: number;
  #isOver = false;

  constructor(deps: RefusalDeps, head: Pick<InboundHead, "refused" | "acknowledgedAt" | "renewed">) {
    this.#deps = deps;
    this.#refusal = head.refused;
    this.#acknowledgedAt = head.acknowledgedAt ?? 0;
    this.#asked = head.renewed ?? 0;
  }

  get isRefused(): boolean {
    return this.#refusal !== undefined;
  }

  /** True when the subscription is to be ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The peer took a callback, or nothing is left to try with. */
  forget(): void {
    if (this.#refusal === undefined) return;
    this.#refusal = undefined;
    this.#hasChanged = true;
  }

  /** 404; the peer asked for a pause until `pausedUntil` (ms since 1970). */
  unknown(status: number, pausedUntil = 0): void {
    const { clock, refusalMs } = this.#deps;
    const since = Math.max(this.#refusal?.since ?? clock.now(), this.#acknowledgedAt);
    this.#refuse(status, since, pausedUntil);
    this.#isOver = clock.now() >= since + refusalMs;
  }

  /** 410. */
  unknownForGood(status: number): void {
    const now = this.#deps.clock.now();
    const [since, tries] = [this.#refusal?.since ?? now, (this.#refusal?.tries ?? 0) + 1];
    this.#note({ status, since, tries, nextAt: now + ENDING_MS });
    this.#isOver = true;
  }

  /** Any other failure restarts the time until a refused subscription ends, and delays its next try. */
  otherwise(pausedUntil = 0): void {
    if (this.#refusal !== undefined) this.#refuse(this.#refusal.status, this.#deps.clock.now(), pausedUntil);
  }

  /** The peer asked for the subscription again meanwhile, `asked` times by now: what it answered before does not count. */
  renewed(asked: number): void {
    this.#asked = asked;
    const now = this.#deps.clock.now();
    if (this.#refusal !== undefined) this.#note({ ...this.#refusal, since: now, tries: 0, nextAt: now });
    this.#isOver = false;
  }

  #refuse(status: number, since: number, pausedUntil: number): void {
    const { clock, random, refusalMs } = this.#deps;
    const tries = (this.#refusal?.tries ?? 0) + 1;
    // After a pause the peer's other subscriptions go first.
    const from = Math.max(clock.now(), pausedUntil);
    // The last try comes when the time is over, not up to a day later.
    const nextAt = Math.min(from + refusalPause(tries, random()), Math.max(since + refusalMs, from + 1_000));
    this.#note({ status, since, tries, nextAt });
  }

  #note(refusal: Omit<Refusal, "asked">): void {
    this.#refusal = { ...refusal, asked: this.#asked };
    this.#hasChanged = true;
  }

  /** What the write that releases the lease stores; undefined: what the head says is right. */
  get noted(): { readonly refused: Refusal | undefined } | undefined {
    return this.#hasChanged ? { refused: this.#refusal } : undefined;
  }

  /** When the subscription is tried again, ms since 1970; undefined when the head says so already. */
  get retryAt(): number | undefined {
    return this.#hasChanged ? this.#refusal?.nextAt : undefined;
  }
}
