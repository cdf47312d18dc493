import { compact } from "../../system/compact.ts";
import { changedFailing, sameState } from "./keeper-changes.ts";
import { choose, isBlocked, type Choice } from "./keeper-choice.ts";
import { afterFailure, afterTaken, givenBack, type Attempt, type NotTaken } from "./keeper-failures.ts";
import { KeeperFronts } from "./keeper-fronts.ts";
import { remindsAt, signalsBetween, stateOf } from "./keeper-notes.ts";
import { GivenUpEvents } from "./keeper-given-up.ts";
import type { Item } from "./keeper-order.ts";
import type { EntryQueue } from "./keeper-queue.ts";
import { EXPIRING_MS } from "./keeper-schedule.ts";
import {
  MOST_GIVEN_UP,
  type EndpointHealth,
  type Exhaustion,
  type Failing,
  type KeeperState,
  type OrderedEvent,
} from "./keeper-state.ts";
import type {
  KeeperNote,
  KeeperRules,
  KeeperStep,
  KeeperTools,
  NumberedEvent,
  Outcome,
  Stretch,
} from "./keeper-steps.ts";

/** An attempt, and the id of the redrive whose event it sends again. */
interface Begun<E extends OrderedEvent> {
  readonly item: Item<E>;
  readonly attempt: Attempt;
  readonly redrive: string | undefined;
}

/**
 * The order keeper of one listener: which events go out now, in which order, and what each outcome means. The session that
 * holds the listener's lease makes one from the stored state, reads the log and sends as `next` says, reports outcomes, and
 * stores notes. The keeper itself reads no clock and no log.
 *
 * States: `closed`, an attempt for each event that no earlier one holds back; `paused` after a failure of the endpoint;
 * `open`, one probe at a time; `stopped`, until a person acts. Outcomes move it from one to the next, and time.
 *
 * Invariants: those of KeeperFronts; an event begins only when its number is stored; after an event is exhausted nothing
 * begins until the note that has it is stored; the note of any moment is one from which another session can continue.
 */
export class OrderKeeper<E extends OrderedEvent, S> {
  #rules: KeeperRules;
  readonly #tools: KeeperTools<E, S>;
  #fronts: KeeperFronts<E, S>;
  #stored: KeeperState<S>;
  #health: EndpointHealth;
  readonly #givenUp: GivenUpEvents<E>;
  /** For the next note. */
  #redriven: NumberedEvent<E>[] = [];
  /** Done since the newest stored note, in order; the first `#noted` are in the newest note. */
  readonly #done: Item<E>[] = [];
  #noted = 0;
  #choice: Choice<E> | undefined;
  readonly #begun = new Map<number, Begun<E>>();
  /** The floor's events and the entries' alternate. */
  #floorFirst = true;

  constructor(state: KeeperState<S>, rules: KeeperRules, tools: KeeperTools<E, S>) {
    this.#rules = rules;
    this.#tools = tools;
    this.#fronts = new KeeperFronts<E, S>(state, rules.order, tools.selects);
    this.#stored = state;
    this.#health = state.health;
    this.#givenUp = new GivenUpEvents<E>(state.stopped, rules.room);
  }

