/** The events of a group as consumers are lent them, and as they are kept when no consumer took them. */
import { eventDataUrl } from "../../actors/event-data-url.ts";
import type { ActorRecord } from "../../actors/actor-record.ts";
import { envelopeOf, INLINE_MAX_BYTES } from "../../domain/events/envelope.ts";
import { type LentEvent } from "../../domain/events/group-fetch.ts";
import { freeLanes } from "../../domain/events/group-lanes.ts";
import { shownNumber, type GroupState } from "../../domain/events/group-state.ts";
import { sourceText } from "../../dynamodb/keys/failed-events.ts";
import type { Write } from "../../dynamodb/table.ts";
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import { idOf, type ListenerEvent } from "../../failed-events/hook-event.ts";
import { jsonBytesInResult, MAX_ANSWER_BYTES } from "../../http/answer-size.ts";
import { compact } from "../../system/compact.ts";
import type { Clock, JsonObject } from "../../system/ports.ts";
import { withDataWithin } from "../event-data.ts";
import type { LogEvent } from "../log-events.ts";
import type { Group } from "./group-item.ts";

/** Most failed events of a group that are kept. */
const MOST_FAILED_EVENTS = 1_000;
/** The events of one answer, counted as `jsonBytesInResult`; the last one may go beyond, and has 600 KB at most. */
export const MOST_BYTES = MAX_ANSWER_BYTES - 700_000;
const DAY_MS = 86_400_000;

export interface GroupEventsDeps {
  readonly clock: Clock;
  readonly failedEvents: FailedEventStore<ListenerEvent>;
  /** Days for which a failed event is kept (`PARKED_KEEP_DAYS`). */
  readonly failedKeepDays: number;
  readonly rootOf: (actorId: string) => string;
}

/** Whose events, of which group as it was read. */
interface GroupEventing {
  readonly deps: GroupEventsDeps;
  readonly actor: ActorRecord;
  readonly group: Group;
}

/** An event as a consumer is lent it. */
export interface Lent {
  readonly event: JsonObject;
  /** 1 for the first delivery. */
  readonly attempt: number;
  readonly lane: number;
}

/** An event that no consumer took, and why. */
interface UntakenEvent extends Pick<LentEvent<LogEvent>, "event" | "number" | "attempts"> {
  readonly because: string;
}

export const lentOf = (fetching: GroupEventing, { lane, event, number, attempts }: LentEvent<LogEvent>): Lent => ({
  event: envelopeIn(fetching, { event, number }),
  attempt: attempts + 1,
  lane,
});

/** The failed events that a person sends again, of the lanes that are free: they come first. */
export async function replayedIn(
  { deps, actor, group }: GroupEventing,
  state: GroupState,
  max: number,
): Promise<{
  readonly state: GroupState;
  readonly events: readonly Lent[];
  readonly bytes: number;
  readonly lanes: ReadonlySet<number>;
}> {
  const dataDeps = { ...deps, actors: { get: () => Promise.resolve(actor) } };
  const events: Lent[] = [];
  let bytes = 0;
  let isChanged = false;
  const leased = new Set<number>();
  const lanes = [...state.lanes];
  for (const index of freeLanes(state, deps.clock.now())) {
    const lane = lanes[index];
    if (lane === undefined || lane.replayed.length === 0) continue;
    const kept = [];
    for (const each of lane.replayed) {
      const { id, unanswered = 0 } = each;
      const isFull = events.length >= max || bytes >= MOST_BYTES;
      const item = isFull ? undefined : await deps.failedEvents.find(actor.id, id);
      const failed = item === undefined ? undefined : await deps.failedEvents.read(item);
      // It is resolved, or no consumer answers it: a person has it again.
      const isOver = !isFull && (failed === undefined || unanswered >= group.settings.maxAttempts);
      if (isOver) isChanged = true;
      else if (failed === undefined) kept.push(each);
      else {
        const event = await withDataWithin(dataDeps, actor.id, failed.event.event, INLINE_MAX_BYTES);
        events.push({ event, attempt: failed.starts + unanswered + 1, lane: index });
        bytes += jsonBytesInResult(event);
        leased.add(index);
        kept.push({ ...each, lent: true });
      }
    }
    lanes[index] = { ...lane, replayed: kept };
  }
  return { state: leased.size === 0 && !isChanged ? state : { ...state, lanes }, events, bytes, lanes: leased };
}

/**
 * How many failed events there is room for, of `most` that may come. The group does not learn that one has expired: before it
 * stops for want of room they are counted, and `miscounted` is what its own count has to be corrected by.
 */
export async function roomFor(
  { failedEvents }: Pick<GroupEventsDeps, "failedEvents">,
  group: Group,
  most: number,
): Promise<{ readonly room: number; readonly miscounted: number }> {
  const room = Math.max(0, MOST_FAILED_EVENTS - group.failedEvents);
  if (room >= most) return { room, miscounted: 0 };
  const kept = await failedEvents.count(group.actorId, sourceText({ kind: "group", id: group.name }));
  return { room: Math.max(0, MOST_FAILED_EVENTS - kept), miscounted: kept - group.failedEvents };
}

/** The writes that keep events which no consumer took. */
export async function keeping(
  { deps, group, actor }: GroupEventing,
  given: readonly UntakenEvent[],
): Promise<readonly Write[]> {
  const now = deps.clock.now();
  const source = sourceText({ kind: "group", id: group.name }) as `group:${string}`;
  const writes: Write[] = [];
  for (const { event, number, attempts, because } of given) {
    const { topic, type } = event.event;
    // Its data are kept for longer than its record.
    const envelope = envelopeIn({ deps, actor, group }, { event, number }, Infinity);
    const failing: ListenerEvent = {
      ...{ id: idOf([source, event.id]), actorId: group.actorId, source, topic, type },
      ...{ position: event.position, event: envelope },
      sequence: shownNumber(group.state, number) ?? 0,
    };
    const run = { status: "parked", starts: attempts, attempts: [{ at: now, error: because }] } as const;
    const keptUntil = now + deps.failedKeepDays * DAY_MS;
    writes.push(...(await deps.failedEvents.recordingWrites(failing, { ...run, keptUntil })));
  }
  return writes;
}

/** An event as a consumer is lent it. */
export function envelopeIn(
  { deps: { rootOf, clock }, actor, group: { actorId, state } }: GroupEventing,
  { event, number }: { readonly event: LogEvent; readonly number: number },
  inlineMaxBytes = INLINE_MAX_BYTES,
): JsonObject {
  const { id, position } = event;
  const root = rootOf(actorId);
  return envelopeOf({
    ...{ event: event.event, id, position, source: root },
    ...compact({ sequence: shownNumber(state, number) }),
    inlineMaxBytes,
    dataref: () => eventDataUrl(actor, { root, position, now: clock.now() }),
  });
}
