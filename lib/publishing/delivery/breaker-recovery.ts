/** Brings a peer back: one probe when its breaker is open, and then what it has missed, in order. */
import { isPaused, mayProbe, roundAfter } from "../../domain/policy/breaker.ts";
import { withoutCleared, undelivered } from "../../domain/log/delivery-state.ts";
import type { LeaseDeps } from "../../dynamodb/lease.ts";
import { trustKey } from "../../dynamodb/keys/actors.ts";
import { breakerKey } from "../../dynamodb/keys/publishing.ts";
import type { Item } from "../../dynamodb/table.ts";
import type { Deadline } from "../../system/ports.ts";
import type { ChangeLog } from "../../change-log/change-log.ts";
import { RecordCache } from "../../change-log/record-cache.ts";
import { compact } from "../../system/compact.ts";
import { isWaiting, type InboundHead } from "../subscribers/inbound-head.ts";
import type { InboundHeads } from "../subscribers/inbound-heads.ts";
import type { CursorStore } from "../subscribers/cursor-store.ts";
import { recordsIn } from "../subscribers/rendered-diffs.ts";
import { readTrust, type TrustRecord } from "../../trust/trust-record.ts";
import { isReplaying, readBreaker } from "./breaker-store.ts";
import type { DeliveryPool } from "../../engine/delivery-pool.ts";
import type { DeliveryFailure } from "../../engine/fan-out-result.ts";
import { DeliverySession, type SessionDeps, type SessionResult } from "./delivery-session.ts";
import type { TrustCache } from "./trust-cache.ts";
import { isDeferred, type DeferredPermissions, type NotifyPermissions } from "./deferred-permissions.ts";
import { DeliveryBudget } from "../../engine/delivery-budget.ts";

/** A probe may take this much longer than its delivery, ms, before another instance may probe. */
const PROBE_MARGIN_MS = 5_000;
/** Pause before a replay retries subscriptions that another delivery had leased, ms. */
const RUN_AGAIN_MS = 5_000;
/** Pause before a peer that is not approved is looked at again, ms. */
export const NOT_APPROVED_MS = 10 * 60_000;

/** The id of the subscription that goes first, or of the one after which the round begins. */
interface Order {
  readonly first?: string | undefined;
  readonly after?: string | undefined;
  /** What was found and not sent yet: it holds while there is no newer record or subscription. */
  readonly before?: Missed | undefined;
}

/** What a peer has missed when its log ended at a record. */
interface Missed {
  readonly newest: number;
  /** Every subscription of the peer then. */
  readonly ids: readonly string[];
  /** Those with something to send, at the log's end, in order of creation. */
  readonly heads: readonly InboundHead[];
  /** The records that were read for them. */
  readonly cache: RecordCache;
}

/** What a try has shown: with which subscription, whose rest the session sends; `missed` while nothing else was tried. */
interface Probed {
  readonly probed: string;
  readonly session?: DeliverySession | undefined;
  readonly missed?: Missed | undefined;
}

export interface BreakerRecoveryDeps extends SessionDeps, LeaseDeps {
  readonly trustCache: TrustCache;
  readonly heads: Pick<InboundHeads, "scopesAndNewest" | "ofScopes">;
  readonly changeLog: ChangeLog;
  readonly cursors: CursorStore;
  readonly pool: DeliveryPool;
  readonly deferredPermissions: Pick<DeferredPermissions, "send">;
  readonly notifyPermissions: NotifyPermissions;
  /** The longest that one delivery takes, ms. */
  readonly timeoutMs: number;
}

export class BreakerRecovery {
  readonly #deps: BreakerRecoveryDeps;

  constructor(deps: BreakerRecoveryDeps) {
    this.#deps = deps;
  }