  /** What may happen at `now` (ms since 1970). */
  next(now: number): KeeperStep<E> {
    const fronts = this.#fronts;
    this.#choice = undefined;
    fronts.advance();
    this.#exhaustExpiring(now);
    const isUnnoted = this.#givenUp.events.length > 0;
    if (this.#givenUp.stopped !== undefined) {
      const wakeAt = remindsAt(fronts, this.#givenUp.stopped, this.#stored, this.#rules.retentionMs);
      const store = isUnnoted || this.#givenUp.stopped !== this.#stored.stopped || (wakeAt ?? Infinity) <= now;
      return compact({ send: [], store, wakeAt });
    }
    if (isUnnoted) return { send: [], store: true };
    // An event that is given up is read once more, for a person gets it whole.
    const unread = fronts.entries.find(({ failing, failed }) => failing?.exhausted !== undefined && !failed);
    if (unread !== undefined) return compact({ send: [], store: false, read: fronts.requestFor(unread) });
    const standing = { fronts, health: this.#health, rules: this.#rules, floorFirst: this.#floorFirst, now };
    this.#choice = choose(standing);
    const { items, read, wakeAt } = this.#choice;
    const numbered = items.filter(({ event }) => event.position <= this.#stored.numbered.after);
    const send = numbered.map((item) => this.#numbered(item));
    return compact({ send, store: numbered.length < items.length, read, failed: fronts.redrive?.request, wakeAt });
  }

  #numbered(item: Item<E>): NumberedEvent<E> {
    const { event, number } = item;
    const numbered = { event, number, attempts: this.#priorOf(item)?.attempts ?? 0 };
    const redrive = this.#isRedriven(item) ? this.#fronts.redrive?.progress.id : undefined;
    return redrive === undefined ? numbered : { ...numbered, redrive };
  }

  #isRedriven({ number }: Item<E>): boolean {
    return this.#fronts.redrive?.first?.number === number;
  }

  /** The failures of the event so far. */
  #priorOf(item: Item<E>): Failing | undefined {
    const failing = this.#fronts.ownerOf(item)?.failing;
    return failing?.position === item.event.position ? failing : undefined;
  }

  /** What was read of the log, as `next` asked. */
  read(stretch: Stretch<E>): void {
    this.#fronts.read(stretch);
  }

  /** What was read of the failed events: those beyond `after` up to `upTo`, in order. */
  readFailed(
    events: readonly NumberedEvent<E>[],
    point: { readonly after: string; readonly upTo: string; readonly atEnd: boolean },
  ): void {
    this.#fronts.redrive?.load(events, { ...point, number: 0 });
  }

  /** The log has more than was read to its end. */
  grew(): void {
    this.#fronts.grew();
  }

  /** What `next` asked to read has expired in part. */
  overtaken(): void {
    this.#givenUp.stopped = { reason: "position_gone" };
  }

  /** An event of the last `next` begins at `now`. */
  begin({ number }: NumberedEvent<E>, now: number): void {
    const item = this.#choice?.items.find((each) => each.number === number);
    if (this.#choice === undefined || item === undefined) throw new RangeError("only an event of a step can begin");
    const redrive = this.#isRedriven(item) ? this.#fronts.redrive?.progress.id : undefined;
    this.#floorFirst = redrive !== undefined || this.#fronts.ownerOf(item) !== undefined;
    this.#fronts.begin(item);
    this.#begun.set(number, { item, attempt: { ...this.#choice.how, beganAt: now }, redrive });
    this.#choice = undefined;
  }

  /** An event that began has this outcome; the attempt ended at `now`. */
  report({ number }: NumberedEvent<E>, outcome: Outcome, now: number): void {
    const begun = this.#begun.get(number);
    if (begun === undefined) throw new RangeError("only an event that began has an outcome");
    const { item, attempt, redrive } = begun;
    this.#begun.delete(number);
    this.#fronts.end(item);
    if (outcome.is === "ended") this.#givenUp.stopped ??= { reason: "gone" };
    else if (outcome.is === "taken") this.#taken(begun, now);
    else if (redrive !== undefined) this.#failedAgain(begun, { outcome, attempt, now });
    else this.#failed(item, { outcome, attempt, now });
  }

  #taken({ item, attempt: { why }, redrive }: Begun<E>, now: number): void {
    const wasBlocked = redrive === undefined && this.#priorOf(item) !== undefined;
    if (redrive !== undefined) {
      this.#redriven.push(this.#numbered(item));
      this.#fronts.redriveOf(redrive)?.finish(true);
    } else this.#isDone(item);
    const { openUntil, pausedUntil, pace } = this.#health;
    const closes = why === "probe" || why === "early";
    if (openUntil !== undefined && !closes) return;
    this.#health = compact({ failures: 0, pausedUntil, pace: closes || wasBlocked ? undefined : pace });
    for (const entry of this.#fronts.entries) {
      if (entry.failing === undefined) continue;
      entry.failing = afterTaken(entry.failing, { now, atOnce: closes || (wasBlocked && entry.failing.run) });
    }
  }

  #failed(item: Item<E>, how: NotTaken): void {
    const prior = this.#priorOf(item);
    const entry = this.#fronts.entryOf(item);
    const failed = { ...how, event: item.event, prior, health: this.#health };
    const { health, failing, opens } = afterFailure(failed, this.#rules, this.#tools.random);
    entry.failing = failing;
    this.#isNow(health, opens, how.now);
    const ambiguous = how.outcome.is === "ambiguous" && !this.#rules.retryAmbiguous;
    if (ambiguous) this.#exhaust(entry, item, "ambiguous");
    else if (isBlocked(entry.failing) && entry.failing.attempts >= this.#rules.maxAttempts) {
      this.#exhaust(entry, item, "attempts");
    }
  }

  /** A person has the event again, unless the endpoint is to blame and may still take it. */
  #failedAgain({ item, redrive: id }: Begun<E>, how: NotTaken): void {
    const redrive = this.#fronts.redriveOf(id);
    const failed = { ...how, event: item.event, prior: undefined, health: this.#health };
    const { health, opens } = afterFailure(failed, this.#rules, this.#tools.random);
    this.#isNow(compact({ ...health, pace: this.#health.pace }), opens, how.now);
    if (redrive === undefined) return;
    if (how.outcome.is === "unavailable" && redrive.tried() < this.#rules.maxAttempts) return;
    if (redrive.progress.source === "log") this.#givenUp.addIfRoom(this.#numbered(item));
    redrive.finish(false);
  }

  #isNow(health: EndpointHealth, opens: boolean, now: number): void {
    this.#health = health;
    if (!opens) return;
    for (const entry of this.#fronts.entries) if (entry.failing) entry.failing = givenBack(entry.failing, now);
  }

  #exhaustExpiring(now: number): void {
    for (const entry of [...this.#fronts.entries]) {
      const { failing } = entry;
      if (failing === undefined || this.#givenUp.stopped !== undefined) continue;
      if (this.#givenUp.events.length >= MOST_GIVEN_UP) return;
      const expires = isBlocked(failing) && failing.expiresAt - EXPIRING_MS <= now;
      const because = failing.exhausted ?? (expires ? "expiring" : undefined);
      if (because === undefined) continue;
      entry.failing = { ...failing, exhausted: because };
      if (entry.failed && !this.#fronts.isInFlight(entry.failed)) this.#exhaust(entry, entry.failed, because);
    }
  }

  /** The event is not tried again: a person has it from the next note on, or the listener stops. */
  #exhaust(entry: EntryQueue<E>, item: Item<E>, because: Exhaustion): void {
    const numbered = { ...this.#numbered(item), attempts: entry.failing?.attempts ?? 0 };
    const became = this.#givenUp.add(numbered, because, this.#rules.onExhausted);
    if (became === "full" && entry.failing) entry.failing = { ...entry.failing, exhausted: because };
    if (became === "added") this.#isDone(item);
  }

  /** It stopped because there is no room for one more failed event, and that is not stored yet. */
  get isFull(): boolean {
    return this.#givenUp.isFull;
  }

  /** There is room for so many failed events after all: what is to be given up is. */
  makeRoom(room: number): void {
    this.#givenUp.makeRoom(room);
  }

  #isDone(item: Item<E>): void {
    this.#done.push(item);
    this.#fronts.done(item);
  }

  /** What to store now, in one transaction, on the condition that the selections, and all else of the state, are as read. */
  note(now: number): KeeperNote<E, S> {
    const { redrive } = this.#fronts;
    this.#noted = this.#done.length;
    this.#fronts.advance();
    const state = compact({
      ...stateOf(this.#fronts, this.#stored, { now, retentionMs: this.#rules.retentionMs }),
      health: this.#health,
      stopped: this.#givenUp.stopped,
    });
    return compact({
      state,
      exhausted: [...this.#givenUp.events],
      redriven: [...this.#redriven],
      redrive: redrive && { ...redrive.progress, ended: redrive.hasEnded },
      signals: signalsBetween(this.#stored, state),
    });
  }

  /** The newest note was stored. */
  stored({ state, exhausted, redriven }: KeeperNote<E, S>): void {
    this.#stored = state;
    this.#done.splice(0, this.#noted);
    this.#noted = 0;
    this.#givenUp.events.splice(0, exhausted.length);
    this.#redriven.splice(0, redriven.length);
    if (state.redrive === undefined) this.#fronts.redrive = undefined;
  }

  /**
   * People changed the stored state, or the settings, while the session works. What happened since the newest stored note
   * stays beside what they changed; what was read beyond that note is read again, for its numbers may be others.
   */
  adopt(changed: KeeperState<S>, rules: KeeperRules): void {
    const before = this.#stored;
    const { entries, redrive } = this.#fronts;
    const [oldest] = changed.selections;
    // Numbers cannot be counted from an anchor whose selection is forgotten.
    const anchors = changed.anchors.filter(({ after }) => oldest === undefined || after >= oldest.after);
    if (this.#health === before.health || !sameState(before.health, changed.health)) this.#health = changed.health;
    if (this.#givenUp.stopped === before.stopped) this.#givenUp.stopped = changed.stopped;
    this.#stored = { ...changed, anchors };
    this.#rules = rules;
    this.#fronts = new KeeperFronts<E, S>(this.#stored, rules.order, this.#tools.selects);
    if (before.redrive?.id === changed.redrive?.id) this.#fronts.redrive = redrive;
    for (const item of this.#done) this.#fronts.done(item);
    for (const entry of entries) {
      if (entry.failing === undefined) continue;
      entry.failing = changedFailing(entry.failing, before, changed);
      this.#fronts.fails(entry);
    }
    for (const { item } of this.#begun.values()) this.#fronts.begin(item);
    this.#choice = undefined;
    this.#noted = 0;
  }
}
