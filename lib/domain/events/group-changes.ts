/** What people change in a group's state, and the replayed events that consumers have taken. */
import type { GroupState, Replayed } from "./group-state.ts";

/** The state with a parked event that a person sends again: its lane lends it before all other events. */
export function withReplayed(state: GroupState, lane: number, event: Pick<Replayed, "id" | "position">): GroupState {
  const lanes = state.lanes.map((each, index) => {
    const others = each.replayed.filter(({ id, taken }) => id !== event.id || taken !== true);
    if (index !== lane || others.some(({ id }) => id === event.id)) return { ...each, replayed: others };
    return { ...each, replayed: [...others, { ...event, lent: false }] };
  });
  return { ...state, lanes };
}

/**
 * The state with failed events that a consumer has taken: they are noted until they are deleted, even if this process dies
 * first.
 */
export function withTaken(state: GroupState, ids: readonly string[]): GroupState {
  if (ids.length === 0) return state;
  const added = ids.map((id) => ({ id, position: "", lent: false, taken: true }) as const);
  const lanes = state.lanes.map((lane, at) => (at === 0 ? { ...lane, replayed: [...lane.replayed, ...added] } : lane));
  return { ...state, lanes };
}

/** The ids of failed events that consumers have taken, and that may not be deleted yet. */
export const takenIn = ({ lanes }: Pick<GroupState, "lanes">): readonly string[] =>
  lanes.flatMap(({ replayed }) => replayed.flatMap(({ id, taken }) => (taken === true ? [id] : [])));

/** The state after these failed events were deleted. */
export function withoutTaken(state: GroupState): GroupState {
  if (takenIn(state).length === 0) return state;
  const lanes = state.lanes.map((lane) => ({ ...lane, replayed: lane.replayed.filter(({ taken }) => taken !== true) }));
  return { ...state, lanes };
}

/** Resumes a stopped group: the event that stopped it gets all its attempts again, or with `skip` goes to a person. */
export function resumedGroup({ stopped, ...state }: GroupState, skip: boolean): GroupState {
  if (stopped === undefined || stopped.reason === "position_gone") return { ...state, ...(stopped && { stopped }) };
  const lanes = state.lanes.map((lane) => ({
    ...lane,
    open: lane.open.map((one) => {
      if (one.position !== stopped.position) return one;
      return skip ? { ...one, skipped: true as const } : { ...one, tryAt: 0, attempts: 0 };
    }),
  }));
  return { ...state, lanes };
}
