import { actorKey, capabilityKey, grantKey, keptKey } from "../dynamodb/keys/actors.ts";
import { always } from "../dynamodb/table.ts";
import { NOTIFY_MS } from "./peer-calls.ts";
import type { Trace } from "./peer-calls.ts";
import { resumePropagation } from "./propagation.ts";
import { runTrustHook } from "./trust-context.ts";
import type { TrustContext } from "./trust-context.ts";
import type { TrustRecord } from "./trust-record.ts";

export interface EndingOptions {
  /** Tell the other side, best effort, at most 5 s. */
  readonly notify: boolean;
  /** Less time for that, ms: a peer that takes all of it is left for the sweep, which tells it with the whole 5 s. */
  readonly notifyMs?: number;
  /** Keep stored data [the deployment's AUTO_CLEANUP decides]. */
  readonly keepData?: boolean;
}

/** Ends trusts, with everything that belongs to their peers. */
export class TrustEnding {
  readonly #context: TrustContext;

  constructor(context: TrustContext) {
    this.#context = context;
  }

  /**
   * Ends a trust. From the first step on its bearer opens nothing; each step may be repeated, and the sweep finishes
   * what was begun (`resume`). Nothing happens when the trust is gone or was replaced. False: it is left for the sweep.
   */
  async end(trust: TrustRecord, options: EndingOptions, trace: Trace = {}): Promise<boolean> {
    const { calls, clock, config, consequences, table, trusts } = this.#context;
    const ending = await trusts.beginEnding(trust, clock.now());
    if (ending === undefined) return true;
    const notifyMs = options.notifyMs ?? NOTIFY_MS;
    const until = clock.now() + notifyMs;
    const { actorId, peerId } = ending;
    const keepData = options.keepData ?? !config.autoCleanup;
    // Right whatever is stored: the mark says only that there may be data.
    if (keepData) await table.put({ ...keptKey(actorId, peerId), at: clock.now() }, always);
    const notify = async (): Promise<boolean> =>
      (await calls.notifyDeleted(ending, trace, notifyMs)) || notifyMs >= NOTIFY_MS || clock.now() < until;
    const [notified] = await Promise.all([
      options.notify ? notify() : true,
      consequences.ended(actorId, peerId, { keepData }),
    ]);
    if (!notified) return false;
    await table.deleteMany([grantKey, capabilityKey].map((key) => key(actorId, peerId)));
    await trusts.remove(ending);
    await runTrustHook(this.#context, "delete", ending);
    return true;
  }

  /**
   * For the sweep, when a trust's key is due: finishes a deletion, takes back a start that nobody brought to an end, or
   * carries a change of approval or secret through. Anything else is left alone.
   */
  async resume(actorId: string, peerId: string): Promise<void> {
    const { clock, table, trusts } = this.#context;
    const trust = await trusts.getEvenEnding(actorId, peerId);
    if (trust === undefined) return;
    if (trust.ending || (await trusts.isAbandonedStart(actorId, peerId, clock.now()))) {
      // An actor that is being deleted keeps nothing: a mark made now might come too late to be found.
      const actor = await table.get(actorKey(actorId), { only: ["deleting"] });
      const keepData = actor === undefined || actor["deleting"] === true ? { keepData: false } : {};
      await this.end(trust, { notify: true, ...keepData });
      return;
    }
    await resumePropagation(this.#context, actorId, peerId);
  }
}
