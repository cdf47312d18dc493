import { compact } from "../../system/compact.ts";
import { changedFailing, sameState } from "./keeper-changes.ts";
import { numberedEvent, priorOf, redriveIdOf } from "./keeper-attempts.ts";
import { choose, isBlocked, type Choice } from "./keeper-choice.ts";
import {
  afterFailure,
  afterTaken,
  givenBack,
  healthAfterTaken,
  type BegunAttempt,
  type NotTaken,
} from "./keeper-failures.ts";
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

/** An attempt in flight, and the id of the redrive that it belongs to. */
interface Begun<E extends OrderedEvent> {
  readonly item: Item<E>;
  readonly attempt: BegunAttempt;
  readonly redrive: string | undefined;
}

/**
 * The order keeper of one listener decides which events are sent now, in which order, and what each outcome means. The
 * session that holds the listener's lease makes a keeper from the stored state, reads the log and sends events as `next`
 * says, reports the outcomes, and stores notes. The keeper itself reads neither a clock nor the log.
 *
 *   closed    every event that does not wait for an earlier one may be sent
 *   paused    after a failure of the endpoint, for a short time: nothing is sent
 *   open      after `breaker.threshold` failures: one probe at a time
 *   stopped   nothing is sent until a person resumes the listener
 *
 * Outcomes and time move the keeper between the first three. The keeper stops at an event that must not be given up, at the
 * endpoint's `ended`, and at records that have expired.
 *
 * Invariants: those of KeeperFronts; an event is sent only after its number was stored; once an event is given up, nothing
 * is sent until the note that hands it to a person is stored; another session can continue from any stored note.
 */
export class OrderKeeper<E extends OrderedEvent, S> {
  #rules: KeeperRules;
  readonly #tools: KeeperTools<E, S>;
  #fronts: KeeperFronts<E, S>;
  #stored: KeeperState<S>;
  #health: EndpointHealth;
  readonly #givenUp: GivenUpEvents<E>;
  /** Events of redrives that were taken, for the next note. */
  #redriven: NumberedEvent<E>[] = [];
  /** Events that are done since the newest stored note, in order; the newest note has the first `#noted` of them. */
  readonly #done: Item<E>[] = [];
  #noted = 0;
  #choice: Choice<E> | undefined;
  readonly #begun = new Map<number, Begun<E>>();
  /** Whose turn it is: the events of the floor and those of the entries are sent alternately. */
  #floorFirst = true;

  constructor(state: KeeperState<S>, rules: KeeperRules, tools: KeeperTools<E, S>) {
    this.#rules = rules;
    this.#tools = tools;
    this.#fronts = new KeeperFronts<E, S>(state, rules.order, tools.selects);
    this.#stored = state;
    this.#health = state.health;
    this.#givenUp = new GivenUpEvents<E>(state.stopped, rules.room);
  }

