/** From a commit of the change log to callbacks at every subscriber. */
import { compact } from "../../system/compact.ts";
import { isPaused, mayProbe } from "../../domain/policy/breaker.ts";
import { isDelivered } from "../../domain/log/delivery-state.ts";
import { contentOf, currentContext } from "../../domain/log/subscription-log.ts";
import type { SubscriptionState } from "../../domain/log/subscription-log.ts";
import { newLease } from "../../dynamodb/lease.ts";
import { trustKey } from "../../dynamodb/keys/actors.ts";
import { inboundHeadKey, logHeadKey } from "../../dynamodb/keys/publishing.ts";
import type { Item, Table } from "../../dynamodb/table.ts";
import type { Clock, DelayQueue, Ids, Log } from "../../system/ports.ts";
import type { NumberedRecord } from "../../change-log/change-log.ts";
import type { ChangeLog } from "../../change-log/change-log.ts";
import { isWaiting, readInboundHead } from "../subscribers/inbound-head.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import type { InboundHeads, SubscriberName } from "../subscribers/inbound-heads.ts";
import type { Commit } from "../../change-log/log-commits.ts";
import type { CursorStore, AdvanceResult } from "../subscribers/cursor-store.ts";
import { advanceAll } from "../subscribers/advance-all.ts";
import { RecordCache } from "../../change-log/record-cache.ts";
import type { Records } from "../subscribers/rendered-diffs.ts";
import { readTrust } from "../../trust/trust-record.ts";
import { peerOf } from "./breaker-recovery.ts";
import type { BreakerRecovery } from "./breaker-recovery.ts";
import { isReplaying, readBreaker } from "./breaker-store.ts";
import type { DeliveryPool } from "./delivery-pool.ts";
import { NO_FAN_OUT, sumOf } from "../subscribers/fan-out-result.ts";
import type { DeliveryOutcome, FanOutResult } from "../subscribers/fan-out-result.ts";
import { DeliverySession } from "./delivery-session.ts";
import type { SessionDeps } from "./delivery-session.ts";
import type { TrustCache } from "./trust-cache.ts";
import type { DeliveryBudget } from "./delivery-budget.ts";

/** Heads and trusts read with one request. */
const AT_ONCE = 50;
/** When DynamoDB unavailable, another try comes so much later. */
const AFTER_TROUBLE_SECONDS = 5;

export interface FanOutDeps extends SessionDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  /** The incarnation of the service, which its leases carry. */
  readonly incarnation: string;
  readonly log: Log;
  readonly queue: DelayQueue;
  readonly changeLog: ChangeLog;
  readonly heads: Pick<InboundHeads, "touched">;
  readonly cursors: CursorStore;
  readonly pool: DeliveryPool;
  readonly trustCache: TrustCache;
  readonly recovery: Pick<BreakerRecovery, "attempt" | "resume">;
}

type Outcome = DeliveryOutcome & {
  /** Unfinished and unleased: log maintenance retries after this many seconds. */
  readonly unfinished?: number;
};

const TROUBLE: Outcome = { kind: "deferred", unfinished: AFTER_TROUBLE_SECONDS };

/** What it means for the newest number that a delivery has ended so, and nothing failed. */
const OUTCOMES = { done: "delivered", open: "skipped", refused: "skipped", paused: "deferred" } as const;

/** What one round of deliveries shares. */
interface Round {
  readonly newest: number;
  /** The records it is about; none: whatever is there. */
  readonly records: readonly NumberedRecord[];
  readonly cache: RecordCache;
  readonly time: DeliveryBudget;
  /** Peers to which delivery has not begun. */
  readonly waiting: Set<string>;
}

/** Delivers; what it cannot finish in time, or after a crash, the maintenance of the log does. */
export class FanOut {
  readonly #deps: FanOutDeps;

  constructor(deps: FanOutDeps) {
    this.#deps = deps;
  }

