/** When a group lags so far behind that it is said, and what it has passed without anything to do. */
import type { GroupState } from "./group-state.ts";

/** When an event that is not done is half as old as records become, ms since 1970. */
export const lagsAt = (expiresAt: number, retentionMs: number): number => expiresAt - retentionMs / 2;

/** The state with or without its mark, by the events that consumers have or had. */
export function withLag(
  { lagging: _, ...state }: GroupState,
  { now, retentionMs }: { readonly now: number; readonly retentionMs: number },
): GroupState {
  const lags = state.lanes.some(({ open }) => open.some(({ expiresAt }) => lagsAt(expiresAt, retentionMs) <= now));
  return lags ? { ...state, lagging: true } : state;
}

/**
 * A group that has nothing to do up to a position stands there, so that records which never concerned it may expire.
 *
 * @returns undefined where a lane stands beyond, or where nothing changes
 */
export function passedTo(state: GroupState, position: string): GroupState | undefined {
  const furthest = state.lanes.reduce((most, each) => (each.after > most.after ? each : most));
  if (furthest.after > position || state.lanes.every(({ after }) => after === position)) return undefined;
  // Nothing beyond the furthest lane is the group's, or it would not be done.
  return { ...state, lanes: state.lanes.map((lane) => ({ ...lane, after: position, number: furthest.number })) };
}
