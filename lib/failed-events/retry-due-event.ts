import type { Key } from "../dynamodb/table.ts";
import type { Clock, Deadline } from "../system/ports.ts";
import type { FailingEvent } from "./hook-event.ts";
import type { HookRuns } from "./hook-runs.ts";
import type { FailedEventStore } from "./failed-event-store.ts";

/**
 * Retries a failed event that is due, or parks it after its last start. Does nothing when the attempt could outlast
 * `deadline`, because an attempt that is cut off counts as a start: the next call retries the event.
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
