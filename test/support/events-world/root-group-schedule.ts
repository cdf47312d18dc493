/**
 * Random schedules of consumers of a group over all actors, over the pure rules: actors change meanwhile, commits and index
 * entries come late, consumers die, freeze past their lease and acknowledge late, and each piece of work may end between any
 * two of its requests. A write is one transaction on the versions that were read, as the store makes it.
 */
import { entriesAfter, settledAt, type FeedEntries } from "../../../lib/domain/events/feed-time.ts";
import { lend } from "../../../lib/domain/events/group-fetch.ts";
import { readFrom, withoutExpired } from "../../../lib/domain/events/group-lanes.ts";
import { newGroupState, type GroupRules, type GroupState } from "../../../lib/domain/events/group-state.ts";
import { withReplayed } from "../../../lib/domain/events/group-changes.ts";
import {
  acknowledged,
  withoutExhausted,
  type Verdict,
  type VerdictItem,
} from "../../../lib/domain/events/group-verdicts.ts";
import { positionAfter, printPosition } from "../../../lib/domain/events/position.ts";
import {
  afterFetch,
  answeredLane,
  freeRootLanes,
  isCaughtUp,
  isWorthStoring,
  newRootLane,
  spanOf,
  upToOf,
  withMet,
  withoutDone,
  withShardMet,
  withSpanMet,
  type MetActor,
  type RootLane,
} from "../../../lib/domain/events/root-group.ts";
import { feedMove, laneOfActor, shardsOfLane } from "../../../lib/dynamodb/keys/feed.ts";
import { logHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { seeded } from "../publisher/random.ts";

export class RootGroupViolation extends Error {
  override readonly name = "RootGroupViolation";
}

/** Conditions that are left out. */
export interface RootGroupSabotage {
  /** What is taken for done. */
  readonly isDone?: (isDone: boolean) => boolean;
  /** Up to when everything can be seen. */
  readonly settled?: (now: number) => number;
  /** The lane after it has met a shard. */
  readonly met?: (lane: RootLane, until: number) => RootLane;
  /** Writes whatever the lane is by now. */
  readonly anyLane?: true;
  /** Writes whatever the member is by now. */
  readonly anyMember?: true;
  /** Logs and members are read before the indexes are. */
  readonly readsFirst?: true;
  /** Where a new member begins, ms. */
  readonly begins?: (met: MetActor, now: number) => number;
  /** A replay does not say that the actor has work. */
  readonly replayAlone?: true;
  /** Only one of the two indexes is read. */
  readonly oneIndex?: true;
  /** The token by which an acknowledgement counts. */
  readonly token?: (token: string, lane: RootLane | undefined) => string;
}

interface Event {
  readonly actor: string;
  readonly position: string;
  readonly key: string;
  readonly barrier: boolean;
  readonly expiresAt: number;
  readonly isSelected: boolean;
  readonly time: number;
}

interface Log {
  readonly id: string;
  readonly shard: string;
  readonly records: { readonly time: number; readonly events: readonly Event[] }[];
  entries: FeedEntries;
  /** What each index shows. */
  readonly shown: [number | undefined, number | undefined];
}

interface Versioned<T> {
  readonly version: number;
  readonly is: T;
}

interface Member {
  readonly generation: number;
  readonly state: GroupState;
}

interface Batch {
  readonly token: string;
  readonly events: readonly Event[];
}

const START = 1_800_000_000_000;
const FAR = START + 10 ** 12;
const LEASE_MS = 10_000;
const COMMIT_MS = 9_000;
const INDEX_MS = 6_000;
const VERDICTS: readonly Verdict[] = ["ack", "retry", "park", "skip", "release"];
const PREFIX = "0123456789abcdef";
const shardOf = new Map<string, string>();

function shardIn(id: string): string {
  const known = shardOf.get(id) ?? String(feedMove(logHeadKey(id), [0, 0], 1)["feedShard"]);
  shardOf.set(id, known);
  return known;
}
const laneIn = (() => {
  const known = new Map<string, number>();
  return (id: string, lanes: number): number => {
    const key = `${id} ${String(lanes)}`;
    const lane = known.get(key) ?? laneOfActor(id, lanes);
    known.set(key, lane);
    return lane;
  };
})();

/** One piece of work, request by request. */
type Work = Generator<undefined, void>;

export class RootGroupSchedule {
  readonly #random: () => number;
  readonly #sabotage: RootGroupSabotage;
  readonly #rules: GroupRules;
  readonly #logs = new Map<string, Log>();
  readonly #members = new Map<string, Versioned<Member>>();
  #lanes: Versioned<RootLane>[];
  #generation = 1;
  /** What comes later than it is done: index entries. */
  #later: { readonly at: number; readonly what: () => void }[] = [];
  #now = START;
  #since: number;
  #tokens = 0;
  #working: Work[] = [];
  readonly #batches: Batch[] = [];
  readonly #ended = new Map<string, "done" | "parked" | "skipped">();
  /** The token under which each event was lent last. */
  readonly #holder = new Map<string, string>();
  readonly #replays = new Map<string, Event>();
  readonly #most: number;
  readonly #replayShare: number;
  readonly #freezeShare: number;

  constructor(seed: number, sabotage: RootGroupSabotage = {}) {
    const random = seeded(seed);
    this.#random = () => random.below(1 << 30) / (1 << 30);
    this.#sabotage = sabotage;
    this.#rules = {
      ...{ order: this.#chance(0.8) ? "key" : "strict", leaseMs: LEASE_MS },
      ...{ maxAttempts: 1 + this.#upTo(4), onExhausted: "park" },
    };
    this.#now += this.#upTo(60_000);
    this.#since = settledAt(this.#now);
    this.#most = 1 + this.#upTo(4);
    // Some schedules have many replays, some consumers and writers that freeze for long.
    this.#replayShare = this.#chance(0.3) ? 0.12 : 0.02;
    this.#freezeShare = this.#chance(0.3) ? 0.7 : 0.2;
    this.#lanes = this.#freshLanes(1 + this.#upTo(3));
    const actors = 2 + this.#upTo(5);
    for (let at = 0; at < actors; at += 1) {
      const id = `${PREFIX[at] ?? "0"}${PREFIX[this.#upTo(16)] ?? "0"}`;
      this.#logs.set(id, { id, shard: shardIn(id), records: [], entries: [0, 0], shown: [undefined, undefined] });
    }
  }

  #upTo = (most: number): number => Math.floor(this.#random() * most);
  #chance = (share: number): boolean => this.#random() < share;
  #pick = <T>(all: readonly T[]): T => all[this.#upTo(all.length)] as T;

  #freshLanes(count: number): Versioned<RootLane>[] {
    return Array.from({ length: count }, () => ({ version: 1, is: newRootLane(this.#since) }));
  }

  /** @returns how many events were ended */
  play(steps = 90): number {
    for (let step = 0; step < steps; step += 1) this.#step();
    this.#finish();
    return this.#ended.size;
  }

  #step(): void {
    const what = this.#random();
    if (what < 0.22) this.#working.push(this.#append(this.#pick([...this.#logs.values()])));
    else if (what < 0.4) this.#working.push(this.#fetch(`c${String(this.#upTo(3))}`, this.#upTo(5) + 1));
    else if (what < 0.55 && this.#batches.length > 0) this.#working.push(this.#acknowledge(this.#pick(this.#batches)));
    else if (what < 0.55 + this.#replayShare) this.#working.push(this.#replay());
    else if (what > 0.995) this.#reset();
    else if (what > 0.83) this.#pass(this.#chance(this.#freezeShare) ? this.#upTo(40_000) : this.#upTo(3_000));
    const some = 1 + this.#upTo(5);
    for (let at = 0; at < some && this.#working.length > 0; at += 1) this.#goOn();
  }

  /** A piece of work makes its next request, or its process dies. */
  #goOn(): void {
    const at = this.#upTo(this.#working.length);
    if (this.#chance(0.03)) this.#working.splice(at, 1);
    else if (this.#working[at]?.next().done === true) this.#working.splice(at, 1);
  }

  #pass(ms: number): void {
    this.#now += ms;
    const due = this.#later.filter(({ at }) => at <= this.#now).toSorted((a, b) => a.at - b.at);
    this.#later = this.#later.filter(({ at }) => at > this.#now);
    for (const { what } of due) what();
  }

  /** A change: its record has the time at which it was planned, and the index shows it later than it was committed. */
  *#append(log: Log): Work {
    const time = Math.max(this.#now, log.records.at(-1)?.time ?? 0);
    const number = log.records.length + 1;
    const count = this.#upTo(3) + 1;
    const events = Array.from({ length: count }, (_, index): Event => {
      const barrier = this.#chance(0.05);
      const key = barrier ? "properties" : this.#pick(["properties.a", "properties.b", "x"]);
      const at = index === count - 1 ? ("all" as const) : index;
      const position = printPosition({ epoch: 1, record: number, index: at });
      return { actor: log.id, position, key, barrier, expiresAt: FAR, isSelected: key !== "x", time };
    });
    const slow = this.#chance(0.4) ? this.#upTo(COMMIT_MS) : 0;
    for (let waits = this.#upTo(3); waits > 0 || this.#now < time + slow; waits -= 1) yield undefined;
    // Another writer was first, or the commit would come too late.
    if (log.records.length + 1 !== number || this.#now > time + COMMIT_MS) return;
    log.records.push({ time, events });
    const [before, after] = [log.entries, entriesAfter(log.entries, time)];
    log.entries = after;
    for (const index of [0, 1] as const) {
      if (before[index] === after[index]) continue;
      const [gone, there] = [this.#upTo(INDEX_MS), this.#upTo(INDEX_MS)].toSorted((a, b) => a - b) as [number, number];
      this.#later.push({ at: this.#now + gone, what: () => (log.shown[index] = undefined) });
      this.#later.push({ at: this.#now + there, what: () => (log.shown[index] = after[index]) });
    }
    this.#pass(0);
  }

  #changed(shard: string, after: number): readonly string[] {
    const shown = [...this.#logs.values()].filter(({ shown: [first, second], shard: of }) => {
      return of === shard && ((first ?? 0) > after || (this.#sabotage.oneIndex !== true && (second ?? 0) > after));
    });
    return shown.map(({ id }) => id);
  }

  *#fetch(consumer: string, max: number): Work {
    const read = this.#lanes;
    const generation = this.#generation;
    const now = this.#now;
    const free = freeRootLanes(
      read.map(({ is }) => is),
      { now, first: this.#upTo(read.length) },
    );
    for (const index of free) {
      yield undefined;
      const stored = read[index] as Versioned<RootLane>;
      const early = this.#sabotage.readsFirst === true ? this.#readAll() : undefined;
      if (early !== undefined) yield undefined;
      let lane = stored.is;
      const settled = this.#sabotage.settled?.(this.#now) ?? settledAt(this.#now);
      const done = new Set<string>();
      const visited = new Set<string>();
      const lent: { readonly id: string; readonly events: readonly Event[] }[] = [];
      const members: { readonly id: string; readonly stored: Versioned<Member> | undefined; readonly to: Member }[] =
        [];
      const parked: Event[] = [];
      this.#tokens += 1;
      const lease = { token: `t${String(this.#tokens)}`, consumer, until: this.#now + LEASE_MS };
      let count = 0;
      for (let round = 0; round < 3; round += 1) {
        const span = spanOf(lane, settled, this.#most);
        if (span !== undefined) {
          const shards = shardsOfLane(index, read.length);
          for (let shard = span.shard; shard < shards.length; shard += 1) {
            const changed = this.#changed(shards[shard] ?? "", span.after);
            const actorIds = changed.filter((id) => laneIn(id, read.length) === index);
            lane = withShardMet(lane, { ...span, shard }, { actorIds, most: this.#most });
            lane = this.#sabotage.met?.(lane, span.until) ?? lane;
            if (lane.within?.shard === shard) break;
            if (shard + 1 === shards.length) lane = withSpanMet(lane, span);
            yield undefined;
          }
        }
        const logs = early ?? this.#readAll();
        yield undefined;
        for (const met of lane.met.filter(({ id }) => !visited.has(id))) {
          if (count >= max) break;
          visited.add(met.id);
          const log = logs.get(met.id);
          if (log === undefined) continue;
          const made = this.#lend(met, log, { lease, max: max - count, generation });
          if (this.#sabotage.isDone?.(made.isDone) ?? made.isDone) done.add(met.id);
          if (made.changed) members.push({ id: met.id, stored: log.member, to: made.member });
          parked.push(...made.parked);
          count += made.events.length;
          if (made.events.length > 0) lent.push({ id: met.id, events: made.events });
        }
        if (lane.within === undefined || count >= max || done.size === 0) break;
        if (round < 2) lane = withoutDone(lane, done);
      }
      const to = afterFetch(lane, { done, lent: lent.map(({ id }) => id) }, lease);
      if (members.length === 0 && !isWorthStoring(stored.is, to)) continue;
      yield undefined;
      if (!this.#write(index, stored, to, members, generation)) return;
      for (const event of parked) this.#end(event, "parked");
      const events = lent.flatMap((each) => each.events);
      for (const event of events) this.#checkLent(event, lease.token);
      if (events.length === 0) continue;
      yield undefined;
      this.#batches.push({ token: lease.token, events });
      return;
    }
  }

  /** Every log and member as they are now. */
  #readAll(): ReadonlyMap<
    string,
    { readonly records: Log["records"]; readonly member: Versioned<Member> | undefined }
  > {
    return new Map(
      [...this.#logs.values()].map(({ id, records }) => [id, { records: [...records], member: this.#members.get(id) }]),
    );
  }

  #lend(
    met: MetActor,
    { records, member }: { readonly records: Log["records"]; readonly member: Versioned<Member> | undefined },
    {
      lease,
      max,
      generation,
    }: { lease: { token: string; consumer: string; until: number }; max: number; generation: number },
  ) {
    const newest = positionAfter(1, records.length);
    let state: GroupState;
    if (member?.is.generation === generation) ({ state } = member.is);
    else {
      const after = this.#sabotage.begins?.(met, this.#now) ?? Math.min(met.after, this.#since);
      const first = records.findIndex(({ time }) => time > after);
      const begin = positionAfter(1, first < 0 ? records.length : first);
      const fresh = newGroupState(begin, { lanes: 1, selection: { topics: [] } });
      const replayed = (member?.is.state.lanes[0]?.replayed ?? []).map((each) => ({ ...each, lent: false }));
      state = { ...fresh, lanes: fresh.lanes.map((lane) => ({ ...lane, replayed })) };
    }
    const stored = member?.is.generation === generation ? member.is.state : undefined;
    state = withoutExpired(state, Infinity);
    // A failed event that was resolved meanwhile is not there.
    const lanesNow = state.lanes.map((lane) => {
      return { ...lane, replayed: lane.replayed.filter(({ id }) => this.#replays.has(id)) };
    });
    state = { ...state, lanes: lanesNow };
    const replays = (state.lanes[0]?.replayed ?? []).slice(0, max);
    const events: Event[] = replays.flatMap(({ id }) => {
      const event = this.#replays.get(id);
      return event === undefined ? [] : [event];
    });
    if (events.length > 0) {
      const lanes = state.lanes.map((lane) => ({
        ...lane,
        lease,
        replayed: lane.replayed.map((each, at) => ({ ...each, lent: at < max })),
      }));
      state = { ...state, lanes };
    }
    const all = records.flatMap((record) => record.events);
    const parked: Event[] = [];
    for (let tries = 0; tries < 3 && events.length < max; tries += 1) {
      const lanes = state.lanes.map(({ lease: _, ...lane }) => lane);
      const from = readFrom({ ...state, lanes }, this.#rules, { now: this.#now, newest });
      if (from === undefined) break;
      const beyond = all.filter(({ position }) => position > from);
      const cut = beyond[this.#upTo(6) + 3]?.position.replace(/-[^-]*$/, "-z");
      const upTo = cut ?? newest;
      const stretch = { after: from, upTo, events: beyond.filter(({ position }) => position <= upTo) };
      const how = { rules: this.#rules, selects: (_: unknown, event: Event) => event.isSelected, lease };
      const lentNow = lend({ ...state, lanes }, stretch, { ...how, now: this.#now, max: max - events.length });
      const given = lentNow.exhausted.map(({ event, because }) => ({ lane: 0, position: event.position, because }));
      const away = withoutExhausted(lentNow.state, given, { rules: this.#rules, room: 100 });
      ({ state } = away);
      if (events.length > 0) state = { ...state, lanes: state.lanes.map((lane) => ({ ...lane, lease })) };
      events.push(...lentNow.lent.map(({ event }) => event));
      parked.push(...lentNow.exhausted.map(({ event }) => event).filter(({ position }) => away.away.has(position)));
      if (lentNow.lent.length > 0 || parked.length > 0) break;
    }
    const isDone = isCaughtUp(state, newest);
    const changed =
      JSON.stringify(state.lanes) !== JSON.stringify((stored ?? { lanes: [] }).lanes) &&
      !(isDone && stored === undefined && events.length === 0 && parked.length === 0);
    return { events, parked, isDone, changed, member: { generation, state } };
  }

  /** One transaction on everything as it was read. */
  #write(
    index: number,
    stored: Versioned<RootLane>,
    to: RootLane,
    members: readonly { readonly id: string; readonly stored: Versioned<Member> | undefined; readonly to: Member }[],
    generation: number,
  ): boolean {
    const lane = this.#lanes[index];
    if (lane === undefined || generation !== this.#generation) return false;
    if (lane !== stored && this.#sabotage.anyLane !== true) return false;
    const isSame = members.every(({ id, stored: read }) => this.#members.get(id) === read);
    if (!isSame && this.#sabotage.anyMember !== true) return false;
    this.#lanes = this.#lanes.with(index, { version: lane.version + 1, is: to });
    for (const { id, stored: read, to: member } of members) {
      this.#members.set(id, { version: (read?.version ?? 0) + 1, is: member });
    }
    if (to.met.length > this.#most + 5) throw new RootGroupViolation("a lane has met too many actors");
    return true;
  }

  *#acknowledge({ token: own, events }: Batch): Work {
    const items: (VerdictItem & { readonly event: Event })[] = [];
    const upTo = this.#chance(0.4) ? this.#pick(events) : undefined;
    for (const event of events) {
      if (this.#chance(upTo === undefined ? 0.3 : 0.8)) continue;
      const verdict = this.#chance(0.7) ? "ack" : this.#pick(VERDICTS);
      items.push({ event, position: event.position, verdict, delayMs: this.#upTo(3) * 3_000 });
    }
    yield* this.#say(own, { items, upTo, done: this.#chance(0.25), extend: this.#chance(0.2) });
  }

  *#say(
    own: string,
    {
      items,
      upTo,
      done,
      extend,
    }: {
      readonly items: readonly (VerdictItem & { readonly event: Event })[];
      readonly upTo: Event | undefined;
      readonly done: boolean;
      readonly extend: boolean;
    },
  ): Work {
    const generation = this.#generation;
    const lanes = this.#lanes;
    const given = this.#sabotage.token;
    const token = given?.(own, lanes.find(({ is }) => is.lease !== undefined)?.is) ?? own;
    const index = lanes.findIndex(({ is }) => is.lease?.token === token);
    const stored = lanes[index];
    const lease = stored?.is.lease;
    if (stored === undefined || lease === undefined) return;
    yield undefined;
    const members: { id: string; stored: Versioned<Member> | undefined; to: Member }[] = [];
    const ended = new Set<string>();
    const outcomes: { event: Event; how: "done" | "parked" | "skipped" }[] = [];
    const resolved: string[] = [];
    for (const id of lease.left) {
      const last = upTo === undefined ? undefined : upToOf(lease, { actorId: upTo.actor, position: upTo.position }, id);
      const mine = items.filter(({ event }) => event.actor === id);
      if (mine.length === 0 && last === undefined && !done) continue;
      const member = this.#members.get(id);
      const said = { token, items: mine, extend: false, done, ...(last !== undefined && { upTo: last }) };
      const standing = { rules: this.#rules, now: this.#now, random: this.#random, room: 100 };
      const acked = member === undefined ? undefined : acknowledged(member.is.state, said, standing);
      if (acked === undefined || member === undefined) {
        ended.add(id);
        continue;
      }
      const replays = new Set((member.is.state.lanes[0]?.replayed ?? []).map(({ position }) => position));
      for (const { position, outcome } of acked.outcomes) {
        const event = this.#eventAt(id, position);
        if (replays.has(position) && acked.replayed.some((each) => each.id === `${id} ${position}`)) continue;
        if (outcome === "done" || outcome === "skipped" || outcome === "parked") outcomes.push({ event, how: outcome });
      }
      resolved.push(...acked.replayed.map((each) => each.id));
      members.push({ id, stored: member, to: { ...member.is, state: acked.state } });
      if (acked.state.lanes[0]?.lease === undefined) ended.add(id);
    }
    const until = extend ? { until: this.#now + LEASE_MS } : {};
    const to = answeredLane(stored.is, { ended, done, ...until });
    yield undefined;
    if (!this.#write(index, stored, to, members, generation)) return;
    for (const { event, how } of outcomes) {
      if (this.#holder.get(`${event.actor} ${event.position}`) !== own) {
        throw new RootGroupViolation(`a fenced acknowledgement ends ${event.actor} ${event.position}`);
      }
      this.#end(event, how);
    }
    for (const id of resolved) this.#replays.delete(id);
  }

  #eventAt(id: string, position: string): Event {
    const events = this.#logs.get(id)?.records.flatMap((record) => record.events) ?? [];
    const found = events.find((event) => event.position === position);
    if (found === undefined) throw new RootGroupViolation(`${position} is no event of ${id}`);
    return found;
  }

  /** A person sends an event again that was parked. */
  *#replay(): Work {
    const parked = [...this.#ended].filter(([, how]) => how === "parked").map(([key]) => key);
    if (parked.length === 0) return;
    const key = this.#pick(parked);
    const [id = "", position = ""] = key.split(" ");
    const index = laneIn(id, this.#lanes.length);
    const lane = this.#lanes[index] as Versioned<RootLane>;
    const member = this.#members.get(id);
    const generation = this.#generation;
    yield undefined;
    if (member === undefined) return;
    const to = { ...member.is, state: withReplayed(member.is.state, 0, { id: key, position }) };
    const laneTo = this.#sabotage.replayAlone === true ? lane.is : withMet(lane.is, id);
    if (!this.#write(index, lane, laneTo, [{ id, stored: member, to }], generation)) return;
    this.#replays.set(key, this.#eventAt(id, position));
  }

  /** Begins again at a time: what is later is to be done again, what is earlier is dropped. */
  #reset(): void {
    this.#since = Math.min(settledAt(this.#now), this.#since + this.#upTo(60_000));
    this.#generation += 1;
    this.#lanes = this.#freshLanes(1 + this.#upTo(3));
    for (const key of this.#ended.keys()) {
      const [id = "", position = ""] = key.split(" ");
      if (this.#eventAt(id, position).time > this.#since) this.#ended.delete(key);
    }
    this.#replays.clear();
  }

  #end(event: Event, how: "done" | "parked" | "skipped"): void {
    const key = `${event.actor} ${event.position}`;
    if (this.#ended.has(key)) throw new RootGroupViolation(`${key} ends twice`);
    if (how === "done") this.#checkOrder(event);
    this.#ended.set(key, how);
  }

  #isTodo = (event: Event): boolean =>
    event.isSelected && event.time > this.#since && !this.#ended.has(`${event.actor} ${event.position}`);

  /** First successes of an actor are in order: of a key, around a barrier, and of everything in strict order. */
  #checkOrder(event: Event): void {
    const related = (other: Event): boolean => {
      if (this.#rules.order === "strict" || other.key === event.key) return true;
      return event.barrier || other.barrier;
    };
    for (const other of this.#logs.get(event.actor)?.records.flatMap((record) => record.events) ?? []) {
      if (!related(other)) continue;
      if (other.position < event.position && this.#isTodo(other)) {
        throw new RootGroupViolation(`${event.actor}: ${event.position} before ${other.position}`);
      }
      const isLater = other.position > event.position;
      if (isLater && this.#ended.get(`${other.actor} ${other.position}`) === "done") {
        throw new RootGroupViolation(`${event.actor}: ${other.position} before ${event.position}`);
      }
    }
  }

  /** No event is lent that has ended, unless a person sends it again. */
  #checkLent(event: Event, token: string): void {
    const key = `${event.actor} ${event.position}`;
    if (this.#ended.has(key) && !this.#replays.has(key) && event.time > this.#since) {
      throw new RootGroupViolation(`${key} is lent after its end`);
    }
    this.#holder.set(key, token);
  }

  #left(): readonly Event[] {
    return [...this.#logs.values()].flatMap(({ records }) =>
      records.flatMap(({ events }) => events.filter(this.#isTodo)),
    );
  }

  /** A consumer that takes everything: nothing is left then. */
  #finish(): void {
    this.#working = [];
    for (let round = 0; round < 300; round += 1) {
      if (this.#left().length === 0 && this.#replays.size === 0) return;
      this.#pass(round > 20 ? 10 ** 6 : 6_000);
      const before = this.#batches.length;
      for (const _ of this.#fetch("good", 50));
      const batch = this.#batches[before];
      if (batch === undefined) continue;
      const items = batch.events.map((event) => ({ event, position: event.position, verdict: "ack" as const }));
      for (const _ of this.#say(batch.token, { items, upTo: undefined, done: false, extend: false }));
    }
    const left = this.#left().map(({ actor, position }) => `${actor} ${position}`);
    throw new RootGroupViolation(
      `never done: ${JSON.stringify({ left, replays: [...this.#replays.keys()], lanes: this.#lanes })}`,
    );
  }
}
