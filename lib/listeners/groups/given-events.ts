/** Events of a group that a person has from now on, and those of them that a person sends again. */
import type { LaneState } from "../../domain/events/group-state.ts";
import type { Write } from "../../dynamodb/table.ts";
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import { idOf, type ListenerEvent } from "../../failed-events/hook-event.ts";
import { jsonBytesInResult } from "../../http/answer-size.ts";
import type { Clock, JsonObject } from "../../system/ports.ts";
import { DAY_MS } from "../../system/units.ts";
import type { LogEvent } from "../log-events.ts";

export interface GivenEventsDeps {
  readonly clock: Clock;
  readonly failedEvents: FailedEventStore<ListenerEvent>;
  /** Days for which a failed event is kept (`PARKED_KEEP_DAYS`). */
  readonly failedKeepDays: number;
}

/** An event that is parked: a person decides what becomes of it. */
export interface GivenEvent {
  readonly event: LogEvent;
  /** As consumers see it. */
  readonly number: number;
  /** Deliveries that failed. */
  readonly attempts: number;
  readonly because: string;
  /** The event as consumers get it, with its data: they are kept for longer than its record. */
  readonly envelope: JsonObject;
}

/** The writes that park the events. */
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
      id: idOf([source, event.id]),
      actorId,
      source,
      sequence: number,
      topic,
      type,
      position: event.position,
      event: envelope,
    };
    const run = { status: "parked", starts: attempts, attempts: [{ at: now, error: because }] } as const;
    writes.push(...(await failedEvents.recordingWrites(failing, { ...run, keptUntil: now + failedKeepDays * DAY_MS })));
  }
  return writes;
}

/** An event that a person sends again. */
export interface Replay {
  readonly event: JsonObject;
  /** 1 for the first delivery. */
  readonly attempt: number;
}

/** How much a fetch may still lend. */
export interface ReplayLimits {
  /** Most events. */
  readonly max: number;
  /** Bytes, counted as `jsonBytesInResult`, after which no other event is lent; the last one may exceed them. */
  readonly mostBytes: number;
  /** Fetches without a verdict, after which the event is parked again. */
  readonly maxAttempts: number;
}

/** What a group takes in order, of an event that it gave up. */
export function keyIn({ topic, event: { partitionkey } }: Pick<ListenerEvent, "topic" | "event">): string {
  const [target = ""] = topic.split(".", 1);
  return typeof partitionkey === "string" ? `${target} ${partitionkey}` : topic;
}

/** Whether the event at the position is done in its lane. In strict order all events have one key, `""`. */
const isPassed = (
  { after, open, behind }: LaneState,
  { position, key }: { readonly position: string; readonly key: string },
): boolean =>
  position <= after &&
  open.every((each) => each.position !== position) &&
  behind.every((each) => each.after >= position || (each.key !== key && each.key !== ""));

/**
 * The failed events that a person sends again, with a lane that lends them: they come before all others of the lane.
 *
 * @param shown the event as consumers get it now [as it is kept]
 * @returns `isChanged`: some of them are over, too
 */
export async function replaysOf(
  failedEvents: Pick<FailedEventStore<ListenerEvent>, "find" | "read">,
  { actorId, lane }: { readonly actorId: string; readonly lane: LaneState },
  { max, mostBytes, maxAttempts }: ReplayLimits,
  shown: (envelope: JsonObject) => JsonObject | Promise<JsonObject> = (envelope) => envelope,
): Promise<{
  readonly lane: LaneState;
  readonly events: readonly Replay[];
  readonly bytes: number;
  readonly isChanged: boolean;
}> {
  const events: Replay[] = [];
  const kept: LaneState["replayed"][number][] = [];
  let bytes = 0;
  for (const each of lane.replayed) {
    const { id, position, unanswered = 0 } = each;
    if (events.length >= max || bytes >= mostBytes) {
      kept.push(each);
      continue;
    }
    const item = await failedEvents.find(actorId, id);
    const failed = item === undefined ? undefined : await failedEvents.read(item);
    // It is resolved, or no consumer answers it: a person has it again.
    if (failed === undefined || unanswered >= maxAttempts) continue;
    // After a reset it comes by itself. With both in one answer a consumer would have two verdicts for one event.
    if (!isPassed(lane, { position, key: keyIn(failed.event) })) continue;
    const event = await shown(failed.event.event);
    events.push({ event, attempt: failed.starts + unanswered + 1 });
    bytes += jsonBytesInResult(event);
    kept.push({ ...each, lent: true });
  }
  const isChanged = events.length > 0 || kept.length < lane.replayed.length;
  return { lane: isChanged ? { ...lane, replayed: kept } : lane, events, bytes, isChanged };
}
