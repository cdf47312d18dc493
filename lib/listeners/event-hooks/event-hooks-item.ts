/** The item of an actor's event hooks: how far each of them has heard the actor's log. One for all hooks of the deployment. */
import { parseText, printJson } from "../../domain/json/json-text.ts";
import type { KeeperState } from "../../domain/events/keeper-state.ts";
import type { Selection } from "../../domain/events/selection.ts";
import { LEASE_ATTRIBUTES } from "../../dynamodb/lease.ts";
import { listenerKey, type ListenerRef } from "../../dynamodb/keys/listeners.ts";
import type { Attribute, Item, Key } from "../../dynamodb/table.ts";

/** The hooks of an actor, as one listener among others. */
export const eventHooksRef = (actorId: string): ListenerRef => ({ actorId, kind: "event-hooks", id: "all" });

/**
 * The key of the item. Its attributes, beside the lease:
 *
 *   hook-<id>    the order keeper's state of a hook, as JSON text; made before the first change after the release that has
 *                the hook, written by the holder of the lease. Those of ids that a release does not have are left alone
 *   paused-<id>  an event of the hook has stopped it, and is not resolved
 *   starts       how many runs began since one ended; more than one: a run died
 *   trying       the attempt that runs after a run died, so that the next one knows which event killed it
 *   again        another run came while the lease was held: its holder reads the log once more. Another text each time
 *   dueAt        when there is more to do: an event is tried again, or time ran out
 */
export const eventHooksKey = (actorId: string): Key => listenerKey(eventHooksRef(actorId));

export const stateName = (id: string): string => `hook-${id}`;
export const pausedName = (id: string): string => `paused-${id}`;

export type HookState = KeeperState<Selection>;

export const printState = (state: HookState): string => printJson(state);

/** The state of a hook; undefined before its beginning. */
export function stateIn(item: Item, id: string): HookState | undefined {
  const text = item[stateName(id)];
  return typeof text === "string" ? (parseText(text) as HookState) : undefined;
}

export const isPaused = (item: Item, id: string): boolean => item[pausedName(id)] === true;

/** An attempt that a run was at when it died. */
export interface Trying {
  readonly id: string;
  readonly position: string;
  /** How many runs died at it, the present one not counted. */
  readonly deaths: number;
}

export function tryingIn(item: Item): Trying | undefined {
  const text = item["trying"];
  return typeof text === "string" ? (parseText(text) as Trying) : undefined;
}

export const startsIn = (item: Item): number => Number(item["starts"] ?? 0);

/** Tells one mark of `again` from another. */
export const againIn = (item: Item): Attribute | undefined => item["again"];

/** What goes with the end of a run. */
export const RUN_ATTRIBUTES = [...LEASE_ATTRIBUTES, "trying", "again"] as const;

/** True when all hooks of these ids have heard the log up to a position, and none has a failed event. */
export function isUpToDate(item: Item, ids: readonly string[], position: string): boolean {
  return ids.every((id) => {
    const state = stateIn(item, id);
    return state === undefined || isPaused(item, id) || (state.floor.after >= position && state.entries.length === 0);
  });
}
