/**
 * Stored positions in the present epoch of the log. What is stored of listeners was restored with the log, so its positions
 * mean the same places of it, whatever the epoch in which they were written. Positions from outside do not: see
 * `resolvePosition`.
 */
import { compact } from "../../system/compact.ts";
import type { GroupState, GroupStopped, LaneState } from "./group-state.ts";
import type { Entry, KeeperState, Stopped } from "./keeper-state.ts";
import { parsePosition, printPosition } from "./position.ts";
import { parseRootPosition, printRootPosition } from "./root-group.ts";

/** The same place of the log in an epoch; a text that is no position, as `""` for none, stays. */
export function positionIn(epoch: number, text: string): string {
  const position = parsePosition(text);
  return position === undefined || position.epoch === epoch ? text : printPosition({ ...position, epoch });
}

/** The state of an order keeper with every position in an epoch. */
export function keeperIn<S>(epoch: number, state: KeeperState<S>): KeeperState<S> {
  const at = (text: string): string => positionIn(epoch, text);
  const beyond = <P extends { readonly after: string }>(point: P): P => ({ ...point, after: at(point.after) });
  const entryIn = ({ countedTo, failing, ...entry }: Entry): Entry => ({
    ...beyond(entry),
    ...compact({
      countedTo: countedTo === undefined ? undefined : at(countedTo),
      failing: failing && { ...failing, position: at(failing.position) },
    }),
  });
  const stopIn = (stopped: Stopped): Stopped =>
    stopped.reason === "exhausted" ? { ...stopped, position: at(stopped.position) } : stopped;
  const { floor, numbered, entries, selections, anchors, stopped, redrive } = state;
  return {
    ...state,
    floor: beyond(floor),
    numbered: beyond(numbered),
    entries: entries.map(entryIn),
    selections: selections.map(beyond),
    anchors: anchors.map(beyond),
    ...compact({
      stopped: stopped && stopIn(stopped),
      redrive: redrive && { ...beyond(redrive), from: at(redrive.from), upTo: at(redrive.upTo) },
    }),
  };
}

/** What has stopped a group, its position in an epoch. */
export function stoppedIn<S extends GroupStopped>(epoch: number, stopped: S): S {
  return { ...stopped, ...compact({ position: stopped.position && positionIn(epoch, stopped.position) }) };
}

/** The position in an event as it is sent, in an epoch: to consumers of all actors it says the actor too. */
export function sentPositionIn(epoch: number, text: string): string {
  const sent = parseRootPosition(text);
  if (sent === undefined) return positionIn(epoch, text);
  return printRootPosition({ ...sent, position: positionIn(epoch, sent.position) });
}

/** The state of a group with every position in an epoch. */
export function groupIn(epoch: number, state: GroupState): GroupState {
  const at = (text: string): string => positionIn(epoch, text);
  const beyond = <P extends { readonly after: string }>(point: P): P => ({ ...point, after: at(point.after) });
  const placed = <P extends { readonly position: string }>(one: P): P => ({ ...one, position: at(one.position) });
  const laneIn = (lane: LaneState): LaneState => ({
    ...beyond(lane),
    open: lane.open.map(placed),
    behind: lane.behind.map(beyond),
    replayed: lane.replayed.map(placed),
  });
  const { lanes, cleared, selections, numbered, stopped } = state;
  return {
    ...state,
    lanes: lanes.map(laneIn),
    cleared: at(cleared),
    selections: selections.map(beyond),
    ...compact({
      numbered: numbered && beyond(numbered),
      stopped: stopped && stoppedIn(epoch, stopped),
    }),
  };
}
