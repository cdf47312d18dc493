/** The hooks of an application on its actors' own events, as a release defines them. */
import type { RecordEvent } from "../../domain/events/record-events.ts";
import { selects, type Selection } from "../../domain/events/selection.ts";
import type { JsonObject } from "../../system/ports.ts";

/** One hook. Its id names its cursor in every actor's log; all else holds from the cursor on. */
export interface EventHookDefinition {
  /** 1 to 32 of `[a-z0-9-]`. */
  readonly id: string;
  readonly selection: Selection;
  /** `key`: the events of one key in order. `strict`: all events in order. `none`: in any order. */
  readonly order: "key" | "strict" | "none";
}

/** One attempt at an event, as a hook is given it. */
export interface EventHookAttempt {
  readonly actorId: string;
  /** The event in the envelope of all ways out, with the hook's own `sequence`. */
  readonly event: JsonObject;
  /** 1 for the first attempt at this event. */
  readonly attempt: number;
}

/** The application's side. */
export interface EventHookRunner {
  /** All hooks of this release, each id once. */
  readonly eventHooks: readonly EventHookDefinition[];
  /** Runs one hook. `signal` aborts at the hook's time limit. @throws what the hook threw */
  runEventHook(id: string, run: EventHookAttempt, signal: AbortSignal): Promise<void>;
}

/** The most hooks of an application: the states of all lie in one item for each actor. */
export const MOST_HOOKS = 12;
/** An event that so many hooks led to, one after another, is a loop: it is parked and runs no hook. */
export const MOST_HOPS = 8;

/** The hooks that hear at least one of the events. */
export const hearing = (
  hooks: readonly EventHookDefinition[],
  events: readonly Pick<RecordEvent, "topic" | "type">[],
): readonly EventHookDefinition[] => hooks.filter(({ selection }) => events.some((event) => selects(selection, event)));
