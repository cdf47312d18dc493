import { compact } from "../../system/compact.ts";
import { afterFailure, afterTaken, fewKeys, givenBack, type Attempt } from "./keeper-failures.ts";
import { KeeperFronts } from "./keeper-fronts.ts";
import { anchorsAt, selectionsFrom, signalsBetween } from "./keeper-notes.ts";
import type { Item } from "./keeper-order.ts";
import type { EntryQueue } from "./keeper-queue.ts";
import { EXPIRING_MS } from "./keeper-schedule.ts";
import type {
  EndpointHealth,
  Exhaustion,
  Failing,
  KeeperState,
  OrderedEvent,
  SelectionFrom,
  Stopped,
} from "./keeper-state.ts";
import type {
  ExhaustedEvent,
  KeeperNote,
  KeeperRules,
  KeeperStep,
  NumberedEvent,
  Outcome,
  Stretch,
  StretchRequest,
} from "./keeper-steps.ts";

/** What the order keeper takes from outside. */
export interface KeeperTools<E extends OrderedEvent, S> {
  readonly selects: (selection: S, event: E) => boolean;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
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
  #stopped: Stopped | undefined;
  #exhausted: ExhaustedEvent<E>[] = [];
  #room: number;
  /** The events of the last step, with why each may begin. */
  #offered = new Map<number, { readonly item: Item<E>; readonly why: Attempt["why"]; readonly inDoubt: boolean }>();
  readonly #attempts = new Map<number, { readonly item: Item<E>; readonly attempt: Attempt }>();
  /** Done since the newest stored note, in order; the first `#noted` are in the newest note. */
  readonly #done: Item<E>[] = [];
  #noted = 0;
  /** The floor's events and the entries' alternate. */
  #floorFirst = true;

  constructor(state: KeeperState<S>, rules: KeeperRules, tools: KeeperTools<E, S>) {
    this.#rules = rules;
    this.#tools = tools;
    this.#fronts = new KeeperFronts<E, S>(state, rules.order, tools.selects);
    this.#stored = state;
    this.#health = state.health;
    this.#stopped = state.stopped;
    this.#room = rules.room;
  }

  /** What may happen at `now` (ms since 1970). */
  next(now: number): KeeperStep<E> {
    this.#offered.clear();
    this.#fronts.advance();
    this.#exhaustExpiring(now);
    if (this.#stopped !== undefined || this.#exhausted.length > 0) {
      return this.#step({ store: this.#stopped !== this.#stored.stopped || this.#exhausted.length > 0 });
    }
    // An event that is given up is read once more, for a person gets it whole.
    const unread = this.#fronts.entries.find(({ failing, failed }) => failing?.exhausted !== undefined && !failed);
    if (unread !== undefined) return this.#step(compact({ read: this.#fronts.requestFor(unread) }));
    const { pausedUntil = 0, openUntil } = this.#health;
    if (pausedUntil > now) return this.#step({ wakeAt: pausedUntil });
    return openUntil === undefined ? this.#nextClosed(now) : this.#nextOpen(now, openUntil);
  }

  #nextClosed(now: number): KeeperStep<E> {
    const free = (this.#rules.order === "strict" ? 1 : this.#rules.parallel) - this.#attempts.size;
    if (free <= 0) return this.#step({});
    const { unblocked, read } = this.#unblocked(free);
    const due = this.#failing((failing) => Math.max(failing.tryAt, failing.retryAfter ?? 0) <= now);
    // Where the endpoint's failure may be the event's, other keys go first, and say which of the two it is.
    const isIdle = unblocked.length === 0 && this.#attempts.size === 0 && read === undefined;
    const retried = due.filter(({ failing }) => isIdle || !(failing.endpoint && failing.run));
    const retries = retried.flatMap(({ entry }) => entry.failed ?? []);
    const unread = retried.find(({ entry }) => entry.failed === undefined);
    if (unblocked.length > 0 || retries.length > 0) {
      const own = [...unblocked.filter(({ owner }) => owner !== undefined).map(({ item }) => item), ...retries];
      const fresh = unblocked.filter(({ owner }) => owner === undefined).map(({ item }) => item);
      const offered = interleaved(own.toSorted(byPosition), fresh, this.#floorFirst).slice(0, free);
      return this.#offer(offered, { why: "plain", inDoubt: false }, { read: this.#readOf(unread) ?? read, now });
    }
    const request = this.#readOf(unread) ?? read;
    if (request !== undefined) return this.#step({ read: request });
    return this.#attempts.size > 0 ? this.#step({ now }) : this.#nextBlocked(now);
  }

  /** Every key that waits is blocked. */
  #nextBlocked(now: number): KeeperStep<E> {
    const { pace } = this.#health;
    if (pace === undefined) return this.#step({ now });
    const waiting = this.#failing((failing) => (failing.retryAfter ?? 0) <= now);
    const longest = longestWaiting(waiting);
    if (longest === undefined) return this.#step({ now });
    if (pace.at > now) return this.#step({ now, wakeAt: pace.at });
    return this.#offerFailing(longest, { why: "pace", inDoubt: true }, now);
  }

