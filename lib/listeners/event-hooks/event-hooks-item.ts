/** The item of an actor's event hooks: how far each hook has heard the actor's log. An actor has one item for all hooks. */
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

/** All event hooks of an actor, as one listener. */
export const eventHooksRef = (actorId: string): ListenerRef => ({ actorId, kind: "event-hooks", id: "all" });

/**
 * The key of the item. Its attributes, beside the lease:
 *
 *   hook-<id>    the state of the hook's order keeper. It is made before the first change under the release that adds the
 *                hook, and then written by the holder of the lease. States of hooks that a release does not have are kept
 *   paused-<id>  an event has stopped the hook, and is not resolved
 *   starts       how many runs have started since one ended; above 1: a run died
 *   trying       the call that is being made; noted only after a run died, to find the event at which it did
 *   again        a mark, another text each time: another run found the lease taken, so its holder reads the log once more
 *   unsaid       `$sys` events that are not in the log yet (sys-events.ts); moving them there increments `version`
 *   dueAt        when calls are due: an event is tried again, or a run had no time left
 */
export const eventHooksKey = (actorId: string): Key => listenerKey(eventHooksRef(actorId));

export const stateName = (id: string): string => `hook-${id}`;
export const pausedName = (id: string): string => `paused-${id}`;

export type HookState = KeeperState<Selection>;

/**
 * A state whose text is longer than this is compressed. A state with as many blocked keys as it may have then takes about
 * 25 KB, so the item stays below DynamoDB's 400 KB with `MOST_HOOKS` states.
 */
const COMPRESSED_FROM = 2_000;

/**
 * The stored form of a state. When no event waits for the hook, it is only the position and the number of the floor, so
 * that an item with many hooks takes one write unit. That is enough, because later events have no numbers yet, and the
 * present selection applies to them.
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
  // Anchors are for redrives, which event hooks do not have.
  if (text.startsWith("{")) return keeperIn(epoch, { ...(parseText(text) as Omit<HookState, "anchors">), anchors: [] });
  const [stands = "", number] = text.split(" ");
  const after = positionIn(epoch, stands);
  const point = { after, number: Number(number) };
  const selections = [{ after, selection }];
  return { floor: point, numbered: point, entries: [], selections, anchors: [], health: { failures: 0 } };
}

export const isPaused = (item: Item, id: string): boolean => item[pausedName(id)] === true;

/** The call that a run was making when it died. */
export interface Trying {
  readonly id: string;
  readonly position: string;
  /** How many runs died at this call before the present one. */
  readonly deaths: number;
}

export function tryingIn(epoch: number, item: Item): Trying | undefined {
  const text = item["trying"];
  if (typeof text !== "string") return undefined;
  const trying = parseText(text) as Trying;
  return { ...trying, position: positionIn(epoch, trying.position) };
}

export const startsIn = (item: Item): number => Number(item["starts"] ?? 0);

/** The mark of another run, if there is one. */
export const againIn = (item: Item): Attribute | undefined => item["again"];

/** The attributes that the end of a run removes. */
export const RUN_ATTRIBUTES = [...LEASE_ATTRIBUTES, "trying", "again"] as const;

/** True when each hook has heard the log up to the record, or is paused, and none has an event to retry. */
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
