/** One session of delivering one subscription, by the holder of its lease. */
import type { RenderedDiff } from "../../domain/log/subscription-log.ts";
import { newLease, type LeaseDeps } from "../../dynamodb/lease.ts";
import type { Table } from "../../dynamodb/table.ts";
import {
  changeHead,
  noteDelivery,
  readInboundHead,
  releaseLease,
  type InboundHead,
} from "../subscribers/inbound-head.ts";
import type { CursorStore } from "../subscribers/cursor-store.ts";
import type { TrustRecord } from "../../trust/trust-record.ts";
import type { DeliveryFailure } from "../../engine/fan-out-result.ts";
import { NumberSender, type NumberSenderDeps, type Tried } from "./number-sender.ts";
import { Recipient, type RecipientDeps } from "./recipient.ts";
import { RefusalNotes, type RefusalDeps } from "./refusal-notes.ts";
import { SessionBacklog, type BacklogDeps, type BacklogInput } from "./session-backlog.ts";
import type { DeliveryBudget } from "../../engine/delivery-budget.ts";

/** Store the delivery state after this many numbers, so that a crash repeats little of a long backlog. */
const NOTE_EVERY = 50;
/** Attempts of a write whose answer was lost. */
const MOST_ATTEMPTS = 3;

export interface SessionDeps extends RefusalDeps, RecipientDeps, BacklogDeps, NumberSenderDeps {
  readonly table: Table;
  /** Ends a subscription whose peer says that it has ended, or has not known it for long. */
  readonly ended: (head: InboundHead) => Promise<void>;
  /** Has a refused subscription tried again at a time, ms since 1970, or a little later. Never rejects. */
  readonly wakeHead: (head: InboundHead, at: number) => Promise<void>;
}

/** What is delivered, to whom, and how. */
export interface SessionInput extends BacklogInput {
  /** With the lease that was acquired. */
  readonly head: InboundHead;
  readonly trust: TrustRecord;
  readonly time: DeliveryBudget;
}

/**
 * How a session ended. `done`: nothing is left to send; `late`: no time for the rest; `open`: the peer's breaker is open,
 * or the peer is not trusted any more; `paused`: the peer asked for a pause; `refused`: the peer does not know the
 * subscription; `lost`: another has the lease, or the subscription has ended.
 */
export type SessionResult = "done" | "late" | "open" | "paused" | "refused" | "lost";

/**
 * States and what moves the session from one to the next:
 *
 *   sending    numbers go out in order, one at a time; `probe` sends one and stays here
 *   releasing  by `end`, or by `deliver` when nothing is left or something keeps the rest. A number that another process
 *              made meanwhile leads `deliver` back to sending
 *   over       the lease is released, or another holder has it
 *
 * Invariants:
 *   1. `deliver` sends a number only after `Recipient.keptFrom` found nothing that keeps it from the peer, and as its
 *      permissions are then.
 *   2. A number that was tried, other than one that the peer put off, is in the delivery state that the next write stores.
 *   3. `deliver` and `end` resolve in the state over.
 *   4. The refusal of the peer is stored by the write that releases the lease, and never without a due time.
 */
export class DeliverySession {
  readonly #deps: SessionDeps;
  readonly #input: SessionInput;
  readonly #recipient: Recipient;
  readonly #backlog: SessionBacklog;
  readonly #refusal: RefusalNotes;
  readonly #numbers: NumberSender;
  /** Numbers sent since the delivery state was stored. */
  #unnoted = 0;

  constructor(deps: SessionDeps, input: SessionInput) {
    this.#deps = deps;
    this.#input = input;
    this.#recipient = new Recipient(deps, input.trust);
    this.#backlog = new SessionBacklog(deps, input, this.#recipient);
    this.#refusal = new RefusalNotes(deps, input.head);
    const { head, time } = input;
    this.#numbers = new NumberSender(deps, { head, recipient: this.#recipient, refusal: this.#refusal, time });
  }

  /** What failed, in order. */
  get failures(): readonly DeliveryFailure[] {
    return this.#numbers.failures;
  }

  /** Acquires the lease of a head that is at the log's end. Undefined while another delivery of it is under way. */
  static async lease(
    deps: SessionDeps & LeaseDeps & { readonly cursors: Pick<CursorStore, "advance"> },
    input: Omit<SessionInput, "token">,
  ): Promise<DeliverySession | undefined> {
    const { head, time } = input;
    const lease = newLease(deps, time.remaining());
    const advanced = await deps.cursors.advance(head, { newest: head.state.cursor, lease: { ...lease, always: true } });
    if (advanced === undefined || !(advanced.leased || advanced.head.lease?.token === lease.token)) return undefined;
    return new DeliverySession(deps, { ...input, head: advanced.head, token: lease.token });
  }

