/**
 * One random schedule of a listener: events are made, sent, taken or not, noted or lost in a crash; the owner changes the
 * selection, the order and the state; the clock jumps. At the end the endpoint is well, and everything must get done.
 */
import { renewed, resumed, withRedrive, withSelection } from "../../../lib/domain/events/keeper-changes.ts";
import { MAX_ENTRIES, newKeeperState, type KeeperState } from "../../../lib/domain/events/keeper-state.ts";
import type {
  KeeperNote,
  KeeperRules,
  NumberedEvent,
  Outcome,
  RedriveRequest,
} from "../../../lib/domain/events/keeper-steps.ts";
import { OrderKeeper } from "../../../lib/domain/events/order-keeper.ts";
import { seeded } from "../simulation/scheduler.ts";
import { isOrdered, Ledger } from "./ledger.ts";
import { BEGINNING, positionAt, selects, WorldLog, type WorldEvent, type WorldSelection } from "./log.ts";
import { EventsViolation } from "./violation.ts";

type Numbered = NumberedEvent<WorldEvent>;
type Keeper = OrderKeeper<WorldEvent, WorldSelection>;
type Note = KeeperNote<WorldEvent, WorldSelection>;

/** Conditions of the session that can be left out. */
export interface Spoiled {
  /** Takes a note for stored that is not, where this says so. */
  readonly pretends?: (note: Note) => boolean;
  /** Changes what is stored. */
  readonly note?: (state: KeeperState<WorldSelection>) => KeeperState<WorldSelection>;
  /** Stores the exhausted events with the next note. */
  readonly parted?: boolean;
  readonly select?: typeof withSelection;
  readonly redrive?: typeof withRedrive;
}

const KEYS = ["a", "b", "p.x", "p.y", "p"];
const ORDERS = ["key", "key", "key", "key", "strict", "none"] as const;
const HOUR = 3_600_000;

export class KeeperSchedule {
  readonly trace: string[] = [];
  readonly #random: () => number;
  readonly #log = new WorldLog();
  readonly #ledger: Ledger;
  readonly #spoiled: Spoiled;
  readonly #tracing: boolean;
  #rules: KeeperRules;
  #stored: KeeperState<WorldSelection>;
  #keeper: Keeper | undefined;
  #inFlight: Numbered[] = [];
  #late: Note["exhausted"] = [];
  #now = 1_000;
  #wasStrict: boolean;
  taken = 0;

  constructor(seed: number, { spoiled = {}, tracing = false }: { spoiled?: Spoiled; tracing?: boolean } = {}) {
    this.#random = seeded(seed);
    this.#spoiled = spoiled;
    this.#tracing = tracing;
    const order = this.#pick(ORDERS);
    this.#wasStrict = order === "strict";
    const selection = 3;
    this.#ledger = new Ledger(this.#log, selection, order);
    this.#stored = newKeeperState<WorldSelection>(BEGINNING, { selection, at: this.#now });
    this.#rules = {
      order,
      parallel: 1 + this.#below(4),
      maxAttempts: 1 + this.#below(3),
      onExhausted: this.#below(4) === 0 ? "stop" : "park",
      retryAmbiguous: this.#below(4) > 0,
      breaker: { threshold: 1 + this.#below(4), recoveryMs: 60_000 },
      room: 1_000,
      retentionMs: 30 * 24 * HOUR,
    };
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #pick<T>(all: readonly T[]): T {
    return all[this.#below(all.length)] as T;
  }

  #say(what: string, more?: unknown): void {
    if (this.#tracing)
      this.trace.push(`${String(this.#now)} ${what} ${more === undefined ? "" : JSON.stringify(more)}`);
  }

  play(): void {
    const steps = 10 + this.#below(50);
    for (let step = 0; step < steps; step += 1) this.#step();
    this.#finish();
  }

  #step(): void {
    const action = this.#below(100);
    if (action < 22) return this.#append();
    if (action < 50) return void this.#send();
    if (action < 76) return this.#answer();
    if (action < 84) return this.#store();
    if (action < 88) return this.#crash();
    if (action < 93) return this.#pass();
    if (action < 96) return this.#select();
    if (action < 98) return this.#reorder();
    if (action < 99) return this.#redrive();
    return this.#person();
  }

  #append(): void {
    if (this.#log.events.length >= 14) return;
    const key = this.#pick(KEYS);
    const expiresAt = this.#now + (this.#below(20) === 0 ? 2 : 30 * 24) * HOUR;
    const event = this.#log.append({ key, barrier: key === "p", kind: this.#below(2), expiresAt });
    this.#say(`make ${String(event.at)} of ${key}, kind ${String(event.kind)}`);
    this.#keeper?.grew();
  }

