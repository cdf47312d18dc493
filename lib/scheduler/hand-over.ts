/** What the sweep remembers from run to run: what it handed over, and how much the worker does in a minute. */
import type { DueItem, FoundMessage, QueueDepth } from "../system/ports.ts";

/** An item is not handed over again before this many runs later, unless nothing is with the worker. */
const PAUSE_RUNS = 2;

/**
 * The items handed over lately, each as it was due then.
 *
 * An item is `new` until it is handed over, then `pending`; it may be handed over `again` when its message must be done
 * or lost: nothing is with the worker and its delay has passed, or two runs later. An item that is due at another time
 * is `new`.
 */
export class HandedOver {
  readonly #items = new Map<string, { readonly dueAt: number; readonly run: number; readonly arrivesAt: number }>();
  #run = 0;
  #now = 0;
  #workerIdle = false;

  /** Begins a run at `now` (ms). `depth`: undefined when it is not known. */
  begin(now: number, depth: QueueDepth | undefined): void {
    this.#run += 1;
    this.#now = now;
    this.#workerIdle = depth?.waiting === 0 && depth.inFlight === 0;
    // What is still due after so many runs has been handed over again; the rest is done.
    for (const [id, { run }] of this.#items) if (this.#run - run > 2 * PAUSE_RUNS) this.#items.delete(id);
  }

  standing(item: DueItem): "new" | "pending" | "again" {
    const known = this.#items.get(idOf(item));
    if (known?.dueAt !== item.dueAt) return "new";
    if (this.#run - known.run >= PAUSE_RUNS) return "again";
    return this.#workerIdle && known.arrivesAt <= this.#now ? "again" : "pending";
  }

  note({ work, delaySeconds }: FoundMessage, now: number): void {
    const arrivesAt = now + delaySeconds * 1_000;
    for (const item of work.items) this.#items.set(idOf(item), { dueAt: item.dueAt, run: this.#run, arrivesAt });
  }
}

const idOf = ({ pk, sk }: DueItem): string => `${pk}\n${sk}`;

/** Messages a minute that the worker is taken to do before it was seen at work: ten at once, a message in six seconds. */
const FIRST_PACE = 100;
/** Messages a minute of a worker with the least concurrency whose every message takes as long as it may. */
const LEAST_PACE = 4;
/** Messages a minute: more than one sweep has time to find and send. */
const MOST_PACE = 4_000;
/** With the worker there may be what it does in so many minutes. */
const MINUTES_AHEAD = 2;

interface PaceSample {
  /** When the run began, ms. */
  readonly at: number;
  readonly waiting: number;
  readonly sent: number;
  readonly unsent: number;
}

/**
 * How many messages the worker does in a minute, judged by what became of those of the last run.
 *
 * While it keeps up, the pace never falls, and doubles after each run that held work back; once messages wait, the pace is
 * what was done since the last run.
 */
export class WorkerPace {
  #perMinute = FIRST_PACE;
  #last: PaceSample | undefined;

  /** How many messages may be sent now. With the depth unknown it is one minute's. */
  room(now: number, depth: QueueDepth | undefined): number {
    if (depth === undefined) return this.#perMinute;
    if (this.#last !== undefined) this.#perMinute = clamp(this.#judge(this.#last, now, depth.waiting));
    return Math.max(0, MINUTES_AHEAD * this.#perMinute - depth.waiting);
  }

  note(sample: PaceSample): void {
    this.#last = sample;
  }

  #judge({ at, waiting, sent, unsent }: PaceSample, now: number, stillWaiting: number): number {
    if (stillWaiting < this.#perMinute / 2)
      return unsent > 0 ? 2 * this.#perMinute : Math.max(FIRST_PACE, this.#perMinute);
    const minutes = Math.max(1, now - at) / 60_000;
    return (waiting + sent - stillWaiting) / minutes;
  }
}

const clamp = (perMinute: number): number => Math.round(Math.min(MOST_PACE, Math.max(LEAST_PACE, perMinute)));
