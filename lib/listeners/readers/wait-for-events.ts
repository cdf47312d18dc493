/** Waits for events of an actor: reads the log's head once a second until there is a new record, or the time is over. */
import type { ChangeLog } from "../../change-log/change-log.ts";
import { recordOf, type PositionGone } from "../../domain/events/position.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Platform } from "../../system/ports.ts";
import { longPoll, type Wait } from "../long-poll.ts";
import { readEvents, type EventPage, type ReadEventsDeps, type Reading } from "./read-events.ts";

export interface WaitDeps extends ReadEventsDeps, Pick<Platform, "clock" | "sleep"> {
  readonly changeLog: Pick<ChangeLog, "head" | "stream" | "recentNewest">;
}

/**
 * The events after a position; waits while there are none. The page is empty when the time is over, or one request has read
 * as many records as it may. While waiting, one read of the head a second.
 *
 * @param readsNow the reader's permissions, asked for again before each further reading
 * @throws ServiceError resource.not_found when the actor is deleted meanwhile; what `readsNow` throws
 */
export async function eventsWithin(
  deps: WaitDeps,
  wait: Wait,
  reading: Reading,
  readsNow: () => Promise<Reading["reads"]>,
): Promise<EventPage | PositionGone> {
  let page: EventPage | undefined;
  return await longPoll<EventPage | PositionGone>(deps, wait, async () => {
    if (page !== undefined) {
      const newest = await deps.changeLog.recentNewest(reading.actor.id);
      // A lower number is that of a deleted log, or one that is slightly out of date: `readEvents` finds out which.
      if (newest === recordOf(page.next)) return { is: "nothing", result: page };
    }
    const further = page === undefined ? reading : { ...reading, from: page.next, reads: await readsNow() };
    const result = await readEvents(deps, further);
    if (page !== undefined && result === "ahead") {
      throw new ServiceError("resource.not_found", "There is no such actor.");
    }
    if (typeof result === "string" || result.events.length > 0 || !result.upToDate) return { is: "found", result };
    page = result;
    return { is: "nothing", result };
  });
}
