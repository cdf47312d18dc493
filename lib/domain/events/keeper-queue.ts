import { compact } from "../../system/compact.ts";
import type { NumberRange } from "../log/delivery-state.ts";
import { MAX_QUEUE, type Entry, type Failing, type Front, type OrderedEvent } from "./keeper-state.ts";
import { isInScope, type Item } from "./keeper-order.ts";

/**
 * A front in memory: the floor, or an entry. `after` and `ahead` say what is done, as stored. `queue` has its events of the
 * log beyond `after` that were read, up to `readTo`; some may be in `ahead`, or belong to a more particular entry.
 *
 * Invariants: `queue` is complete between `after` and `readTo`, ascending; `number` and `readNumber` are the newest numbers
 * up to `after` and `readTo`.
 */
export class Queue<E extends OrderedEvent> {
  after: string;
  number: number;
  readTo: string;
  readNumber: number;
  readonly ahead: Set<number>;
  queue: Item<E>[] = [];

  constructor({ after, number, ahead = [] }: Front) {
    this.after = this.readTo = after;
    this.number = this.readNumber = number;
    this.ahead = new Set(ahead.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i)));
  }

  /** The number of the first event that is not done, or the least that it can have. */
  get firstNumber(): number {
    return this.queue[0]?.number ?? this.number + 1;
  }

  /** Moves past the events that `passes` says of, and those done ahead. */
  advance(passes: (item: Item<E>) => boolean): void {
    let passed = 0;
    for (const item of this.queue) {
      if (!this.ahead.delete(item.number) && !passes(item)) break;
      this.after = item.event.position;
      this.number = item.number;
      passed += 1;
    }
    if (passed > 0) this.queue.splice(0, passed);
    if (this.queue.length === 0 && this.readTo > this.after) {
      this.after = this.readTo;
      this.number = this.readNumber;
      for (const number of this.ahead) if (number <= this.number) this.ahead.delete(number);
    }
  }

  /** Adds what was read beyond `readTo`. `number`: the newest one up to `upTo`. */
  append(
    items: readonly Item<E>[],
    { after: upTo, number }: { readonly after: string; readonly number: number },
  ): void {
    for (const item of items) this.queue.push(item);
    this.readTo = upTo;
    this.readNumber = number;
  }

  /** A point before the event with nothing of the queue between the two that is not done; the beginning when it is not in memory. */
  before({ number }: Item<E>): { readonly after: string; readonly number: number } {
    const last = this.queue[this.queue.findIndex((each) => each.number === number) - 1];
    return last === undefined
      ? { after: this.after, number: this.number }
      : { after: last.event.position, number: last.number };
  }

  /** As stored. */
  front(): Front {
    const { after, number, ahead } = this;
    return ahead.size === 0 ? { after, number } : { after, number, ahead: rangesOf(ahead) };
  }
}

/** An entry in memory. */
export class EntryQueue<E extends OrderedEvent> extends Queue<E> {
  readonly key: string;
  readonly scope: Entry["scope"];
  waiting: number;
  countedTo: string | undefined;
  failing: Failing | undefined;

  constructor(entry: Entry) {
    super(entry);
    this.key = entry.key;
    this.scope = entry.scope;
    this.waiting = entry.waiting;
    this.countedTo = entry.countedTo;
    this.failing = entry.failing;
  }

  accepts(event: OrderedEvent): boolean {
    return this.scope === "one" ? event.position === this.failing?.position : isInScope(this, event);
  }

  /** Adds no more than fits. */
  override append(items: readonly Item<E>[], point: { readonly after: string; readonly number: number }): void {
    const fitting = items.slice(0, Math.max(0, MAX_QUEUE - this.queue.length));
    if (fitting.length === items.length) return super.append(items, point);
    const last = fitting.at(-1);
    if (last !== undefined) super.append(fitting, { after: last.event.position, number: last.number });
  }

  /** The event that fails, when it is in memory. */
  get failed(): Item<E> | undefined {
    const [first] = this.queue;
    return first !== undefined && first.event.position === this.failing?.position ? first : undefined;
  }

  entry(): Entry {
    const { key, scope, waiting, countedTo, failing } = this;
    return compact({ ...this.front(), key, scope, waiting, countedTo, failing });
  }
}

function rangesOf(numbers: ReadonlySet<number>): readonly NumberRange[] {
  const ranges: [number, number][] = [];
  for (const number of [...numbers].toSorted((one, other) => one - other)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
