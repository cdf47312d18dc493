/**
 * One session delivers to one listener that reads records: as the holder of its lease, or as a lone delivery without it.
 */
import type { KeeperStep, Outcome } from "../domain/events/keeper-steps.ts";
import { admitOne } from "../domain/events/rate.ts";
import type { DeliveryBudget } from "../engine/delivery-budget.ts";
import type { ListenerHead } from "./listener-head.ts";
import type { ListenerWay, OpenListener, TargetEvent } from "./listener-way.ts";
import { readStretch, type LogEvent, type LogReading } from "./log-events.ts";
import type { Written } from "./session-head.ts";
import { SessionListener, type LaneRun, type SessionListenerDeps } from "./session-listener.ts";

/** A note is stored after this many outcomes, so that a crash repeats little of a long backlog. */
const NOTE_EVERY = 50;
/** A worker's session waits for an event that is due within this time, ms: a message would not be faster. */
const SHORT_WAIT_MS = 2_000;
/** After a listener was too slow for a request, requests do not wait for it for this long, ms. */
const SLOW_MS = 10 * 60_000;

export interface SessionDeps extends SessionListenerDeps {
  readonly sleep: (ms: number) => Promise<void>;
}

/** The input of one session. */
export interface SessionInput<Target, Answer> {
  readonly way: ListenerWay<Target, Answer>;
  readonly head: ListenerHead;
  /** The listener, as `way.open` made it from the items that were read with the head. */
  readonly open: OpenListener<Target>;
  readonly log: Omit<LogReading, "actorId">;
  /** The number of the newest record. */
  readonly newest: number;
  readonly time: Pick<DeliveryBudget, "mayStart" | "forOne" | "remaining">;
  /**
   * For a commit that is alone: its first record, and whether it still is alone. Absent: the session acquires the lease.
   */
  readonly alone?: { readonly from: number; readonly isAlone: () => boolean };
  /** A listener of the actor hears `$sys`, so notes store the `$sys` events about this one. */
  readonly isWatched: boolean;
  /** The session belongs to a worker, so it may wait for events that are due soon. */
  readonly mayWait: boolean;
}

/**
 * How a session ended. `done`: nothing more can be sent now; the head has the due time of what is left. `late`: there was
 * no time for the rest. `lost`: another session has the lease, or the listener is deleted.
 */
export type SessionResult = "done" | "late" | "lost";

/**
 * One session.
 *
 *   reading    without a lease: reads the log until there is something to send or to store
 *   alone      without a lease: events of a single commit are in flight, and the last note stores their outcomes
 *   leased     from the first note on: sends events in parallel, as the order keepers allow
 *   closing    starts no attempt, because time is over, the listener is paused, or an attempt was cut off; waits for those
 *              in flight
 *   over       the last note is stored, and the lease is released
 *
 * Invariants: an attempt starts only in `leased` or `alone`; the next note stores the outcome of each attempt.
 */
export class ListenerSession<Target, Answer> {
  readonly #deps: SessionDeps;
  readonly #input: SessionInput<Target, Answer>;
  readonly #listener: SessionListener<Target, Answer>;
  readonly #flights = new Set<Promise<void>>();
  /** An error during an attempt that is not the target's: a defect, or one of the table. */
  #fault: { readonly error: unknown } | undefined;
  #begun = 0;
  #unnoted = 0;
  #cut = false;
  #tookLease = false;
  readonly #outcomes = new Map<string, Outcome["is"]>();

  constructor(deps: SessionDeps, input: SessionInput<Target, Answer>) {
    this.#deps = deps;
    this.#input = input;
    this.#listener = new SessionListener(deps, input.way, input);
  }

  /** The outcomes of events by their positions. */
  get outcomes(): ReadonlyMap<string, Outcome["is"]> {
    return this.#outcomes;
  }

  /** The head as this session left it. */
  get head(): ListenerHead {
    return this.#listener.head;
  }

  /** True when the session has had the lease, so that commits may have left events to it. */
  get tookLease(): boolean {
    return this.#tookLease;
  }