  /** What the session may do at `now` (ms since 1970). */
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
    // An event that is given up is read once more, because a person gets all its data.
    const unread = fronts.entries.find(({ failing, failed }) => failing?.exhausted !== undefined && !failed);
    if (unread !== undefined) return compact({ send: [], store: false, read: fronts.requestFor(unread) });
    const standing = { fronts, health: this.#health, rules: this.#rules, floorFirst: this.#floorFirst, now };
    this.#choice = choose(standing);
    const { items, read, wakeAt } = this.#choice;
    const numbered = items.filter(({ event }) => event.position <= this.#stored.numbered.after);
    const send = numbered.map((item) => numberedEvent(fronts, item));
    return compact({ send, store: numbered.length < items.length, read, failed: fronts.redrive?.request, wakeAt });
  }

  /** Takes the part of the log that `next` asked for. */
  read(stretch: Stretch<E>): void {
    this.#fronts.read(stretch);
  }

  /** Takes the failed events that `next` asked for: those beyond `after` up to `upTo`, in order. */
  readFailed(
    events: readonly NumberedEvent<E>[],
    point: { readonly after: string; readonly upTo: string; readonly atEnd: boolean },
  ): void {
    this.#fronts.redrive?.load(events, { ...point, number: 0 });
  }

  /** The log has records beyond those that were read to its end. */
  grew(): void {
    this.#fronts.grew();
  }

  /** Records that `next` asked for have expired: the listener stops. */
  overtaken(): void {
    this.#givenUp.stopped = { reason: "position_gone" };
  }

  /** An event of the last step is sent at `now`. @throws RangeError for any other event: a defect */
  begin({ number }: NumberedEvent<E>, now: number): void {
    const item = this.#choice?.items.find((each) => each.number === number);
    if (this.#choice === undefined || item === undefined) throw new RangeError("only an event of a step can begin");
    const redrive = redriveIdOf(this.#fronts, item);
    this.#floorFirst = redrive !== undefined || this.#fronts.ownerOf(item) !== undefined;
    this.#fronts.begin(item);
    this.#begun.set(number, { item, attempt: { ...this.#choice.how, beganAt: now }, redrive });
    this.#choice = undefined;
  }

  /**
   * The attempt at an event ended at `now` with this outcome.
   * @throws RangeError for an event that was not begun: a defect
   */
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
    const wasBlocked = redrive === undefined && priorOf(this.#fronts, item) !== undefined;
    if (redrive !== undefined) {
      this.#redriven.push(numberedEvent(this.#fronts, item));
      this.#fronts.redriveOf(redrive)?.finish(true);
    } else this.#isDone(item);
    const closes = why === "probe" || why === "early";
    const health = healthAfterTaken(this.#health, { closes, wasBlocked });
    if (health === undefined) return;
    this.#health = health;
    for (const entry of this.#fronts.entries) {
      if (entry.failing === undefined) continue;
      entry.failing = afterTaken(entry.failing, { now, atOnce: closes || (wasBlocked && entry.failing.run) });
    }
  }

  #failed(item: Item<E>, how: NotTaken): void {
    const prior = priorOf(this.#fronts, item);
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

  /** An event of a redrive failed: a person has it again, unless the endpoint was unavailable and may still take it. */
  #failedAgain({ item, redrive: id }: Begun<E>, how: NotTaken): void {
    const redrive = this.#fronts.redriveOf(id);
    const failed = { ...how, event: item.event, prior: undefined, health: this.#health };
    const { health, opens } = afterFailure(failed, this.#rules, this.#tools.random);
    this.#isNow(compact({ ...health, pace: this.#health.pace }), opens, how.now);
    if (redrive === undefined) return;
    if (how.outcome.is === "unavailable" && redrive.tried() < this.#rules.maxAttempts) return;
    if (redrive.progress.source === "log") this.#givenUp.addIfRoom(numberedEvent(this.#fronts, item));
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

  /** Gives an event up: the next note hands it to a person, or the listener stops at it. */
  #exhaust(entry: EntryQueue<E>, item: Item<E>, because: Exhaustion): void {
    const numbered = { ...numberedEvent(this.#fronts, item), attempts: entry.failing?.attempts ?? 0 };
    const became = this.#givenUp.add(numbered, because, this.#rules.onExhausted);
    if (became === "full" && entry.failing) entry.failing = { ...entry.failing, exhausted: because };
    if (became === "added") this.#isDone(item);
  }

  /** True when the listener stopped for want of room for another failed event, and that is not stored yet. */
  get isFull(): boolean {
    return this.#givenUp.isFull;
  }

  /** Sets how many more failed events can be kept. Events that waited for room are given up with the next step. */
  makeRoom(room: number): void {
    this.#givenUp.makeRoom(room);
  }

  #isDone(item: Item<E>): void {
    this.#done.push(item);
    this.#fronts.done(item);
  }

  /** What to store now, in one transaction, if the stored state is still the one that this keeper was made from. */
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

  /** The session has stored the newest note. */
  stored({ state, exhausted, redriven }: KeeperNote<E, S>): void {
    this.#stored = state;
    this.#done.splice(0, this.#noted);
    this.#noted = 0;
    this.#givenUp.events.splice(0, exhausted.length);
    this.#redriven.splice(0, redriven.length);
    if (state.redrive === undefined) this.#fronts.redrive = undefined;
  }

  /**
   * Adopts a change of the stored state or of the settings that people made while the session runs. What has happened since
   * the newest stored note is kept. Events in memory beyond that note are read again, because their numbers may have
   * changed.
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
