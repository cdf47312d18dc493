/** One fetch of a consumer of a group over all actors: a free lane, the actors that it meets, and the lease of their events. */
import type { ChangeLog } from "../../change-log/change-log.ts";
import { settledAt } from "../../domain/events/feed-time.ts";
import type { LaneLease } from "../../domain/events/group-state.ts";
import {
  freeRootLanes,
  isRepeated,
  isWorthStoring,
  afterFetch,
  printRootPosition,
  spanOf,
  withShardMet,
  withoutDone,
  withSpanMet,
  type MetActor,
  type RootLane,
} from "../../domain/events/root-group.ts";
import { selectionOfActor } from "../../domain/events/selection.ts";
import { laneOfActor, shardsOfLane } from "../../dynamodb/keys/feed.ts";
import { MAX_TRANSACTION_WRITES, type Table, type Write } from "../../dynamodb/table.ts";
import { MAX_ANSWER_BYTES } from "../../http/answer-size.ts";
import { ServiceError } from "../../system/errors.ts";
import { compact } from "../../system/compact.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import type { Clock, Ids, Log } from "../../system/ports.ts";
import { changedActors } from "../readers/changed-actors.ts";
import type { GivenEventsDeps } from "./given-events.ts";
import type { Lent } from "./group-events.ts";
import { taken, type FetchRequest, type FetchResult } from "./group-fetching.ts";
import { selectionOf } from "./group-settings.ts";
import { lendOfActor, readToLend, type ActorLending } from "./root-lending.ts";
import { readActors, type RootMembersDeps } from "./root-members.ts";
import type { RootGroup, RootMember, RootStopped, StoredLane } from "./root-group-item.ts";
import type { RootGroupStore, RootStanding } from "./root-group-store.ts";

/** Most actors of a lane that may have work. */
const MOST_MET = 200;
/** How often one fetch meets further actors while all of those that it has met are done. */
const MOST_ROUNDS = 5;
/** A fetch looks at no further actor of a lane after so long, ms. */
const MOST_FETCHING_MS = 3_000;
/** Actors whose heads and members are read together. */
const ACTORS_READ = 50;
/** Actors whose logs are read together. */
const LOGS_READ = 8;
/** Most actors of one lease: what is said of all of them is one transaction. */
export const MOST_LENT_ACTORS = 36;
/** Most writes that one actor adds: its member with the log's head, 20 failed events, their count. */
const MOST_WRITES_OF_ACTOR = 43;
/** The events of one answer, counted as `jsonBytesInResult`; the last one may go beyond, and all its data are in it. */
const MOST_BYTES = MAX_ANSWER_BYTES - 2_600_000;

export interface RootFetchingDeps extends RootMembersDeps, GivenEventsDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly store: RootGroupStore;
  readonly changeLog: Pick<ChangeLog, "stream" | "oldest">;
  readonly retentionMs: number;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  readonly rootOf: (actorId: string) => string;
}

/**
 * Lends what is due of the first free lane that has something. One query for the group, one for each shard of the feed
 * index, one for the heads and members of 50 actors, one or two for the log of each actor that has something, one write.
 *
 * @returns no events when there is nothing to lend
 * @throws ServiceError resource.not_found; resource.conflict while it is stopped or drained; group.taken when other
 *   consumers have all lanes
 */
export async function fetchOfAll(deps: RootFetchingDeps, name: string, request: FetchRequest): Promise<FetchResult> {
  const until = deps.clock.now() + MOST_FETCHING_MS;
  for (;;) {
    const { hasMore, ...result } = await fetchOnce(deps, name, request);
    if (!hasMore || deps.clock.now() >= until) return result;
  }
}

