/** Retries subscriptions that their peer refuses (404), each at its own times, apart from the peer's others. */
import { mayProbe } from "../../domain/policy/breaker.ts";
import { withoutCleared, undelivered } from "../../domain/log/delivery-state.ts";
import type { LeaseDeps } from "../../dynamodb/lease.ts";
import { trustKey } from "../../dynamodb/keys/actors.ts";
import type { Table } from "../../dynamodb/table.ts";
import { MAX_DELAY_SECONDS, type Deadline } from "../../system/ports.ts";
import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";
import type { ChangeLog } from "../../change-log/change-log.ts";
import {
  changeHead,
  forgetRefusal,
  headKey,
  isWaiting,
  postponeHead,
  readInboundHead,
  renewHead,
  type InboundHead,
} from "../subscribers/inbound-head.ts";
import type { CursorStore } from "../subscribers/cursor-store.ts";
import { readTrust } from "../../trust/trust-record.ts";
import { NOT_APPROVED_MS, peerOf, type BreakerRecovery } from "./breaker-recovery.ts";
import { readBreaker } from "./breaker-store.ts";
import type { DeliveryPool } from "../../engine/delivery-pool.ts";
import { DeliverySession, type SessionDeps } from "./delivery-session.ts";
import type { TrustCache } from "./trust-cache.ts";
import { DeliveryBudget } from "../../engine/delivery-budget.ts";

export interface RefusedHeadDeps extends SessionDeps, LeaseDeps, WakeUpDeps {
  readonly trustCache: TrustCache;
  readonly changeLog: ChangeLog;
  readonly cursors: CursorStore;
  readonly pool: DeliveryPool;
  readonly recovery: Pick<BreakerRecovery, "attempt" | "resume">;
}

/** Runs a due head: sends everything that its peer has not taken, when it is time for that. */
export async function runRefusedHead(
  deps: RefusedHeadDeps,
  actorId: string,
  name: { readonly peerId: string; readonly id: string },
  deadline: Deadline,
): Promise<void> {
  const { table, trustCache, clock, pool, recovery, changeLog, cursors } = deps;
  const key = trustKey(actorId, name.peerId);
  const items = await trustCache.read([key], [headKey({ actorId, ...name })]);
  const [item, stored] = [items.find(({ sk }) => sk === key.sk), items.find(({ sk }) => sk !== key.sk)];
  const refused = stored === undefined ? undefined : readInboundHead(stored);
  if (refused?.refused === undefined || isWaiting(refused, clock.now())) return;
  const head = (await cursors.advance(refused, { newest: await changeLog.newest(actorId) }))?.head;
  if (head === undefined) return;
  if (hasNothingLeft(head)) {
    // The peer has said itself what it has, or only polls by now: there is nothing to try it with.
    await changeHead(table, head, forgetRefusal(head));
    return;
  }
  const trust = item === undefined ? undefined : readTrust(item);
  if (item === undefined || trust?.approved !== true || trust.ending) {
    await changeHead(table, head, postponeHead(head, clock.now() + NOT_APPROVED_MS));
    return;
  }
  const breaker = readBreaker(item);
  const until = Math.max(breaker.openUntil ?? 0, breaker.pausedUntil ?? 0);
  const time = DeliveryBudget.ofWorker(deadline);
  if (until > clock.now()) {
    // A probe or a replay may retry the subscription earlier.
    await changeHead(table, head, postponeHead(head, until));
    return;
  }
  await pool.run(peerOf(trust), async () => {
    if (mayProbe(breaker, clock.now())) await recovery.attempt(item, time);
    else if (breaker.pausedUntil !== undefined) await recovery.resume(item, time);
    else if (time.mayStart()) {
      const session = await DeliverySession.lease(deps, {
        head,
        trust,
        time,
        records: changeLog,
        everything: true,
      });
      await session?.deliver();
    }
  });
}

function hasNothingLeft({ state, delivery }: InboundHead): boolean {
  if (state.granularity === "none" || state.ended) return true;
  return undelivered(withoutCleared(delivery, state.cleared), state.sequence).length === 0;
}

/** Makes a refused subscription due now, because its peer has asked for it again. 1 write, and a message. */
export async function retryRefused(deps: WakeUpDeps & { readonly table: Table }, head: InboundHead): Promise<void> {
  const now = deps.clock.now();
  const { written } = await changeHead(deps.table, head, renewHead(now));
  if (written) await wakeHead(deps, head, now);
}

/** Sends a message for the next try of a subscription; a try that is far off is left to the sweep. Never rejects. */
export async function wakeHead(deps: WakeUpDeps, head: InboundHead, at: number): Promise<void> {
  if (at - deps.clock.now() <= MAX_DELAY_SECONDS * 1_000) await wakeUp(deps, headKey(head), at);
}
