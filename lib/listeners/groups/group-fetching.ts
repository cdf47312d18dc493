/** One fetch of a consumer: the lanes that are free, a stretch of the log, and the lease under which events are lent. */
import type { ActorRecord } from "../../actors/actor-record.ts";
import { positionGone } from "../../actors/position-gone.ts";
import { lagsAt, withLag } from "../../domain/events/group-lag.ts";
import { readLogHead, type ChangeLog } from "../../change-log/change-log.ts";
import { lend, type LentEvent } from "../../domain/events/group-fetch.ts";
import { freeLanes, readFrom, withoutExpired, withoutLease, withoutRepeated } from "../../domain/events/group-lanes.ts";
import {
  groupFloor,
  isLeased,
  type GroupState,
  type LaneLease,
  type NamedFetch,
} from "../../domain/events/group-state.ts";
import { withoutExhausted, withoutTaken } from "../../domain/events/group-verdicts.ts";
import type { Exhaustion } from "../../domain/events/keeper-state.ts";
import { parsePosition, positionAfter } from "../../domain/events/position.ts";
import { selects, type Selection } from "../../domain/events/selection.ts";
import { listenerKey } from "../../dynamodb/keys/listeners.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import type { Table } from "../../dynamodb/table.ts";
import { jsonBytesInResult } from "../../http/answer-size.ts";
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Ids } from "../../system/ports.ts";
import { readStretch, type LogEvent } from "../log-events.ts";
import {
  envelopeIn,
  keeping,
  lentOf,
  MOST_BYTES,
  replayedIn,
  resolveTaken,
  roomFor,
  type GroupEventsDeps,
  type Lent,
} from "./group-events.ts";
import { groupOf, listenerOf, rulesOf, type Group, type GroupRef } from "./group-item.ts";
import { noSuchGroup, type GroupStore, type GroupWork } from "./group-store.ts";

/** Most records that one query of a fetch reads. */
export const MOST_RECORDS = 200;
/** Queries of one fetch that find nothing for the group, before it answers. */
export const MOST_QUERIES = 10;
/** A lane that nothing concerned is stored only after it has come this many records further. */
export const LAZY_RECORDS = 100;
/** A consumer without a lane asks again after so long at most: lanes are given back long before their leases end. */
const MOST_PAUSE_SECONDS = 5;

export interface GroupFetchingDeps extends GroupEventsDeps {
  readonly table: Table;
  readonly ids: Ids;
  readonly changeLog: Pick<ChangeLog, "stream">;
  readonly store: GroupStore;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
  readonly retentionMs: number;
}

export interface FetchRequest {
  readonly consumer: string;
  /** Absent: it cannot be repeated. */
  readonly asked?: NamedFetch;
  readonly max: number;
}

export interface FetchResult {
  readonly events: readonly Lent[];
  readonly leases: readonly { readonly lane: number; readonly token: string; readonly until: number }[];
  /** Records from where everything is done to the newest. */
  readonly lag: number;
  readonly caughtUp: boolean;
}

/**
 * Lends what is due. Three requests where there is something: the group with the log's head, the log, the lease.
 *
 * @returns no events when there is nothing to lend
 * @throws ServiceError resource.not_found; resource.conflict while it is stopped or drained; resource.position_gone;
 *   group.taken when other consumers have all lanes
 */
export async function fetchEvents(
  deps: GroupFetchingDeps,
  actor: ActorRecord,
  ref: GroupRef,
  request: FetchRequest,
): Promise<FetchResult> {
  const key = listenerKey(listenerOf(ref));
  const logKey = logHeadKey(ref.actorId);
  const items = await deps.table.getMany([logKey, key]);
  const item = items.find(({ pk, sk }) => pk === key.pk && sk === key.sk);
  if (item === undefined) throw noSuchGroup();
  const { newest } = readLogHead(items.find(({ pk, sk }) => pk === logKey.pk && sk === logKey.sk));
  const first = groupOf(deps.epoch, ref, item);
  const make = async (group: Group) => await fetchOnce({ deps, actor, group, newest }, request);
  const result = await deps.store.change(ref, make, first);
  if (result === "overtaken") throw overtaken(deps, ref.actorId);
  return result;
}

interface Fetching {
  readonly deps: GroupFetchingDeps;
  readonly actor: ActorRecord;
  readonly group: Group;
  readonly newest: number;
}

