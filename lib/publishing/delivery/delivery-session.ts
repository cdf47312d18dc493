/** One session of delivering one subscription, by the holder of its lease. */
import { CLOSED, isPaused } from "../../domain/policy/breaker.ts";
import type { Breaker } from "../../domain/policy/breaker.ts";
import { MAX_RANGES, countOf, delivered, withoutCleared, tried, undelivered } from "../../domain/log/delivery-state.ts";
import type { DeliveryState, NumberRange } from "../../domain/log/delivery-state.ts";
import { printJson } from "../../domain/json/json-text.ts";
import type { RenderedDiff } from "../../domain/log/render-backlog.ts";
import { currentContext } from "../../domain/log/subscription-log.ts";
import { bothReads, readsOf } from "../../domain/policy/visibility.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import { LEASE_ATTRIBUTES, leaseIs } from "../../dynamodb/lease.ts";
import { ConditionFailed, all, equals, itemExists } from "../../dynamodb/table.ts";
import type { Condition, Item, Table } from "../../dynamodb/table.ts";
import type { PermissionStore } from "../../trust/permission-store.ts";
import type { Clock, Log } from "../../system/ports.ts";
import { headKey, readInboundHead } from "../subscribers/inbound-head.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import type { CursorStore } from "../subscribers/cursor-store.ts";
import { renderAfter } from "../subscribers/rendered-diffs.ts";
import type { Records } from "../subscribers/rendered-diffs.ts";
import { readTrust } from "../../trust/trust-record.ts";
import type { TrustRecord } from "../../trust/trust-record.ts";
import { readBreaker } from "./breaker-store.ts";
import type { BreakerStore } from "./breaker-store.ts";
import type { CallbackSender, Sent } from "./callback-sender.ts";
import type { DeliveryFailure } from "../subscribers/fan-out-result.ts";
import type { TrustCache } from "./trust-cache.ts";
import { RefusalNotes } from "./refusal-notes.ts";
import type { RefusalDeps } from "./refusal-notes.ts";
import type { DeliveryBudget } from "./delivery-budget.ts";

/** What was delivered is noted after so many numbers, so that little of a long backlog is sent twice after a crash. */
const NOTE_EVERY = 50;
/** Tries of a write whose answer was lost. */
const MOST_ATTEMPTS = 3;

export interface SessionDeps extends RefusalDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly sender: Pick<CallbackSender, "send">;
  readonly breakers: BreakerStore;
  readonly trustCache: Pick<TrustCache, "of">;
  readonly permissions: Pick<PermissionStore, "of">;
  readonly cursors: Pick<CursorStore, "makeResync">;
  /** Ends a subscription whose peer says that it has, or has known nothing of it for long. */
  readonly ended: (head: InboundHead) => Promise<void>;
  /** Has a subscription that its peer refuses tried again at a time, ms since 1970, or a little later. Never rejects. */
  readonly wakeHead: (head: InboundHead, at: number) => Promise<void>;
  /** How long a delivered number stays readable, ms. */
  readonly keepMs: number;
  /** A longer backlog of a peer that was away is made up for by one resync. */
  readonly replayMax: number;
}

/** What is delivered, to whom, and how. */
export interface SessionInput {
  /** With the lease that was taken. */
  readonly head: InboundHead;
  readonly token: string;
  readonly trust: TrustRecord;
  readonly time: DeliveryBudget;
  /** The records of the log, as far as others need them too. */
  readonly records: Records;
  /** Everything that the peer has not taken is sent, not only what was never tried. */
  readonly everything: boolean;
  /** It has waited for the peer: a long backlog is made up for by one resync [when everything is sent]. */
  readonly afterPause?: boolean;
}

/**
 * How it ended. `done`: nothing is left to send; `late`: no time for the rest; `open`: the peer's breaker is open now, or
 * the peer is not to be told any more; `paused`: the peer has asked for a pause; `refused`: the peer does not know the
 * subscription; `lost`: the lease is another's, or the subscription is no more.
 */
export type SessionResult = "done" | "late" | "open" | "paused" | "refused" | "lost";

/** What one number came to. `later`: the peer asked for a pause; `refused`: it does not know the subscription. */
export type Tried = "taken" | "failed" | "later" | "refused";

export class DeliverySession {
  readonly #deps: SessionDeps;
  readonly #given: SessionInput;
  #head: InboundHead;
  #delivery: DeliveryState;
  #trustCache: Item | undefined;
  #breaker: Breaker = CLOSED;
  #trust: TrustRecord;
  #allowed: Reads;
  #unnoted = 0;
  readonly #refusal: RefusalNotes;
  readonly failures: DeliveryFailure[] = [];

  constructor(deps: SessionDeps, given: SessionInput) {
    this.#deps = deps;
    this.#given = given;
    this.#head = given.head;
    this.#delivery = withoutCleared(given.head.delivery, given.head.state.cleared);
    this.#trust = given.trust;
    this.#refusal = new RefusalNotes(deps, given.head);
    this.#allowed = this.#allows();
  }