  #nextOpen(now: number, openUntil: number): KeeperStep<E> {
    if (this.#attempts.size > 0) return this.#step({});
    const isEarly = now < openUntil;
    const hasFew = this.#failing(({ run }) => run, true).length < fewKeys(this.#rules.breaker);
    if (isEarly && !hasFew) return this.#step({ now, wakeAt: openUntil });
    const { unblocked, read } = this.#unblocked(1);
    const [oldest] = unblocked.toSorted((one, other) => byPosition(one.item, other.item));
    if (oldest !== undefined) {
      return this.#offer([oldest.item], { why: isEarly ? "early" : "probe", inDoubt: false }, { now });
    }
    if (read !== undefined) return this.#step({ now, read, wakeAt: openUntil });
    if (isEarly) return this.#step({ now, wakeAt: openUntil });
    const longest = longestWaiting(this.#failing((failing) => (failing.retryAfter ?? 0) <= now));
    if (longest === undefined) return this.#step({ now });
    return this.#offerFailing(longest, { why: "probe", inDoubt: hasFew }, now);
  }

  /** Events that may begin and have not failed, at most `most` of each front, and what to read for more. */
  #unblocked(most: number): {
    readonly unblocked: readonly { readonly item: Item<E>; readonly owner: EntryQueue<E> | undefined }[];
    readonly read: StretchRequest | undefined;
  } {
    const { floor, entries } = this.#fronts;
    const unblocked: { readonly item: Item<E>; readonly owner: EntryQueue<E> | undefined }[] = [];
    let read: StretchRequest | undefined;
    for (const entry of entries) {
      for (const item of this.#fronts.ready(entry, most)) unblocked.push({ item, owner: entry });
      if (entry.failing === undefined) read ??= this.#fronts.requestFor(entry);
    }
    const fresh = this.#fronts.ready(floor, most);
    for (const item of fresh) unblocked.push({ item, owner: undefined });
    read ??= this.#fronts.requestForFloor(fresh.length, most);
    return { unblocked, read };
  }

  /** Entries whose first event failed, and may be tried again by the order. */
  #failing(
    asks: (failing: Failing) => boolean,
    all = false,
  ): readonly { readonly entry: EntryQueue<E>; readonly failing: Failing }[] {
    return this.#fronts.entries.flatMap((entry) => {
      const { failing, failed } = entry;
      if (failing === undefined || !asks(failing)) return [];
      if (!all && (failing.exhausted !== undefined || this.#isFlying(failed))) return [];
      if (!all && failed !== undefined && this.#fronts.isHeldBack(failed, entry)) return [];
      return [{ entry, failing }];
    });
  }

  #isFlying(item: Item<E> | undefined): boolean {
    return item !== undefined && this.#attempts.has(item.number);
  }