  /**
   * Tells every subscription in the scope of what was committed. Resolves when each was told, failed, or is left to
   * someone else: all that there are, when those in the scope cannot be found. Never rejects.
   */
  async changed(commit: Commit, time: DeliveryBudget): Promise<FanOutResult> {
    const { actorId, newest, records } = commit;
    const names = await this.#inScope(commit);
    if ("totalCount" in names) return names;
    const polling = names.filter(({ granularity }) => granularity === "none");
    const outcomeOf = names.filter(({ granularity }) => granularity !== "none");
    const cache = new RecordCache(this.#deps.changeLog, actorId, records);
    const outcomes = await this.#round(actorId, outcomeOf, { newest, records, cache, time, waiting: new Set() });
    const waits = outcomes.flatMap(({ unfinished }) => unfinished ?? []);
    if (waits.length > 0) await this.#handOver(actorId, Math.min(...waits));
    return sumOf([...outcomes, ...polling.map((): Outcome => ({ kind: "skipped" }))]);
  }

  /** Leaves all of it to the worker behind the queue; counts the subscriptions in the scope. Never rejects. */
  async later(commit: Commit): Promise<FanOutResult> {
    const names = await this.#inScope(commit);
    if ("totalCount" in names) return names;
    if (names.some(({ granularity }) => granularity !== "none")) await this.#handOver(commit.actorId, 0);
    return sumOf(names.map(({ granularity }) => ({ kind: granularity === "none" ? "skipped" : "deferred" })));
  }

  async #inScope({ actorId, records, head }: Commit): Promise<readonly SubscriberName[] | FanOutResult> {
    if (head.subscribers === 0) return NO_FAN_OUT;
    try {
      const said = records.map(({ record }) => record);
      return await this.#deps.heads.touched(actorId, said);
    } catch (error) {
      this.#deps.log.error("the subscribers of a change were not found; the maintenance notifies them", {
        actorId,
        error,
      });
      await this.#handOver(actorId, AFTER_TROUBLE_SECONDS);
      return { ...NO_FAN_OUT, totalCount: head.subscribers, deferredCount: head.subscribers };
    }
  }

  /**
   * Delivers what is left to deliver of these subscriptions, up to the record `newest`. `late`: there was no time for all
   * of them, and a message has gone out for the rest. What fails for another reason is the caller's to try again.
   */
  async deliver(
    actorId: string,
    names: readonly Pick<SubscriberName, "peerId" | "id">[],
    newest: number,
    time: DeliveryBudget,
  ): Promise<"done" | "late"> {
    const cache = new RecordCache(this.#deps.changeLog, actorId);
    const outcomes = await this.#round(actorId, names, { newest, records: [], cache, time, waiting: new Set() });
    if (!outcomes.some(({ unfinished }) => unfinished === 0)) return "done";
    await this.#handOver(actorId, 0);
    return "late";
  }

  async #round(
    actorId: string,
    names: readonly Pick<SubscriberName, "peerId" | "id">[],
    round: Round,
  ): Promise<readonly Outcome[]> {
    const work: Promise<Outcome>[] = [];
    for (let from = 0; from < names.length; from += AT_ONCE) {
      const some = names.slice(from, from + AT_ONCE);
      const peers = [...new Set(some.map(({ peerId }) => peerId))];
      let found: readonly Item[];
      try {
        found = await this.#deps.trustCache.read(
          peers.map((peerId) => trustKey(actorId, peerId)),
          some.map(({ peerId, id }) => inboundHeadKey({ actorId, peerId, id })),
        );
      } catch (error) {
        this.#deps.log.error("subscriptions were not read; the maintenance delivers them", { actorId, error });
        work.push(...some.map(() => Promise.resolve(TROUBLE)));
        continue;
      }
      for (const peer of peers) round.waiting.add(peer);
      const items = new Map(found.map((item) => [item.sk, item]));
      const heads = some.flatMap(({ peerId, id }) => {
        const head = items.get(inboundHeadKey({ actorId, peerId, id }).sk);
        return head === undefined ? [] : [readInboundHead(head)];
      });
      const states = await this.#ahead(heads, round);
      for (const [index, head] of heads.entries()) {
        work.push(this.#safely(head, states[index], items.get(trustKey(actorId, head.peerId).sk), round));
      }
    }
    return await Promise.all(work);
  }

  /** Where heads stand at the round's end, from one reading for all of them; none for one that has to look for itself. */
  async #ahead(heads: readonly InboundHead[], round: Round): Promise<readonly (SubscriptionState | undefined)[]> {
    const { newest, time } = round;
    try {
      const { states } = await advanceAll(recordsOf(round), heads, newest, () => time.mayStart());
      return states.map((state) => (state.cursor < newest ? undefined : state));
    } catch {
      return [];
    }
  }

  async #safely(
    head: InboundHead,
    ahead: SubscriptionState | undefined,
    trust: Item | undefined,
    round: Round,
  ): Promise<Outcome> {
    const ids = { actorId: head.actorId, peerId: head.peerId, subscriptionId: head.id };
    try {
      const byHolder = await this.#byHolder(head, ahead, round);
      if (byHolder !== undefined) return byHolder;
      const peer = trust === undefined ? "" : peerOf(readTrust(trust));
      return await this.#deps.pool.run(peer, async () => await this.#one(head, ahead, round));
    } catch (error) {
      this.#deps.log.error("a subscription was not delivered; the maintenance does it", { ...ids, error });
      return TROUBLE;
    }
  }

  /**
   * A subscription that someone else delivers needs no place in its peer's queue: its numbers are made, and the holder sends them.
   * That one may be waiting for us. Undefined when no lease is live.
   */
  async #byHolder(head: InboundHead, ahead: SubscriptionState | undefined, round: Round): Promise<Outcome | undefined> {
    const { cursors } = this.#deps;
    if (!cursors.isLeased(head)) return undefined;
    const { newest, cache } = round;
    const advanced = await cursors.advance(head, compact({ newest, records: cache, ahead }));
    if (advanced !== undefined && !cursors.isLeased(advanced.head)) return undefined;
    return this.#outcomeOf(round, head, advanced, { kind: "deferred" });
  }

  async #one(head: InboundHead, ahead: SubscriptionState | undefined, round: Round): Promise<Outcome> {
    const { clock, cursors, recovery, trustCache } = this.#deps;
    const { newest, cache, time, waiting } = round;
    const options = compact({ newest, records: cache, ahead });
    waiting.delete(head.peerId);
    if (!time.mayStart()) return { kind: "deferred", unfinished: 0 };
    const item = await trustCache.of(head.actorId, head.peerId, waiting);
    const trust = item === undefined ? undefined : readTrust(item);
    if (item === undefined || trust?.approved !== true || trust.ending) {
      return this.#outcomeOf(round, head, await cursors.advance(head, options), { kind: "skipped" });
    }
    const breaker = readBreaker(item);
    if (breaker.openUntil !== undefined) {
      const advanced = await cursors.advance(head, options);
      if (!mayProbe(breaker, clock.now())) return this.#outcomeOf(round, head, advanced, { kind: "skipped" });
      await recovery.attempt(item, time);
      return this.#outcomeOf(round, head, advanced, await this.#afterwards(advanced, "skipped"));
    }
    if (isPaused(breaker, clock.now()))
      return this.#outcomeOf(round, head, await cursors.advance(head, options), { kind: "deferred" });
    if (breaker.pausedUntil !== undefined) {
      // What has waited for the end of the pause goes before anything new.
      const advanced = await cursors.advance(head, options);
      const failures = await recovery.resume(item, time);
      const failure = failures.find(({ subscriptionId }) => subscriptionId === head.id);
      if (failure !== undefined) return { kind: "failed", failure };
      const otherwise = isWaiting(head, clock.now()) ? "skipped" : "deferred";
      return this.#outcomeOf(round, head, advanced, await this.#afterwards(advanced, otherwise));
    }
    if (isWaiting(head, clock.now()))
      return this.#outcomeOf(round, head, await cursors.advance(head, options), { kind: "skipped" });
    const lease = newLease(this.#deps, time.remaining());
    const always = isReplaying(item) || head.refused !== undefined;
    const advanced = await cursors.advance(head, { ...options, lease: { ...lease, always } });
    if (advanced === undefined) return { kind: "nothing" };
    if (!advanced.leased && advanced.head.lease?.token !== lease.token) {
      return this.#outcomeOf(round, head, advanced, { kind: "deferred" });
    }
    const session = new DeliverySession(this.#deps, {
      head: advanced.head,
      token: lease.token,
      trust,
      time,
      records: recordsOf(round),
      everything: isReplaying(item) || advanced.head.refused !== undefined,
    });
    if (isWaiting(advanced.head, clock.now())) {
      // Refused since it was read.
      await session.end();
      return this.#outcomeOf(round, head, advanced, { kind: "skipped" });
    }
    const end = await session.deliver();
    if (end === "late") return { kind: "deferred", unfinished: 0 };
    if (end === "lost") return { kind: "deferred" };
    const [failure] = session.failures;
    if (failure !== undefined) return { kind: "failed", failure };
    return this.#outcomeOf(round, head, advanced, { kind: OUTCOMES[end] });
  }

  /** What became of the newest number after others of the peer were sent with it; `otherwise`: it was not among them. */
  async #afterwards(advanced: AdvanceResult | undefined, otherwise: "skipped" | "deferred"): Promise<Outcome> {
    if (advanced === undefined) return { kind: "nothing" };
    const { actorId, peerId, id, state } = advanced.head;
    const item = await this.#deps.table.get(inboundHeadKey({ actorId, peerId, id }));
    if (item === undefined) return { kind: "nothing" };
    return { kind: isDelivered(readInboundHead(item).delivery, state.sequence) ? "delivered" : otherwise };
  }

  /** The outcome for a subscription that got a number of the round's records, `nothing` for one that did not. */
  #outcomeOf({ records }: Round, before: InboundHead, advanced: AdvanceResult | undefined, outcome: Outcome): Outcome {
    if (advanced === undefined || advanced.head.state.ended) return { kind: "nothing" };
    if (advanced.made.length > 0 || advanced.head.state.sequence > before.state.sequence) return outcome;
    // Another has moved it over these records already: what they say to it is still known.
    const context = currentContext(advanced.head.state);
    const concerned = records.some(
      ({ number, record }) =>
        number <= before.state.cursor &&
        record.kind === "change" &&
        contentOf(record.changes, before, context) !== undefined,
    );
    return concerned ? outcome : { kind: "nothing" };
  }

  /** The rest is a worker's. Without the message the sweep finds it half a minute later. */
  async #handOver(actorId: string, seconds: number): Promise<void> {
    const { queue, clock, log } = this.#deps;
    try {
      await queue.send({ kind: "due", ...logHeadKey(actorId), dueAt: clock.now() + seconds * 1_000 }, seconds);
    } catch (error) {
      log.warn("no message for what is left to deliver; the sweep finds it", { actorId, error });
    }
  }
}

const recordsOf = ({ cache }: Round): Records => ({ stream: (_, after, upTo) => cache.stream(after, upTo) });