  get #session(): Keeper {
    this.#keeper ??= new OrderKeeper(this.#stored, this.#rules, { selects, random: this.#random });
    return this.#keeper;
  }

  /** One thing that the keeper says; false when it says none. */
  #send(): boolean {
    const keeper = this.#session;
    const { send, read, failed, store } = keeper.next(this.#now);
    const [first] = send;
    if (first !== undefined && (read === undefined || this.#below(3) > 0)) {
      this.#begin(keeper, first);
      return true;
    }
    if (read !== undefined) {
      const stretch = this.#log.read(read, 1 + this.#below(6));
      if (stretch === undefined) keeper.overtaken();
      else keeper.read(stretch);
      this.#say(`read after ${read.after}`);
      return true;
    }
    if (failed !== undefined) {
      this.#readFailed(keeper, failed);
      return true;
    }
    if (store) this.#store(this.#spoiled.pretends);
    return store;
  }

  #readFailed(keeper: Keeper, { after, upTo }: RedriveRequest): void {
    const all = this.#log.events.filter((event) => {
      return event.position > after && event.position <= upTo && this.#ledger.course(event).given;
    });
    const page = all.slice(0, 1 + this.#below(3));
    const last = page.at(-1)?.position ?? upTo;
    const events = page.map((event) => ({ event, number: this.#ledger.numberOf(event), attempts: 0 }));
    keeper.readFailed(events, { after, upTo: last, atEnd: page.length === all.length });
  }

  #begin(keeper: Keeper, numbered: Numbered): void {
    const { event, number, redrive } = numbered;
    this.#say(`${redrive === undefined ? "send" : "redrive"} ${String(event.at)} as ${String(number)}`);
    if (this.#stored.stopped !== undefined) throw new EventsViolation("it is stopped, and sends");
    this.#ledger.begins(event, number, redrive !== undefined);
    if (redrive === undefined && this.#again.some((each) => isBefore(each, event, this.#rules.order))) {
      throw new EventsViolation(`event ${String(event.at)} goes before a redriven one`);
    }
    keeper.begin(numbered, this.#now);
    this.#inFlight.push(numbered);
    if (this.#inFlight.length > this.#rules.parallel) throw new EventsViolation("too many in flight");
  }

  /** The endpoint answers one. */
  #answer(): void {
    const at = this.#below(this.#inFlight.length);
    const [numbered] = this.#inFlight.splice(at, 1);
    if (numbered === undefined) return;
    const dice = this.#below(100);
    if (dice < 55) return this.#report(numbered, { is: "taken" });
    if (dice < 75) return this.#report(numbered, { is: "failed" });
    if (dice < 85) {
      const course = this.#ledger.course(numbered.event);
      if (this.#below(2) === 0) this.#ledger.takes(numbered.event);
      course.again = course.taken;
      return this.#report(numbered, { is: "ambiguous" });
    }
    if (dice < 99) {
      const retryAfterMs = this.#below(4) === 0 ? { retryAfterMs: 30_000 } : {};
      return this.#report(numbered, { is: "unavailable", ...retryAfterMs });
    }
    this.#report(numbered, { is: "ended" });
  }

  #report(numbered: Numbered, outcome: Outcome): void {
    const { event } = numbered;
    this.#say(`${outcome.is} ${String(event.at)}`);
    if (outcome.is === "taken") {
      this.#ledger.takes(event);
      // Until it is noted a crash may send it again.
      this.#unnoted.add(event);
      this.taken += 1;
    } else this.#ledger.course(event).failures += 1;
    this.#session.report(numbered, outcome, this.#now);
    if (numbered.redrive === undefined) return;
    // What the endpoint did not take often enough counts as failed.
    const { after = event.position } = this.#session.note(this.#now).state.redrive ?? {};
    if (outcome.is !== "unavailable" || after >= event.position) {
      this.#again = this.#again.filter((each) => each !== event);
    }
  }

  /** Events of a redrive that are to be sent again. */
  #again: WorldEvent[] = [];

  /** The owner asks for events once more. */
  #redrive(): void {
    const source = this.#below(2) === 0 ? ("failed" as const) : ("log" as const);
    // What a session has done and not noted, the log would give it once more.
    this.#comes(source === "failed");
    const count = this.#log.events.length;
    const from = this.#below(2) === 0 || count === 0 ? BEGINNING : positionAt(this.#below(count));
    const upTo = count === 0 ? BEGINNING : positionAt(Math.min(count - 1, this.#below(count + 4)));
    const changed = (this.#spoiled.redrive ?? withRedrive)(this.#stored, { id: "task", source, from, upTo, most: 20 });
    if (changed === undefined) return;
    this.#say("redrive", changed.redrive);
    this.#stored = changed;
    this.#again = this.#log.events.filter((event) => {
      const { given, taken } = this.#ledger.course(event);
      // Events that are older than the oldest anchor are left out.
      const isIn =
        event.position > (changed.redrive?.from ?? from) && event.position <= upTo && this.#ledger.isLetThrough(event);
      if (source === "failed") return isIn && given;
      const isCovered = changed.entries.some((entry) => entry.after < event.position);
      return isIn && (given || taken) && event.position <= changed.floor.after && !isCovered;
    });
    this.#keeper?.adopt(changed, this.#rules);
  }

  /** Somebody comes to change the stored state: after a session, or, where that may be, while one works. */
  #comes(mayBeWhile: boolean): void {
    if (mayBeWhile && this.#below(2) === 0) return;
    this.#drain();
    this.#store();
    this.#keeper = undefined;
  }

  readonly #unnoted = new Set<WorldEvent>();

  /** A note begins, or the one that began is stored. */
  #store(pretends?: Spoiled["pretends"]): void {
    const keeper = this.#keeper;
    if (keeper === undefined) return;
    const noted = [...this.#unnoted];
    const note = keeper.note(this.#now);
    if (pretends?.(note) === true) {
      keeper.stored(note);
      return;
    }
    this.#say("store", note.state);
    this.#stored = structured(this.#spoiled.note?.(note.state) ?? note.state);
    const exhausted = this.#spoiled.parted === true ? this.#late : note.exhausted;
    this.#late = note.exhausted;
    for (const { event } of note.redriven) this.#ledger.course(event).given = false;
    if (note.redrive?.ended === true) this.#again = [];
    for (const { event, because, redrive } of exhausted) {
      const course = this.#ledger.course(event);
      course.given = true;
      if (redrive === undefined && because === "attempts" && course.failures < this.#rules.maxAttempts) {
        throw new EventsViolation(`event ${String(event.at)} is given up too early`);
      }
    }
    for (const event of noted) this.#unnoted.delete(event);
    this.#check();
    keeper.stored(note);
  }

  #check(): void {
    this.#ledger.agreesWith(this.#stored);
    if (this.#stored.entries.length > MAX_ENTRIES + (this.#wasStrict ? 1 : 0))
      throw new EventsViolation("too many entries");
  }

  /** The session ends at once; what is in flight may have been taken. */
  #crash(): void {
    this.#say("crash");
    for (const { event } of this.#inFlight) {
      const course = this.#ledger.course(event);
      if (this.#below(2) === 0) this.#ledger.takes(event);
      course.again ||= course.taken;
    }
    for (const event of this.#unnoted) this.#ledger.course(event).again = true;
    this.#unnoted.clear();
    this.#inFlight = [];
    this.#late = [];
    this.#keeper = undefined;
  }

  #pass(): void {
    const wakeAt = this.#session.next(this.#now).wakeAt;
    const jumps = [1_000, 6_000, 120_000, 2 * HOUR];
    this.#now =
      this.#below(2) === 0 && wakeAt !== undefined ? Math.max(this.#now, wakeAt) : this.#now + this.#pick(jumps);
  }

  /** The owner changes the selection; the session learns of it now or at its next note. */
  #select(): void {
    const selection = 1 + this.#below(3);
    const changed = (this.#spoiled.select ?? withSelection)(this.#stored, selection);
    if (changed === undefined) return;
    this.#stored = changed;
    const from = changed.numbered.after === BEGINNING ? 0 : Number(changed.numbered.after) + 1;
    this.#ledger.select(from, selection);
    this.#say(`select ${String(selection)} from ${String(from)}`);
    this.#keeper?.adopt(changed, this.#rules);
  }

  /** The session ends in order, and the next one has other settings. */
  #reorder(): void {
    this.#drain();
    this.#store();
    this.#keeper = undefined;
    this.#rules = { ...this.#rules, order: this.#pick(ORDERS), parallel: 1 + this.#below(4) };
    this.#ledger.order = this.#rules.order;
    this.#wasStrict ||= this.#rules.order === "strict";
    this.#say(`order ${this.#rules.order}`);
  }

  #drain(): void {
    while (this.#inFlight.length > 0) this.#answer();
  }

  /** What people do with a listener. */
  #person(): void {
    this.#comes(true);
    const { stopped } = this.#stored;
    this.#say("a person acts");
    if (stopped?.reason === "position_gone") throw new EventsViolation("the position is gone");
    if (this.#below(3) === 0) this.#stored = renewed(this.#stored, this.#now);
    else this.#stored = resumed(this.#stored, { now: this.#now, skip: this.#below(2) === 0 });
    this.#keeper?.adopt(this.#stored, this.#rules);
  }

  /** From now on the endpoint takes everything. */
  #finish(): void {
    this.#say("finish");
    for (let round = 0; round < 2_000; round += 1) {
      for (const numbered of this.#inFlight.splice(0)) this.#report(numbered, { is: "taken" });
      if (this.#send()) continue;
      if (this.#inFlight.length > 0) continue;
      const { wakeAt } = this.#session.next(this.#now);
      if (this.#stored.stopped !== undefined) this.#person();
      else if (wakeAt !== undefined) this.#now = Math.max(this.#now, wakeAt);
      else break;
    }
    this.#store();
    if (!this.#ledger.isFinished()) throw new EventsViolation("not everything is done");
    if (this.#stored.redrive !== undefined) throw new EventsViolation("a redrive does not end");
    if (this.#stored.entries.length > 0) throw new EventsViolation("an entry stays");
    this.#crash();
    this.#store();
  }
}

/** True when the later one has to wait for the earlier. */
const isBefore = (earlier: WorldEvent, later: WorldEvent, order: KeeperRules["order"]): boolean =>
  earlier.at < later.at && isOrdered(earlier, later, order);

/** What a table gives back of it. */
const structured = <T>(value: T): T => value;
