/** Retries subscriptions that their peer refuses (404), each at its own times, apart from the peer's others. */
import { mayProbe } from "../../domain/policy/breaker.ts";
import { withoutCleared, undelivered } from "../../domain/log/delivery-state.ts";
import { newLease } from "../../dynamodb/lease.ts";
import { trustKey } from "../../dynamodb/keys/actors.ts";
import { dueShardOf } from "../../dynamodb/keys/due.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import { ConditionFailed, all, equals, exists, itemExists } from "../../dynamodb/table.ts";
import type { Change, Condition, Table } from "../../dynamodb/table.ts";
import { MAX_DELAY_SECONDS } from "../../system/ports.ts";
import type { Clock, Deadline, DelayQueue, Ids, Log } from "../../system/ports.ts";
import type { ChangeLog } from "../../change-log/change-log.ts";
import { headKey, isWaiting, readInboundHead } from "../subscribers/inbound-head.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import type { CursorStore } from "../subscribers/cursor-store.ts";
import { readTrust } from "../../trust/trust-record.ts";
import type { TrustRecord } from "../../trust/trust-record.ts";
import { peerOf } from "./breaker-recovery.ts";
import type { BreakerRecovery } from "./breaker-recovery.ts";
import { readBreaker } from "./breaker-store.ts";
import type { DeliveryPool } from "./delivery-pool.ts";
import { DeliverySession } from "./delivery-session.ts";
import type { SessionDeps } from "./delivery-session.ts";
import type { TrustCache } from "./trust-cache.ts";
import { DeliveryBudget } from "./delivery-budget.ts";

/** Pause before the next look at a subscription whose peer is not approved, ms. */
const NOT_NOTIFIED_MS = 10 * 60_000;

export interface RefusedHeadsDeps extends SessionDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly incarnation: string;
  readonly log: Log;
  readonly queue: DelayQueue;
  readonly trustCache: TrustCache;
  readonly changeLog: ChangeLog;
  readonly cursors: CursorStore;
  readonly pool: DeliveryPool;
  readonly recovery: Pick<BreakerRecovery, "attempt" | "resume">;
}

export class RefusedHeads {
  readonly #deps: RefusedHeadsDeps;

  constructor(deps: RefusedHeadsDeps) {
    this.#deps = deps;
  }

  /** For the due head of a subscription: tries it again when it is time, with all that its peer has not taken. */
  async runDue(
    actorId: string,
    name: { readonly peerId: string; readonly id: string },
    deadline: Deadline,
  ): Promise<void> {
    const { trustCache, clock, pool, recovery, changeLog, cursors } = this.#deps;
    const key = trustKey(actorId, name.peerId);
    const items = await trustCache.read([key], [headKey({ actorId, ...name })]);
    const [item, stored] = [items.find(({ sk }) => sk === key.sk), items.find(({ sk }) => sk !== key.sk)];
    const refused = stored === undefined ? undefined : readInboundHead(stored);
    if (refused?.refused === undefined || isWaiting(refused, clock.now())) return;
    const head = (await cursors.advance(refused, { newest: await changeLog.newest(actorId) }))?.head;
    if (head === undefined) return;
    if (hasNothingLeft(head)) {
      await this.#forget(head);
      return;
    }
    const trust = item === undefined ? undefined : readTrust(item);
    if (item === undefined || trust?.approved !== true || trust.ending) {
      await this.#postpone(head, clock.now() + NOT_NOTIFIED_MS);
      return;
    }
    const breaker = readBreaker(item);
    const until = Math.max(breaker.openUntil ?? 0, breaker.pausedUntil ?? 0);
    const time = DeliveryBudget.ofWorker(deadline);
    if (until > clock.now()) await this.#postpone(head, until);
    else
      await pool.run(peerOf(trust), async () => {
        if (mayProbe(breaker, clock.now())) await recovery.attempt(item, time);
        else if (breaker.pausedUntil !== undefined) await recovery.resume(item, time);
        else await this.#deliver(head, trust, time);
      });
  }

  async #deliver(head: InboundHead, trust: TrustRecord, time: DeliveryBudget): Promise<void> {
    if (!time.mayStart()) return;
    const { cursors, changeLog } = this.#deps;
    const lease = newLease(this.#deps, time.remaining());
    const advanced = await cursors.advance(head, { newest: head.state.cursor, lease: { ...lease, always: true } });
    // The delivery that is under way notes what comes of it.
    if (advanced === undefined || !(advanced.leased || advanced.head.lease?.token === lease.token)) return;
    const given = { head: advanced.head, token: lease.token, trust, time, records: changeLog };
    await new DeliverySession(this.#deps, { ...given, everything: true }).deliver();
  }

  /** The peer has said itself what it has, or only polls by now: there is nothing to ask it with. */
  async #forget(head: InboundHead): Promise<void> {
    await this.#change(head, { remove: ["refused", "dueShard", "dueAt"] }, equals("dueAt", head.dueAt ?? 0));
  }

  /** Looked at again then. It stays ready to be tried, with whatever brings its peer back before. */
  async #postpone(head: InboundHead, dueAt: number): Promise<void> {
    const due = { set: { dueShard: dueShardOf(headKey(head)), dueAt } };
    await this.#change(head, due, equals("dueAt", head.dueAt ?? 0));
  }

  async #change(head: InboundHead, change: Change, when: Condition): Promise<boolean> {
    try {
      await this.#deps.table.update(headKey(head), change, all(itemExists, when));
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) return false;
      throw error;
    }
  }
}

/** Nothing of it is to be sent. */
function hasNothingLeft({ state, delivery }: InboundHead): boolean {
  if (state.granularity === "none" || state.ended) return true;
  return undelivered(withoutCleared(delivery, state.cleared), state.sequence).length === 0;
}

/** Makes a refused subscription due now, because its peer has asked for it again. 1 write, and a message. */
export async function renewHead(
  deps: Pick<RefusedHeadsDeps, "table" | "queue" | "clock" | "log">,
  head: InboundHead,
): Promise<void> {
  const [key, now] = [headKey(head), deps.clock.now()];
  const due = { set: { dueShard: dueShardOf(key), dueAt: now }, add: { renewed: 1 } };
  const renewed = await updateIf(deps.table, key, due, all(itemExists, exists("dueAt")));
  if (renewed.written) await wakeHead(deps, head, now);
}

/** Sends a message for the next try of a subscription; one that is far off is the sweep's. Never rejects. */
export async function wakeHead(
  { queue, clock, log }: Pick<RefusedHeadsDeps, "queue" | "clock" | "log">,
  head: InboundHead,
  at: number,
): Promise<void> {
  const seconds = Math.max(0, Math.ceil((at - clock.now()) / 1_000));
  if (seconds > MAX_DELAY_SECONDS) return;
  try {
    await queue.send({ kind: "due", ...headKey(head), dueAt: at }, seconds);
  } catch (error) {
    const { actorId, peerId, id } = head;
    log.warn("no message for a refused subscription; the sweep finds it", {
      actorId,
      peerId,
      subscriptionId: id,
      error,
    });
  }
}