  /** What was delivered so far. */
  get delivery(): DeliveryState {
    return this.#delivery;
  }

  /**
   * Sends what there is, in order, one after the other, what others make meanwhile included, and lets the lease go. A
   * number that fails is passed over.
   */
  async deliver(): Promise<SessionResult> {
    for (;;) {
      let end: Exclude<SessionResult, "lost">;
      try {
        end = await this.#sendAll();
      } catch (error) {
        // What was tried is not to be tried again because something else went wrong.
        await this.end();
        throw error;
      }
      const noted = await this.#letGo(end === "done" ? equals("sequence", this.#head.state.sequence) : itemExists);
      if (noted !== "more") return noted === "lost" ? "lost" : end;
    }
  }

  /** Sends the first number that the peer has not taken, and keeps the lease. Undefined: there is none. */
  async probe(): Promise<Tried | undefined> {
    if (!(await this.#isPeer())) return undefined;
    for await (const rendered of this.#rendered()) {
      const sent = await this.#send(rendered);
      if (sent !== "polls") return sent;
    }
    return undefined;
  }

  /** Lets the lease go with what was delivered so far. */
  async end(): Promise<void> {
    while ((await this.#letGo(itemExists)) === "more");
  }

  async #sendAll(): Promise<Exclude<SessionResult, "lost">> {
    const { breakers } = this.#deps;
    for (const rendered = this.#rendered(); ;) {
      if (this.#open().length === 0 && !this.#isTorn()) return this.#nothingLeft();
      // Before a number is rendered: what is left out of it goes by what is known then.
      const kept = await this.#keptFrom();
      if (kept !== undefined) return kept;
      const next = await rendered.next();
      if (next.done === true) return this.#nothingLeft();
      if (!this.#given.time.mayStart()) return "late";
      const sent = await this.#send(next.value);
      if (sent === "taken") await breakers.answered(this.#trust, this.#breaker);
      if (sent === "failed") await breakers.failed(this.#trust);
      if (sent === "later") return "paused";
      // One that is refused is not asked number by number whether that has changed.
      if (sent === "refused" || (sent === "failed" && this.#refusal.isRefused)) return "refused";
      if (this.#unnoted >= NOTE_EVERY && !(await this.#note())) return "late";
    }
  }

  /** Also where the peer has said itself what it has, or only polls by now: there is nothing to ask it with. */
  #nothingLeft(): "done" {
    this.#refusal.forget();
    return "done";
  }

  /** Why nothing goes to the peer now: it may not be told at all, its breaker is open, or it has asked for a pause. */
  async #keptFrom(): Promise<"open" | "paused" | undefined> {
    if (!(await this.#isPeer()) || this.#breaker.openUntil !== undefined) return "open";
    return isPaused(this.#breaker, this.#deps.clock.now()) ? "paused" : undefined;
  }

  /** True while callbacks may go to the peer at all; brings along what is known of it. */
  async #isPeer(): Promise<boolean> {
    const { actorId, peerId, secret } = this.#given.trust;
    const item = await this.#deps.trustCache.of(actorId, peerId);
    if (item !== undefined && item !== this.#trustCache) {
      const before = this.#trust;
      this.#trust = readTrust(item);
      this.#breaker = readBreaker(item);
      const same = ({ relationship, custom }: TrustRecord): string => printJson([relationship, custom]);
      if (same(before) !== same(this.#trust)) this.#allowed = this.#allows();
    }
    this.#trustCache = item;
    return item !== undefined && this.#trust.approved && !this.#trust.ending && this.#trust.secret === secret;
  }

  #allows(): Reads {
    return readsOf(this.#deps.permissions.of(this.#trust).properties);
  }

  /** The numbers to send, in order. Where some cannot be rendered any more, or too many, one resync instead. */
  async *#rendered(): AsyncGenerator<RenderedDiff> {
    for (let resyncs = 0; resyncs < 2; resyncs += 1) {
      const whole = yield* this.#renderable();
      if (whole) return;
      await this.#resync();
    }
    this.#deps.log.error("a subscription's numbers cannot be rendered", this.#ids());
  }

  /** False when it stopped at something that cannot be rendered. */
  async *#renderable(): AsyncGenerator<RenderedDiff, boolean> {
    const { records, everything, afterPause = everything } = this.#given;
    const open = this.#open();
    const tooMany = afterPause && countOf(open) > this.#deps.replayMax;
    const torn = this.#isTorn();
    // As it is when each number is rendered.
    const now: Reads = {
      at: (place) => this.#allowed.at(place),
      below: (place) => this.#allowed.below(place),
      whole: (place) => this.#allowed.whole(place),
    };
    if (tooMany || torn) await this.#resync();
    for (const [from, to] of tooMany || torn ? this.#open() : open) {
      let expected = from;
      const reads = bothReads(readsOf(currentContext(this.#head.state).permissions), now);
      for await (const rendered of renderAfter(records, this.#head, from - 1, to - from + 1, reads)) {
        if (rendered.sequence > to) break;
        if (rendered.sequence !== expected) return false;
        yield rendered;
        if (this.#isTorn()) return false;
        expected = rendered.sequence + 1;
      }
      if (expected <= to) return false;
    }
    return true;
  }

  #isTorn(): boolean {
    return this.#delivery.ranges.length > MAX_RANGES;
  }

  #open(): readonly NumberRange[] {
    const { sequence } = this.#head.state;
    if (this.#given.everything) return undelivered(this.#delivery, sequence);
    const from = this.#delivery.tried + 1;
    return from > sequence ? [] : [[from, sequence]];
  }

  async #send(rendered: RenderedDiff): Promise<Tried | "polls"> {
    const { sender, clock, keepMs } = this.#deps;
    const allowed = this.#allowed;
    const still = async (): Promise<boolean> => (await this.#keptFrom()) === undefined && this.#allowed === allowed;
    const sent = await sender.send(this.#trust, this.#head, rendered, this.#given.time, still);
    this.#unnoted += 1;
    if (sent.kind === "taken") {
      this.#delivery = delivered(this.#delivery, rendered.sequence, sent.whole ? clock.now() + keepMs : undefined);
      this.#refusal.forget();
      return "taken";
    }
    // What is to come later counts as not tried.
    if (sent.kind !== "later") this.#delivery = tried(this.#delivery, rendered.sequence);
    return sent.kind === "polls" ? "polls" : await this.#failed(sent);
  }

  async #failed(sent: Extract<Sent, { readonly failure: DeliveryFailure }>): Promise<Exclude<Tried, "taken">> {
    const { breakers } = this.#deps;
    const { statusCode = 0 } = sent.failure;
    this.failures.push(sent.failure);
    switch (sent.kind) {
      case "gone":
        this.#refusal.unknownForGood(statusCode);
        return "refused";
      case "unknown":
        this.#refusal.unknown(statusCode);
        return "refused";
      case "failed":
        this.#refusal.otherwise();
        return "failed";
      case "later":
        if (statusCode === 404) {
          await breakers.pause(this.#trust, sent.until);
          this.#refusal.unknown(statusCode, sent.until);
          return "later";
        }
        await breakers.pause(this.#trust, sent.until, this.#head.id);
        this.#refusal.otherwise(sent.until);
        await breakers.failed(this.#trust);
        return "later";
    }
  }

  async #resync(): Promise<void> {
    const { head, cursors } = { head: this.#head, cursors: this.#deps.cursors };
    const advanced = await cursors.makeResync(head, { newest: head.state.cursor });
    if (advanced === undefined) return;
    this.#head = advanced.head;
    this.#delivery = withoutCleared(this.#delivery, advanced.head.state.cleared);
  }

  /** Writes down what was delivered, and keeps the lease. False when it is another's. */
  async #note(): Promise<boolean> {
    const found = await this.#write({ set: { delivery: JSON.stringify(this.#delivery) } }, itemExists);
    this.#unnoted = 0;
    return found === "written";
  }

  async #letGo(when: Condition): Promise<"gone" | "more" | "lost"> {
    const text = JSON.stringify(this.#delivery);
    const noted = this.#refusal.change(this.#head);
    const set = { delivery: text, ...noted.change.set };
    const remove = [...LEASE_ATTRIBUTES, ...(noted.change.remove ?? [])];
    const found = await this.#write({ set, remove }, all(when, noted.when));
    if (found === "lost") return "lost";
    // Or else the answer to the same write was lost, and it was sent again.
    if (found === "written" || (found["leaseToken"] === undefined && found["delivery"] === text)) {
      await this.#afterwards();
      return "gone";
    }
    if (found["leaseToken"] !== this.#given.token) return "lost";
    const before = this.#head;
    this.#head = readInboundHead(found);
    this.#delivery = withoutCleared(this.#delivery, this.#head.state.cleared);
    if (this.#head.renewed !== before.renewed) this.#refusal.renewed(this.#head.renewed ?? 0);
    return "more";
  }

  /** What follows once it is written that the peer refuses the subscription; the head's due time sees to it else. */
  async #afterwards(): Promise<void> {
    const { retryAt } = this.#refusal;
    if (this.#refusal.isOver) await this.#deps.ended(this.#head);
    else if (retryAt !== undefined) await this.#deps.wakeHead(this.#head, retryAt);
  }

  async #write(change: Parameters<Table["update"]>[1], when: Condition): Promise<"written" | "lost" | Item> {
    const condition = all(leaseIs.ownedBy(this.#given), when);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#deps.table.update(headKey(this.#head), change, condition);
        return "written";
      } catch (error) {
        if (error instanceof ConditionFailed) return error.item ?? "lost";
        if (attempt === MOST_ATTEMPTS) throw error;
      }
    }
  }

  #ids() {
    const { actorId, peerId, id } = this.#head;
    return { actorId, peerId, subscriptionId: id };
  }
}
