import type { Key } from "../dynamodb/table.ts";
import type { Clock, Deadline } from "../system/ports.ts";
import type { FailingEvent } from "./hook-event.ts";
import type { HookRuns } from "./hook-runs.ts";
import type { FailedEventStore } from "./failed-event-store.ts";

/**
 * Runs the hooks of a failed event again when the event is due, or gives it up after its last start. An event that could
 * not end before `deadline` is left to the next call, because a start that is cut off counts.
 */
export async function retryDueEvent<E extends FailingEvent>(
  {
    failedEvents,
    hooks,
    clock,
  }: { readonly failedEvents: FailedEventStore<E>; readonly hooks: HookRuns<E>; readonly clock: Clock },
  key: Key,
  deadline: Deadline,
): Promise<void> {
  const event = await failedEvents.at(key);
  if (event?.dueAt === undefined || event.dueAt > clock.now()) return;
  if (deadline.remaining() <= hooks.longestMs) return;
  if (hooks.exhausted(event)) await hooks.giveUp(event);
  else await hooks.retry(event);
}
