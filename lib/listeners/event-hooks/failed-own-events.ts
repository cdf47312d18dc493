/** Events that event hooks gave up: how such an event stops its hook, and how it is retried. */
import type { FailedEventStoreDeps } from "../../failed-events/failed-event-store.ts";
import type { HookRunner, ListenerEvent } from "../../failed-events/hook-event.ts";
import { sourceOf } from "../../dynamodb/keys/failed-events.ts";
import { itemExists, type Table } from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";
import type { Ids } from "../../system/ports.ts";
import { insideEventHook } from "../../system/request-context.ts";
import type { EventHookRunner } from "./definition.ts";
import { eventHooksKey, pausedName } from "./event-hooks-item.ts";

/** The id of the hook at which an event failed. */
function hookOf({ source }: ListenerEvent): string {
  const of = sourceOf(source);
  return of?.kind === "event-hook" ? of.id : "";
}

/**
 * The writes at the hooks' item: an event that stops its hook pauses it, and resolving the event resumes it and makes the
 * item due.
 */
export function eventHookPauses(table: Pick<Table, "get">, ids: Ids): FailedEventStoreDeps<ListenerEvent>["source"] {
  return {
    stopped: async (event) => {
      const key = eventHooksKey(event.actorId);
      if ((await table.get(key, { only: ["pk"] })) === undefined) return undefined;
      return { update: key, change: { set: { [pausedName(hookOf(event))]: true } }, condition: itemExists };
    },
    resolved: async (event, { stops, now }) => {
      const key = eventHooksKey(event.actorId);
      if (!stops || (await table.get(key, { only: ["pk"] })) === undefined) return undefined;
      // A run that is in progress does not know that the hook is resumed: the mark makes it read the item again.
      const set = { dueAt: now, again: ids.id().slice(0, 16) };
      const change = { set, remove: [pausedName(hookOf(event))] };
      return { write: { update: key, change, condition: itemExists }, due: key };
    },
  };
}

/** Calls a hook again with an event that it gave up. */
export function eventHookRunner(runner: EventHookRunner): HookRunner<ListenerEvent> {
  const isThere = (id: string): boolean => runner.eventHooks.some((hook) => hook.id === id);
  return {
    handles: (event) => isThere(hookOf(event)),
    run: async (event, signal, attempt) => {
      const { hops = 0, traceparent } = event.event;
      const cause = compact({
        hops: Number(hops) + 1,
        traceparent: typeof traceparent === "string" ? traceparent : undefined,
      });
      const run = { actorId: event.actorId, event: event.event, attempt };
      await insideEventHook(cause, async () => await runner.runEventHook(hookOf(event), run, signal));
    },
  };
}
