/** The events of a group as consumers are lent them, and as they are kept when no consumer took them. */
import { eventDataUrl } from "../../actors/event-data-url.ts";
import type { ActorRecord } from "../../actors/actor-record.ts";
import { envelopeOf } from "../../domain/events/envelope.ts";
import { freeLanes, type LentEvent } from "../../domain/events/group-fetch.ts";
import { shownNumber, type GroupState } from "../../domain/events/group-state.ts";
import { sourceText } from "../../dynamodb/keys/failed-events.ts";
import type { Write } from "../../dynamodb/table.ts";
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import { idOf, type ListenerEvent } from "../../failed-events/hook-event.ts";
import { compact } from "../../system/compact.ts";
import type { Clock, JsonObject } from "../../system/ports.ts";
import type { LogEvent } from "../log-events.ts";
import type { Group } from "./group-item.ts";

/** Most failed events of a group that are kept. */
export const MOST_FAILED_EVENTS = 1_000;
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
  { deps, actor }: GroupEventing,
  state: GroupState,
  max: number,
): Promise<{ readonly state: GroupState; readonly events: readonly Lent[]; readonly lanes: ReadonlySet<number> }> {
  const events: Lent[] = [];
  const leased = new Set<number>();
  const lanes = [...state.lanes];
  for (const index of freeLanes(state, deps.clock.now())) {
    const lane = lanes[index];
    if (lane === undefined || lane.replayed.length === 0) continue;
    const kept = [];
    for (const each of lane.replayed) {
      const item = events.length < max ? await deps.failedEvents.find(actor.id, each.id) : undefined;
      const failed = item === undefined ? undefined : await deps.failedEvents.read(item);
      if (failed === undefined && events.length < max) continue;
      if (failed !== undefined) {
        events.push({ event: failed.event.event, attempt: failed.starts + 1, lane: index });
        leased.add(index);
      }
      kept.push({ ...each, lent: failed !== undefined });
    }
    lanes[index] = { ...lane, replayed: kept };
  }
  return { state: leased.size === 0 ? state : { ...state, lanes }, events, lanes: leased };
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
    const envelope = envelopeIn({ deps, actor, group }, { event, number });
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

function envelopeIn(
  { deps: { rootOf, clock }, actor, group: { actorId, state } }: GroupEventing,
  { event, number }: { readonly event: LogEvent; readonly number: number },
): JsonObject {
  const { id, position } = event;
  const root = rootOf(actorId);
  return envelopeOf({
    ...{ event: event.event, id, position, source: root },
    ...compact({ sequence: shownNumber(state, number) }),
    dataref: () => eventDataUrl(actor, { root, position, now: clock.now() }),
  });
}