/** `hasMore`: it lent nothing, and has not looked at every actor that it has met. */
async function fetchOnce(
  deps: RootFetchingDeps,
  name: string,
  request: FetchRequest,
): Promise<FetchResult & { readonly hasMore: boolean }> {
  return await deps.store.again<FetchResult & { readonly hasMore: boolean }>(name, async (standing) => {
    const { clock, random } = deps;
    demandLending(standing.group);
    const now = clock.now();
    if (standing.group.paused) return { is: { ...NOTHING, lag: 0, caughtUp: true, hasMore: false } };
    const lanes = standing.lanes.map(({ lane }) => lane);
    const { consumer, asked } = request;
    const repeated = lanes.findIndex((lane) => isRepeated(lane, consumer, asked));
    const all = freeRootLanes(lanes, { now, first: Math.floor(random() * lanes.length) });
    const free = repeated < 0 ? all : [repeated, ...all.filter((index) => index !== repeated)];
    if (free.length === 0) throw taken(lanes, now);
    let [lag, caughtUp] = [0, true];
    for (const index of free) {
      const fetched = await new LaneFetch(deps, standing, { index, isRepeated: index === repeated }, request).run();
      if (fetched === "overtaken") return undefined;
      if (fetched.stopped !== undefined) throw await stop(deps.store, standing.group, fetched.stopped);
      lag += fetched.lag;
      caughtUp &&= fetched.caughtUp;
      if (fetched.events.length > 0) return { is: { ...fetched, lag, caughtUp, hasMore: false } };
      if (fetched.hasMore) return { is: { ...NOTHING, lag, caughtUp: false, hasMore: true } };
    }
    return { is: { ...NOTHING, lag, caughtUp, hasMore: false } };
  });
}

const NOTHING = { events: [], leases: [] };

/** Stops the group at what has stopped one of its members. @returns the answer */
export async function stop(store: RootGroupStore, group: RootGroup, stopped: RootStopped): Promise<ServiceError> {
  // Where another has changed the group, the next fetch that meets the member stops it.
  if (group.stopped === undefined) await store.change(group, { stopped });
  return hasStopped(stopped);
}

function hasStopped({ actorId, position = "" }: RootStopped): ServiceError {
  const message = "This group has stopped at an event; resume it, with skip when a person is to have the event.";
  const extra = { status: "stopped", position: printRootPosition({ actorId, position }) };
  return new ServiceError("resource.conflict", message, { extra });
}

function demandLending({ drainedBy, stopped }: RootGroup): void {
  if (drainedBy !== undefined) {
    throw new ServiceError("resource.conflict", "This group is being drained; it gives no new lease.");
  }
  if (stopped !== undefined) throw hasStopped(stopped);
}

/** The lane with the actors that have changed, as far as there is room for them. One query for each MB of each shard. */
export async function meetActors(
  { table, clock }: Pick<RootFetchingDeps, "table" | "clock">,
  group: RootGroup,
  { index, lane: before }: Pick<StoredLane, "index" | "lane">,
  lanes: number,
): Promise<RootLane> {
  const span = spanOf(before, settledAt(clock.now()), MOST_MET);
  if (span === undefined) return before;
  const selection = selectionOf(group.settings);
  const isOurs = (id: string): boolean =>
    laneOfActor(id, lanes) === index && selectionOfActor(selection, id) !== undefined;
  const shards = shardsOfLane(index, lanes);
  let lane = before;
  for (let shard = span.shard; shard < shards.length; shard += 1) {
    const changed = await changedActors(table, shards[shard] ?? "", span.after);
    lane = withShardMet(lane, { ...span, shard }, { actorIds: changed.filter(isOurs), most: MOST_MET });
    if (lane.within?.shard === shard) return lane;
  }
  return withSpanMet(lane, span);
}

/** What one lane gave. */
interface LaneFetched extends FetchResult {
  /** Not every actor that it has met was looked at. */
  readonly hasMore: boolean;
  /** A member has stopped: then nothing is lent. */
  readonly stopped?: RootStopped;
}

/**
 * The work on one lane of one fetch. State: the events so far, the members as they are to be stored, the actors of which
 * everything is done. Nothing is stored but by the last write, which is conditional on the lane as it was read.
 */
class LaneFetch {
  readonly #deps: RootFetchingDeps;
  readonly #group: RootGroup;
  readonly #stored: StoredLane;
  readonly #lanes: number;
  readonly #request: FetchRequest;
  readonly #lease: LaneLease;
  readonly #stopAt: number;
  /** The token under which its consumer has seen no event, because this fetch repeats that one. */
  readonly #unseen: string | undefined;
  readonly #events: Lent[] = [];
  readonly #members: RootMember[] = [];
  readonly #writes: Write[] = [];
  readonly #done = new Set<string>();
  readonly #lent: string[] = [];
  readonly #visited = new Set<string>();
  #bytes = 0;
  #lag = 0;
  #isWhole = true;
  #stopped: RootStopped | undefined;

