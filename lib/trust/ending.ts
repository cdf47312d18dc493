/** How a trust ends, with everything that belongs to its peer. */
import type { PeerRef } from "../domain/terms/refs.ts";
import { actorKey, capabilityKey, grantKey, keptKey } from "../dynamodb/keys/actors.ts";
import { always } from "../dynamodb/table.ts";
import { compact } from "../system/compact.ts";
import { propagate } from "./changes.ts";
import { NOTIFY_MS, type Trace } from "./peer-calls.ts";
import type { TrustRecord } from "./trust-record.ts";
import { runTrustHook, type TrustServices } from "./trust-services.ts";

interface EndingOptions {
  /** Notify the other side, best effort, at most 5 s. */
  readonly notify: boolean;
  /** Less time for the notification, ms. A peer that takes all of it is left for the sweep, which gives it the whole 5 s. */
  readonly notifyMs?: number;
  /** Keep stored data [the deployment's AUTO_CLEANUP decides]. */
  readonly keepData?: boolean;
}

/**
 * Ends a trust. From the first step on its bearer opens nothing; each step may be repeated, and the sweep finishes what
 * was begun (`resumeTrust`). Nothing happens when the trust is gone or was replaced.
 *
 * @returns false when the rest is left for the sweep
 */
export async function endTrust(
  services: TrustServices,
  trust: TrustRecord,
  options: EndingOptions,
  trace: Trace = {},
): Promise<boolean> {
  const { calls, clock, config, consequences, table, trusts } = services;
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
    consequences.ended({ actorId, peerId }, { keepData }),
  ]);
  if (!notified) return false;
  await table.deleteMany([grantKey, capabilityKey].map((key) => key(actorId, peerId)));
  await trusts.remove(ending);
  await runTrustHook(services, "delete", ending);
  return true;
}

/**
 * Does what is due when a trust's key is due: finishes a deletion, takes back a start that never ended, or propagates a
 * change of approval or secret. Leaves any other trust alone.
 */
export async function resumeTrust(services: TrustServices, { actorId, peerId }: PeerRef): Promise<void> {
  const { clock, table, trusts } = services;
  const trust = await trusts.getEvenEnding(actorId, peerId);
  if (trust === undefined) return;
  if (trust.ending || (await trusts.isAbandonedStart(actorId, peerId, clock.now()))) {
    // An actor that is being deleted keeps nothing: a mark made now might come too late to be found.
    const actor = await table.get(actorKey(actorId), { only: ["deleting"] });
    const keepData = actor === undefined || actor["deleting"] === true ? false : undefined;
    await endTrust(services, trust, compact({ notify: true, keepData }));
    return;
  }
  const changed = await trusts.propagating(actorId, peerId, clock.now());
  if (changed !== undefined) await propagate(services, changed);
}
