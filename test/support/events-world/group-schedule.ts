/**
 * Random schedules of one consumer group: a log that grows, consumers that die, freeze and acknowledge late, crashes, resets
 * to before the beginning and back, and other topics.
 */
import { lend, type LentEvent } from "../../../lib/domain/events/group-fetch.ts";
import { freeLanes, readFrom, withoutExpired, withoutRepeated } from "../../../lib/domain/events/group-lanes.ts";
import {
  groupFloor,
  newGroupState,
  numberedTo,
  resetGroup,
  shownNumber,
  withSelection,
  type GroupRules,
  type GroupState,
} from "../../../lib/domain/events/group-state.ts";
import {
  acknowledged,
  withoutExhausted,
  type Verdict,
  type VerdictItem,
} from "../../../lib/domain/events/group-verdicts.ts";
import { selectionAt, type OrderedEvent } from "../../../lib/domain/events/keeper-state.ts";
import { printPosition } from "../../../lib/domain/events/position.ts";
import { selects, type Selection } from "../../../lib/domain/events/selection.ts";
import { seeded } from "../simulation/scheduler.ts";

interface Event extends OrderedEvent {
  readonly topic: string;
}

interface Batch {
  readonly consumer: string;
  readonly token: string;
  readonly events: readonly LentEvent<Event>[];
  readonly key: string;
}

/** Ways to make the group wrong. */
export interface GroupSabotage {
  /** What is stored instead of a state. */
  readonly store?: (state: GroupState) => GroupState;
  /** The token of an acknowledgement. */
  readonly token?: (token: string, state: GroupState) => string;
  /** The key of an event as the group sees it. */
  readonly key?: (event: Event) => string;
  /** What a repeated fetch makes of the state. */
  readonly repeat?: typeof withoutRepeated;
  /** What a reset makes of the state. */
  readonly reset?: (state: GroupState) => GroupState;
}

interface Since {
  readonly after: string;
  readonly selection: Selection;
}

/** By selection and topic: schedules ask the same again and again. */
const answers = new Map<Selection, Map<string, boolean>>();

function isIn(selection: Selection, { topic }: Event): boolean {
  const known = answers.get(selection) ?? new Map<string, boolean>();
  answers.set(selection, known);
  const answer = known.get(topic) ?? selects(selection, { topic, type: "" });
  known.set(topic, answer);
  return answer;
}

export class GroupViolation extends Error {
  override readonly name = "GroupViolation";
}

const EXPIRES = 10 ** 12;
const KEYS = ["properties.a", "properties.b", "orders.1", "orders.2", "orders.3", "x"];
/** What the group hears, by turns. */
const SELECTIONS: readonly Selection[] = [
  { topics: ["properties", "properties.>", "orders.>"] },
  { topics: ["orders.>"] },
  { topics: ["properties", "properties.>", "orders.1"] },
];
const VERDICTS: readonly Verdict[] = ["retry", "park", "skip", "release"];

/** One schedule. @throws GroupViolation */
export class GroupSchedule {
  readonly #random: () => number;
  readonly #sabotage: GroupSabotage;
  readonly #rules: GroupRules;
  readonly #log: Event[] = [];
  readonly #byPosition = new Map<string, Event>();
  /** Where the group began, and by what it heard the log from where on. */
  readonly #begins: string;
  #selections: readonly Since[];
  /** How far the group had ever come. */
  #furthest: string;
  #records = 0;
  #now = 1_000;
  #tokens = 0;
  #state: GroupState;
  /** By position: how the event ended. */
  readonly #ended = new Map<string, "done" | "parked" | "skipped" | "before">();
  readonly #numbers = new Map<number, string>();
  readonly #batches: Batch[] = [];
  /** What was lent, and whose answer was lost. */
  readonly #lost: Batch[] = [];
  #fetches = 0;

