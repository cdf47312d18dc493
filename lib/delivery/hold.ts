/** One turn of delivering one subscription, by the holder of its lease. */
import { CLOSED } from "../domain/breaker.ts";
import type { Breaker } from "../domain/breaker.ts";
import { MAX_RANGES, countOf, delivered, settled, tried, undelivered } from "../domain/delivery-state.ts";
import type { DeliveryState, NumberRange } from "../domain/delivery-state.ts";
import { printJson } from "../domain/json-text.ts";
import type { Told } from "../domain/render-backlog.ts";
import { currentView } from "../domain/subscription-log.ts";
import { bothReads, readsOf } from "../domain/visibility.ts";
import type { Reads } from "../domain/visibility.ts";
import { ConditionFailed, all, equals, itemExists } from "../dynamodb/table.ts";
import type { Condition, Item, Table } from "../dynamodb/table.ts";
import type { PermissionStore } from "../permissions/permission-store.ts";
import type { Clock, Log } from "../ports.ts";
import { headKey, readInboundHead } from "../publishing/inbound-head.ts";
import type { InboundHead } from "../publishing/inbound-head.ts";
import type { LogWalk } from "../publishing/log-walk.ts";
import { toldAfter } from "../publishing/told.ts";
import type { Records } from "../publishing/told.ts";
import { readTrust } from "../trust/trust-record.ts";
import type { TrustRecord } from "../trust/trust-record.ts";
import { readBreaker } from "./breaker-store.ts";
import type { BreakerStore } from "./breaker-store.ts";
import type { CallbackSender } from "./callback-sender.ts";
import type { DeliveryFailure } from "./fan-out-result.ts";
import type { KnownPeers } from "./known-peers.ts";
import type { TimeLeft } from "./time-left.ts";

/** What was delivered is noted after so many numbers, so that little of a long backlog is sent twice after a crash. */
const NOTE_EVERY = 50;
/** Tries of a write whose answer was lost. */
const MOST_ATTEMPTS = 3;

export interface HoldDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly sender: Pick<CallbackSender, "send">;
  readonly breakers: BreakerStore;
  readonly known: Pick<KnownPeers, "of">;
  readonly permissions: Pick<PermissionStore, "of">;
  readonly walk: Pick<LogWalk, "makeResync">;
  /** How long a delivered number stays readable, ms. */
  readonly keepMs: number;
  /** A longer backlog of a peer that was away is made up for by one resync. */
  readonly replayMax: number;
}

/** What is delivered, to whom, and how. */
export interface Holding {
  /** With the lease that was taken. */
  readonly head: InboundHead;
  readonly token: string;
  readonly trust: TrustRecord;
  readonly time: TimeLeft;
  /** The records of the log, as far as others need them too. */
  readonly records: Records;
  /** Everything that the peer has not taken is sent, not only what was never tried. */
  readonly everything: boolean;
}

/**
 * How it ended. `done`: nothing is left to send; `late`: no time for the rest; `open`: the peer's breaker is open now, or
 * the peer is not to be told any more; `lost`: the lease is another's, or the subscription is no more.
 */
export type HoldEnd = "done" | "late" | "open" | "lost";

export class Hold {
  readonly #deps: HoldDeps;
  readonly #given: Holding;
  #head: InboundHead;
  #delivery: DeliveryState;
  #known: Item | undefined;
  #breaker: Breaker = CLOSED;
  #trust: TrustRecord;
  #allowed: Reads;
  #unnoted = 0;
  readonly failures: DeliveryFailure[] = [];

