/** Finishes what the changes of an actor left to do, at whatever step their writers stopped. */
import { MAX_RANGES, effectiveCleared, nextLeaving, withoutCleared } from "../../domain/log/delivery-state.ts";
import type { SubscriptionState } from "../../domain/log/subscription-log.ts";
import { trustKey } from "../../dynamodb/keys/actors.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import { above, all, any, atMost, equals, itemExists, missing, type Table } from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";
import type { Deadline } from "../../system/ports.ts";
import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";
import type { PropertyStore } from "../../properties/property-store.ts";
import {
  TIDY_AFTER_MS,
  hasListeners,
  isReadByNone,
  readLogHead,
  type ChangeLog,
  type LogHead,
} from "../../change-log/change-log.ts";
import type { CaughtUp, Listeners } from "../../engine/listening.ts";
import { headKey, type InboundHead } from "../subscribers/inbound-head.ts";
import type { InboundHeads } from "../subscribers/inbound-heads.ts";
import { NO_NEEDS, needsOf, type RecordRetention } from "../subscribers/record-retention.ts";
import { readTrust } from "../../trust/trust-record.ts";
import { readBreaker } from "./breaker-store.ts";
import type { FanOut } from "./fan-out.ts";
import { DeliveryBudget } from "../../engine/delivery-budget.ts";

/** Pause before maintenance runs again for subscriptions that failed or that another delivery has leased, ms. */
const RUN_AGAIN_MS = 30_000;
const AT_ONCE = 100;

export interface ChangeLogMaintenanceDeps extends WakeUpDeps {
  readonly table: Table;
  readonly heads: Pick<InboundHeads, "inBucket">;
  readonly fanOut: Pick<FanOut, "deliver">;
  readonly listeners: Pick<Listeners, "catchUp">;
  readonly retention: Pick<RecordRetention, "catchUp" | "unneeded">;
  readonly changeLog: Pick<ChangeLog, "deleteRecords">;
  readonly properties: Pick<PropertyStore, "clean">;
}

export class ChangeLogMaintenance {
  readonly #deps: ChangeLogMaintenanceDeps;

  constructor(deps: ChangeLogMaintenanceDeps) {
    this.#deps = deps;
  }

  /**
   * Runs the due head of a log: advances every subscription to the log's end, delivers numbers that were never tried and
   * that no other delivery has, deletes what is not needed any more, and sets the next due time. May be called at any time.
   */
  async runDue(actorId: string, deadline: Deadline): Promise<void> {
    const { table, heads, fanOut, properties } = this.#deps;
    await properties.clean(actorId);
    const logHead = readLogHead(await table.get(logHeadKey(actorId)));
    const { newest, subscribers, buckets } = logHead;
    const caughtUp = await this.#catchUpListeners(actorId, logHead, deadline);
    if (caughtUp === "late") return;
    if (subscribers === 0) {
      await this.#finishWithoutPeers(actorId, logHead, caughtUp);
      return;
    }
    // Without a commit since the last run, the cursors that no change concerns are stored too.
    const quiet = logHead.maintainedUpTo === newest;
    const time = DeliveryBudget.ofWorker(deadline);
    const advanced = new Map<string, AdvancedHead>();
    let readable = Infinity;
    // One bucket is in memory at a time.
    for (const bucket of buckets.keys()) {
      const half = deadline.remaining() / 2;
      const mayGoOn = (): boolean => deadline.remaining() > half;
      const stored = await heads.inBucket(actorId, bucket);
      const found = await this.#deps.retention.catchUp(actorId, stored, newest, { all: quiet, mayGoOn });
      const end = await fanOut.deliver(actorId, found.heads.filter(isUntried), { newest: found.upTo, buckets, time });
      if (end === "late" || found.upTo < newest) {
        await this.#putOff(actorId, logHead);
        if (end === "late") await wakeUp(this.#deps, logHeadKey(actorId), this.#deps.clock.now());
        return;
      }
      readable = Math.min(readable, found.readable ?? Infinity);
      for (const head of found.heads) advanced.set(headKey(head).sk, advancedHead(head));
    }
    await this.#finish(actorId, { newest, quiet, advanced, readable, caughtUp });
  }

  /** Lets the listeners hear the log to its end; `late`: the log is due again for what there was no time for. */
  async #catchUpListeners(actorId: string, logHead: LogHead, deadline: Deadline): Promise<CaughtUp> {
    if (!hasListeners(logHead)) return "done";
    const caughtUp = await this.#deps.listeners.catchUp(actorId, logHead, deadline);
    if (caughtUp !== "late") return caughtUp;
    await this.#putOff(actorId, logHead);
    await wakeUp(this.#deps, logHeadKey(actorId), this.#deps.clock.now());
    return caughtUp;
  }

  async #finishWithoutPeers(actorId: string, logHead: LogHead, caughtUp: CaughtUp): Promise<void> {
    const { deletedUpTo } = await this.#deps.retention.unneeded(actorId, NO_NEEDS, logHead);
    const dueAt = caughtUp === "again" ? this.#deps.clock.now() + RUN_AGAIN_MS : undefined;
    await this.#next(actorId, logHead, compact({ deletedUpTo, dueAt }));
  }