  /**
   * Sends the waiting numbers in order, one after the other, also those made meanwhile, and releases the lease. A
   * number that fails is passed over.
   */
  async deliver(): Promise<SessionResult> {
    const { breakers } = this.#deps;
    const [recipient, backlog] = [this.#recipient, this.#backlog];
    for (;;) {
      let end: Exclude<SessionResult, "lost"> = "done";
      try {
        for (const numbers = backlog.numbers(); end === "done" && !backlog.isEmpty;) {
          let kept = await recipient.keptFrom();
          const next = kept === undefined ? await numbers.next() : undefined;
          if (next?.done === true) break;
          // Again, because the log may have been read slowly.
          kept ??= await recipient.keptFrom();
          if (next === undefined || kept !== undefined || !this.#input.time.mayStart()) {
            end = kept ?? "late";
            break;
          }
          const sent = await this.#send(next.value);
          if (sent === "taken") await breakers.answered(recipient.trust, recipient.breaker);
          if (sent === "failed") await breakers.failed(recipient.trust);
          if (sent === "later") end = "paused";
          // A refused subscription is not asked number by number whether that has changed.
          else if (sent === "refused" || (sent === "failed" && this.#refusal.isRefused)) end = "refused";
          else if (this.#unnoted >= NOTE_EVERY && !(await this.#note())) end = "late";
        }
        // Also where the peer has said itself what it has, or only polls by now: there is nothing to try it with.
        if (end === "done") this.#refusal.forget();
      } catch (error) {
        // A number that was tried must not be tried again because something else failed.
        await this.end();
        throw error;
      }
      const released = await this.#release(end === "done" ? backlog.head.state.sequence : undefined);
      if (released !== "more") return released === "lost" ? "lost" : end;
    }
  }

  /** Sends the first number that the peer has not taken, and keeps the lease. Undefined: there is none. */
  async probe(): Promise<Exclude<Tried["is"], "polls"> | undefined> {
    if (!(await this.#recipient.isTrusted())) return undefined;
    for await (const rendered of this.#backlog.numbers()) {
      // Again, because the log may have been read slowly.
      if (!(await this.#recipient.isTrusted())) return undefined;
      const sent = await this.#send(rendered);
      if (sent !== "polls") return sent;
    }
    return undefined;
  }

  /** Releases the lease with what was delivered so far. */
  async end(): Promise<void> {
    while ((await this.#release()) === "more");
  }

  /** Sends a number, and learns for the backlog what became of it. One that the peer put off counts as not tried. */
  async #send(rendered: RenderedDiff): Promise<Tried["is"]> {
    const backlog = this.#backlog;
    const sent = await this.#numbers.send(backlog.head, rendered);
    this.#unnoted += 1;
    if (sent.is === "taken") backlog.delivered(rendered.sequence, sent.leavesAt);
    else if (sent.is !== "later") backlog.tried(rendered.sequence);
    return sent.is;
  }

  /** Stores what was delivered, and keeps the lease; after the last number the release does. False when another has it. */
  async #note(): Promise<boolean> {
    if (this.#backlog.isEmpty) return true;
    const { token } = this.#input;
    this.#unnoted = 0;
    for (;;) {
      const { head } = this.#backlog;
      const change = noteDelivery(head, token);
      const { written, item } = await untilAnswered(async () => await changeHead(this.#deps.table, head, change));
      const found = item === undefined ? undefined : readInboundHead(item);
      if (found?.lease?.token !== token) return false;
      if (written) {
        this.#backlog.stored(found);
        return true;
      }
      this.#backlog.follow(found);
    }
  }

  /**
   * Releases the lease with what was delivered and what the peer answered. With `newest` only while that is the newest
   * number. `more`: not released, because of a newer number, or because the peer asked for the subscription again.
   */
  async #release(newest?: number): Promise<"released" | "more" | "lost"> {
    const { table, ended, wakeHead } = this.#deps;
    const { token } = this.#input;
    for (;;) {
      const { head } = this.#backlog;
      const change = releaseLease(head, token, this.#refusal.noted);
      const { written, item } = await untilAnswered(async () => await changeHead(table, head, change));
      if (item === undefined) return "lost";
      const found = readInboundHead(item);
      // A lease that is gone with just this delivery state was released by the same write, whose answer was lost.
      const isOurs = found.lease === undefined && JSON.stringify(found.delivery) === JSON.stringify(head.delivery);
      if (written || isOurs) {
        // When the instance dies here, the head's due time does the same.
        if (this.#numbers.hasEnded) await ended(head);
        else if (this.#refusal.retryAt !== undefined) await wakeHead(head, this.#refusal.retryAt);
        return "released";
      }
      if (found.lease?.token !== token) return "lost";
      this.#backlog.follow(found);
      if (found.renewed !== head.renewed) {
        this.#refusal.renewed(found.renewed ?? 0);
        return "more";
      }
      if (newest !== undefined && found.state.sequence > newest) return "more";
    }
  }
}

/** Repeats a write whose answer may have been lost; its condition makes that safe. */
export async function untilAnswered<T>(write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write();
    } catch (error) {
      if (attempt === MOST_ATTEMPTS) throw error;
    }
  }
}