  constructor(deps: HoldDeps, given: Holding) {
    this.#deps = deps;
    this.#given = given;
    this.#head = given.head;
    this.#delivery = settled(given.head.delivery, given.head.state.cleared);
    this.#trust = given.trust;
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
  async deliver(): Promise<HoldEnd> {
    for (;;) {
      let end: Exclude<HoldEnd, "lost">;
      try {
        end = await this.#pass();
      } catch (error) {
        // What was tried is not to be tried again because something else went wrong.
        await this.#letGo(itemExists);
        throw error;
      }
      const noted = await this.#letGo(end === "done" ? equals("sequence", this.#head.state.sequence) : itemExists);
      if (noted !== "more") return noted === "lost" ? "lost" : end;
    }
  }

  /** Sends the first number that the peer has not taken, and keeps the lease. True: taken; undefined: there is none. */
  async probe(): Promise<boolean | undefined> {
    if (!(await this.#isPeer())) return undefined;
    for await (const told of this.#told()) {
      const sent = await this.#send(told);
      if (sent === "polls") continue;
      return sent === "taken";
    }
    return undefined;
  }

  /** Lets the lease go with what was delivered so far. */
  async end(): Promise<void> {
    await this.#letGo(itemExists);
  }

  async #pass(): Promise<Exclude<HoldEnd, "lost">> {
    const { breakers } = this.#deps;
    for (const told = this.#told(); ;) {
      if (this.#open().length === 0 && !this.#isTorn()) return "done";
      // Before a number is told: what is left out of it goes by what is known then.
      if (!(await this.#mayTell())) return "open";
      const next = await told.next();
      if (next.done === true) return "done";
      if (!this.#given.time.mayBegin()) return "late";
      const sent = await this.#send(next.value);
      if (sent === "taken") await breakers.answered(this.#trust, this.#breaker);
      if (sent === "failed") await breakers.failed(this.#trust);
      if (this.#unnoted >= NOTE_EVERY && !(await this.#note())) return "late";
    }
  }

  /** False when its breaker is open, or it may not be told at all. */
  async #mayTell(): Promise<boolean> {
    return (await this.#isPeer()) && this.#breaker.openUntil === undefined;
  }

  /** True while callbacks may go to the peer at all; brings along what is known of it. */
  async #isPeer(): Promise<boolean> {
    const { actorId, peerId, secret } = this.#given.trust;
    const item = await this.#deps.known.of(actorId, peerId);
    if (item !== undefined && item !== this.#known) {
      const before = this.#trust;
      this.#trust = readTrust(item);
      this.#breaker = readBreaker(item);
      const same = ({ relationship, custom }: TrustRecord): string => printJson([relationship, custom]);
      if (same(before) !== same(this.#trust)) this.#allowed = this.#allows();
    }
    this.#known = item;
    return item !== undefined && this.#trust.approved && !this.#trust.ending && this.#trust.secret === secret;
  }

  #allows(): Reads {
    return readsOf(this.#deps.permissions.of(this.#trust).properties);
  }

  /** The numbers to send, in order. Where some cannot be told any more, or too many, one resync instead. */
  async *#told(): AsyncGenerator<Told> {
    for (let resyncs = 0; resyncs < 2; resyncs += 1) {
      const whole = yield* this.#tellable();
      if (whole) return;
      await this.#resync();
    }
    this.#deps.log.error("a subscription's numbers cannot be told", this.#ids());
  }

  /** False when it stopped at something that cannot be told. */
  async *#tellable(): AsyncGenerator<Told, boolean> {
    const { records, everything } = this.#given;
    const open = this.#open();
    const tooMany = everything && countOf(open) > this.#deps.replayMax;
    const torn = this.#isTorn();
    // As it is when each number is told.
    const now: Reads = {
      at: (place) => this.#allowed.at(place),
      below: (place) => this.#allowed.below(place),
      whole: (place) => this.#allowed.whole(place),
    };
    if (tooMany || torn) await this.#resync();
    for (const [from, to] of tooMany || torn ? this.#open() : open) {
      let expected = from;
      const reads = bothReads(readsOf(currentView(this.#head.state).permissions), now);
      for await (const told of toldAfter(records, this.#head, from - 1, to - from + 1, reads)) {
        if (told.sequence > to) break;
        if (told.sequence !== expected) return false;
        yield told;
        if (this.#isTorn()) return false;
        expected = told.sequence + 1;
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

  async #send(told: Told): Promise<"taken" | "failed" | "polls"> {
    const allowed = this.#allowed;
    const still = async (): Promise<boolean> => (await this.#mayTell()) && this.#allowed === allowed;
    const sent = await this.#deps.sender.send(this.#trust, this.#head, told, this.#given.time, still);
    this.#unnoted += 1;
    if (sent.kind === "taken") {
      const leavesAt = sent.whole ? this.#deps.clock.now() + this.#deps.keepMs : undefined;
      this.#delivery = delivered(this.#delivery, told.sequence, leavesAt);
    } else this.#delivery = tried(this.#delivery, told.sequence);
    if (sent.kind === "failed") this.failures.push(sent.failure);
    return sent.kind;
  }

  async #resync(): Promise<void> {
    const { head, walk } = { head: this.#head, walk: this.#deps.walk };
    const moved = await walk.makeResync(head, { newest: head.state.cursor });
    if (moved === undefined) return;
    this.#head = moved.head;
    this.#delivery = settled(this.#delivery, moved.head.state.cleared);
  }

  /** Writes down what was delivered, and keeps the lease. False when it is another's. */
  async #note(): Promise<boolean> {
    const found = await this.#write({ set: { delivery: JSON.stringify(this.#delivery) } }, itemExists);
    this.#unnoted = 0;
    return found === "written";
  }

  async #letGo(when: Condition): Promise<"gone" | "more" | "lost"> {
    const text = JSON.stringify(this.#delivery);
    const found = await this.#write({ set: { delivery: text }, remove: ["lease", "leaseUntil", "leaseFence"] }, when);
    if (found === "written") return "gone";
    if (found === "lost") return "lost";
    // The answer to the same write was lost, and it was sent again.
    if (found["lease"] === undefined && found["delivery"] === text) return "gone";
    if (found["lease"] !== this.#given.token) return "lost";
    this.#head = readInboundHead(found);
    this.#delivery = settled(this.#delivery, this.#head.state.cleared);
    return "more";
  }

  async #write(change: Parameters<Table["update"]>[1], when: Condition): Promise<"written" | "lost" | Item> {
    const condition = all(equals("lease", this.#given.token), when);
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