  async #finish(actorId: string, { newest, quiet, advanced, readable, caughtUp }: CaughtUpLog): Promise<void> {
    const { heads, clock, table, retention } = this.#deps;
    // A number that leaves from here on may be too late for the deletion below.
    const now = clock.now();
    // Read before the heads: a subscription that is made in between needs no record up to here.
    const logHead = readLogHead(await table.get(logHeadKey(actorId)));
    const times: number[] = caughtUp === "again" ? [now + RUN_AGAIN_MS] : [];
    let needs = NO_NEEDS;
    for (const bucket of logHead.buckets.keys()) {
      const stored = await heads.inBucket(actorId, bucket);
      needs = needsOf(stored, now, needs);
      const all = stored.map((head) => {
        const seen = advanced.get(headKey(head).sk);
        return seen?.version === head.version ? { ...head, state: { ...head.state, ...seen.state } } : head;
      });
      for (const { delivery, state } of all) {
        const leaving = nextLeaving(delivery, effectiveCleared(delivery, now, state.cleared));
        if (leaving !== undefined) times.push(leaving);
      }
      // The head could not be advanced, or another writer has advanced it.
      if (all.some(({ state }) => state.cursor < newest)) times.push(now + RUN_AGAIN_MS);
      const reachable = await this.#reachable(actorId, all.filter(isUntried), now);
      times.push(...reachable.map((at) => Math.max(at, now + RUN_AGAIN_MS)));
      if (!quiet && stored.some(({ state }) => state.cursor < newest)) times.push(now + TIDY_AFTER_MS);
    }
    const { oldest, deletedUpTo } = await retention.unneeded(actorId, needs, logHead);
    if (oldest !== undefined) times.push(oldest.expiresAt);
    // A needed record has expired since the heads were caught up: the next run makes a resync that stands for it.
    const left = oldest?.number ?? newest + 1;
    if (needs.waiting && left > Math.max(readable, needs.first)) times.push(now + RUN_AGAIN_MS);
    const next = times.reduce((earliest, at) => Math.min(earliest, at), Infinity);
    await this.#next(actorId, { ...logHead, newest }, { deletedUpTo, ...(next < Infinity && { dueAt: next }) });
  }

  /**
   * When the peers of these subscriptions can be reached, ms since 1970: now, or after the pause that a peer asked for. The
   * others wait for their breaker or their approval.
   */
  async #reachable(actorId: string, untried: readonly InboundHead[], now: number): Promise<readonly number[]> {
    const peers = [...new Set(untried.map(({ peerId }) => peerId))];
    const times: number[] = [];
    for (let from = 0; from < peers.length; from += AT_ONCE) {
      const keys = peers.slice(from, from + AT_ONCE).map((peerId) => trustKey(actorId, peerId));
      for (const item of await this.#deps.table.getMany(keys)) {
        const { approved, ending } = readTrust(item);
        const { openUntil, pausedUntil } = readBreaker(item);
        if (approved && !ending && openUntil === undefined) times.push(pausedUntil ?? now);
      }
    }
    return times;
  }

  /** Makes the log due again for what there was no time for, behind the work of others that is due by now. */
  async #putOff(actorId: string, { newest, dueAt: was }: LogHead): Promise<void> {
    const key = logHeadKey(actorId);
    const same = was === undefined ? missing("dueAt") : equals("dueAt", was);
    const set = { maintainedUpTo: newest, dueAt: this.#deps.clock.now() + RUN_AGAIN_MS };
    await updateIf(this.#deps.table, key, { set }, all(itemExists, same));
  }

  /**
   * Sets the log's due time, and how far its records are deleted, unless something was committed, or made due, meanwhile;
   * then deletes them. The condition orders that and a listener that begins at an earlier record: it is made before, and
   * nothing is deleted, or it finds them chosen. Of a run that dies before the deletion the next one, or their time, deletes them.
   */
  async #next(
    actorId: string,
    { newest, dueAt: was, deletedUpTo: before }: LogHead,
    { dueAt, deletedUpTo }: { readonly dueAt?: number; readonly deletedUpTo: number },
  ): Promise<void> {
    const { changeLog, table } = this.#deps;
    const key = logHeadKey(actorId);
    const deletes = deletedUpTo > before;
    const change = {
      set: compact({ maintainedUpTo: newest, dueAt, deletedUpTo: deletes ? deletedUpTo : undefined }),
      remove: dueAt === undefined ? ["dueAt"] : [],
    };
    const same = was === undefined ? missing("dueAt") : equals("dueAt", was);
    const notFurther = any(missing("deletedUpTo"), atMost("deletedUpTo", deletedUpTo));
    const mayDelete = all(notFurther, ...(deletes ? [isReadByNone] : []));
    const when = all(equals("newest", newest), same, missing("stale"), mayDelete);
    const { written } = await updateIf(table, key, change, when);
    if (!deletes) return;
    // A log that is written to all the time must not grow for that.
    const chosen =
      written || (await updateIf(table, key, { set: { deletedUpTo } }, all(itemExists, mayDelete))).written;
    if (chosen) await changeLog.deleteRecords(actorId, deletedUpTo);
  }
}

