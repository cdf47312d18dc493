/** Permission callbacks that have to wait because their peer wants no requests for a while. */
import { trustKey } from "../../dynamodb/keys/actors.ts";
import { ConditionFailed, all, any, below, equals, missing } from "../../dynamodb/table.ts";
import type { Item, Table } from "../../dynamodb/table.ts";
import type { Clock, Log } from "../../system/ports.ts";
import { readTrust } from "../../trust/trust-record.ts";
import type { TrustRecord } from "../../trust/trust-record.ts";
import type { BreakerStore } from "./breaker-store.ts";
import type { TrustCache } from "./trust-cache.ts";

/** In the trust's item: since when (ISO 8601) the peer is allowed what it is yet to be told. */
const DEFERRED = "permissionsDeferred";

export interface DeferredPermissionsDeps {
  readonly table: Pick<Table, "update">;
  readonly clock: Clock;
  readonly log: Log;
  readonly trustCache: Pick<TrustCache, "put">;
  readonly breakers: Pick<BreakerStore, "pause" | "postpone">;
}

/** Sends a peer what it is allowed now, as of that time (ISO 8601). */
export type NotifyPermissions = (trust: TrustRecord, timestamp: string) => Promise<void>;

export class DeferredPermissions {
  readonly #deps: DeferredPermissionsDeps;

  constructor(deps: DeferredPermissionsDeps) {
    this.#deps = deps;
  }

  /** True while the peer wants no requests. */
  isPaused({ pausedUntil }: TrustRecord): boolean {
    return pausedUntil !== undefined && pausedUntil > this.#deps.clock.now();
  }

  /**
   * Has the peer told when its pause is over; with `seconds` that pause begins now. Of several the newest time counts.
   * Never rejects: a permission callback is best effort.
   */
  async defer(trust: TrustRecord, timestamp: string, seconds?: number): Promise<void> {
    const { breakers, clock, log } = this.#deps;
    const { actorId, peerId } = trust;
    try {
      await this.#change(trust, { set: { [DEFERRED]: timestamp } }, any(missing(DEFERRED), below(DEFERRED, timestamp)));
      const now = clock.now();
      if (seconds === undefined) await breakers.postpone(trust, Math.max(now, trust.pausedUntil ?? now));
      else await breakers.pause(trust, now + Math.max(1, seconds) * 1_000);
    } catch (error) {
      log.warn("a permission callback is lost: the peer did not want it now", { actorId, peerId, error });
    }
  }

  /** Sends what is deferred, if anything is: once, unless the peer asks for a pause again. */
  async send(item: Item, notify: NotifyPermissions): Promise<void> {
    const timestamp = item[DEFERRED];
    if (typeof timestamp !== "string") return;
    const trust = readTrust(item);
    // Removed before it is sent, because another Retry-After sets it again.
    await this.#change(trust, { remove: [DEFERRED] }, equals(DEFERRED, timestamp));
    await notify(trust, timestamp);
  }

  async #change(
    { actorId, peerId, secret }: TrustRecord,
    change: Parameters<Table["update"]>[1],
    when: Parameters<Table["update"]>[2],
  ): Promise<void> {
    const { table, trustCache } = this.#deps;
    const key = trustKey(actorId, peerId);
    try {
      trustCache.put(key, await table.update(key, change, all(equals("secret", secret), when)));
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      trustCache.put(key, error.item);
    }
  }
}

/** True when the peer is yet to be told what it is allowed. */
export const isDeferred = (item: Item): boolean => item[DEFERRED] !== undefined;
