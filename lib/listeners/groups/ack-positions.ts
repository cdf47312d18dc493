/** The positions of an acknowledgement, which come from outside. */
import { positionGone } from "../../actors/position-gone.ts";
import type { Acknowledgement } from "../../domain/events/group-verdicts.ts";
import { parsePosition } from "../../domain/events/position.ts";
import { WHY, type BeginningDeps } from "../beginning.ts";
import type { Group } from "./group-item.ts";

/**
 * A position of another epoch may be that of an event which was lost with the log of that epoch, and is now another
 * event's. An `upTo` beyond what was lent, or that is no position, would take more than the consumer has seen.
 *
 * @throws ServiceError resource.position_gone
 */
export function demandPositions(
  { epoch, rootOf }: Pick<BeginningDeps, "epoch" | "rootOf">,
  { actorId, state }: Pick<Group, "actorId" | "state">,
  { upTo, items }: Pick<Acknowledgement, "upTo" | "items">,
): void {
  const isOfAnother = (text: string): boolean => (parsePosition(text)?.epoch ?? epoch) !== epoch;
  const gone = (message: string, field: string): Error => positionGone(rootOf(actorId), message, field);
  for (const [index, { position }] of items.entries()) {
    if (isOfAnother(position)) throw gone(`${WHY.epoch}.`, `items.${String(index)}.position`);
  }
  if (upTo === undefined) return;
  if (isOfAnother(upTo)) throw gone(`${WHY.epoch}.`, "upTo");
  const points = state.lanes.flatMap(({ after, replayed }) => [after, ...replayed.map(({ position }) => position)]);
  if (parsePosition(upTo) !== undefined && points.some((each) => upTo <= each)) return;
  throw gone("The group has lent no event as far as this position; name the position of one that it lent.", "upTo");
}
