/** Permission callbacks that wait because their peer asked for a pause. */
import { trustKey } from "../../dynamodb/keys/actors.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import {
  all,
  any,
  below,
  equals,
  missing,
  type Change,
  type Condition,
  type Item,
  type Table,
} from "../../dynamodb/table.ts";
import type { Clock, Log } from "../../system/ports.ts";
import { readTrust, type TrustRecord } from "../../trust/trust-record.ts";
import type { BreakerStore } from "./breaker-store.ts";
import type { TrustCache } from "./trust-cache.ts";

/** In the trust's item: the time (ISO 8601) of the newest permissions that the peer has not received. */
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

  /** True while the pause lasts that the peer asked for. */
  isPaused({ pausedUntil }: TrustRecord): boolean {
    return pausedUntil !== undefined && pausedUntil > this.#deps.clock.now();
  }

  /**
   * Sends the permissions when the peer's pause is over; with `seconds` that pause begins now. The newest of several
   * times counts. Never rejects: a permission callback is best effort.
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

  /** Sends the deferred permissions, if there are any: once, unless the peer asks for a pause again. */
  async send(item: Item, notify: NotifyPermissions): Promise<void> {
    const timestamp = item[DEFERRED];
    if (typeof timestamp !== "string") return;
    const trust = readTrust(item);
    // Removed before it is sent, because another Retry-After sets it again.
    await this.#change(trust, { remove: [DEFERRED] }, equals(DEFERRED, timestamp));
    await notify(trust, timestamp);
  }

  async #change({ actorId, peerId, secret }: TrustRecord, change: Change, when: Condition): Promise<void> {
    const { table, trustCache } = this.#deps;
    const key = trustKey(actorId, peerId);
    trustCache.put(key, (await updateIf(table, key, change, all(equals("secret", secret), when))).item);
  }
}

/** True while the peer has not received its newest permissions. */
export const isDeferred = (item: Item): boolean => item[DEFERRED] !== undefined;
