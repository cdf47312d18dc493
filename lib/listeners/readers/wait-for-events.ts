/** Waiting for events of an actor: the log's head is read now and then until there is more, or the time is over. */
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
 * The first events after a position, for which it waits. A page without any is up to date, or as far as one reading goes.
 * One read of the head a second while it waits.
 *
 * @throws ServiceError resource.not_found when the actor is deleted meanwhile
 * @param readsNow what the reader may see, asked for each further reading: it can change meanwhile
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
      // Below it is the end of a log that was deleted, or that of a moment ago.
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