  /**
   * Runs the due item of a peer: does the work that is possible now, and makes the item due again. May be called at any
   * time.
   */
  async runDue(actorId: string, peerId: string, deadline: Deadline): Promise<void> {
    const { trustCache, clock, breakers, pool } = this.#deps;
    const of = { actorId, peerId };
    const [key, dueKey] = [trustKey(actorId, peerId), breakerKey(actorId, peerId)];
    const items = await trustCache.read([key], [dueKey]);
    const [item, due] = [key, dueKey].map(({ sk }) => items.find((each) => each.sk === sk));
    const dueAt = Number(due?.["dueAt"] ?? 0);
    const trust = item === undefined ? undefined : readTrust(item);
    if (item === undefined || trust === undefined || trust.ending) {
      await breakers.forget(of, dueAt);
      return;
    }
    const time = DeliveryBudget.ofWorker(deadline);
    const breaker = readBreaker(item);
    // An approval that comes back finds what waits for the peer still due.
    const approvedAt = trust.approved || !isLeftAlone(item) ? 0 : clock.now() + NOT_APPROVED_MS;
    const until = Math.max(approvedAt, breaker.openUntil ?? 0, breaker.pausedUntil ?? 0);
    if (until > clock.now()) await breakers.postpone(of, until);
    else if (breaker.openUntil !== undefined)
      await pool.run(peerOf(trust), async () => await this.#probe(item, trust, time, dueAt));
    else if (!isWaitedFor(item)) await breakers.forget(of, dueAt);
    else if (dueAt <= clock.now()) await pool.run(peerOf(trust), async () => await this.resume(item, time));
  }

  /**
   * Probes the peer when it is time and no other instance does, and sends all that it missed when the probe arrives. Its
   * caller must be the only delivery of this process to the peer.
   */
  async attempt(item: Item, time: DeliveryBudget): Promise<void> {
    await this.#probe(item, readTrust(item), time, undefined);
  }

  /**
   * Sends what waits for a peer whose breaker is closed: the rest of a replay, or what the peer's pause has put off,
   * beginning with the subscription that the pause was asked for. Its caller is as that of `attempt`.
   *
   * @returns what failed
   */
  async resume(item: Item, time: DeliveryBudget): Promise<readonly DeliveryFailure[]> {
    const { breakers, clock } = this.#deps;
    const [trust, breaker, replay] = [readTrust(item), readBreaker(item), item["breakerReplay"]];
    const { pausedUntil, pausedBy } = breaker;
    if (isPaused(breaker, clock.now())) return [];
    let failures: readonly DeliveryFailure[] = [];
    if (typeof replay === "string") {
      failures = await this.#replay(trust, replay, time, { first: pausedBy, after: breaker.probed });
    } else if (pausedUntil !== undefined) {
      const sent = await this.#sendAll(trust, time, { everything: false, first: pausedBy });
      if (sent.isDone) await breakers.resumed(trust, pausedUntil);
      ({ failures } = sent);
    }
    await this.#sendDeferred(item);
    return failures;
  }

  /** Sends a permission callback that had to wait after the numbers, unless something keeps it from the peer by then. */
  async #sendDeferred(item: Item): Promise<void> {
    const { trustCache, clock, deferredPermissions, notifyPermissions } = this.#deps;
    if (!isDeferred(item)) return;
    const { actorId, peerId } = readTrust(item);
    const now = await trustCache.of(actorId, peerId);
    if (now === undefined || readBreaker(now).openUntil !== undefined || isPaused(readBreaker(now), clock.now()))
      return;
    await deferredPermissions.send(now, notifyPermissions);
  }

