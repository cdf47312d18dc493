/** What a consumer of a group over all actors is lent of one actor. */
import type { LogHead } from "../../change-log/change-log.ts";
import { envelopeOf } from "../../domain/events/envelope.ts";
import { oldestFeedTime } from "../../domain/events/feed-time.ts";
import { lend, type LentEvent } from "../../domain/events/group-fetch.ts";
import { ended, readFrom, withoutExpired } from "../../domain/events/group-lanes.ts";
import { groupFloor, shownNumber, type GroupState, type LaneLease } from "../../domain/events/group-state.ts";
import { withoutExhausted } from "../../domain/events/group-verdicts.ts";
import { MOST_GIVEN_UP, type Exhaustion } from "../../domain/events/keeper-state.ts";
import type { Stretch } from "../../domain/events/keeper-steps.ts";
import { parsePosition, positionAfter } from "../../domain/events/position.ts";
import { isCaughtUp, printRootPosition, withoutLost, type MetActor } from "../../domain/events/root-group.ts";
import { selects, type Selection } from "../../domain/events/selection.ts";
import { sameJson } from "../../domain/json/canonical-json.ts";
import { sourceText } from "../../dynamodb/keys/failed-events.ts";
import { rootFailedKey } from "../../dynamodb/keys/root-groups.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import { equals, type Write } from "../../dynamodb/table.ts";
import { jsonBytesInResult } from "../../http/answer-size.ts";
import { compact } from "../../system/compact.ts";
import { LISTENER_TROUBLE } from "../../system/metric-names.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import { readStretch, type LogEvent } from "../log-events.ts";
import { keptWrites, replaysOf, type GivenEvent } from "./given-events.ts";
import type { Lent } from "./group-events.ts";
import { LAZY_RECORDS, MOST_QUERIES, MOST_RECORDS } from "./group-fetching.ts";
import { rulesOf } from "./group-item.ts";
import type { RootFetchingDeps } from "./root-fetching.ts";
import {
  moreFailed,
  MOST_FAILED_OF_ACTOR,
  type RootGroup,
  type RootMember,
  type RootStopped,
} from "./root-group-item.ts";
import { currentMember, resolveTaken, type ReadActor } from "./root-members.ts";

/** An actor, with the stretch of its log that a fetch begins with. */
export interface ActorLending {
  readonly met: MetActor;
  /** Absent: the actor has no log, because it was deleted. */
  readonly head?: LogHead;
  readonly stored?: RootMember;
  /** As the group has it by now, without the leases that have run out. */
  readonly member?: RootMember;
  /** Absent: nothing is to be read. */
  readonly stretch?: Stretch<LogEvent> | "lost";
}

/** What a fetch does with one actor. */
export interface ActorLent {
  readonly actorId: string;
  readonly events: readonly Lent[];
  readonly bytes: number;
  /** Records from where everything is done to the newest. */
  readonly lag: number;
  /** Absent: it stays as it is stored. */
  readonly member?: RootMember;
  readonly writes: readonly Write[];
  /** Everything up to the newest record is done. */
  readonly isDone: boolean;
  /** Everything up to the newest record was read. */
  readonly isRead: boolean;
  readonly stopped?: RootStopped;
}

/**
 * Brings the member up to date, and reads the first stretch of the log that it needs.
 *
 * @param how.unseen what was lent under this token, its consumer has never seen: it counts nothing
 */
export async function readToLend(
  deps: RootFetchingDeps,
  group: RootGroup,
  { met, head, stored }: ReadActor & { readonly met: MetActor },
  { max, unseen }: { readonly max: number; readonly unseen: string | undefined },
): Promise<ActorLending> {
  if (head === undefined) return { met };
  const current = await currentMember(deps, group, { met, head, stored });
  // The lane is free: the consumer that had these events has them no more, whenever the lease of the member ends.
  const given = current.state.lanes.map((lane) => {
    return unseen !== undefined && lane.lease?.token === unseen ? ended(lane, 0) : lane;
  });
  const member = { ...current, state: withoutExpired({ ...current.state, lanes: given }, Infinity) };
  const from = readFrom(member.state, rulesOf(group.settings), { now: deps.clock.now(), newest: newestOf(deps, head) });
  const stretch = from === undefined ? undefined : await read(deps, { actorId: met.id, head, from, max });
  const known = { met, head, member, ...(stored !== undefined && { stored }) };
  return stretch === undefined ? known : { ...known, stretch };
}

const newestOf = ({ epoch }: RootFetchingDeps, { newest }: LogHead): string => positionAfter(epoch, newest);

