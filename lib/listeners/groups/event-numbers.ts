/** How many events a group's patterns select: the numbers that its consumers see count these. */
import type { ChangeLog } from "../../change-log/change-log.ts";
import type { GroupState } from "../../domain/events/group-state.ts";
import { selectionAt } from "../../domain/events/keeper-state.ts";
import { parsePosition, positionOf } from "../../domain/events/position.ts";
import { eventsOf } from "../../domain/events/record-events.ts";
import { selects } from "../../domain/events/selection.ts";

/**
 * How many of the events that are still in a log a group selects between two positions, the later one included. One query
 * for each MB.
 */
export async function countBetween(
  { changeLog, epoch }: { readonly changeLog: Pick<ChangeLog, "stream">; readonly epoch: number },
  { actorId, state }: { readonly actorId: string; readonly state: Pick<GroupState, "selections"> },
  [one, other]: readonly [string, string],
): Promise<number> {
  const [least, most] = one < other ? [one, other] : [other, one];
  const recordOf = (position: string): number => parsePosition(position)?.record ?? 0;
  let count = 0;
  // The rest of a record whose first events lie before belongs to them.
  const first = Math.max(0, recordOf(least) - 1);
  for await (const { number, record } of changeLog.stream(actorId, first, recordOf(most))) {
    for (const event of eventsOf(record)) {
      const position = positionOf(epoch, number, event);
      const at = { position, key: event.key, barrier: event.barrier, expiresAt: 0 };
      if (position > least && position <= most && selects(selectionAt(state.selections, at), event)) count += 1;
    }
  }
  return count;
}