  async #probe(item: Item, trust: TrustRecord, time: DeliveryBudget, dueAt: number | undefined): Promise<void> {
    const { clock, breakers } = this.#deps;
    const breaker = readBreaker(item);
    if (!mayProbe(breaker, clock.now()) || !time.mayStart()) return;
    // Each probe begins with another subscription, so that one that always fails starves none of the others.
    const missed = await this.#missed(trust, true);
    const heads = roundAfter(missed.heads, breaker.probed);
    const [first] = heads;
    if (first === undefined) {
      // There is no number to probe with: the next change does.
      if (dueAt !== undefined) await breakers.forget(trust, dueAt);
      return;
    }
    const token = await breakers.startProbe(trust, breaker, this.#tryEnds(time), first.id);
    if (token === undefined) return;
    let answered = false;
    for (const head of heads) {
      if (answered && !(time.mayStart() && (await breakers.extendProbe(trust, token, this.#tryEnds(time), head.id))))
        break;
      const session = await this.#session(head, trust, time, { everything: true, cache: missed.cache });
      const tried = await session?.probe();
      if (tried === "taken") {
        // Without a refusal, which is stored by now.
        await this.#close(trust, token, time, { probed: head.id, session, missed: answered ? undefined : missed });
        await this.#sendDeferred(item);
        return;
      }
      await session?.end();
      if (tried === "failed" || tried === "later") {
        await breakers.probeFailed(trust, breaker, token);
        return;
      }
      // A 404 for one subscription says nothing about the others, nor does a lease that another delivery has.
      answered ||= tried === "refused";
    }
    if (answered) await this.#close(trust, token, time, { probed: first.id });
    else await breakers.giveUpProbe(trust, token);
  }

  /** Closes the breaker, because the peer answers, and sends what it has missed, beginning with the probed subscription. */
  async #close(
    trust: TrustRecord,
    token: string,
    time: DeliveryBudget,
    { probed, session, missed }: Probed,
  ): Promise<void> {
    const replay = await this.#deps.breakers.close(trust, token);
    if (replay === undefined) {
      await session?.end();
      return;
    }
    const end = await session?.deliver();
    // When the breaker opens again, or the peer asks for a pause, the due item continues from there.
    if (isKept(end)) return;
    const isRest = end === "done" && missed !== undefined;
    const rest = isRest ? { ...missed, heads: missed.heads.filter(({ id }) => id !== probed) } : undefined;
    await this.#replay(trust, replay, time, { after: probed, before: rest });
  }

  /** Sends everything that the peer has missed, subscription by subscription, each in order. */
  async #replay(
    trust: TrustRecord,
    token: string,
    time: DeliveryBudget,
    order: Order,
  ): Promise<readonly DeliveryFailure[]> {
    const { failures, isDone } = await this.#sendAll(trust, time, { everything: true, ...order });
    if (isDone) await this.#deps.breakers.replayed(trust, token);
    return failures;
  }

  /**
   * Sends the waiting numbers of all subscriptions of the peer. When something is left, the due item continues with it.
   */
  async #sendAll(
    trust: TrustRecord,
    time: DeliveryBudget,
    how: Order & { readonly everything: boolean },
  ): Promise<{ readonly failures: readonly DeliveryFailure[]; readonly isDone: boolean }> {
    const { clock, breakers } = this.#deps;
    const failures: DeliveryFailure[] = [];
    let busy = false;
    const { heads: missed, cache } = await this.#missed(trust, how.everything, how.before);
    const round = roundAfter(missed, how.after);
    const heads = [...round.filter(({ id }) => id === how.first), ...round.filter(({ id }) => id !== how.first)];
    for (const head of heads) {
      if (!time.mayStart()) {
        await breakers.postpone(trust, clock.now());
        return { failures, isDone: false };
      }
      const everything = how.everything || head.refused !== undefined;
      const session = await this.#session(head, trust, time, { everything, cache });
      const end = await session?.deliver();
      failures.push(...(session?.failures ?? []));
      if (isKept(end)) return { failures, isDone: false };
      if (end !== "done" && end !== "refused") busy = true;
    }
    if (busy) await breakers.postpone(trust, clock.now() + (time.mayStart() ? RUN_AGAIN_MS : 0));
    return { failures, isDone: !busy };
  }

  /**
   * The peer's subscriptions, advanced to the log's end, with a number that it has not taken (`everything`), or that was
   * never tried. Of those that it refuses, only the ones whose next try is due. The lease of each stores where it is.
   */
  async #missed({ actorId, peerId }: TrustRecord, everything: boolean, before?: Missed): Promise<Missed> {
    const { heads, changeLog, cursors, clock } = this.#deps;
    const { scopes, newest } = await heads.scopesAndNewest(actorId, peerId);
    if (before?.newest === newest && scopes.every(({ id }) => before.ids.includes(id))) return before;
    const cache = new RecordCache(changeLog, actorId);
    const missed: InboundHead[] = [];
    for (const head of await heads.ofScopes(actorId, peerId, scopes)) {
      // Another delivery sends what it finds stored.
      const store = cursors.isLeased(head) ? undefined : ("lazy" as const);
      const advanced = await cursors.advance(head, compact({ newest, records: cache, store }));
      if (advanced === undefined || advanced.head.state.ended || advanced.head.state.granularity === "none") continue;
      if (isWaiting(advanced.head, clock.now())) continue;
      const { state, refused } = advanced.head;
      const delivery = withoutCleared(advanced.head.delivery, state.cleared);
      const left = undelivered(delivery, state.sequence).length > 0;
      if (left && (everything || refused !== undefined || state.sequence > delivery.tried)) missed.push(advanced.head);
    }
    return { newest, ids: scopes.map(({ id }) => id), heads: missed, cache };
  }

  /** A session for a subscription; undefined while another delivery of it is under way. */
  async #session(
    head: InboundHead,
    trust: TrustRecord,
    time: DeliveryBudget,
    { everything, cache }: { readonly everything: boolean; readonly cache: RecordCache },
  ): Promise<DeliverySession | undefined> {
    const input = { head, trust, time, records: recordsIn(cache), everything, afterPause: true };
    return await DeliverySession.lease(this.#deps, input);
  }

  /** When another instance may probe, ms since 1970. */
  #tryEnds(time: DeliveryBudget): number {
    const { clock, timeoutMs } = this.#deps;
    return clock.now() + time.forOne(timeoutMs) + PROBE_MARGIN_MS;
  }
}

/** True when something waits until nothing keeps it from the peer. */
const isWaitedFor = (item: Item): boolean =>
  isReplaying(item) || isDeferred(item) || readBreaker(item).pausedUntil !== undefined;

const isLeftAlone = (item: Item): boolean => readBreaker(item).openUntil !== undefined || isWaitedFor(item);

/** Nothing more goes to the peer for now. */
const isKept = (end: SessionResult | undefined): boolean => end === "open" || end === "paused";

/** Key by which deliveries to one peer are serialised. */
export const peerOf = (trust: { readonly baseUri: string }): string => trust.baseUri;
