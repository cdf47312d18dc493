/** What a group has not done yet, counted for a person from its state and the log. */
import { groupFloor, isDoneIn } from "../../domain/events/group-state.ts";
import { selectionAt } from "../../domain/events/keeper-state.ts";
import { parsePosition, positionOf } from "../../domain/events/position.ts";
import { eventsOf } from "../../domain/events/record-events.ts";
import { selects } from "../../domain/events/selection.ts";
import type { ChangeLog } from "../../change-log/change-log.ts";
import { readTime } from "../../change-log/record-time.ts";
import { compact } from "../../system/compact.ts";
import type { Group } from "./group-item.ts";

/** Most records that are read for one view; each one beyond counts as one event. */
const MOST_RECORDS = 1_000;

/**
 * Counts the events that are not done. `oldestAt`: the time of the oldest in the records up to `upTo`, ms since 1970; absent:
 * everything there is done.
 */
export async function waitingOf(
  { actorId, state, settings }: Pick<Group, "actorId" | "state" | "settings">,
  {
    changeLog,
    newest,
    epoch,
  }: { readonly changeLog: Pick<ChangeLog, "stream">; readonly newest: number; readonly epoch: number },
): Promise<{ readonly count: number; readonly upTo: number; readonly oldestAt?: number }> {
  // The rest of a record whose first events are done belongs to it.
  const floor = Math.max(0, (parsePosition(groupFloor(state))?.record ?? newest) - 1);
  const last = Math.min(newest, floor + MOST_RECORDS);
  let count = newest - last;
  let oldestAt: number | undefined;
  for await (const { number, record } of changeLog.stream(actorId, floor, last)) {
    for (const event of eventsOf(record)) {
      const one = { position: positionOf(epoch, number, event), key: event.key, barrier: event.barrier, expiresAt: 0 };
      if (!selects(selectionAt(state.selections, one), event) || isDoneIn(state, settings.order, one)) continue;
      count += 1;
      oldestAt ??= readTime(record.at);
    }
  }
  return { count, upTo: last, ...compact({ oldestAt }) };
}
