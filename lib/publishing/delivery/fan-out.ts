/** From a commit of the change log to callbacks at every subscriber. */
import { BUCKET_SIZE, byBuckets, type Buckets } from "../../domain/log/buckets.ts";
import { isDelivered } from "../../domain/log/delivery-state.ts";
import { newLease, type LeaseDeps } from "../../dynamodb/lease.ts";
import { inboundHeadKey, logHeadKey } from "../../dynamodb/keys/publishing.ts";
import type { Item } from "../../dynamodb/table.ts";
import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";
import { hasListeners, type NumberedRecord, type ChangeLog } from "../../change-log/change-log.ts";
import { isWaiting, readInboundHead, type InboundHead } from "../subscribers/inbound-head.ts";
import type { InboundHeads } from "../subscribers/inbound-heads.ts";
import { findInScope, type SubscriberName } from "../../engine/in-scope.ts";
import { LISTENERS_WAIT_MS, type Listeners } from "../../engine/listening.ts";
import type { Commit } from "../../change-log/log-commits.ts";
import type { AdvanceOptions, AdvanceResult, CursorStore } from "../subscribers/cursor-store.ts";
import { advanceAll } from "../subscribers/advance-all.ts";
import { RecordCache } from "../../change-log/record-cache.ts";
import { recordsIn } from "../subscribers/rendered-diffs.ts";
import { readTrust } from "../../trust/trust-record.ts";
import { peerOf, type BreakerRecovery } from "./breaker-recovery.ts";
import { isReplaying, needsRecovery, readBreaker } from "./breaker-store.ts";
import type { DeliveryPool } from "../../engine/delivery-pool.ts";
import { NO_FAN_OUT, sumOf, type FanOutResult } from "../../engine/fan-out-result.ts";
import { DeliverySession, type SessionDeps } from "./delivery-session.ts";
import { aloneOf, deliverAlone, type Alone } from "./lone-delivery.ts";
import type { TrustCache } from "./trust-cache.ts";
import { keptBack } from "./recipient.ts";
import { outcomeOf, type RoundOutcome } from "./round-outcome.ts";
import { readRound, type RoundItems } from "./round-reading.ts";
import { MOST_OF_A_REQUEST, handOverSlices } from "./slices.ts";
import { DeliveryBudget } from "../../engine/delivery-budget.ts";

/** Heads and trusts that are read together: about as many as a bucket has. */
const AT_ONCE = BUCKET_SIZE;
/** The contents of a larger round would fill the memory while they wait. */
const MOST_CARRIED = 50;
/** Delay before the worker retries after a failed read of the table. */
const AFTER_TROUBLE_SECONDS = 5;

export interface FanOutDeps extends SessionDeps, LeaseDeps, WakeUpDeps {
  readonly changeLog: ChangeLog;
  readonly heads: Pick<InboundHeads, "items">;
  readonly listeners: Pick<Listeners, "deliver">;
  readonly cursors: CursorStore;
  readonly pool: DeliveryPool;
  readonly trustCache: TrustCache;
  readonly recovery: Pick<BreakerRecovery, "attempt" | "resume">;
  /** The longest that one callback takes, ms. */
  readonly timeoutMs: number;
}

const TROUBLE: RoundOutcome = { kind: "deferred", unfinished: AFTER_TROUBLE_SECONDS };

/** What the end of a session without a failure means for the newest number. */
const OUTCOMES = { done: "delivered", open: "skipped", refused: "skipped", paused: "deferred" } as const;
/** What the deliveries of one round share. */
interface Round {
  readonly newest: number;
  /** The records whose numbers are counted; none: whatever is undelivered is sent. */
  readonly records: readonly NumberedRecord[];
  /** Of a commit that is alone. */
  readonly alone?: Alone | undefined;
  readonly cache: RecordCache;
  /** Heads as they were just read, by their sort key; absent: they are read by their names. */
  readonly stored?: ReadonlyMap<string, InboundHead>;
  /** How many heads the actor's buckets have. */
  readonly buckets: Buckets;
  readonly time: DeliveryBudget;
  /** Peers to which delivery has not begun. */
  readonly waiting: Set<string>;
}

/** How `deliver` is to go about it. */
type DeliverOptions = Pick<Round, "newest" | "buckets" | "time" | "stored"> & Partial<Pick<Round, "cache">>;

/** One subscription of a round. */
interface Delivery extends Round {
  readonly head: InboundHead;
  /** How its cursor advances. */
  readonly step: AdvanceOptions;
}

type Send = (delivery: Delivery) => Promise<RoundOutcome>;

/** Which subscriptions of an actor. */
type Names = readonly Pick<SubscriberName, "peerId" | "id">[];

/** Delivers as time allows; log maintenance delivers the rest, also after a crash. */
export class FanOut {
  readonly #deps: FanOutDeps;
  /** By actor: its newest commit whose fan-out is under way in this process. */
  readonly #newest = new Map<string, number>();

  constructor(deps: FanOutDeps) {
    this.#deps = deps;
  }