  constructor(seed: number, sabotage: GroupSabotage = {}) {
    this.#random = seeded(seed);
    this.#sabotage = sabotage;
    const order = this.#chance(0.2) ? "strict" : "key";
    this.#rules = { order, leaseMs: 100, maxAttempts: this.#upTo(3) + 1, onExhausted: "park" };
    for (let records = this.#upTo(4); records > 0; records -= 1) this.#append();
    const selection = SELECTIONS[0] as Selection;
    this.#begins = this.#newest();
    this.#furthest = this.#begins;
    this.#selections = [{ after: this.#begins, selection }];
    this.#state = newGroupState(this.#begins, { lanes: this.#upTo(4) + 1, selection });
    for (const { position } of this.#log) this.#ended.set(position, "before");
  }

  /** @returns how many events were done */
  play(): number {
    for (let step = 0; step < 28; step += 1) this.#step();
    this.#finish();
    return this.#ended.size;
  }

  #upTo = (most: number): number => Math.floor(this.#random() * most);
  #chance = (share: number): boolean => this.#random() < share;
  #pick = <T>(all: readonly T[]): T => all[this.#upTo(all.length)] as T;

  #step(): void {
    const what = this.#random();
    if (what < 0.3) this.#append();
    else if (what < 0.52) this.#fetch(`c${String(this.#upTo(3))}`, this.#upTo(6) + 1);
    else if (what < 0.57) this.#repeat();
    else if (what < 0.83) this.#acknowledge();
    else if (what < 0.86) this.#reset();
    else if (what < 0.88) this.#hearOther();
    else this.#now += this.#upTo(150);
  }

  #append(): void {
    this.#records += 1;
    const count = this.#upTo(4);
    for (let index = 0; index < count; index += 1) {
      const barrier = this.#chance(0.1);
      const topic = barrier ? "properties" : this.#pick(KEYS);
      const at = index === count - 1 ? ("all" as const) : index;
      const position = printPosition({ epoch: 1, record: this.#records, index: at });
      const event = { position, key: topic, barrier, expiresAt: EXPIRES, topic };
      const own = { ...event, key: this.#sabotage.key?.(event) ?? topic };
      this.#log.push(own);
      this.#byPosition.set(position, own);
    }
  }

  #newest(): string {
    return printPosition({ epoch: 1, record: this.#records, index: "all" });
  }

  #selected = (event: Event): boolean => {
    const since = this.#selections.findLast(({ after }) => after < event.position) ?? this.#selections[0];
    return since !== undefined && isIn(since.selection, event);
  };

  #store(state: GroupState): void {
    this.#state = this.#sabotage.store?.(state) ?? state;
    for (const { after } of state.lanes) if (after > this.#furthest) this.#furthest = after;
    this.#checkFloor();
  }

  /** The group begins again anywhere, also before it began: every consumer is fenced, and events keep their numbers. */
  #reset(): void {
    const record = this.#upTo(this.#records + 1);
    const after = printPosition({ epoch: 1, record, index: "all" });
    const { selections } = this.#state;
    const to = numberedTo(this.#state).after;
    const [least, most] = after < to ? [after, to] : [to, after];
    const between = this.#log.filter(({ position }) => position > least && position <= most);
    const count = between.filter((event) => isIn(selectionAt(selections, event), event)).length;
    const state = resetGroup(this.#state, { after, lanes: this.#upTo(4) + 1, count });
    for (const { position } of this.#log) {
      if (position > after) this.#ended.delete(position);
      else if (!this.#ended.has(position)) this.#ended.set(position, "before");
    }
    this.#store(this.#sabotage.reset?.(state) ?? state);
  }

  /** Other topics hold for every event that has no number yet. */
  #hearOther(): void {
    const selection = this.#pick(SELECTIONS);
    const state = withSelection(this.#state, selection);
    if (state === undefined) return;
    const furthest = this.#furthest;
    const floor = groupFloor(this.#state);
    const isBefore = floor < this.#begins;
    // What the group did not hear below its floor stays done, whatever the other topics say of it.
    for (const { position } of this.#log) {
      if (position <= floor && !this.#ended.has(position)) this.#ended.set(position, "before");
    }
    const before = this.#selections.filter(({ after }, index) => after < furthest || (index === 0 && isBefore));
    this.#selections = [...before, { after: furthest, selection }];
    this.#store(state);
  }

  /** A consumer asks again what it had no answer to, and gets that: its first lease ends, and no attempt is counted. */
  #repeat(): void {
    const lost = this.#lost.pop();
    if (lost === undefined) return;
    const { consumer, key, token, events } = lost;
    const live = withoutExpired(this.#state, this.#now).lanes;
    const isLive = live.some(({ lease }) => lease?.token === token);
    const before = new Map(live.flatMap(({ open }) => open.map(({ position, attempts }) => [position, attempts])));
    if (!this.#fetch(consumer, events.length, key) || !isLive) return;
    const { lanes } = this.#state;
    if (lanes.some(({ lease }) => lease?.token === token))
      throw new GroupViolation("a repetition leaves the first lease");
    for (const { position, attempts } of lanes.flatMap(({ open }) => open)) {
      if (attempts > (before.get(position) ?? 0)) throw new GroupViolation("a repetition counts as an attempt");
    }
  }

  /** @returns whether it was carried out */
  #fetch(consumer: string, max: number, repeats?: string): boolean {
    const now = this.#now;
    this.#fetches += 1;
    const key = repeats ?? `f${String(this.#fetches)}`;
    const asked = { key, at: this.#fetches };
    const repeated = this.#sabotage.repeat ?? withoutRepeated;
    const before = withoutExpired(this.#state, now);
    const state = repeated(before, consumer, asked);
    const from = readFrom(state, this.#rules, { now, newest: this.#newest() });
    if (from === undefined || freeLanes(state, now).length === 0) return false;
    const beyond = this.#log.filter(({ position }) => position > from);
    // As a query of the log does, a stretch ends with a record.
    const cut = beyond[this.#upTo(12) + 4]?.position.slice(0, -1).replace(/-[^-]*$/, "-z");
    const upTo = cut === undefined ? this.#newest() : cut;
    const events = beyond.filter(({ position }) => position <= upTo);
    this.#tokens += 1;
    const token = `t${String(this.#tokens)}`;
    const lease = { token, consumer, asked, until: now + this.#rules.leaseMs };
    const how = { rules: this.#rules, selects: isIn, lease, now, max };
    const fetched = lend(state, { after: from, upTo, events }, how);
    const given = fetched.exhausted.map(({ lane, event, because }) => ({ lane, position: event.position, because }));
    const { state: after, away } = withoutExhausted(fetched.state, given, { rules: this.#rules, room: 100 });
    if (this.#chance(0.1)) return false; // a crash before the write
    for (const position of away) this.#end(position, "parked");
    this.#store(after);
    for (const { event, number } of fetched.lent) this.#checkNumber(event, number);
    const left = new Set(after.lanes.flatMap(({ lease: live }) => live?.token ?? []));
    const others = before.lanes.flatMap(({ lease: live }) => (live?.asked?.key === key ? [] : (live?.token ?? [])));
    if (others.some((each) => !left.has(each))) throw new GroupViolation("a fetch ends the lease of another");
    this.#checkBatch(fetched.lent);
    if (fetched.lent.length === 0) return true;
    const isLost = this.#chance(0.2);
    (isLost ? this.#lost : this.#batches).push({ consumer, token, key, events: fetched.lent });
    return true;
  }

  #acknowledge(): void {
    const batch = this.#batches.length === 0 ? undefined : this.#pick(this.#batches);
    if (batch === undefined) return;
    const items: VerdictItem[] = [];
    for (const { event } of batch.events) {
      if (this.#chance(0.3)) continue;
      const verdict = this.#chance(0.7) ? "ack" : this.#pick(VERDICTS);
      items.push({ position: event.position, verdict, delayMs: this.#upTo(3) * 20 });
    }
    this.#verdicts(batch, items);
  }

  #verdicts({ token: own }: Batch, items: readonly VerdictItem[]): void {
    const token = this.#sabotage.token?.(own, this.#state) ?? own;
    const isEnded = !this.#state.lanes.some(({ lease }) => lease?.token === own);
    const flags = { extend: this.#chance(0.3), done: this.#chance(0.2) };
    const standing = { rules: this.#rules, now: this.#now, random: this.#random, room: 100 };
    const result = acknowledged(this.#state, { token, items, ...flags }, standing);
    if (isEnded && result !== undefined) throw new GroupViolation("a fenced acknowledgement changes something");
    if (result === undefined || this.#chance(0.1)) return;
    for (const { position, outcome } of result.outcomes) {
      if (outcome === "done" || outcome === "skipped" || outcome === "parked") this.#end(position, outcome);
    }
    this.#store(result.state);
  }

  #end(position: string, how: "done" | "parked" | "skipped"): void {
    if (this.#ended.has(position)) throw new GroupViolation(`${position} ends twice`);
    const event = this.#byPosition.get(position);
    if (event === undefined) throw new GroupViolation(`${position} is no event`);
    if (how === "done") this.#checkOrder(event);
    this.#ended.set(position, how);
  }

  /** First successes are in order: of a key, around a barrier, and of everything in strict order. */
  #checkOrder(event: Event): void {
    for (const other of this.#log) {
      if (!this.#selected(other) || this.#ended.has(other.position)) {
        if (this.#ended.get(other.position) !== "done" || other.position <= event.position) continue;
        if (this.#related(event, other)) throw new GroupViolation(`${other.position} before ${event.position}`);
      }
    }
    const missing = this.#log.find(
      (other) =>
        other.position < event.position &&
        this.#selected(other) &&
        !this.#ended.has(other.position) &&
        this.#related(other, event),
    );
    if (missing !== undefined) throw new GroupViolation(`${event.position} before ${missing.position}`);
  }

  #related(one: Event, other: Event): boolean {
    if (this.#rules.order === "strict" || one.topic === other.topic) return true;
    const below = (topic: string): boolean => topic.startsWith("properties.");
    return (one.barrier && below(other.topic)) || (other.barrier && below(one.topic));
  }

  /** A number is the place of its event among the selected ones since the group began, for ever. */
  #checkNumber(event: Event, stored: number): void {
    const number = shownNumber(this.#state, stored);
    const before = this.#log.filter(({ position }) => position > this.#begins && position <= event.position);
    const expected = event.position > this.#begins ? before.filter(this.#selected).length : undefined;
    if (number !== expected) throw new GroupViolation(`${event.position} has number ${String(number)}`);
    if (number === undefined) return;
    if ((this.#numbers.get(number) ?? event.position) !== event.position) throw new GroupViolation("a number moved");
    this.#numbers.set(number, event.position);
  }

  /** No event is lent that was ended, and a lane is leased to one consumer at a time. */
  #checkBatch(lent: readonly LentEvent<Event>[]): void {
    for (const { event } of lent) {
      if (this.#ended.has(event.position)) throw new GroupViolation(`${event.position} is lent after its end`);
    }
  }

  #checkFloor(): void {
    const floor = groupFloor(this.#state);
    for (const event of this.#log) {
      if (event.position > floor) return;
      if (this.#selected(event) && !this.#ended.has(event.position)) {
        throw new GroupViolation(`${event.position} is below the floor ${floor}`);
      }
    }
  }

  /** A consumer that takes everything: nothing is left then. */
  #finish(): void {
    for (let round = 0; round < 400; round += 1) {
      const isDone = this.#log.every((event) => !this.#selected(event) || this.#ended.has(event.position));
      if (isDone) return;
      this.#now += 200;
      const before = this.#batches.length;
      this.#fetch("good", 50);
      const batch = this.#batches[before];
      if (batch !== undefined)
        this.#verdicts(
          batch,
          batch.events.map(({ event }) => ({ position: event.position, verdict: "ack" })),
        );
      if (round > 20) this.#now += 10 ** 6;
    }
    throw new GroupViolation(
      `something is never done: ${JSON.stringify({ r: this.#rules, s: this.#state, now: this.#now, left: this.#log.filter((e) => this.#selected(e) && !this.#ended.has(e.position)) })}`,
    );
  }
}