async function read(
  { changeLog, epoch, retentionMs }: RootFetchingDeps,
  { actorId, head, from, max }: { actorId: string; head: LogHead; from: string; max: number },
): Promise<Stretch<LogEvent> | "lost"> {
  const upTo = Math.min(head.newest, recordIn(from) + Math.min(MOST_RECORDS, Math.max(20, 2 * max)));
  const stream = (after: number, end: number) => changeLog.stream(actorId, after, end);
  const log = { actorId, epoch, retentionMs, stream };
  return await readStretch(log, { after: from, upTo: positionAfter(epoch, upTo) }, upTo);
}

const recordIn = (position: string): number => parsePosition(position)?.record ?? 0;
const hears = (selection: Selection, { event }: LogEvent): boolean => selects(selection, event);

type Given = LentEvent<LogEvent> & { readonly because: Exhaustion };

/** Lends what is due of the actor. */
export async function lendOfActor(
  deps: RootFetchingDeps,
  group: RootGroup,
  actor: ActorLending,
  {
    lease,
    lane,
    max,
    mostBytes,
  }: { readonly lease: LaneLease; readonly lane: number; readonly max: number; readonly mostBytes: number },
): Promise<ActorLent> {
  const { head, member } = actor;
  const { id: actorId } = actor.met;
  const nothing = { actorId, events: [], bytes: 0, lag: 0, writes: [], isDone: true, isRead: true };
  if (head === undefined || member === undefined) return nothing;
  const now = deps.clock.now();
  const newest = newestOf(deps, head);
  const rules = rulesOf(group.settings);
  const before = onlyLane(member.state);
  const { version } = member;
  for (const { id, taken } of before.replayed) {
    if (taken === true && version !== undefined) await resolveTaken(deps, group, { actorId, version, id });
  }
  const toSend = { ...before, replayed: before.replayed.filter(({ taken }) => taken !== true) };
  const limits = { max, mostBytes, maxAttempts: rules.maxAttempts };
  const replays = await replaysOf(deps.failedEvents, { actorId, lane: toSend }, limits);
  let state: GroupState = { ...member.state, lanes: [replays.lane] };
  let free = max - replays.events.length;
  let { stretch } = actor;
  const sizeOf = (event: LogEvent): number => jsonBytesInResult(envelopeAt(deps, actorId, { event, number: 0 }));
  let { bytes } = replays;
  const lent: LentEvent<LogEvent>[] = [];
  const given: Given[] = [];
  for (let queries = 1; stretch !== undefined && free > 0 && bytes < mostBytes; queries += 1) {
    if (stretch === "lost") state = await continued(deps, group, { ...actor, head }, state);
    else {
      const left = { max: free, most: mostBytes - bytes, sizeOf };
      const fetched = lend(state, stretch, { rules, lease, now, selects: hears, ...left });
      ({ state } = fetched);
      bytes += fetched.bytes;
      lent.push(...fetched.lent);
      given.push(...fetched.exhausted);
      free -= lent.length;
      if (lent.length > 0 || given.length > 0) break;
    }
    const from = queries < MOST_QUERIES ? readFrom(state, rules, { now, newest }) : undefined;
    stretch = from === undefined ? undefined : await read(deps, { actorId, head, from, max });
  }
  const away = withoutExhausted(
    state,
    given.map(({ event, because }) => ({ lane: 0, position: event.position, because })),
    { rules, room: given.length === 0 ? 0 : await roomOf(deps, group.name, actorId) },
  );
  const events = [
    ...replays.events.map((each) => ({ ...each, lane })),
    ...lent.map(({ event, number, attempts }) => ({
      event: envelopeAt(deps, actorId, { event, number: shownNumber(state, number) }),
      attempt: attempts + 1,
      lane,
    })),
  ];
  state = events.length === 0 ? away.state : leasedBy(away.state, lease);
  const gone = given.filter(({ event }) => away.away.has(event.position));
  const isQuiet = events.length === 0 && gone.length === 0 && isUnchanged(actor, state);
  const { stopped } = state;
  return {
    actorId,
    events,
    bytes,
    isDone: isCaughtUp(state, newest),
    isRead: onlyLane(state).after >= newest,
    lag: Math.max(0, head.newest - recordIn(groupFloor(state))),
    writes: gone.length === 0 ? [] : await givenWrites(deps, group, { actorId, state, given: gone }),
    ...(isQuiet ? {} : { member: { ...member, state } }),
    ...compact({ stopped: stopped && { ...stopped, actorId } }),
  };
}

