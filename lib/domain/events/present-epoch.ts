/**
 * Converts stored positions to the present epoch of the log. The state of listeners is restored from a backup with the log,
 * so its positions mean the same places of the log, although they were written in an earlier epoch. Positions that others
 * keep outside may not: `resolvePosition` refuses those.
 */
import { compact } from "../../system/compact.ts";
import type { GroupState, GroupStopped, LaneState } from "./group-state.ts";
import type { Entry, KeeperState, Stopped } from "./keeper-state.ts";
import { parsePosition, printPosition } from "./position.ts";
import { parseRootPosition, printRootPosition } from "./root-group.ts";

/** The position in an epoch; a text that is not a position, such as `""`, is returned as it is. */
export function positionIn(epoch: number, text: string): string {
  const position = parsePosition(text);
  return position === undefined || position.epoch === epoch ? text : printPosition({ ...position, epoch });
}

/** The state of an order keeper with every position converted to an epoch. */
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

/** What stopped a group, with its position converted to an epoch. */
export function stoppedIn<S extends GroupStopped>(epoch: number, stopped: S): S {
  return { ...stopped, ...compact({ position: stopped.position && positionIn(epoch, stopped.position) }) };
}

/** The position in an envelope, converted to an epoch. In a group over all actors it begins with the actor. */
export function sentPositionIn(epoch: number, text: string): string {
  const sent = parseRootPosition(text);
  if (sent === undefined) return positionIn(epoch, text);
  return printRootPosition({ ...sent, position: positionIn(epoch, sent.position) });
}

/** The state of a group with every position converted to an epoch. */
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
