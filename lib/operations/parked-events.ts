import { compact } from "../system/compact.ts";
import { parkedCursor, parkedSortKey } from "../dynamodb/keys.ts";
import { ServiceError } from "../system/errors.ts";
import { inParallel } from "../system/in-parallel.ts";
import type { Deadline, JsonObject } from "../system/ports.ts";
import type { Head } from "../receiving/stream/head.ts";
import type { HookRuns } from "../receiving/hooks/hook-runs.ts";
import type { Parked, ParkedNotice } from "../receiving/hooks/parked-item.ts";
import type { ParkedStore } from "../receiving/hooks/parked-store.ts";
import type { StalePart, StaleParts } from "../receiving/stream/stale-parts.ts";
import type { StaleReads } from "../receiving/recovery/stale-reads.ts";
import { badAfter, fittingPage } from "../http/paging.ts";

/** Reads of a page that are looked at together. */
const AT_ONCE = 10;

export interface ParkedEventsDeps {
  readonly parked: Pick<ParkedStore, "notices" | "find">;
  readonly hooks: Pick<HookRuns, "again" | "skip">;
  readonly stale: Pick<StaleParts, "settle">;
  readonly staleReads: Pick<StaleReads, "again" | "isStale">;
  readonly heads: { get(actorId: string, peerId: string, subscriptionId: string): Promise<Head | undefined> };
}

/** Hook events and reads that did not go through, for the operator of the actor: to see, to try again, to drop. */
export class ParkedEvents {
  readonly #deps: ParkedEventsDeps;

  constructor(deps: ParkedEventsDeps) {
    this.#deps = deps;
  }

  /** One page, stream by stream, in each in order. @throws ServiceError request.invalid for a foreign `after` */
  async page(
    actorId: string,
    options: { readonly peerId?: string; readonly after?: string; readonly limit: number },
  ): Promise<{ readonly data: readonly JsonObject[]; readonly next?: string }> {
    const { after, ...rest } = options;
    const from = after === undefined ? undefined : parkedSortKey(after);
    if (after !== undefined && from === undefined) throw badAfter();
    const found = await this.#deps.parked.notices(actorId, compact({ ...rest, after: from }));
    const standing = await inParallel(found.notices, AT_ONCE, async (notice) =>
      (await this.#stands(notice)) ? [notice] : [],
    );
    const { page, last } = fittingPage(standing.flat(), wireOf);
    const next = last?.key.sk ?? found.next;
    return compact({ data: page, next: next === undefined ? undefined : parkedCursor(next) });
  }

  /** False for a read that a later diff or a resync has made superfluous: it goes. */
  async #stands(notice: ParkedNotice | StalePart): Promise<boolean> {
    const { stale, staleReads } = this.#deps;
    if (!isRead(notice) || (await staleReads.isStale(notice))) return true;
    await stale.settle(notice);
    return false;
  }

  /** The parked event or read. @throws ServiceError resource.not_found */
  async demand(actorId: string, eventId: string): Promise<Parked | StalePart> {
    const parked = await this.#deps.parked.find(actorId, eventId);
    if (parked !== undefined) return parked;
    throw new ServiceError("resource.not_found", "There is no parked event of that id.");
  }

  /**
   * Runs the event's hook, or reads the place, once more, now, also when its attempts are used up.
   *
   * @returns `done`, `dropped` (the hook said so), or the status it is parked with again
   * @throws ServiceError resource.conflict while it is being run, or waits behind an event that stopped its stream
   */
  async retry(
    parked: Parked | StalePart,
    deadline: Deadline,
  ): Promise<Exclude<Awaited<ReturnType<HookRuns["again"]>>, "busy">> {
    if (isRead(parked)) {
      const read = await this.#deps.staleReads.again(parked, deadline, true);
      if (read === "busy") throw underWay();
      return read;
    }
    const { actorId, peerId, subscriptionId } = parked.event;
    if (
      parked.status === "held" &&
      (await this.#deps.heads.get(actorId, peerId, subscriptionId))?.hooksPaused === true
    ) {
      throw new ServiceError(
        "resource.conflict",
        "This event waits behind one that stopped its subscription's hooks; retry or skip that one.",
      );
    }
    const result = await this.#deps.hooks.again(parked);
    if (result === "busy") throw underWay();
    return result;
  }

  /** Drops the event, or leaves the place as it is. @throws ServiceError resource.conflict while the event is being run */
  async skip(parked: Parked | StalePart): Promise<void> {
    if (isRead(parked)) {
      await this.#deps.stale.settle(parked);
      return;
    }
    if (!(await this.#deps.hooks.skip(parked))) throw underWay();
  }
}

const underWay = (): ServiceError =>
  new ServiceError("resource.conflict", "This event is being run, or has just been settled; look again in a moment.");

const isRead = (parked: Parked | ParkedNotice | StalePart): parked is StalePart => "reason" in parked;

function wireOf(notice: ParkedNotice | StalePart): JsonObject {
  if (isRead(notice)) {
    const { id, peerId, subscriptionId, place, reason, since } = notice;
    return {
      ...{ id, kind: "read", peerid: peerId, subscriptionid: subscriptionId },
      ...{ place: place.join("/"), reason, since: new Date(since).toISOString() },
    };
  }
  const { target, subtarget, resource, sequence, callbackType, status, starts, attempts, dueAt } = notice;
  return {
    id: notice.eventId,
    kind: "hook",
    peerid: notice.peerId,
    subscriptionid: notice.subscriptionId,
    target,
    ...(subtarget === undefined ? {} : { subtarget }),
    ...(resource === undefined ? {} : { resource }),
    sequence,
    callbackType,
    status,
    starts,
    attempts: attempts.map(({ at, error }) => ({ at: new Date(at).toISOString(), error })),
    ...(dueAt === undefined ? {} : { dueAt: new Date(dueAt).toISOString() }),
  };
}
