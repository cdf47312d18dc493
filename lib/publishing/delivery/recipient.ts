/** The peer of one delivery session. */
import { CLOSED, isPaused, mayProbe, type Breaker } from "../../domain/policy/breaker.ts";
import type { PropertyPermissions } from "../../domain/policy/permissions.ts";
import { printJson } from "../../domain/json/json-text.ts";
import type { Item } from "../../dynamodb/table.ts";
import type { PermissionStore } from "../../trust/permission-store.ts";
import { readTrust, type TrustRecord } from "../../trust/trust-record.ts";
import type { Clock } from "../../system/ports.ts";
import { isWaiting, type InboundHead } from "../subscribers/inbound-head.ts";
import { readBreaker } from "./breaker-store.ts";
import type { TrustCache } from "./trust-cache.ts";

export interface RecipientDeps {
  readonly clock: Clock;
  readonly trustCache: Pick<TrustCache, "of">;
  readonly permissions: Pick<PermissionStore, "of">;
}

/**
 * What this process knows of the peer: `trust`, `breaker` and `permissions` are those of the trust's item at the last
 * call of `isTrusted` or `keptFrom`, before the first one those that the session began with and a closed breaker.
 * `permissions` stays the same object until they may have changed.
 */
export class Recipient {
  readonly #deps: RecipientDeps;
  readonly #secret: string;
  #item: Item | undefined;
  trust: TrustRecord;
  breaker: Breaker = CLOSED;
  permissions: PropertyPermissions;

  constructor(deps: RecipientDeps, trust: TrustRecord) {
    this.#deps = deps;
    this.#secret = trust.secret;
    this.trust = trust;
    this.permissions = deps.permissions.of(trust).properties;
  }

  /** True while callbacks may go to the peer at all. */
  async isTrusted(): Promise<boolean> {
    const item = await this.#deps.trustCache.of(this.trust.actorId, this.trust.peerId);
    if (item !== undefined && item !== this.#item) {
      const before = grantOf(this.trust);
      this.trust = readTrust(item);
      this.breaker = readBreaker(item);
      if (grantOf(this.trust) !== before) this.permissions = this.#deps.permissions.of(this.trust).properties;
    }
    this.#item = item;
    return item !== undefined && this.trust.approved && !this.trust.ending && this.trust.secret === this.#secret;
  }

  /** Why nothing goes to the peer now: `open`: its breaker is open, or it is not trusted; `paused`: it asked for a pause. */
  async keptFrom(): Promise<"open" | "paused" | undefined> {
    if (!(await this.isTrusted()) || this.breaker.openUntil !== undefined) return "open";
    return isPaused(this.breaker, this.#deps.clock.now()) ? "paused" : undefined;
  }
}

/** What the permissions of a trust follow from. */
const grantOf = ({ relationship, custom }: TrustRecord): string => printJson([relationship, custom]);

/** The outcome of a number while nothing may go to its peer; undefined when something may. */
export function keptBack(item: Item | undefined, head: InboundHead, now: number): "skipped" | "deferred" | undefined {
  const trust = item === undefined ? undefined : readTrust(item);
  if (item === undefined || trust?.approved !== true || trust.ending) return "skipped";
  const breaker = readBreaker(item);
  if (breaker.openUntil !== undefined) return mayProbe(breaker, now) ? undefined : "skipped";
  if (breaker.pausedUntil !== undefined) return isPaused(breaker, now) ? "deferred" : undefined;
  return isWaiting(head, now) ? "skipped" : undefined;
}