  constructor(
    deps: RootFetchingDeps,
    { group, lanes }: RootStanding,
    { index, isRepeated: isAgain }: { readonly index: number; readonly isRepeated: boolean },
    request: FetchRequest,
  ) {
    this.#unseen = isAgain ? lanes[index]?.lane.lease?.token : undefined;
    this.#deps = deps;
    this.#group = group;
    this.#stored = lanes[index] as StoredLane;
    this.#lanes = lanes.length;
    this.#request = request;
    this.#stopAt = deps.clock.now() + MOST_FETCHING_MS;
    const until = deps.clock.now() + group.settings.leaseSeconds * 1_000;
    this.#lease = { token: deps.ids.id(), until, ...compact({ consumer: request.consumer, asked: request.asked }) };
  }

  async run(): Promise<LaneFetched | "overtaken"> {
    const { store } = this.#deps;
    const { index, lane: before } = this.#stored;
    let met = before;
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      met = await meetActors(this.#deps, this.#group, { index, lane: met }, this.#lanes);
      await this.#visit(met.met);
      // Where all that there was room for is done, there is room for more.
      if (met.within === undefined || this.#isFull() || this.#done.size === 0) break;
      if (round + 1 < MOST_ROUNDS) met = withoutDone(met, this.#done);
    }
    const hasMore = met.within !== undefined ? this.#done.size > 0 : met.met.some(({ id }) => !this.#visited.has(id));
    const result = { lag: this.#lag, caughtUp: this.#isWhole && met.within === undefined, hasMore };
    if (this.#stopped !== undefined) return { ...result, events: [], leases: [], stopped: this.#stopped };
    const after = afterFetch(met, { done: this.#done, lent: this.#lent }, this.#lease);
    const isQuiet = this.#members.length === 0 && !isWorthStoring(before, after);
    const work = { to: after, members: this.#members, writes: this.#writes };
    if (!isQuiet && !(await store.write(this.#group, this.#stored, work))) return "overtaken";
    const { token, until } = this.#lease;
    return { ...result, events: this.#events, leases: this.#lent.length === 0 ? [] : [{ lane: index, token, until }] };
  }

  async #visit(all: readonly MetActor[]): Promise<void> {
    const met = all.filter(({ id }) => !this.#visited.has(id));
    for (let at = 0; at < met.length; at += ACTORS_READ) {
      const some = met.slice(at, at + ACTORS_READ);
      if (this.#isFull()) break;
      const read = await readActors(
        this.#deps,
        this.#group,
        some.map(({ id }) => id),
      );
      for (let first = 0; first < some.length && !this.#isFull(); first += LOGS_READ) {
        const actors = await mapConcurrent(some.slice(first, first + LOGS_READ), LOGS_READ, async (actor) => {
          return await readToLend(
            this.#deps,
            this.#group,
            { met: actor, ...read.get(actor.id) },
            { max: this.#request.max, unseen: this.#unseen },
          );
        });
        for (const actor of actors) {
          if (this.#isFull()) break;
          await this.#add(actor);
        }
      }
    }
    this.#isWhole &&= met.every(({ id }) => this.#visited.has(id));
  }

  #isFull(): boolean {
    const writes = 1 + this.#members.length * 2 + this.#writes.length;
    return (
      this.#stopped !== undefined ||
      (this.#visited.size > 0 && this.#deps.clock.now() > this.#stopAt) ||
      this.#events.length >= this.#request.max ||
      this.#bytes >= MOST_BYTES ||
      this.#lent.length >= MOST_LENT_ACTORS ||
      writes + MOST_WRITES_OF_ACTOR > MAX_TRANSACTION_WRITES
    );
  }

  async #add(actor: ActorLending): Promise<void> {
    const lent = await lendOfActor(this.#deps, this.#group, actor, {
      lease: this.#lease,
      max: this.#request.max - this.#events.length,
      mostBytes: MOST_BYTES - this.#bytes,
      lane: this.#stored.index,
    });
    this.#visited.add(actor.met.id);
    this.#lag += lent.lag;
    this.#bytes += lent.bytes;
    this.#stopped = lent.stopped;
    this.#events.push(...lent.events);
    this.#writes.push(...lent.writes);
    if (lent.member !== undefined) this.#members.push(lent.member);
    if (lent.isDone) this.#done.add(lent.actorId);
    else if (!lent.isRead) this.#isWhole = false;
    if (lent.events.length > 0) this.#lent.push(lent.actorId);
  }
}
