/** Event hooks: the application's hooks on its actors' own events, as a release defines them. */
import type { RecordEvent } from "../../domain/events/record-events.ts";
import { selects, type Selection } from "../../domain/events/selection.ts";
import type { JsonObject } from "../../system/ports.ts";

/** One event hook. Its id names its cursor in every actor's log; a change of anything else applies from the cursor on. */
export interface EventHookDefinition {
  /** 1 to 32 of `[a-z0-9-]`. */
  readonly id: string;
  readonly selection: Selection;
  /** `key`: the events of one key in order. `strict`: all events in order. `none`: in any order. */
  readonly order: "key" | "strict" | "none";
}

/** One call of an event hook. */
export interface EventHookAttempt {
  readonly actorId: string;
  /** The envelope of the event, with the hook's own `sequence`. */
  readonly event: JsonObject;
  /** 1 for the first attempt at this event. */
  readonly attempt: number;
}

/** The event hooks of the application, and the way to call one. */
export interface EventHookRunner {
  /** All event hooks of this release; no two have the same id. */
  readonly eventHooks: readonly EventHookDefinition[];
  /** Runs one hook. `signal` aborts at the hook's time limit. @throws what the hook threw */
  runEventHook(id: string, run: EventHookAttempt, signal: AbortSignal): Promise<void>;
}

/** Most event hooks of an application: an actor has one item for the states of all of them. */
export const MOST_HOOKS = 12;
/** An event to which this many hooks led, one after another, is taken for a loop: it is parked, and no hook is called. */
export const MOST_HOPS = 8;

/** The hooks whose selection lets through at least one of the events. */
export const hearing = (
  hooks: readonly EventHookDefinition[],
  events: readonly Pick<RecordEvent, "topic" | "type">[],
): readonly EventHookDefinition[] => hooks.filter(({ selection }) => events.some((event) => selects(selection, event)));
