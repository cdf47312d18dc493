/** Where a listener begins in the log, as its owner says it. */
import { positionGone } from "../actors/position-gone.ts";
import { oldestKept, type ChangeLog, type LogHead } from "../change-log/change-log.ts";
import { printPosition, resolvePosition, type PositionGone } from "../domain/events/position.ts";
import { compact } from "../system/compact.ts";

/** Why no listener can begin at a position. */
export const WHY: Readonly<Record<PositionGone, string>> = {
  unknown: "This is no position of the actor's log",
  ahead: "The log has not come to this position",
  expired: "The record at this position has expired",
  epoch: "This position is of another epoch of the log",
};

export interface BeginningDeps {
  readonly changeLog: Pick<ChangeLog, "oldest">;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
  /** The root URI of an actor. */
  readonly rootOf: (actorId: string) => string;
}

/**
 * The position after which a listener begins.
 *
 * @param how.from `now`, `earliest`, or a position; `how.log`: the head of the log
 * @param how.field the name of `from` in the request
 * @throws ServiceError resource.position_gone
 */
export async function beginningAfter(
  { changeLog, epoch, rootOf }: BeginningDeps,
  how: { readonly actorId: string; readonly from: string; readonly log: LogHead; readonly field?: string },
): Promise<string> {
  const { actorId, from, log, field = "from" } = how;
  const found = from === "now" ? undefined : await changeLog.oldest(actorId);
  const position = resolvePosition(from, { epoch, newest: log.newest, ...compact({ oldest: oldestKept(log, found) }) });
  if (typeof position !== "string") return printPosition(position);
  throw positionGone(rootOf(actorId), `${WHY[position]}; read the state, and begin now.`, field);
}