  /** Sends events until nothing more can be sent, or time is over. */
  async run(): Promise<SessionResult> {
    try {
      return await this.#run();
    } catch (error) {
      await Promise.all(this.#flights);
      // Store the outcomes nevertheless, so that events which were taken are not sent again.
      if (this.#listener.isLeased || this.#begun > 0) {
        const last = { dueAt: this.#deps.clock.now() };
        for (let is: Written = "changed"; is === "changed";) is = await this.#listener.release(last);
      }
      throw error;
    }
  }

  async #run(): Promise<SessionResult> {
    const { clock } = this.#deps;
    const listener = this.#listener;
    for (;;) {
      if (this.#fault !== undefined) throw this.#fault.error;
      if (this.#unnoted >= NOTE_EVERY && listener.isLeased && !(await this.#note())) return "lost";
      await listener.refresh();
      const now = clock.now();
      const steps = listener.lanes.map((lane) => ({ lane, step: lane.keeper.next(now) }));
      if (steps.some(({ step }) => step.store)) {
        const isPretended = this.#isAlone() && listener.pretendStored();
        if (!isPretended && !(await this.#note())) return "lost";
        continue;
      }
      const sending = steps.find(({ step }) => step.send.length > 0);
      const isOpen = listener.open !== undefined;
      const reading = this.#cut
        ? undefined
        : steps.find(({ step: { read, failed } }) => read !== undefined || (isOpen && failed !== undefined));
      const isFirst = reading !== undefined && this.#isReadFirst(reading);
      const may = sending !== undefined && this.#canBegin();
      const waitUntil = may ? this.#waitUntil(now) : undefined;
      if (may && waitUntil === undefined && !isFirst) {
        if (!(await this.#begin(sending, now))) return "lost";
        continue;
      }
      if (reading !== undefined) {
        await this.#read(reading);
        continue;
      }
      if (this.#flights.size > 0) {
        await Promise.race(this.#flights);
        continue;
      }
      const isLate = sending !== undefined && !may && listener.open !== undefined;
      const times = [
        ...steps.flatMap(({ step }) => step.wakeAt ?? []),
        ...(waitUntil === undefined ? [] : [waitUntil]),
      ];
      const wakeAt = times.length === 0 ? undefined : Math.min(...times);
      if (!isLate && wakeAt !== undefined && (await this.#waited(wakeAt - now))) continue;
      const end = await this.#end(wakeAt, isLate);
      if (end !== undefined) return end;
    }
  }

  /** True while events of the commit may be sent without a lease. */
  #isAlone(): boolean {
    const { alone } = this.#input;
    return !this.#listener.isLeased && alone !== undefined && (this.#begun > 0 || alone.isAlone());
  }

  /**
   * True when reading the log comes before sending: the note that acquires the lease then stores the numbers of the events
   * too, and saves another note. Not when a failed event stops the listener, because then later events must not be sent
   * with it.
   */
  #isReadFirst({ lane, step }: LaneStep): boolean {
    return step.read !== undefined && !this.#listener.isLeased && !this.#isAlone() && lane.rules.onExhausted === "park";
  }

  #canBegin(): boolean {
    const { open } = this.#listener;
    if (open === undefined || this.#cut) return false;
    // The end of the session may cut off its first attempt, unless the listener is `uncut`. A worker gives all others their
    // whole time.
    const isWhole = open.uncut === true || (this.#begun > 0 && this.#input.mayWait);
    return this.#input.time.mayStart(isWhole ? open.timeoutMs : 0);
  }

  /** When the rate limit admits another event, ms since 1970; undefined: now. */
  #waitUntil(now: number): number | undefined {
    const rate = this.#listener.open?.rate;
    const result = rate === undefined ? undefined : admitOne(this.#listener.rate, now, rate);
    return result !== undefined && "waitUntil" in result ? result.waitUntil : undefined;
  }

  /**
   * Starts an attempt at the first event of a step, or acquires the lease for it.
   * @returns false when the session is over
   */
  async #begin({ lane, step }: LaneStep, now: number): Promise<boolean> {
    const [numbered] = step.send;
    const listener = this.#listener;
    const { open } = listener;
    if (numbered === undefined || open === undefined) return true;
    const isOfCommit = numbered.event.record >= (this.#input.alone?.from ?? Infinity);
    if (!listener.isLeased && !(isOfCommit && this.#isAlone())) return await this.#note();
    const admitted = open.rate === undefined ? undefined : admitOne(listener.rate, now, open.rate);
    if (admitted !== undefined && "state" in admitted) listener.rate = admitted.state;
    lane.keeper.begin(numbered, now);
    this.#begun += 1;
    const flight = this.#fly(lane, { ...numbered, lane: lane.id }, open)
      .catch((error: unknown) => {
        this.#fault ??= { error };
      })
      .finally(() => this.#flights.delete(flight));
    this.#flights.add(flight);
    return true;
  }

  async #fly(lane: LaneRun, event: TargetEvent, { target, timeoutMs }: OpenListener<Target>): Promise<void> {
    const { way, time } = this.#input;
    const { clock } = this.#deps;
    const attempt = await way.render(target, event);
    const beganAt = clock.now();
    const limitMs = time.forOne(timeoutMs);
    const answer = await attempt(limitMs);
    const outcome = way.classify(answer, target);
    const endedAt = clock.now();
    if (limitMs < timeoutMs && outcome.is !== "taken" && endedAt - beganAt >= limitMs) {
      // The session has cut the attempt off, so it is not a failure of the target. The worker gives the next one its whole
      // time.
      this.#cut = true;
      return;
    }
    lane.keeper.report(event, outcome, endedAt);
    this.#outcomes.set(event.event.position, outcome.is);
    this.#unnoted += 1;
    if (outcome.is !== "taken" || event.attempts > 0) {
      way.onFailure(target, { event, answer, outcome, beganAt, endedAt });
    }
  }

  async #read({ lane, step }: LaneStep): Promise<void> {
    const { log, newest, head, way } = this.#input;
    const { open } = this.#listener;
    if (step.failed !== undefined && open !== undefined) {
      const { events, ...point } = await way.readFailed(open.target, step.failed);
      lane.keeper.readFailed(events, { ...point, after: step.failed.after });
    }
    if (step.read === undefined) return;
    const stretch = await readStretch({ ...log, actorId: head.actorId }, step.read, newest);
    if (stretch === "lost") lane.keeper.overtaken();
    else {
      lane.keeper.read(stretch);
      this.#listener.hasRead(lane, stretch);
    }
  }

  /** Waits for an event that is due soon. @returns false when the session must end, and a message brings the event */
  async #waited(ms: number): Promise<boolean> {
    const { mayWait, time } = this.#input;
    if (!mayWait || ms > SHORT_WAIT_MS || !this.#listener.isLeased || !time.mayStart(Math.max(0, ms))) return false;
    await this.#deps.sleep(Math.max(1, ms));
    return true;
  }

  async #note(): Promise<boolean> {
    this.#unnoted = 0;
    this.#tookLease = true;
    return await this.#listener.note(this.#input.time.remaining());
  }

  /** Ends the session. @returns undefined when people have just changed the listener, so that the session continues */
  async #end(wakeAt: number | undefined, isLate: boolean): Promise<SessionResult | undefined> {
    const listener = this.#listener;
    const now = this.#deps.clock.now();
    const isOver = listener.open === undefined;
    const dueAt = isLate || this.#cut ? now : isOver ? undefined : wakeAt;
    const end = isLate || this.#cut ? "late" : "done";
    if (!listener.isLeased && this.#begun === 0 && !listener.isWorthStoring(dueAt)) return end;
    const slow = this.#cut && !this.#input.mayWait ? { slowUntil: now + SLOW_MS } : {};
    const released = await listener.release({ dueAt, ...slow });
    return released === "written" ? end : released === "changed" ? undefined : "lost";
  }
}

/** The next step of one lane. */
interface LaneStep {
  readonly lane: LaneRun;
  readonly step: KeeperStep<LogEvent>;
}
