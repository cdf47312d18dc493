/** When a group counts as lagging, and how a group advances past records that contain nothing for it. */
import type { GroupState } from "./group-state.ts";

/**
 * When an event reaches half of the age at which records expire, ms since 1970: if it is not done by then, its group lags.
 */
export const lagsAt = (expiresAt: number, retentionMs: number): number => expiresAt - retentionMs / 2;

/** The state with `lagging` set as its open events demand. */
export function withLag(
  { lagging: _, ...state }: GroupState,
  { now, retentionMs }: { readonly now: number; readonly retentionMs: number },
): GroupState {
  const lags = state.lanes.some(({ open }) => open.some(({ expiresAt }) => lagsAt(expiresAt, retentionMs) <= now));
  return lags ? { ...state, lagging: true } : state;
}

/**
 * Advances all lanes of a group without open events to a position, so that records which do not concern the group may
 * expire.
 *
 * @returns undefined when a lane is beyond the position, or nothing changes
 */
export function passedTo(state: GroupState, position: string): GroupState | undefined {
  const furthest = state.lanes.reduce((most, each) => (each.after > most.after ? each : most));
  if (furthest.after > position || state.lanes.every(({ after }) => after === position)) return undefined;
  // The group hears no event between the furthest lane and the position, so the number stays that of the furthest lane.
  return { ...state, lanes: state.lanes.map((lane) => ({ ...lane, after: position, number: furthest.number })) };
}
