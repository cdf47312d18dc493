import { compact } from "../system/compact.ts";
import { failedEventCursor, failedEventSortKey, sourceOf, hookSource } from "../dynamodb/keys/failed-events.ts";
import type { StreamRef } from "../domain/terms/refs.ts";
import { ServiceError } from "../system/errors.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import type { Deadline, JsonObject } from "../system/ports.ts";
import type { Head } from "../receiving/stream/head.ts";
import type { HookRuns, Retried } from "../failed-events/hook-runs.ts";
import type { FailedEvent, FailedEventStatus, FailedEventSummary } from "../failed-events/failed-event.ts";
import type { FailedEventStore } from "../failed-events/failed-event-store.ts";
import { isListenerEvent, type FailingEvent, type ListenerEvent } from "../failed-events/hook-event.ts";
import { STALE_ATTRIBUTES, stalePartOf, type StalePart, type StaleParts } from "../receiving/stream/stale-parts.ts";
import type { StaleReads } from "../receiving/recovery/stale-reads.ts";
import { badAfter, fittingPage } from "../http/paging.ts";

/** Failed reads of a page that are checked together. */
const AT_ONCE = 10;

/** What a person does with an event that a listener did not take. */
export interface ListenerActions {
  /** One more attempt, even when the attempts are used up. */
  retry(failed: FailedEvent<ListenerEvent>, deadline: Deadline): Promise<Retried>;
  /** Drops the event. @returns false when an attempt is under way */
  skip(failed: FailedEvent<ListenerEvent>): Promise<boolean>;
}

interface FailedEventsDeps {
  readonly failedEvents: Pick<FailedEventStore<FailingEvent>, "summaries" | "find" | "read">;
  readonly hooks: Pick<HookRuns, "retry" | "skip">;
  /** By the kind of source. */
  readonly listeners?: Partial<Record<"webhook" | "event-hook" | "group" | "root-group", ListenerActions>>;
  readonly stale: Pick<StaleParts, "resolve">;
  readonly staleReads: Pick<StaleReads, "again" | "isStale">;
  readonly heads: { get(stream: StreamRef): Promise<Head | undefined> };
}

/** Failed events and failed reads, for the owner of the actor: to see, to retry, to skip. */
export class FailedEvents {
  readonly #deps: FailedEventsDeps;

  constructor(deps: FailedEventsDeps) {
    this.#deps = deps;
  }

  /**
   * One page, source by source, each in the order of its events.
   *
   * @param options.source only what failed there
   * @param options.peerId only what failed at the hooks of subscriptions to this peer
   * @throws ServiceError request.invalid for a foreign `after`
   */
  async page(
    actorId: string,
    options: { readonly source?: string; readonly peerId?: string; readonly after?: string; readonly limit: number },
  ): Promise<{ readonly data: readonly JsonObject[]; readonly next?: string }> {
    const { after, ...rest } = options;
    const from = after === undefined ? undefined : failedEventSortKey(after);
    if (after !== undefined && from === undefined) throw badAfter();
    const found = await this.#deps.failedEvents.summaries(actorId, compact({ ...rest, after: from }), STALE);
    const shown = found.summaries.filter((summary) => !isRead(summary) || summary.status === "parked");
    const standing = await mapConcurrent(shown, AT_ONCE, async (summary) =>
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
  async demand(actorId: string, eventId: string): Promise<FailedEvent<FailingEvent> | StalePart> {
    const item = await this.#deps.failedEvents.find(actorId, eventId);
    const failed = item === undefined ? undefined : (stalePartOf(item) ?? (await this.#deps.failedEvents.read(item)));
    if (failed !== undefined) return failed;
    throw noneOfThatId();
  }

  /**
   * Runs the event's hook, or reads the place, once more now, also when its attempts are used up.
   *
   * @returns `done`, `dropped` (by the hook's verdict), or the status that the event has afterwards
   * @throws ServiceError resource.conflict while it is being run, or waits behind an event that stopped its stream
   */
  async retry(failed: FailedEvent<FailingEvent> | StalePart, deadline: Deadline): Promise<string> {
    if (isRead(failed)) {
      const read = await this.#deps.staleReads.again(failed, deadline, true);
      if (read === "busy") throw underWay();
      return onWire(read);
    }
    const { event } = failed;
    const result = isListenerEvent(event)
      ? await this.#actionsOf(event).retry({ ...failed, event }, deadline)
      : await this.#retryHook({ ...failed, event });
    if (result === "busy") throw underWay();
    return onWire(result);
  }

  async #retryHook(failed: FailedEvent): Promise<Retried> {
    const { heads, hooks } = this.#deps;
    if (failed.status === "waiting" && (await heads.get(failed.event))?.hooksPaused === true) {
      throw new ServiceError(
        "resource.conflict",
        "This event waits behind one that stopped its subscription's hooks; retry or skip that one.",
      );
    }
    return await hooks.retry(failed);
  }

  /** @throws ServiceError resource.not_found when the application has no such listeners any more */
  #actionsOf({ source }: ListenerEvent): ListenerActions {
    const kind = sourceOf(source)?.kind;
    const actions = kind === undefined || kind === "hook" ? undefined : this.#deps.listeners?.[kind];
    if (actions === undefined) throw noneOfThatId();
    return actions;
  }

  /** Drops the event, or leaves the place as it is. @throws ServiceError resource.conflict while the event is being run */
  async skip(failed: FailedEvent<FailingEvent> | StalePart): Promise<void> {
    if (isRead(failed)) {
      await this.#deps.stale.resolve(failed);
      return;
    }
    const { event } = failed;
    const skipped = isListenerEvent(event)
      ? await this.#actionsOf(event).skip({ ...failed, event })
      : await this.#deps.hooks.skip({ ...failed, event });
    if (!skipped) throw underWay();
  }
}

const noneOfThatId = (): ServiceError => new ServiceError("resource.not_found", "There is no parked event of that id.");

const underWay = (): ServiceError =>
  new ServiceError("resource.conflict", "This event is being run, or was just resolved; try again in a moment.");

/** The stale parts, which lie among the failed events. */
const STALE = { attributes: STALE_ATTRIBUTES, read: stalePartOf };

const isRead = (failed: FailedEvent<FailingEvent> | FailedEventSummary | StalePart): failed is StalePart =>
  "reason" in failed;

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
      source: hookSource(summary),
      peerid: peerId,
      subscriptionid: subscriptionId,
      place: place.join("/"),
      reason,
      since: new Date(since).toISOString(),
    };
  }
  const { eventId: id, source, about, sequence, status, starts, attempts, dueAt } = summary;
  const of = sourceOf(source);
  return compact({
    id,
    kind: of?.kind,
    source,
    ...(of?.kind === "hook" && { peerid: of.peerId, subscriptionid: of.subscriptionId }),
    ...about,
    sequence: of?.kind === "group" && sequence === 0 ? undefined : sequence,
    status: ON_WIRE[status],
    starts,
    attempts: attempts.map(({ at, error }) => ({ at: new Date(at).toISOString(), error })),
    dueAt: dueAt === undefined ? undefined : new Date(dueAt).toISOString(),
  });
}
