/** Events of a group that a person has from now on, and those of them that a person sends again. */
import type { LaneState } from "../../domain/events/group-state.ts";
import type { Write } from "../../dynamodb/table.ts";
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import { idOf, type ListenerEvent } from "../../failed-events/hook-event.ts";
import type { Clock, JsonObject } from "../../system/ports.ts";
import type { LogEvent } from "../log-events.ts";

const DAY_MS = 86_400_000;

export interface GivenEventsDeps {
  readonly clock: Clock;
  readonly failedEvents: FailedEventStore<ListenerEvent>;
  /** Days for which a failed event is kept (`PARKED_KEEP_DAYS`). */
  readonly failedKeepDays: number;
}

/** An event that a person has from now on. */
export interface GivenEvent {
  readonly event: LogEvent;
  readonly number: number;
  /** Deliveries that failed. */
  readonly attempts: number;
  readonly because: string;
  /** The event as consumers get it. */
  readonly envelope: JsonObject;
}

/** The writes that keep the events. */
export async function keptWrites(
  { clock, failedEvents, failedKeepDays }: GivenEventsDeps,
  { actorId, source }: Pick<ListenerEvent, "actorId" | "source">,
  given: readonly GivenEvent[],
): Promise<readonly Write[]> {
  const now = clock.now();
  const writes: Write[] = [];
  for (const { event, number, attempts, because, envelope } of given) {
    const { topic, type } = event.event;
    const failing: ListenerEvent = {
      ...{ id: idOf([source, event.id]), actorId, source, sequence: number, topic, type },
      ...{ position: event.position, event: envelope },
    };
    const run = { status: "parked", starts: attempts, attempts: [{ at: now, error: because }] } as const;
    writes.push(...(await failedEvents.recordingWrites(failing, { ...run, keptUntil: now + failedKeepDays * DAY_MS })));
  }
  return writes;
}

/** The failed events that a person sends again, with a lane that lends them: they come before all others of the lane. */
export async function replaysOf(
  failedEvents: Pick<FailedEventStore<ListenerEvent>, "find" | "read">,
  {
    actorId,
    lane,
    max,
    maxAttempts,
  }: { readonly actorId: string; readonly lane: LaneState; readonly max: number; readonly maxAttempts: number },
): Promise<{
  readonly lane: LaneState;
  readonly events: readonly { readonly event: JsonObject; readonly attempt: number }[];
}> {
  const events: { event: JsonObject; attempt: number }[] = [];
  const kept = [];
  for (const each of lane.replayed) {
    const { id, unanswered = 0 } = each;
    const item = events.length < max ? await failedEvents.find(actorId, id) : undefined;
    const failed = item === undefined ? undefined : await failedEvents.read(item);
    // It is resolved, or no consumer answers it: a person has it again.
    if (events.length < max && (failed === undefined || unanswered >= maxAttempts)) continue;
    if (failed !== undefined) events.push({ event: failed.event.event, attempt: failed.starts + unanswered + 1 });
    kept.push({ ...each, lent: failed !== undefined });
  }
  return { lane: { ...lane, replayed: kept }, events };
}
