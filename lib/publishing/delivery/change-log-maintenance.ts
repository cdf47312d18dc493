/** Finishes what changes of an actor have left to do, whoever began it and wherever it broke off. */
import { MAX_RANGES, effectiveCleared, nextLeaving, withoutCleared } from "../../domain/log/delivery-state.ts";
import { trustKey } from "../../dynamodb/keys/actors.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import { dueShardOf } from "../../dynamodb/keys/due.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import { above, all, equals, itemExists, missing } from "../../dynamodb/table.ts";
import type { Table } from "../../dynamodb/table.ts";
import type { Deadline } from "../../system/ports.ts";
import { wakeUp } from "../../system/wake-up.ts";
import type { WakeUpDeps } from "../../system/wake-up.ts";
import type { PropertyStore } from "../../properties/property-store.ts";
import { TIDY_AFTER_MS, readLogHead } from "../../change-log/change-log.ts";
import type { LogHead } from "../../change-log/change-log.ts";
import { headKey } from "../subscribers/inbound-head.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import type { InboundHeads } from "../subscribers/inbound-heads.ts";
import type { RecordRetention } from "../subscribers/record-retention.ts";
import { readTrust } from "../../trust/trust-record.ts";
import { readBreaker } from "./breaker-store.ts";
import type { FanOut } from "./fan-out.ts";
import { DeliveryBudget } from "./delivery-budget.ts";

/** What someone else is delivering, or could not be delivered now, is looked at again so much later, ms. */
const RUN_AGAIN_MS = 30_000;
const AT_ONCE = 100;

export interface ChangeLogMaintenanceDeps extends WakeUpDeps {
  readonly table: Table;
  readonly heads: Pick<InboundHeads, "all">;
  readonly fanOut: Pick<FanOut, "deliver">;
  readonly retention: Pick<RecordRetention, "catchUp" | "deleteUnneeded">;
  readonly properties: Pick<PropertyStore, "clean">;
}

export class ChangeLogMaintenance {
  readonly #deps: ChangeLogMaintenanceDeps;

  constructor(deps: ChangeLogMaintenanceDeps) {
    this.#deps = deps;
  }

  /**
   * For the due item of a log's head: moves every head to the log's end, delivers what was never tried and nobody is
   * delivering, removes what is not needed any more, and says when to look again. May be called at any time.
   */
  async runDue(actorId: string, deadline: Deadline): Promise<void> {
    const { table, heads, fanOut, properties, retention } = this.#deps;
    await properties.clean(actorId);
    const logHead = readLogHead(await table.get(logHeadKey(actorId)));
    const { newest, subscribers } = logHead;
    if (subscribers === 0) {
      await retention.deleteUnneeded(actorId, [], logHead);
      await this.#next(actorId, logHead, undefined);
      return;
    }
    // Nothing was committed since the last look: now those are brought along, too, whom no change concerns.
    const quiet = logHead.maintainedUpTo === newest;
    const half = deadline.remaining() / 2;
    const mayGoOn = (): boolean => deadline.remaining() > half;
    const found = await retention.catchUp(actorId, await heads.all(actorId), newest, { all: quiet, mayGoOn });
    const untried = found.heads.filter(isUntried);
    const end = await fanOut.deliver(actorId, untried, found.upTo, DeliveryBudget.ofWorker(deadline));
    if (end === "done" && found.upTo === newest) await this.#finish(actorId, newest, quiet, found.heads);
    else await this.#putOff(actorId, logHead);
  }

  async #finish(actorId: string, newest: number, quiet: boolean, ahead: readonly InboundHead[]): Promise<void> {
    const { heads, clock, table, retention } = this.#deps;
    // What leaves from here on may have come too late for the deletion.
    const now = clock.now();
    // Before the heads: one made in between needs no record up to here.
    const logHead = readLogHead(await table.get(logHeadKey(actorId)));
    const stored = await heads.all(actorId);
    const expires = await retention.deleteUnneeded(actorId, stored, logHead);
    const known = new Map(ahead.map((head) => [headKey(head).sk, head]));
    const all = stored.map((head) => {
      const seen = known.get(headKey(head).sk);
      return seen?.version === head.version ? { ...head, state: seen.state } : head;
    });
    // Such a one could not be moved, or someone else has it.
    const isShort = all.some(({ state }) => state.cursor < newest);
    const reachable = await this.#reachable(actorId, all.filter(isUntried), now);
    const leaving = all.flatMap(({ delivery, state }) => {
      return nextLeaving(delivery, effectiveCleared(delivery, now, state.cleared)) ?? [];
    });
    const times = [
      ...leaving,
      ...(isShort ? [now + RUN_AGAIN_MS] : []),
      ...reachable.map((at) => Math.max(at, now + RUN_AGAIN_MS)),
      ...(expires === undefined ? [] : [expires]),
      ...(!quiet && stored.some(({ state }) => state.cursor < newest) ? [now + TIDY_AFTER_MS] : []),
    ];
    await this.#next(actorId, { ...logHead, newest }, times.length === 0 ? undefined : Math.min(...times));
  }

  /**
   * When the peers of these could be told, ms since 1970: now, or after the pause that one has asked for. The others wait
   * for their breaker or their approval.
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

  /** There was no time for the rest, and a message may have gone out for it; this is behind what others have due by now. */
  async #putOff(actorId: string, { newest, dueAt: was }: LogHead): Promise<void> {
    const key = logHeadKey(actorId);
    const same = was === undefined ? missing("dueAt") : equals("dueAt", was);
    const set = { maintainedUpTo: newest, dueShard: dueShardOf(key), dueAt: this.#deps.clock.now() + RUN_AGAIN_MS };
    await updateIf(this.#deps.table, key, { set }, all(itemExists, same));
  }

  /** The head's due time, unless something was committed, or asked for, meanwhile. */
  async #next(actorId: string, { newest, dueAt: was }: LogHead, dueAt: number | undefined): Promise<void> {
    const key = logHeadKey(actorId);
    const change =
      dueAt === undefined
        ? { set: { maintainedUpTo: newest }, remove: ["dueShard", "dueAt"] }
        : { set: { maintainedUpTo: newest, dueShard: dueShardOf(key), dueAt } };
    const same = was === undefined ? missing("dueAt") : equals("dueAt", was);
    await updateIf(this.#deps.table, key, change, all(equals("newest", newest), same, missing("stale")));
  }
}

/** Something of it was never tried. One that its peer refuses has a due time of its own. */
function isUntried({ state, delivery, refused }: InboundHead): boolean {
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
  const due = { set: { dueShard: dueShardOf(key), dueAt } };
  const { written } = await updateIf(deps.table, key, due, above("subscribers", 0));
  if (written) await wakeUp(deps, key, dueAt);
}