const onlyLane = ({ lanes: [lane] }: GroupState): GroupState["lanes"][0] => {
  if (lane === undefined) throw new TypeError("a member of a group has a lane");
  return lane;
};

const leasedBy = (state: GroupState, lease: LaneLease): GroupState => ({
  ...state,
  lanes: state.lanes.map((lane) => ({ ...lane, lease })),
});

/** True when the member need not be stored: nothing that was lent differs, and it has come a little way along the log at most. */
function isUnchanged({ stored, member }: Pick<ActorLending, "stored" | "member">, state: GroupState): boolean {
  const beginning = member === undefined ? "" : onlyLane(member.state).after;
  if (state.stopped !== undefined) return stored?.state.stopped !== undefined;
  const workOf = ({ lease, open, behind, replayed }: GroupState["lanes"][0]): Json =>
    [lease?.token ?? null, open, behind, replayed] as unknown as Json;
  const now = onlyLane(state);
  // A new member is stored, so that what it has passed is not read again; one that has passed no record need not be.
  if (stored === undefined) return now.after === beginning && now.replayed.length === 0;
  const was = onlyLane(stored.state);
  return sameJson(workOf(was), workOf(now)) && recordIn(now.after) - recordIn(was.after) < LAZY_RECORDS;
}

/**
 * The state after the oldest record that can be read: a group over all actors continues at each of them, because none of them
 * has an owner of the group who could. Records that the lane has passed before it met the actor were none of the group's.
 */
async function continued(
  deps: RootFetchingDeps,
  { name }: RootGroup,
  { met, head }: { readonly met: MetActor; readonly head: LogHead },
  state: GroupState,
): Promise<GroupState> {
  const { changeLog, clock, epoch, log, retentionMs } = deps;
  const oldest = (await changeLog.oldest(met.id))?.number ?? head.newest + 1;
  const from = positionAfter(epoch, oldest - 1);
  const { number } = onlyLane(state);
  const left = withoutLost(state, { from, number });
  if (left.isUndone || met.after < oldestFeedTime(clock.now(), retentionMs)) {
    const line =
      "a group over all actors has lost events, which have expired; it continues with the oldest that can be read";
    log.error(line, { actorId: met.id, group: name, to: from, trouble: LISTENER_TROUBLE });
  }
  return left.state;
}

/**
 * How many more failed events of the actor can be kept. The group does not learn that one has expired: before it stops for want
 * of room they are counted, and the count is corrected.
 */
export async function roomOf(
  { table, failedEvents }: Pick<RootFetchingDeps, "table" | "failedEvents">,
  name: string,
  actorId: string,
): Promise<number> {
  const key = rootFailedKey(name, actorId);
  const noted = Number((await table.get(key))?.["failedEvents"] ?? 0);
  if (noted + MOST_GIVEN_UP <= MOST_FAILED_OF_ACTOR) return MOST_FAILED_OF_ACTOR - noted;
  const kept = await failedEvents.count(actorId, sourceText({ kind: "root-group", id: name }));
  // Where a person has resolved one meanwhile, the write that follows is refused, and the next look counts again.
  if (kept !== noted) await updateIf(table, key, { set: { failedEvents: kept } }, equals("failedEvents", noted));
  return Math.max(0, MOST_FAILED_OF_ACTOR - kept);
}

/** The writes that keep events which no consumer took. */
export async function givenWrites(
  deps: RootFetchingDeps,
  { name }: Pick<RootGroup, "name">,
  {
    actorId,
    state,
    given,
  }: {
    readonly actorId: string;
    readonly state: GroupState;
    readonly given: readonly (Omit<GivenEvent, "envelope"> & { readonly event: LogEvent })[];
  },
): Promise<readonly Write[]> {
  const sent = given.map((each) => {
    const number = shownNumber(state, each.number);
    return { ...each, number: number ?? 0, envelope: envelopeAt(deps, actorId, { event: each.event, number }) };
  });
  const writes = await keptWrites(deps, { actorId, source: `root-group:${name}` }, sent);
  return [...writes, moreFailed(name, actorId, given.length)];
}

/** The event as consumers get it. Its position says the actor too, and data are in it: the operator has no passphrase to sign a URL. */
function envelopeAt(
  { rootOf }: RootFetchingDeps,
  actorId: string,
  { event, number }: { readonly event: LogEvent; readonly number: number | undefined },
): JsonObject {
  return envelopeOf({
    event: event.event,
    id: event.id,
    source: rootOf(actorId),
    inlineMaxBytes: Infinity,
    dataref: () => "",
    position: printRootPosition({ actorId, position: event.position }),
    ...compact({ sequence: number }),
  });
}
