/** A listener during one session: its settings, its order keepers, and the notes that store their states in its head. */
import type { KeeperNote, KeeperRules } from "../domain/events/keeper-steps.ts";
import { OrderKeeper } from "../domain/events/order-keeper.ts";
import type { Selection } from "../domain/events/selection.ts";
import { parseText, printJson } from "../domain/json/json-text.ts";
import { compact } from "../system/compact.ts";
import { DAY_MS } from "../system/units.ts";
import { itemIn, type Write } from "../dynamodb/table.ts";
import { MOST_FAILED_EVENTS } from "../failed-events/failed-event.ts";
import type { FailedEventStore } from "../failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../failed-events/hook-event.ts";
import type { HeadChange, Lanes, ListenerHead } from "./listener-head.ts";
import type { ListenerWay, NoteExtras, Noted, OpenListener } from "./listener-way.ts";
import { hears, isMuch, type LogEvent, type LogStretch } from "./log-events.ts";
import { SessionHead, type SessionHeadDeps, type Written } from "./session-head.ts";
import { SAID_MS } from "./sys-events.ts";

/** A session reads the settings again after this long, ms. */
const SETTINGS_MS = 1_000;

export interface SessionListenerDeps extends SessionHeadDeps {
  readonly failedEvents: Pick<FailedEventStore<ListenerEvent>, "recordingWrites" | "count">;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  /** Days for which a failed event is kept (`PARKED_KEEP_DAYS`). */
  readonly failedKeepDays: number;
}

/** One lane during a session. */
export interface LaneRun {
  readonly id: string;
  readonly keeper: OrderKeeper<LogEvent, Selection>;
  rules: Omit<KeeperRules, "room">;
  /** The stored state of the lane, as text. */
  stored: string;
  /** The stretches that were read since the state was stored. */
  read: readonly Pick<LogStretch, "upTo" | "bytes">[];
}

/** What the last note of a session stores beside the keepers' states. */
export interface LastNote {
  /** When an event may be sent again, ms since 1970; undefined: no event waits for a time. */
  readonly dueAt: number | undefined;
  readonly slowUntil?: number;
}

/**
 * A listener during one session. Its states are those of its SessionHead.
 *
 * Invariants: a note stores the states of all keepers with the extras of the way out, in one transaction. If a note cannot
 * be stored, the session is over; except when people have changed the head under the lease: then the keepers adopt the
 * change and the note is tried again, unless it was the last one, because there may be more to send now.
 */
export class SessionListener<Target, Answer> {
  readonly #deps: SessionListenerDeps;
  readonly #way: ListenerWay<Target, Answer>;
  readonly #head: SessionHead;
  readonly lanes: readonly LaneRun[];
  /** The state of the rate limit; the next note stores it. */
  rate: number;
  #open: OpenListener<Target> | undefined;
  #target: Target;
  #readAt: number;
  #extras: NoteExtras = {};
  readonly #isWatched: boolean;
  /** How many failed events more than the head counts are kept; below 0: fewer. Undefined: they have not been counted. */
  #miscounted: number | undefined;

  constructor(
    deps: SessionListenerDeps,
    way: ListenerWay<Target, Answer>,
    {
      head,
      open,
      isWatched,
    }: {
      readonly head: ListenerHead;
      readonly open: OpenListener<Target>;
      readonly isWatched: boolean;
    },
  ) {
    this.#deps = deps;
    this.#way = way;
    this.#head = new SessionHead(deps, head);
    this.#open = open;
    this.#target = open.target;
    this.#readAt = deps.clock.now();
    this.#isWatched = isWatched;
    this.rate = head.rate;
    const room = roomOf(head);
    this.lanes = open.lanes.map(({ id, state, rules }) => ({
      id,
      rules,
      keeper: new OrderKeeper(state, { ...rules, room }, { selects: hears, random: deps.random }),
      stored: printJson(head.lanes[id] ?? null),
      read: [],
    }));
  }

  get head(): ListenerHead {
    return this.#head.head;
  }

  get isLeased(): boolean {
    return this.#head.isLeased;
  }

