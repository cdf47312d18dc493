/** What one delivery learns of whether the peer knows the subscription at all, as it goes into the subscription's head. */
import { refusalPause } from "../../domain/policy/refusal.ts";
import type { Refusal } from "../../domain/policy/refusal.ts";
import { dueShardOf } from "../../dynamodb/keys/due.ts";
import { equals, itemExists, missing } from "../../dynamodb/table.ts";
import type { Change, Condition } from "../../dynamodb/table.ts";
import type { Clock } from "../../system/ports.ts";
import { headKey } from "../subscribers/inbound-head.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";

/** An instance may die before it has ended a subscription: the next try comes so much later, ms. */
const ENDING_MS = 60_000;

export interface RefusalDeps {
  readonly clock: Clock;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  /** A subscription whose peer has answered nothing but 404 for so long is ended, ms. */
  readonly refusalMs: number;
}

/**
 * States: the peer knows the subscription (no refusal), it refuses it until the next try, it is over. A 404 leads to the
 * second or, after `refusalMs` of nothing else, to the third, a 410 to the third, a 2xx to the first. Any other failure
 * of one that is refused begins that time again, and so does the peer when it says what it has.
 */
export class RefusalNotes {
  readonly #deps: RefusalDeps;
  #refusal: Refusal | undefined;
  /** Whether the head says something else than this. */
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

  /** The peer took a callback of it, or nothing is left to try with: it has said itself what it has. */
  forget(): void {
    if (this.#refusal === undefined) return;
    this.#refusal = undefined;
    this.#hasChanged = true;
  }

  /** 404, and the peer has asked for a pause until `pausedUntil` (ms). */
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

  /** Something else went wrong: of one that is refused that is another answer, and its next try comes later too. */
  otherwise(pausedUntil = 0): void {
    if (this.#refusal !== undefined) this.#refuse(this.#refusal.status, this.#deps.clock.now(), pausedUntil);
  }

  /** The peer has asked for the subscription again meanwhile, so often by now: its refusals were of before. */
  renewed(asked: number): void {
    this.#asked = asked;
    const now = this.#deps.clock.now();
    if (this.#refusal !== undefined) this.#note({ ...this.#refusal, since: now, tries: 0, nextAt: now });
    this.#isOver = false;
  }

  #refuse(status: number, since: number, pausedUntil: number): void {
    const { clock, random, refusalMs } = this.#deps;
    const tries = (this.#refusal?.tries ?? 0) + 1;
    // After the pause that the peer has asked for its others go first.
    const from = Math.max(clock.now(), pausedUntil);
    // The last try comes when the time is over, not a day later.
    const nextAt = Math.min(from + refusalPause(tries, random()), Math.max(since + refusalMs, from + 1_000));
    this.#note({ status, since, tries, nextAt });
  }

  #note(refusal: Omit<Refusal, "asked">): void {
    this.#refusal = { ...refusal, asked: this.#asked };
    this.#hasChanged = true;
  }

  /** What of the head's item changes with what was learned, and on which condition beside the lease. */
  change(head: InboundHead): { readonly change: Pick<Change, "set" | "remove">; readonly when: Condition } {
    if (!this.#hasChanged) return { change: {}, when: itemExists };
    if (this.#refusal === undefined) return { change: { remove: ["refused", "dueShard", "dueAt"] }, when: itemExists };
    const due = { dueShard: dueShardOf(headKey(head)), dueAt: this.#refusal.nextAt };
    return {
      change: { set: { refused: { ...this.#refusal }, ...due } },
      // A peer that has asked for it again is not put off by what it answered before.
      when: head.renewed === undefined ? missing("renewed") : equals("renewed", head.renewed),
    };
  }

  /** When the subscription is tried again, ms since 1970; undefined when that is not news. */
  get retryAt(): number | undefined {
    return this.#hasChanged ? this.#refusal?.nextAt : undefined;
  }
}