/** What a run has done before it finishes. */
interface CaughtUpLog {
  readonly newest: number;
  readonly quiet: boolean;
  readonly advanced: ReadonlyMap<string, AdvancedHead>;
  /** The oldest record that could be read when the heads were caught up. */
  readonly readable: number;
  readonly caughtUp: CaughtUp;
}

/** Where a head stands in memory, as far as it may be ahead of what is stored. */
interface AdvancedHead {
  readonly version: number;
  readonly state: Pick<SubscriptionState, "cursor" | "sequence" | "cleared" | "granularity" | "ended">;
}

function advancedHead({ version, state }: InboundHead): AdvancedHead {
  const { cursor, sequence, cleared, granularity, ended } = state;
  return { version, state: { cursor, sequence, cleared, granularity, ended } };
}

/** True when a number was never tried. A subscription that its peer refuses has a due time of its own. */
export function isUntried({ state, delivery, refused }: InboundHead): boolean {
  if (state.ended || state.granularity === "none" || refused !== undefined) return false;
  const { tried, ranges } = withoutCleared(delivery, state.cleared);
  return state.sequence > tried || ranges.length > MAX_RANGES;
}

/**
 * Makes the maintenance of an actor's log due now, because there may be something to deliver again: a peer was approved.
 * One write where there are subscribers, and a message.
 */
export async function wakeMaintenance(deps: WakeUpDeps & { readonly table: Table }, actorId: string): Promise<void> {
  const key = logHeadKey(actorId);
  const dueAt = deps.clock.now();
  const due = { set: { dueAt } };
  const { written } = await updateIf(deps.table, key, due, above("subscribers", 0));
  if (written) await wakeUp(deps, key, dueAt);
}
