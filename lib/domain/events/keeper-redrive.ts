import { compact } from "../../system/compact.ts";
import { Earlier, type Item } from "./keeper-order.ts";
import { MAX_AHEAD, type OrderedEvent, type Redrive } from "./keeper-state.ts";
import type { KeeperRules, RedriveRequest, StretchRequest } from "./keeper-steps.ts";

/**
 * The events of a redrive, which are sent one at a time, in the order of the log.
 *
 *   loading   events are read into memory; all other events of the listener wait, for the order between them is not known
 *   loaded    all events that are left are in memory; other events wait as the order demands
 *   ended     no events are left
 */
export class RedriveQueue<E extends OrderedEvent> {
  readonly #order: KeeperRules["order"];
  #redrive: Redrive;
  #queue: Item<E>[] = [];
  #earlier: Earlier;
  #readTo: string;
  #readNumber: number;
  #atEnd = false;

  constructor(redrive: Redrive, order: KeeperRules["order"]) {
    this.#order = order;
    this.#redrive = redrive;
    this.#earlier = new Earlier(order);
    this.#readTo = redrive.after;
    this.#readNumber = redrive.number;
  }

  get #isLoaded(): boolean {
    return this.#atEnd || this.#readTo >= this.#redrive.upTo || this.#queue.length >= this.#redrive.left;
  }

  get hasEnded(): boolean {
    return this.#isLoaded && this.#queue.length === 0;
  }

  get first(): Item<E> | undefined {
    return this.#queue[0];
  }

  holdsBack(event: E): boolean {
    return this.#order !== "none" && (!this.#isLoaded || this.#earlier.holdsBack(event));
  }

  /** The part of the log to read next, if any. */
  get stretch(): StretchRequest | undefined {
    const { source, upTo } = this.#redrive;
    return source === "log" && this.#isToLoad ? { after: this.#readTo, upTo } : undefined;
  }

  /** The failed events to read next, if any. */
  get request(): RedriveRequest | undefined {
    const { id, source, upTo } = this.#redrive;
    return source === "failed" && this.#isToLoad ? { id, after: this.#readTo, upTo } : undefined;
  }

  get #isToLoad(): boolean {
    return !this.#isLoaded && this.#queue.length < MAX_AHEAD;
  }

  /** Adds the events that were read beyond `after` up to `upTo`; `number` is the newest number up to `upTo`. */
  load(
    items: readonly Item<E>[],
    {
      after,
      upTo,
      number,
      atEnd,
    }: { readonly after: string; readonly upTo: string; readonly number: number; readonly atEnd: boolean },
  ): void {
    if (after !== this.#readTo || upTo < after) return;
    const { from, upTo: end, left } = this.#redrive;
    for (const item of items) {
      const { position } = item.event;
      if (position <= from || position > end || position <= after || this.#queue.length >= left) continue;
      this.#queue.push(item);
      this.#earlier.add(item.event);
    }
    this.#readTo = upTo;
    this.#readNumber = number;
    this.#atEnd = atEnd;
    if (this.#queue.length === 0) this.#redrive = { ...this.#redrive, after: upTo, number };
  }

  /** The newest number up to `after`, if the redrive has read the log to exactly there; else undefined. */
  numberAt(after: string): number | undefined {
    return this.#redrive.source === "log" && after === this.#readTo ? this.#readNumber : undefined;
  }

  /** The first event was taken, or failed again: either way it leaves the redrive. */
  finish(taken: boolean): void {
    const item = this.#queue.shift();
    if (item === undefined) return;
    this.#earlier.delete(item.event);
    const { done, failed, left } = this.#redrive;
    const isLast = this.#queue.length === 0;
    const { tries: _, ...rest } = this.#redrive;
    this.#redrive = {
      ...rest,
      after: isLast ? this.#readTo : item.event.position,
      number: isLast ? this.#readNumber : item.number,
      left: left - 1,
      done: done + (taken ? 1 : 0),
      failed: failed + (taken ? 0 : 1),
    };
  }

  /** The endpoint was unavailable for the first event. @returns how often that has happened */
  tried(): number {
    const tries = (this.#redrive.tries ?? 0) + 1;
    this.#redrive = { ...this.#redrive, tries };
    return tries;
  }

  get progress(): Redrive {
    return compact(this.#redrive);
  }
}