  /**
   * Sends a commit to every subscription and listener in its scope. Resolves when each was delivered, failed, or is left
   * to another delivery or to the worker; it counts all of them when those in scope cannot be found. Never rejects.
   *
   * @param time absent: what the caller can wait; inside a hook the worker behind the queue sends all of it
   */
  async publish(commit: Commit, time = DeliveryBudget.ofCaller(this.#deps.clock)): Promise<FanOutResult> {
    const { actorId, newest, records, head } = commit;
    if (head.subscribers === 0 && !hasListeners(head)) return NO_FAN_OUT;
    const { table, changeLog, listeners, log } = this.#deps;
    const alone = aloneOf(commit, this.#deps, () => this.#newest.get(actorId) !== newest);
    this.#newest.set(actorId, newest);
    try {
      const plain = records.map(({ record }) => record);
      const { subscribers: names, listeners: found } = await findInScope(table, actorId, plain, head);
      const notified = names.filter(({ granularity }) => granularity !== "none");
      const polling = names.length - notified.length;
      const { buckets } = head;
      const isWide = notified.length > MOST_OF_A_REQUEST;
      if (isWide) await handOverSlices(this.#deps, { actorId, upTo: newest }, notified);
      const cache = new RecordCache(changeLog, actorId, records);
      const isAlone = (): boolean => alone !== undefined && !alone.isMet();
      const waitMs = time === undefined ? 0 : LISTENERS_WAIT_MS;
      const listening = listeners.deliver(commit, found, { cache, isAlone, waitMs });
      const peers = isWide
        ? notified.map((): RoundOutcome => ({ kind: "deferred" }))
        : time === undefined
          ? notified.map((): RoundOutcome => ({ kind: "deferred", unfinished: 0 }))
          : await this.#round(actorId, notified, { newest, records, alone, cache, buckets, time, waiting: new Set() });
      const outcomes: readonly RoundOutcome[] = [...peers, ...(await listening)];
      const waits = outcomes.flatMap(({ unfinished }) => unfinished ?? []);
      if (waits.length > 0) await this.#handOver(actorId, Math.min(...waits));
      return sumOf([...outcomes, ...Array.from({ length: polling }, (): RoundOutcome => ({ kind: "skipped" }))]);
    } catch (error) {
      log.error("the callbacks of a change failed; the maintenance sends them", { actorId, error });
      await this.#handOver(actorId, AFTER_TROUBLE_SECONDS);
      const { named, wildcard, unmarked } = head.listeners;
      const all = head.subscribers + named + wildcard + unmarked;
      return { ...NO_FAN_OUT, totalCount: all, deferredCount: all };
    } finally {
      if (this.#newest.get(actorId) === newest) this.#newest.delete(actorId);
    }
  }

  /**
   * Delivers what is undelivered of these subscriptions, up to the record `newest`. `late`: there was no time for all of
   * them. The caller has to see to the rest, and to deliveries that failed for another reason.
   */
  async deliver(actorId: string, names: Names, how: DeliverOptions): Promise<"done" | "late"> {
    const cache = how.cache ?? new RecordCache(this.#deps.changeLog, actorId);
    const round = { ...how, records: [], cache, waiting: new Set<string>() };
    const outcomes = await this.#round(actorId, names, round);
    return outcomes.some(({ unfinished }) => unfinished === 0) ? "late" : "done";
  }

  async #round(actorId: string, names: Names, round: Round): Promise<readonly RoundOutcome[]> {
    const { cursors, pool, log } = this.#deps;
    const work: Promise<RoundOutcome>[] = [];
    for (const some of byBuckets(names, AT_ONCE)) {
      const peers = [...new Set(some.map(({ peerId }) => peerId))];
      let found: RoundItems;
      try {
        found = await readRound(this.#deps, actorId, some, round);
      } catch (error) {
        log.error("subscriptions were not read; the maintenance delivers them", { actorId, error });
        work.push(...some.map(() => Promise.resolve(TROUBLE)));
        continue;
      }
      for (const peer of peers) round.waiting.add(peer);
      const { heads, trusts } = found;
      // One reading of the log for all of them.
      const carry = names.length <= MOST_CARRIED;
      const options = { mayGoOn: () => round.time.mayStart(), carry };
      const all = await advanceAll(recordsIn(round.cache), heads, round.newest, options).catch(() => undefined);
      for (const [index, head] of heads.entries()) {
        const ahead = all?.advanced[index];
        const isThere = ahead !== undefined && ahead.state.cursor >= round.newest;
        const step = { newest: round.newest, records: round.cache, ...(isThere && { ahead }) };
        // What a recovery of this round sends to the peer, its other subscriptions learn under their leases.
        const isKeptApart = needsRecovery(trusts.get(head.peerId) ?? {});
        const alone = isKeptApart ? undefined : round.alone;
        const delivery = { ...round, head, step, alone };
        const send: Send = async (now) => {
          const trust = trusts.get(head.peerId);
          const peer = trust === undefined ? "" : peerOf(readTrust(trust));
          return await pool.run(peer, async () => await this.#send(now));
        };
        const sent = cursors.isLeased(head) ? this.#leaveToHolder(delivery, send) : send(delivery);
        work.push(
          sent.catch((error: unknown) => {
            const ids = { actorId, peerId: head.peerId, subscriptionId: head.id };
            log.error("a subscription was not delivered; the maintenance does it", { ...ids, error });
            return TROUBLE;
          }),
        );
      }
    }
    return await Promise.all(work);
  }

  /**
   * Makes the numbers of a subscription whose lease another delivery has, which sends them. That one may be waiting for
   * this very request, so this does not queue for the peer, unless the lease is released meanwhile.
   */
  async #leaveToHolder(delivery: Delivery, send: Send): Promise<RoundOutcome> {
    const { cursors } = this.#deps;
    const advanced = await cursors.advance(delivery.head, delivery.step);
    if (advanced !== undefined && !cursors.isLeased(advanced.head)) {
      const { newest, cache: records } = delivery;
      return await send({ ...delivery, head: advanced.head, step: { newest, records } });
    }
    return outcomeOf(delivery, advanced, { kind: "deferred" });
  }

  /** Sends as the peer's trust, its breaker, its pause and its refusal allow. The cursor advances in every case. */
  async #send(delivery: Delivery): Promise<RoundOutcome> {
    const { clock, cursors, trustCache } = this.#deps;
    const { head, step, time, waiting } = delivery;
    waiting.delete(head.peerId);
    if (!time.mayStart()) return { kind: "deferred", unfinished: 0 };
    const item = await trustCache.of(head.actorId, head.peerId, waiting);
    const kept = keptBack(item, head, clock.now());
    if (item === undefined || kept !== undefined) {
      const advanced = await cursors.advance(head, { ...step, store: "lazy" });
      return outcomeOf(delivery, advanced, { kind: kept ?? "skipped" });
    }
    const { openUntil, pausedUntil } = readBreaker(item);
    if (openUntil !== undefined || pausedUntil !== undefined) return await this.#recover(delivery, item);
    const replaying = isReplaying(item);
    const input = { ...delivery, ahead: step.ahead, trust: readTrust(item), records: recordsIn(delivery.cache) };
    const lone = replaying ? undefined : await deliverAlone(this.#deps, input);
    if (lone !== undefined) return lone;
    const lease = newLease(this.#deps, time.remaining());
    const always = replaying || head.refused !== undefined;
    const advanced = await cursors.advance(head, { ...step, lease: { ...lease, always } });
    if (advanced === undefined) return { kind: "nothing" };
    if (!advanced.leased && advanced.head.lease?.token !== lease.token) {
      return outcomeOf(delivery, advanced, { kind: "deferred" });
    }
    const session = new DeliverySession(this.#deps, {
      head: advanced.head,
      token: lease.token,
      trust: readTrust(item),
      time,
      records: recordsIn(delivery.cache),
      tail: advanced.made.at(-1),
      everything: replaying || advanced.head.refused !== undefined,
    });
    if (isWaiting(advanced.head, clock.now())) {
      // Refused since it was read.
      await session.end();
      return outcomeOf(delivery, advanced, { kind: "skipped" });
    }
    const end = await session.deliver();
    if (end === "late") return { kind: "deferred", unfinished: 0 };
    if (end === "lost") return { kind: "deferred" };
    const [failure] = session.failures;
    if (failure !== undefined) return { kind: "failed", failure };
    return outcomeOf(delivery, advanced, { kind: OUTCOMES[end] });
  }

  /** Probes a peer whose breaker is open, or sends what has waited for the end of its pause, before anything new. */
  async #recover(delivery: Delivery, item: Item): Promise<RoundOutcome> {
    const { clock, cursors, recovery } = this.#deps;
    const { head, step, time } = delivery;
    const advanced = await cursors.advance(head, { ...step, store: "lazy" });
    if (readBreaker(item).openUntil !== undefined) {
      await recovery.attempt(item, time);
      return outcomeOf(delivery, advanced, await this.#afterwards(advanced, "skipped"));
    }
    const failures = await recovery.resume(item, time);
    const failure = failures.find(({ subscriptionId }) => subscriptionId === head.id);
    if (failure !== undefined) return { kind: "failed", failure };
    const otherwise = isWaiting(head, clock.now()) ? "skipped" : "deferred";
    return outcomeOf(delivery, advanced, await this.#afterwards(advanced, otherwise));
  }

  /**
   * The outcome of the newest number after others of the peer were sent with it; `otherwise`: it was not among them.
   */
  async #afterwards(advanced: AdvanceResult | undefined, otherwise: "skipped" | "deferred"): Promise<RoundOutcome> {
    if (advanced === undefined) return { kind: "nothing" };
    const { actorId, peerId, id, state } = advanced.head;
    const item = await this.#deps.table.get(inboundHeadKey({ actorId, peerId, id }));
    if (item === undefined) return { kind: "nothing" };
    return { kind: isDelivered(readInboundHead(item).delivery, state.sequence) ? "delivered" : otherwise };
  }

  /** Leaves the rest to the worker. When the message gets lost, the sweep finds the log half a minute later. */
  async #handOver(actorId: string, seconds: number): Promise<void> {
    await wakeUp(this.#deps, logHeadKey(actorId), this.#deps.clock.now() + seconds * 1_000);
  }
}
