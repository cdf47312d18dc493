/** What the sweep remembers from run to run: what it handed over, and how much the worker does in a minute. */
import type { DueItem, FoundMessage, QueueDepth } from "../system/ports.ts";

/** An item is not handed over again before this much later, ms, unless nothing is with the worker: two runs, which begin on no exact second. */
const PAUSE_MS = 110_000;
/** What is older, ms, says nothing of the worker and its queue now: this instance was not the one that swept since. */
const STALE_MS = 240_000;

/**
 * The items handed over lately, each as it was due then.
 *
 * An item is `new` until it is handed over, then `pending`; it may be handed over `again` when its message must be done
 * or lost: nothing is with the worker and its delay has passed, or two minutes later, whichever instance has swept
 * meanwhile. An item that is due at another time is `new`.
 */
export class HandedOver {
  readonly #items = new Map<string, { readonly dueAt: number; readonly at: number; readonly arrivesAt: number }>();
  #now = 0;
  #workerIdle = false;

  /** Begins a run at `now` (ms). `depth`: undefined when it is not known. */
  begin(now: number, depth: QueueDepth | undefined): void {
    this.#now = now;
    this.#workerIdle = depth?.waiting === 0 && depth.inFlight === 0;
    // What is still due after so long has been handed over again; the rest is done.
    for (const [id, { at }] of this.#items) if (isStale(at, now)) this.#items.delete(id);
  }

  standing(item: DueItem): "new" | "pending" | "again" {
    const known = this.#items.get(idOf(item));
    if (known?.dueAt !== item.dueAt) return "new";
    if (this.#now - known.at >= PAUSE_MS) return "again";
    return this.#workerIdle && known.arrivesAt <= this.#now ? "again" : "pending";
  }

  note({ work, delaySeconds }: FoundMessage, now: number): void {
    const arrivesAt = now + delaySeconds * 1_000;
    for (const item of work.items) this.#items.set(idOf(item), { dueAt: item.dueAt, at: now, arrivesAt });
  }
}

/** Also after the clock was set back, because the age is unknown then. */
const isStale = (at: number, now: number): boolean => Math.abs(now - at) > STALE_MS;

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
    const last = this.#last;
    if (last !== undefined && last.at < now && !isStale(last.at, now)) {
      this.#perMinute = clamp(this.#judge(last, now, depth.waiting));
    }
    return Math.max(0, MINUTES_AHEAD * this.#perMinute - depth.waiting);
  }

  note(sample: PaceSample): void {
    this.#last = sample;
  }

  #judge({ at, waiting, sent, unsent }: PaceSample, now: number, stillWaiting: number): number {
    if (stillWaiting < this.#perMinute / 2)
      return unsent > 0 ? 2 * this.#perMinute : Math.max(FIRST_PACE, this.#perMinute);
    const minutes = (now - at) / 60_000;
    return (waiting + sent - stillWaiting) / minutes;
  }
}

const clamp = (perMinute: number): number => Math.round(Math.min(MOST_PACE, Math.max(LEAST_PACE, perMinute)));
