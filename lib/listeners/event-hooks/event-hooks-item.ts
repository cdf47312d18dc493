/** The item of an actor's event hooks: how far each of them has heard the actor's log. One for all hooks of the deployment. */
import { gunzipSync, gzipSync } from "node:zlib";
import { positionAfter } from "../../domain/events/position.ts";
import { keeperIn, positionIn } from "../../domain/events/present-epoch.ts";
import { parseText, printJson } from "../../domain/json/json-text.ts";
import type { KeeperState } from "../../domain/events/keeper-state.ts";
import type { Selection } from "../../domain/events/selection.ts";
import type { EventHookDefinition } from "./definition.ts";
import { LEASE_ATTRIBUTES } from "../../dynamodb/lease.ts";
import { listenerKey, type ListenerRef } from "../../dynamodb/keys/listeners.ts";
import type { Attribute, Item, Key } from "../../dynamodb/table.ts";

/** The hooks of an actor, as one listener among others. */
export const eventHooksRef = (actorId: string): ListenerRef => ({ actorId, kind: "event-hooks", id: "all" });

/**
 * The key of the item. Its attributes, beside the lease:
 *
 *   hook-<id>    the order keeper's state of a hook; made before the first change after the release that has
 *                the hook, written by the holder of the lease. Those of ids that a release does not have are left alone
 *   paused-<id>  an event of the hook has stopped it, and is not resolved
 *   starts       how many runs began since one ended; more than one: a run died
 *   trying       the attempt that runs after a run died, so that the next one knows which event killed it
 *   again        another run came while the lease was held: its holder reads the log once more. Another text each time
 *   unsaid       what is to be said below `$sys`, as at other listeners (sys-events.ts); `version` counts how often it was
 *   dueAt        when there is more to do: an event is tried again, or time ran out
 */
export const eventHooksKey = (actorId: string): Key => listenerKey(eventHooksRef(actorId));

export const stateName = (id: string): string => `hook-${id}`;
export const pausedName = (id: string): string => `paused-${id}`;

export type HookState = KeeperState<Selection>;

/**
 * A longer text is stored compressed: with all the keys that can be blocked at once a state takes about 25 KB then, so that
 * the item stays below DynamoDB's 400 KB with as many hooks as an application may have.
 */
const COMPRESSED_FROM = 2_000;

/**
 * A state as it is stored. That of a hook for which nothing waits is its position and its number alone, so that an item with many
 * hooks takes one write unit: whatever is beyond the position has no number, and the present selection holds for it.
 */
export function printState({ anchors: _, ...state }: HookState): string | Uint8Array {
  const { floor, numbered, entries, health, stopped } = state;
  const isIdle = entries.length === 0 && floor.ahead === undefined && floor.after === numbered.after;
  const isWell = stopped === undefined && Object.keys(health).length === 1 && health.failures === 0;
  if (isIdle && isWell) return `${floor.after} ${String(floor.number)}`;
  const text = printJson(state);
  return text.length > COMPRESSED_FROM ? gzipSync(text) : text;
}

/** The state of a hook, its positions in the present epoch (`LOG_EPOCH`); undefined before its beginning. */
export function stateIn(
  epoch: number,
  item: Item,
  { id, selection }: Pick<EventHookDefinition, "id" | "selection">,
): HookState | undefined {
  const stored = item[stateName(id)];
  const text = stored instanceof Uint8Array ? gunzipSync(stored).toString("utf8") : stored;
  if (typeof text !== "string") return undefined;
  // Anchors are for events that are sent again on request, which hooks do not know.
  if (text.startsWith("{")) return keeperIn(epoch, { ...(parseText(text) as Omit<HookState, "anchors">), anchors: [] });
  const [stands = "", number] = text.split(" ");
  const after = positionIn(epoch, stands);
  const point = { after, number: Number(number) };
  const selections = [{ after, selection }];
  return { floor: point, numbered: point, entries: [], selections, anchors: [], health: { failures: 0 } };
}

export const isPaused = (item: Item, id: string): boolean => item[pausedName(id)] === true;

/** An attempt that a run was at when it died. */
export interface Trying {
  readonly id: string;
  readonly position: string;
  /** How many runs died at it, the present one not counted. */
  readonly deaths: number;
}

export function tryingIn(epoch: number, item: Item): Trying | undefined {
  const text = item["trying"];
  if (typeof text !== "string") return undefined;
  const trying = parseText(text) as Trying;
  return { ...trying, position: positionIn(epoch, trying.position) };
}

export const startsIn = (item: Item): number => Number(item["starts"] ?? 0);

/** Tells one mark of `again` from another. */
export const againIn = (item: Item): Attribute | undefined => item["again"];

/** What goes with the end of a run. */
export const RUN_ATTRIBUTES = [...LEASE_ATTRIBUTES, "trying", "again"] as const;

/** True when all these hooks are there with the log up to a record, and none has a failed event. */
export function isUpToDate(
  epoch: number,
  item: Item,
  { hooks, upTo }: { readonly hooks: readonly EventHookDefinition[]; readonly upTo: number },
): boolean {
  const position = positionAfter(epoch, upTo);
  return hooks.every((hook) => {
    const state = stateIn(epoch, item, hook);
    return (
      state === undefined || isPaused(item, hook.id) || (state.floor.after >= position && state.entries.length === 0)
    );
  });
}
