import { capabilityKey, grantKey, keptKey } from "../dynamodb/keys-actors.ts";
import { always } from "../dynamodb/table.ts";
import type { Trace } from "./peer-calls.ts";
import { resumeSpreading } from "./spreading.ts";
import { tellTrustHook } from "./trust-context.ts";
import type { TrustContext } from "./trust-context.ts";
import type { TrustRecord } from "./trust-record.ts";

export interface EndingOptions {
  /** Tell the other side, best effort, at most 5 s. */
  readonly tell: boolean;
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
   * what was begun (`resume`). Nothing happens when the trust is gone or was replaced.
   */
  async end(trust: TrustRecord, options: EndingOptions, trace: Trace = {}): Promise<void> {
    const { calls, clock, config, consequences, table, trusts } = this.#context;
    const ending = await trusts.beginEnding(trust, clock.now());
    if (ending === undefined) return;
    const { actorId, peerId } = ending;
    const keepData = options.keepData ?? !config.autoCleanup;
    // Right whatever is stored: the mark says only that there may be data.
    if (keepData) await table.put({ ...keptKey(actorId, peerId), at: clock.now() }, always);
    await Promise.all([
      consequences.ended(actorId, peerId, { keepData }),
      options.tell ? calls.tellDeleted(ending, trace) : undefined,
    ]);
    await table.deleteMany([grantKey, capabilityKey].map((key) => key(actorId, peerId)));
    await trusts.remove(ending);
    await tellTrustHook(this.#context, "delete", ending);
  }

  /**
   * For the sweep, when a trust's key is due: finishes a deletion, takes back a start that nobody brought to an end, or
   * carries a change of approval or secret through. Anything else is left alone.
   */
  async resume(actorId: string, peerId: string): Promise<void> {
    const { clock, trusts } = this.#context;
    const trust = await trusts.getEvenEnding(actorId, peerId);
    if (trust === undefined) return;
    if (trust.ending || (await trusts.isAbandonedStart(actorId, peerId, clock.now()))) {
      await this.end(trust, { tell: true });
      return;
    }
    await resumeSpreading(this.#context, actorId, peerId);
  }
}
