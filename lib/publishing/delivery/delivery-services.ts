/** Puts the parts of delivery together. */
import type { BreakerPolicy } from "../../domain/policy/breaker.ts";
import type { Config } from "../../system/config.ts";
import type { Table } from "../../dynamodb/table.ts";
import type { PermissionStore } from "../../trust/permission-store.ts";
import type { Clock, DelayQueue, Ids, Log, PeerHttp } from "../../system/ports.ts";
import { DAY_MS } from "../../system/units.ts";
import type { ChangeLog } from "../../change-log/change-log.ts";
import type { Listeners } from "../../engine/listening.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import type { InboundHeads } from "../subscribers/inbound-heads.ts";
import type { CursorStore } from "../subscribers/cursor-store.ts";
import { BreakerRecovery } from "./breaker-recovery.ts";
import { BreakerStore } from "./breaker-store.ts";
import { CallbackWay } from "./callback-way.ts";
import { DeliveryPool } from "../../engine/delivery-pool.ts";
import { FanOut } from "./fan-out.ts";
import type { TrustCache } from "./trust-cache.ts";
import type { DeferredPermissions, NotifyPermissions } from "./deferred-permissions.ts";
import { notePlain } from "./plain-peers.ts";
import { type RefusedHeadDeps, wakeHead } from "./refused-heads.ts";

export interface DeliveryServices {
  readonly breakers: BreakerStore;
  readonly breakerRecovery: BreakerRecovery;
  readonly fanOut: FanOut;
  /** What `runRefusedHead` works with. */
  readonly refusedHeads: RefusedHeadDeps;
}

export interface DeliveryServicesDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly http: PeerHttp;
  readonly queue: DelayQueue;
  readonly config: Config;
  readonly changeLog: ChangeLog;
  readonly inboundHeads: InboundHeads;
  readonly listeners: Listeners;
  readonly cursors: CursorStore;
  readonly permissions: Pick<PermissionStore, "of">;
  readonly trustCache: TrustCache;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Calls back after this many ms, unless the returned function is called first. */
  readonly after: (ms: number, call: () => void) => () => void;
  readonly deferredPermissions: DeferredPermissions;
  readonly notifyPermissions: NotifyPermissions;
  /** Ends a subscription whose peer says that it has ended, or has not known it for long. */
  readonly ended: (head: InboundHead) => Promise<void>;
}

/** Settings of the configuration that a `FanOutManager` may override. */
export type DeliverySettings = Pick<
  Config,
  "maxConcurrentDeliveries" | "deliveryTimeoutSeconds" | "breakerFailureThreshold" | "breakerRecoverySeconds"
>;

/** When a breaker opens, and for how long. */
export const breakerPolicy = (settings: DeliverySettings): BreakerPolicy => ({
  threshold: settings.breakerFailureThreshold,
  recoveryMs: settings.breakerRecoverySeconds * 1_000,
});

/** Puts the parts together over one table and one network. */
export function deliveryServices(
  deps: DeliveryServicesDeps,
  settings: DeliverySettings = deps.config,
): DeliveryServices {
  const { config } = deps;
  const timeoutMs = settings.deliveryTimeoutSeconds * 1_000;
  const breakers = new BreakerStore({ ...deps, policy: breakerPolicy(settings) });
  const way = new CallbackWay({
    ...deps,
    rootOf: (actorId) => `${config.baseUrl}/${actorId}`,
    gzip: config.callbackGzip,
    plainFromNow: async (trust) => await notePlain(deps, trust),
  });
  const session = {
    ...deps,
    heads: deps.inboundHeads,
    way,
    timeoutMs,
    breakers,
    pool: new DeliveryPool({ most: settings.maxConcurrentDeliveries, after: deps.after }),
    incarnation: config.incarnation,
    wakeHead: async (head: InboundHead, at: number) => await wakeHead(deps, head, at),
    retries: config.deliveryRetries,
    refusalMs: config.diffRetentionDays * DAY_MS,
    keepMs: config.deliveredKeepSeconds * 1_000,
    replayMax: config.backlogReplayMax,
  };
  const breakerRecovery = new BreakerRecovery(session);
  const fanOut = new FanOut({ ...session, recovery: breakerRecovery });
  return { breakers, breakerRecovery, fanOut, refusedHeads: { ...session, recovery: breakerRecovery } };
}