  /** The listener with its present settings; undefined while nothing may be sent: it is paused, or has ended. */
  get open(): OpenListener<Target> | undefined {
    if (this.#open === undefined) return undefined;
    return this.#way.ends(this.#target, this.#deps.clock.now()) === undefined ? this.#open : undefined;
  }

  /**
   * Treats the numbers of the events as stored, for a session without a lease, whose only note comes after the sending.
   * @returns false when a note must be stored before: an event is given up, or the listener stops
   */
  pretendStored(): boolean {
    const notes = this.lanes.map(({ keeper }) => ({ keeper, note: keeper.note(this.#deps.clock.now()) }));
    if (notes.some(({ note }) => note.exhausted.length > 0 || note.state.stopped !== undefined)) return false;
    for (const { keeper, note } of notes) keeper.stored(note);
    return true;
  }

  /**
   * Reads the settings again when they are over a second old, so that a pause or another url takes effect. At most one
   * read.
   */
  async refresh(): Promise<void> {
    const now = this.#deps.clock.now();
    if (!this.isLeased || now < this.#readAt + SETTINGS_MS) return;
    this.#readAt = now;
    await this.#reopen();
  }

  /**
   * Stores a note, and acquires the lease for `ms` if the session does not have it.
   * @returns false when the session is over
   */
  async note(ms: number): Promise<boolean> {
    const stored = await this.#store(async (change, writes) =>
      this.isLeased ? await this.#head.note(change, writes) : await this.#head.acquire(change, writes, ms),
    );
    return stored === "written";
  }

  /**
   * Stores the last note, and releases the lease.
   * @returns `changed`: people have just changed the listener, and the session still has the lease; `lost`: the session is
   *   over
   */
  async release({ dueAt, slowUntil }: LastNote): Promise<Written> {
    const write: Writing = async (change, writes) => {
      const isUnsaid = change.unsaid !== undefined || this.head.unsaid.length > 0;
      const last = isUnsaid ? Math.min(dueAt ?? Number.POSITIVE_INFINITY, this.#deps.clock.now() + SAID_MS) : dueAt;
      const due = last ?? (this.head.dueAt === undefined ? undefined : null);
      return await this.#head.release({ ...change, ...compact({ dueAt: due, slowUntil }) }, writes);
    };
    return await this.#store(write, true);
  }

  /** Records that a lane has read a stretch of the log. */
  hasRead(lane: LaneRun, { upTo, bytes }: LogStretch): void {
    lane.read = [...lane.read, { upTo, bytes }];
  }

  /** When nothing was sent: true if the due time has changed, or a lane has passed much of the log. */
  isWorthStoring(dueAt: number | undefined): boolean {
    if (dueAt !== this.head.dueAt) return true;
    const now = this.#deps.clock.now();
    return this.lanes.some(({ keeper, id, read }) =>
      isMuch(read, { from: this.head.lanes[id]?.floor.after ?? "", to: keeper.note(now).state.floor.after }),
    );
  }

  async #store(write: Writing, isLast = false): Promise<Written> {
    for (;;) {
      await this.#recountWhenFull();
      const target = this.#target;
      const { failedEvents: keptBefore, rate } = this.head;
      this.#collect();
      const { own = {}, writes = [] } = this.#extras;
      const now = this.#deps.clock.now();
      const notes = this.lanes.map((lane) => ({ lane, note: lane.keeper.note(now) }));
      const kept = await this.#keepingWrites(target, notes, now);
      const redriven = notes.flatMap(({ lane, note }) => note.redriven.map((each) => ({ ...each, lane: lane.id })));
      const moreFailed = kept.count + (this.#miscounted ?? 0);
      const signals = notes.flatMap(({ note }) => note.signals);
      const noted: Noted = { signals, keptBefore, kept: kept.count, redriven };
      const said = this.#isWatched ? this.#way.saying(target, noted) : [];
      const change: HeadChange = {
        lanes: Object.fromEntries(notes.map(({ lane, note }) => [lane.id, note.state])),
        ...(said.length > 0 && { unsaid: [...this.head.unsaid, ...said], dueAt: this.#saidBy(now) }),
        ...(moreFailed !== 0 && { moreFailed }),
        ...(this.rate !== rate && { rate: this.rate }),
        ...(Object.keys(own).length > 0 && { own }),
      };
      const progress = notes.flatMap(({ note }) => note.redrive ?? []);
      const redriving = progress.flatMap((each) => this.#way.redriving(target, each));
      const written = await write(change, [...writes, ...kept.writes, ...redriving]);
      if (written === "lost") return written;
      if (written === "changed") {
        if (!this.#isAdoptable()) return "lost";
        await this.#reopen();
        if (isLast) return written;
        continue;
      }
      this.#extras = {};
      if (this.#miscounted !== undefined) this.#miscounted = 0;
      for (const { lane, note } of notes) {
        lane.keeper.stored(note);
        lane.stored = printJson(note.state);
        lane.read = [];
      }
      if (signals.length + redriven.length + kept.count > 0) await this.#way.noted(target, noted);
      return written;
    }
  }

  /** Counts the failed events before the listener stops for want of room: the head counts those too that have expired. */
  async #recountWhenFull(): Promise<void> {
    if (this.#miscounted !== undefined || !this.lanes.some(({ keeper }) => keeper.isFull)) return;
    const { actorId, failedEvents } = this.head;
    const kept = await this.#deps.failedEvents.count(actorId, this.#way.failureSource(this.head));
    this.#miscounted = kept - failedEvents;
    for (const { keeper } of this.lanes) keeper.makeRoom(Math.max(0, MOST_FAILED_EVENTS - kept));
  }

  /** When a head with unsaid events is due at the latest, ms since 1970. */
  #saidBy(now: number): number {
    return Math.min(this.head.dueAt ?? Number.POSITIVE_INFINITY, now + SAID_MS);
  }

  /** The writes that keep the events that are given up. */
  async #keepingWrites(
    target: Target,
    notes: readonly LaneNote[],
    now: number,
  ): Promise<{ count: number; writes: Write[] }> {
    const { failedEvents, failedKeepDays } = this.#deps;
    const keptUntil = now + failedKeepDays * DAY_MS;
    const given = notes.flatMap(({ lane, note }) => note.exhausted.map((each) => ({ ...each, lane: lane.id })));
    const writes: Write[] = [];
    for (const each of given) {
      const run = { status: "parked", starts: each.attempts, attempts: [{ at: now, error: each.because }] } as const;
      writes.push(...(await failedEvents.recordingWrites(this.#way.failing(target, each), { ...run, keptUntil })));
    }
    return { count: given.length, writes };
  }

  async #reopen(): Promise<void> {
    const keys = this.#way.also(this.head);
    const items = keys.length === 0 ? [] : await this.#deps.table.getMany(keys);
    this.#collect();
    this.#open = this.#way.open(this.head, itemIn(items), this.#target);
    if (this.#open === undefined) return;
    this.#target = this.#open.target;
    for (const lane of this.lanes) {
      const now = this.#open.lanes.find(({ id }) => id === lane.id);
      if (now === undefined) continue;
      const stored = printJson(now.state);
      if (stored === lane.stored && printJson(now.rules) === printJson(lane.rules)) continue;
      lane.rules = now.rules;
      lane.stored = stored;
      lane.keeper.adopt(now.state, { ...now.rules, room: roomOf(this.head) });
    }
  }

  /** Collects the extras of the way out for the next note. */
  #collect(): void {
    const { own, writes = [] } = this.#way.extras(this.#target);
    this.#extras = { own: { ...this.#extras.own, ...own }, writes: [...(this.#extras.writes ?? []), ...writes] };
  }

  /**
   * True when the head still has the parts that only the holder of the lease writes, so that the change is one of people.
   */
  #isAdoptable(): boolean {
    return this.lanes.every(({ id, stored }) => {
      const [now, before] = [this.head.lanes[id], parseText(stored) as Lanes[string] | null];
      return now !== undefined && before !== null && doneIn(now) === doneIn(before);
    });
  }
}

/** Stores a note, with further writes in the same transaction. */
type Writing = (change: HeadChange, writes: readonly Write[]) => Promise<Written>;

interface LaneNote {
  readonly lane: LaneRun;
  readonly note: KeeperNote<LogEvent, Selection>;
}

const roomOf = ({ failedEvents }: ListenerHead): number => Math.max(0, MOST_FAILED_EVENTS - failedEvents);

/** The parts of a stored state that only the holder of the lease writes, as text. */
function doneIn({ floor, numbered, entries }: Lanes[string]): string {
  return printJson([floor, numbered, entries.map(({ failing: _, ...entry }) => entry)]);
}
