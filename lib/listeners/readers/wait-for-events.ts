/** Waiting for events of an actor: the log's head is read now and then until there is more, or the time is over. */
import type { ChangeLog } from "../../change-log/change-log.ts";
import { parsePosition, type PositionGone } from "../../domain/events/position.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Platform } from "../../system/ports.ts";
import { readEvents, type EventPage, type ReadEventsDeps, type Reading } from "./read-events.ts";

/** Pause between two looks at the head, ms: what waiting costs against how late an event comes. */
export const LOOK_EVERY_MS = 1_000;

export interface WaitDeps extends ReadEventsDeps, Pick<Platform, "clock" | "sleep"> {
  readonly changeLog: Pick<ChangeLog, "head" | "stream" | "recentNewest">;
}

/**
 * The first events after a position, for which it waits up to `waitMs`. A page without any is up to date, or as far as one
 * reading goes. One read of the head a second while it waits.
 *
 * @throws ServiceError resource.not_found when the actor is deleted meanwhile
 * @param readsNow what the reader may see, asked for each further reading: it can change meanwhile
 */
export async function eventsWithin(
  deps: WaitDeps,
  waitMs: number,
  reading: Reading,
  readsNow: () => Promise<Reading["reads"]>,
): Promise<EventPage | PositionGone> {
  const { changeLog, clock, sleep } = deps;
  const until = clock.now() + waitMs;
  let page = await readEvents(deps, reading);
  while (typeof page !== "string" && page.events.length === 0 && page.upToDate && clock.now() < until) {
    await sleep(Math.min(LOOK_EVERY_MS, until - clock.now()));
    const newest = await changeLog.recentNewest(reading.actor.id);
    // Below it is the end of a log that was deleted, or that of a moment ago.
    if (newest === (parsePosition(page.next)?.record ?? 0)) continue;
    page = await readEvents(deps, { ...reading, from: page.next, reads: await readsNow() });
    if (page === "ahead") throw new ServiceError("resource.not_found", "There is no such actor.");
  }
  return page;
}
