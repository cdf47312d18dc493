import { compact } from "../system/compact.ts";
import { failedEventCursor, failedEventSortKey } from "../dynamodb/keys/streams.ts";
import type { StreamRef } from "../domain/terms/refs.ts";
import { ServiceError } from "../system/errors.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import type { Deadline, JsonObject } from "../system/ports.ts";
import type { Head } from "../receiving/stream/head.ts";
import type { HookRuns } from "../receiving/hooks/hook-runs.ts";
import type { FailedEvent, FailedEventStatus, FailedEventSummary } from "../receiving/hooks/failed-event-item.ts";
import type { FailedEventStore } from "../receiving/hooks/failed-event-store.ts";
import type { StalePart, StaleParts } from "../receiving/stream/stale-parts.ts";
import type { StaleReads } from "../receiving/recovery/stale-reads.ts";
import { badAfter, fittingPage } from "../http/paging.ts";

/** Failed reads of a page that are checked together. */
const AT_ONCE = 10;

interface FailedEventsDeps {
  readonly failedEvents: Pick<FailedEventStore, "summaries" | "find">;
  readonly hooks: Pick<HookRuns, "retry" | "skip">;
  readonly stale: Pick<StaleParts, "resolve">;
  readonly staleReads: Pick<StaleReads, "again" | "isStale">;
  readonly heads: { get(stream: StreamRef): Promise<Head | undefined> };
}

/** Failed hook events and failed reads, for the owner of the actor: to see, to retry, to skip. */
export class FailedEvents {
  readonly #deps: FailedEventsDeps;

  constructor(deps: FailedEventsDeps) {
    this.#deps = deps;
  }

  /** One page, stream by stream, each in the order of its events. @throws ServiceError request.invalid for a foreign `after` */
  async page(
    actorId: string,
    options: { readonly peerId?: string; readonly after?: string; readonly limit: number },
  ): Promise<{ readonly data: readonly JsonObject[]; readonly next?: string }> {
    const { after, ...rest } = options;
    const from = after === undefined ? undefined : failedEventSortKey(after);
    if (after !== undefined && from === undefined) throw badAfter();
    const found = await this.#deps.failedEvents.summaries(actorId, compact({ ...rest, after: from }));
    const standing = await mapConcurrent(found.summaries, AT_ONCE, async (summary) =>
      (await this.#stands(summary)) ? [summary] : [],
    );
    const { page, last } = fittingPage(standing.flat(), wireOf);
    const next = last?.key.sk ?? found.next;
    return compact({ data: page, next: next === undefined ? undefined : failedEventCursor(next) });
  }

  /** False for a read that a later diff or a resync has made superfluous; deletes such a read. */
  async #stands(summary: FailedEventSummary | StalePart): Promise<boolean> {
    const { stale, staleReads } = this.#deps;
    if (!isRead(summary) || (await staleReads.isStale(summary))) return true;
    await stale.resolve(summary);
    return false;
  }

  /** The failed event or read. @throws ServiceError resource.not_found */
  async demand(actorId: string, eventId: string): Promise<FailedEvent | StalePart> {
    const failed = await this.#deps.failedEvents.find(actorId, eventId);
    if (failed !== undefined) return failed;
    throw new ServiceError("resource.not_found", "There is no parked event of that id.");
  }

  /**
   * Runs the event's hook, or reads the place, once more now, also when its attempts are used up.
   *
   * @returns `done`, `dropped` (by the hook's verdict), or the status that the event has afterwards
   * @throws ServiceError resource.conflict while it is being run, or waits behind an event that stopped its stream
   */
  async retry(failed: FailedEvent | StalePart, deadline: Deadline): Promise<string> {
    if (isRead(failed)) {
      const read = await this.#deps.staleReads.again(failed, deadline, true);
      if (read === "busy") throw underWay();
      return onWire(read);
    }
    if (failed.status === "waiting" && (await this.#deps.heads.get(failed.event))?.hooksPaused === true) {
      throw new ServiceError(
        "resource.conflict",
        "This event waits behind one that stopped its subscription's hooks; retry or skip that one.",
      );
    }
    const result = await this.#deps.hooks.retry(failed);
    if (result === "busy") throw underWay();
    return onWire(result);
  }

  /** Drops the event, or leaves the place as it is. @throws ServiceError resource.conflict while the event is being run */
  async skip(failed: FailedEvent | StalePart): Promise<void> {
    if (isRead(failed)) {
      await this.#deps.stale.resolve(failed);
      return;
    }
    if (!(await this.#deps.hooks.skip(failed))) throw underWay();
  }
}

const underWay = (): ServiceError =>
  new ServiceError("resource.conflict", "This event is being run, or was just resolved; try again in a moment.");

const isRead = (failed: FailedEvent | FailedEventSummary | StalePart): failed is StalePart => "reason" in failed;

/** The name of a status on the wire. */
const ON_WIRE: Readonly<Record<FailedEventStatus, string>> = {
  retrying: "retry",
  parked: "parked",
  stopped: "stopped",
  waiting: "held",
};

const onWire = (result: FailedEventStatus | "done" | "dropped"): string =>
  result === "done" || result === "dropped" ? result : ON_WIRE[result];

function wireOf(summary: FailedEventSummary | StalePart): JsonObject {
  if (isRead(summary)) {
    const { id, peerId, subscriptionId, place, reason, since } = summary;
    return {
      id,
      kind: "read",
      peerid: peerId,
      subscriptionid: subscriptionId,
      place: place.join("/"),
      reason,
      since: new Date(since).toISOString(),
    };
  }
  const { target, subtarget, resource, sequence, callbackType, status, starts, attempts, dueAt } = summary;
  return compact({
    id: summary.eventId,
    kind: "hook",
    peerid: summary.peerId,
    subscriptionid: summary.subscriptionId,
    target,
    subtarget,
    resource,
    sequence,
    callbackType,
    status: ON_WIRE[status],
    starts,
    attempts: attempts.map(({ at, error }) => ({ at: new Date(at).toISOString(), error })),
    dueAt: dueAt === undefined ? undefined : new Date(dueAt).toISOString(),
  });
}