async function fetchOnce(
  fetching: Fetching,
  { consumer, asked, max }: FetchRequest,
): Promise<GroupWork<FetchResult | "overtaken">> {
  const { deps, group, newest } = fetching;
  demandFetchable(deps, group);
  const { clock, ids, epoch } = deps;
  const now = clock.now();
  if (group.paused) return { result: resultOf(fetching, group.state, [], now) };
  const rules = rulesOf(group.settings);
  const live = withoutExpired(group.state, now);
  const before = asked === undefined ? live : withoutRepeated(live, consumer, asked);
  if (freeLanes(before, now).length === 0) throw taken(before.lanes, now);
  const lease = compact({ token: ids.id(), consumer, asked, until: now + rules.leaseMs });
  // Where another has changed the group meanwhile, this fetch stores nothing and begins again.
  const resolved = (await resolveTaken(deps, group)) ?? 0;
  const replayed = await replayedIn(fetching, withoutTaken(before), max);
  let state = replayed.state;
  let free = max - replayed.events.length;
  const lent: LentEvent<LogEvent>[] = [];
  const given: Given[] = [];
  let oldest = Infinity;
  let { bytes } = replayed;
  const sizeOf = (event: LogEvent): number => jsonBytesInResult(envelopeIn(fetching, { event, number: 0 }));
  for (let queries = 0; queries < MOST_QUERIES && free > 0 && bytes < MOST_BYTES; queries += 1) {
    const from = readFrom(state, rules, { now, newest: positionAfter(epoch, newest) });
    if (from === undefined) break;
    const stretch = await read(fetching, from, max);
    if (stretch === "lost") {
      return { result: "overtaken", change: { state: { ...state, stopped: { reason: "position_gone" } } } };
    }
    oldest = Math.min(oldest, stretch.events[0]?.expiresAt ?? 0);
    const limits = { max: free, most: MOST_BYTES - bytes, sizeOf };
    const fetched = lend(state, stretch, { rules, lease, now, selects: hears, ...limits });
    ({ state } = fetched);
    lent.push(...fetched.lent);
    given.push(...fetched.exhausted);
    bytes += fetched.bytes;
    free -= fetched.lent.length;
    // One query has what a consumer waits for; more would only be read again.
    if (lent.length > 0 || given.length > 0) break;
  }
  const counted = { ...group, failedEvents: group.failedEvents - resolved };
  const { room, miscounted } = await roomFor(deps, counted, given.length);
  const away = withoutExhausted(
    state,
    given.map(({ lane, event, because }) => ({ lane, position: event.position, because })),
    { rules, room },
  );
  // A group that stops lends nothing more, this time either.
  const hasStopped = away.state.stopped !== undefined;
  const leased = leasedFor(away.state, replayed.lanes, lease);
  state = withLag(hasStopped ? withoutLease(leased, lease.token) : leased, { now, retentionMs: deps.retentionMs });
  const gone = given.filter(({ event }) => away.away.has(event.position));
  const writes = await keeping(fetching, gone);
  const events = hasStopped ? [] : [...replayed.events, ...lent.map((each) => lentOf(fetching, each))];
  const result = resultOf(fetching, state, events, now, lease.token);
  const moved = recordIn(groupFloor(state)) - recordIn(groupFloor(group.state));
  const isIdle = events.length === 0 && gone.length === 0 && replayed.state === live;
  // Records that were passed must not expire before that is stored.
  const mayWait = moved <= 0 || (moved < LAZY_RECORDS && lagsAt(oldest, deps.retentionMs) > now);
  const isQuiet = isIdle && !hasStopped && mayWait;
  return isQuiet ? { result } : { result, writes, change: { state, moreFailed: gone.length + miscounted } };
}

const hears = (selection: Selection, { event }: LogEvent): boolean => selects(selection, event);

type Given = LentEvent<LogEvent> & { readonly because: Exhaustion };

function demandFetchable({ rootOf }: GroupFetchingDeps, { actorId, drainedBy, state: { stopped } }: Group): void {
  if (drainedBy !== undefined) {
    throw new ServiceError("resource.conflict", "This group is being drained; it gives no new lease.");
  }
  if (stopped?.reason === "position_gone") throw overtaken({ rootOf }, actorId);
  if (stopped === undefined) return;
  const message = "This group has stopped at an event; resume it, with skip when a person is to have the event.";
  throw new ServiceError("resource.conflict", message, {
    extra: { status: "stopped", position: stopped.position ?? "" },
  });
}

/** Other consumers have all lanes. @param lanes all of them, each with its lease */
export function taken(lanes: readonly { readonly lease?: LaneLease }[], now: number): ServiceError {
  const leases = lanes.flatMap((lane) => (isLeased(lane, now) && lane.lease !== undefined ? [lane.lease] : []));
  const first = leases.reduce((least, each) => (each.until < least.until ? each : least));
  const seconds = Math.min(MOST_PAUSE_SECONDS, Math.max(1, Math.ceil((first.until - now) / 1_000)));
  return new ServiceError("group.taken", "Other consumers have all lanes of this group.", {
    headers: { "Retry-After": String(seconds) },
    extra: { holder: first.consumer, until: new Date(first.until).toISOString() },
  });
}

async function read({ deps, group, newest }: Fetching, from: string, max: number) {
  const { changeLog, epoch, retentionMs } = deps;
  const records = Math.min(MOST_RECORDS, Math.max(20, 2 * max));
  const upTo = Math.min(newest, recordIn(from) + records);
  const stream = (after: number, end: number) => changeLog.stream(group.actorId, after, end);
  const log = { actorId: group.actorId, epoch, retentionMs, stream };
  return await readStretch(log, { after: from, upTo: positionAfter(epoch, upTo) }, upTo);
}

const overtaken = ({ rootOf }: Pick<GroupFetchingDeps, "rootOf">, actorId: string): ServiceError =>
  positionGone(rootOf(actorId), "Records that this group has not read have expired; reset it.");

function leasedFor(
  state: GroupState,
  lanes: ReadonlySet<number>,
  lease: NonNullable<GroupState["lanes"][0]["lease"]>,
): GroupState {
  if (lanes.size === 0) return state;
  return { ...state, lanes: state.lanes.map((lane, index) => (lanes.has(index) ? { ...lane, lease } : lane)) };
}

const recordIn = (position: string): number => parsePosition(position)?.record ?? 0;

function resultOf(
  { newest }: Fetching,
  state: GroupState,
  events: readonly Lent[],
  now: number,
  token?: string,
): FetchResult {
  const leases = state.lanes.flatMap((lane, index) =>
    token !== undefined && lane.lease?.token === token && lane.lease.until > now
      ? [{ lane: index, token, until: lane.lease.until }]
      : [],
  );
  const lag = Math.max(0, newest - recordIn(groupFloor(state)));
  return { events, leases, lag, caughtUp: state.lanes.every(({ after }) => recordIn(after) >= newest) };
}