  #readOf(unread: { readonly entry: EntryQueue<E> } | undefined): StretchRequest | undefined {
    return unread === undefined ? undefined : this.#fronts.requestFor(unread.entry);
  }

  #offerFailing(entry: EntryQueue<E>, how: Pick<Attempt, "why" | "inDoubt">, now: number): KeeperStep<E> {
    const item = entry.failed;
    return item === undefined
      ? this.#step(compact({ now, read: this.#fronts.requestFor(entry) }))
      : this.#offer([item], how, { now });
  }

  #offer(
    items: readonly Item<E>[],
    how: Pick<Attempt, "why" | "inDoubt">,
    { read, now }: { readonly read?: StretchRequest | undefined; readonly now: number },
  ): KeeperStep<E> {
    const numbered = items.filter(({ event }) => event.position <= this.#stored.numbered.after);
    for (const item of numbered) this.#offered.set(item.number, { item, ...how });
    const send = numbered.map(({ event, number }) => ({
      event,
      number,
      attempts: this.#attemptsOf({ event, number }),
    }));
    return this.#step(compact({ send, read, now, store: numbered.length < items.length }));
  }

  #attemptsOf(item: Item<E>): number {
    return this.#priorOf(item)?.attempts ?? 0;
  }

  #priorOf(item: Item<E>): Failing | undefined {
    const failing = this.#fronts.ownerOf(item)?.failing;
    return failing?.position === item.event.position ? failing : undefined;
  }

  /** `now`: the wake-up is for what waits for its time then. */
  #step({
    send = [],
    read,
    store = false,
    wakeAt,
    now,
  }: Partial<KeeperStep<E>> & { readonly now?: number }): KeeperStep<E> {
    const times = wakeAt === undefined ? [] : [wakeAt];
    if (now !== undefined) {
      const isOpen = this.#health.openUntil !== undefined;
      for (const { failing } of this.#failing(() => true)) {
        const at = Math.max(isOpen ? (this.#health.openUntil ?? 0) : failing.tryAt, failing.retryAfter ?? 0);
        if (at > now) times.push(at);
        if (isBlocked(failing)) times.push(failing.expiresAt - EXPIRING_MS);
      }
    }
    return compact({ send, read, store, wakeAt: times.length === 0 ? undefined : Math.min(...times) });
  }

  read(stretch: Stretch<E>): void {
    this.#fronts.read(stretch);
  }

  /** The log has more than was read to its end. */
  grew(): void {
    this.#fronts.grew();
  }

  /** What `next` asked to read has expired in part. */
  overtaken(): void {
    this.#stopped = { reason: "position_gone" };
  }

  /** An event of the last `next` begins at `now`. */
  begin({ number }: NumberedEvent<E>, now: number): void {
    const offered = this.#offered.get(number);
    if (offered === undefined) throw new RangeError("only an event of the last step can begin");
    const { item, why, inDoubt } = offered;
    this.#floorFirst = this.#fronts.ownerOf(item) !== undefined;
    this.#fronts.begin(item);
    this.#attempts.set(number, { item, attempt: { why, inDoubt, beganAt: now } });
    this.#offered.clear();
  }

  /** An event that began has this outcome; the attempt ended at `now`. */
  report({ number }: NumberedEvent<E>, outcome: Outcome, now: number): void {
    const begun = this.#attempts.get(number);
    if (begun === undefined) throw new RangeError("only an event that began has an outcome");
    const { item, attempt } = begun;
    this.#attempts.delete(number);
    this.#fronts.end(item);
    if (outcome.is === "taken") this.#taken(item, attempt, now);
    else if (outcome.is === "ended") this.#stopped ??= { reason: "gone" };
    else this.#failed(item, { outcome, attempt, now });
  }

  #taken(item: Item<E>, { why }: Attempt, now: number): void {
    const prior = this.#priorOf(item);
    this.#isDone(item);
    const { openUntil, pausedUntil, pace } = this.#health;
    const closes = why === "probe" || why === "early";
    if (openUntil !== undefined && !closes) return;
    const wasBlocked = prior !== undefined;
    this.#health = compact({ failures: 0, pausedUntil, pace: closes || wasBlocked ? undefined : pace });
    for (const entry of this.#fronts.entries) {
      if (entry.failing === undefined) continue;
      entry.failing = afterTaken(entry.failing, { now, atOnce: closes || (wasBlocked && entry.failing.run) });
    }
  }

  #failed(item: Item<E>, how: { readonly outcome: Outcome; readonly attempt: Attempt; readonly now: number }): void {
    const prior = this.#priorOf(item);
    const entry = this.#fronts.entryOf(item);
    const failed = { ...how, event: item.event, prior, health: this.#health };
    const { health, failing, opens } = afterFailure(failed, this.#rules, this.#tools.random);
    this.#health = health;
    entry.failing = failing;
    if (opens) {
      for (const each of this.#fronts.entries) if (each.failing) each.failing = givenBack(each.failing, how.now);
    }
    const ambiguous = how.outcome.is === "ambiguous" && !this.#rules.retryAmbiguous;
    if (ambiguous) this.#exhaust(entry, item, "ambiguous");
    else if (isBlocked(entry.failing) && entry.failing.attempts >= this.#rules.maxAttempts) {
      this.#exhaust(entry, item, "attempts");
    }
  }

  #exhaustExpiring(now: number): void {
    for (const entry of [...this.#fronts.entries]) {
      const { failing } = entry;
      if (failing === undefined || !isBlocked(failing)) continue;
      const because = failing.exhausted ?? (failing.expiresAt - EXPIRING_MS <= now ? "expiring" : undefined);
      if (because === undefined || this.#stopped !== undefined) continue;
      entry.failing = { ...failing, exhausted: because };
      if (entry.failed !== undefined && !this.#isFlying(entry.failed)) this.#exhaust(entry, entry.failed, because);
    }
  }

  /** The event is not tried again: a person has it from the next note on, or the listener stops. */
  #exhaust(entry: EntryQueue<E>, item: Item<E>, because: Exhaustion): void {
    const isToStop = this.#rules.onExhausted === "stop" && (because === "attempts" || because === "expiring");
    if (isToStop || this.#room <= 0) {
      this.#stopped ??= { reason: "exhausted", key: item.event.key, position: item.event.position };
      return;
    }
    const attempts = entry.failing?.attempts ?? 0;
    this.#room -= 1;
    this.#exhausted.push({ event: item.event, number: item.number, attempts, because });
    this.#isDone(item);
  }

  #isDone(item: Item<E>): void {
    this.#done.push(item);
    this.#fronts.done(item);
  }

  /** What to store now, in one transaction, on the condition that the holder of the lease does, and `selections` are as read. */
  note(now: number): KeeperNote<E, S> {
    this.#noted = this.#done.length;
    this.#fronts.advance();
    const { floor, entries } = this.#fronts;
    const front = floor.front();
    const read = { after: floor.readTo, number: floor.readNumber };
    const numbered = read.after > this.#stored.numbered.after ? read : this.#stored.numbered;
    const anchors = anchorsAt(this.#stored.anchors, { point: front, now, retentionMs: this.#rules.retentionMs });
    const stored = entries.map((entry) => entry.entry());
    const state: KeeperState<S> = compact({
      floor: front,
      numbered,
      entries: stored,
      selections: selectionsFrom(this.#fronts.selections, [front, ...stored, ...anchors]),
      anchors,
      health: this.#health,
      stopped: this.#stopped,
    });
    return { state, exhausted: [...this.#exhausted], redriven: [], signals: signalsBetween(this.#stored, state) };
  }

  /** The newest note was stored. */
  stored({ state, exhausted }: KeeperNote<E, S>): void {
    this.#stored = state;
    this.#done.splice(0, this.#noted);
    this.#noted = 0;
    const noted = new Set(exhausted.map(({ number }) => number));
    this.#exhausted = this.#exhausted.filter(({ number }) => !noted.has(number));
  }

  /**
   * The owner changed settings while the session works: other rules, or other selections in the stored state. What happened
   * since the newest stored note stays; what was read beyond it is read again, for its numbers may be others.
   */
  adopt(selections: readonly SelectionFrom<S>[], rules: KeeperRules): void {
    const failing = this.#fronts.entries.filter((entry) => entry.failing !== undefined);
    this.#stored = { ...this.#stored, selections };
    this.#rules = rules;
    this.#fronts = new KeeperFronts<E, S>(this.#stored, rules.order, this.#tools.selects);
    for (const item of this.#done) this.#fronts.done(item);
    for (const each of failing) this.#fronts.fails(each);
    for (const { item } of this.#attempts.values()) this.#fronts.begin(item);
    this.#offered.clear();
    this.#noted = 0;
  }
}

/** True when failures hold back the key of the event. */
export const isBlocked = ({ endpoint, attempts }: Failing): boolean => !endpoint || attempts > 0;

const byPosition = <E extends OrderedEvent>(one: Item<E>, other: Item<E>): number => one.number - other.number;

function longestWaiting<E extends OrderedEvent>(
  all: readonly { readonly entry: EntryQueue<E>; readonly failing: Failing }[],
): EntryQueue<E> | undefined {
  const [longest] = all.toSorted((one, other) => one.failing.triedAt - other.failing.triedAt);
  return longest?.entry;
}

/** One of each alternately. */
function interleaved<T>(own: readonly T[], fresh: readonly T[], freshFirst: boolean): readonly T[] {
  if (own.length === 0 || fresh.length === 0) return own.length === 0 ? fresh : own;
  const [first, second] = freshFirst ? [fresh, own] : [own, fresh];
  const all: T[] = [];
  for (let at = 0; at < Math.max(first.length, second.length); at += 1) {
    all.push(...first.slice(at, at + 1), ...second.slice(at, at + 1));
  }
  return all;
}
