/** Own events that hooks gave up: how one stops its hook, and how it is tried again. */
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

/** An event that stops its hook pauses it; with the end of the event the hooks are due, so that later events run. */
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
      // A run that is under way has not seen that the hook may go on.
      const set = { dueAt: now, again: ids.id().slice(0, 16) };
      const change = { set, remove: [pausedName(hookOf(event))] };
      return { write: { update: key, change, condition: itemExists }, due: key };
    },
  };
}

/** Another attempt at an event that a hook gave up. */
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
