/** The events of a group as consumers are lent them, and as they are kept when no consumer took them. */
import { eventDataUrl } from "../../actors/event-data-url.ts";
import type { ActorRecord } from "../../actors/actor-record.ts";
import { envelopeOf, INLINE_MAX_BYTES } from "../../domain/events/envelope.ts";
import { type LentEvent } from "../../domain/events/group-fetch.ts";
import { freeLanes } from "../../domain/events/group-lanes.ts";
import { shownNumber, type GroupState } from "../../domain/events/group-state.ts";
import { takenIn } from "../../domain/events/group-changes.ts";
import { sourceText } from "../../dynamodb/keys/failed-events.ts";
import type { Write } from "../../dynamodb/table.ts";
import { resolveWhile, type ResolveWhileDeps } from "../../failed-events/resolve-while.ts";
import { MAX_ANSWER_BYTES } from "../../http/answer-size.ts";
import { compact } from "../../system/compact.ts";
import type { JsonObject } from "../../system/ports.ts";
import { withDataWithin } from "../event-data.ts";
import type { LogEvent } from "../log-events.ts";
import { keptWrites, replaysOf, type GivenEventsDeps } from "./given-events.ts";
import { fewerFailed, type Group } from "./group-item.ts";

/** Most failed events of a group that are kept. */
const MOST_FAILED_EVENTS = 1_000;
/** The events of one answer, counted as `jsonBytesInResult`; the last one may go beyond, and has 600 KB at most. */
export const MOST_BYTES = MAX_ANSWER_BYTES - 700_000;

export interface GroupEventsDeps extends GivenEventsDeps {
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
  const shown = async (envelope: JsonObject): Promise<JsonObject> =>
    await withDataWithin(dataDeps, actor.id, envelope, INLINE_MAX_BYTES);
  const { maxAttempts } = group.settings;
  const events: Lent[] = [];
  let bytes = 0;
  let isChanged = false;
  const leased = new Set<number>();
  const lanes = [...state.lanes];
  for (const index of freeLanes(state, deps.clock.now())) {
    const lane = lanes[index];
    if (lane === undefined || lane.replayed.length === 0) continue;
    const limits = { max: max - events.length, mostBytes: MOST_BYTES - bytes, maxAttempts };
    const replays = await replaysOf(deps.failedEvents, { actorId: actor.id, lane }, limits, shown);
    lanes[index] = replays.lane;
    bytes += replays.bytes;
    isChanged ||= replays.isChanged;
    if (replays.events.length > 0) leased.add(index);
    events.push(...replays.events.map((each) => ({ ...each, lane: index })));
  }
  return { state: isChanged ? { ...state, lanes } : state, events, bytes, lanes: leased };
}

/** A line of the log: the answer to an acknowledgement says what is stored, whatever comes of this. */
export const NOT_DELETED = "what is kept of an event that a consumer took is not deleted yet; the next fetch does it";

/**
 * Deletes what is kept of failed events that consumers took, while the group is as it was read: it says that they did, so that
 * what is kept is no later failure of the same event.
 *
 * @param among the events in question [all that the group says were taken]
 * @returns how many were deleted; undefined: the group is another by now
 */
export async function resolveTaken(
  deps: ResolveWhileDeps,
  group: Group,
  among?: readonly string[],
): Promise<number | undefined> {
  let count = 0;
  for (const id of takenIn(group.state)) {
    if (among?.includes(id) === false) continue;
    const { actorId } = group;
    const resolved = await resolveWhile(deps, { actorId, id }, () => [fewerFailed(group)]);
    if (resolved === "changed") return undefined;
    if (resolved === "resolved") count += 1;
  }
  return count;
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
  const { actorId, name, state } = group;
  const sent = given.map((each) => ({
    ...each,
    number: shownNumber(state, each.number) ?? 0,
    envelope: envelopeIn({ deps, actor, group }, each, Infinity),
  }));
  return await keptWrites(
    deps,
    { actorId, source: sourceText({ kind: "group", id: name }) as `group:${string}` },
    sent,
  );
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
    event: event.event,
    id,
    position,
    source: root,
    ...compact({ sequence: shownNumber(state, number) }),
    inlineMaxBytes,
    dataref: () => eventDataUrl(actor, { root, position, now: clock.now() }),
  });
}
