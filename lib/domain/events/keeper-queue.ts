import { compact } from "../../system/compact.ts";
import type { NumberRange } from "../log/delivery-state.ts";
import { MAX_AHEAD, MAX_QUEUE, type Entry, type Failing, type Front, type OrderedEvent } from "./keeper-state.ts";
import { isInScope, type Item } from "./keeper-order.ts";

/**
 * A front in memory: the floor, or an entry. `after` and `ahead` are those of the stored front. `queue` holds its events
 * beyond `after` as far as the log was read (`readTo`); some of them may be in `ahead`, or belong to a more specific entry.
 *
 * Invariants: `queue` is ascending and holds every event of the front between `after` and `readTo`; `number` and
 * `readNumber` are the newest numbers up to `after` and `readTo`.
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

  /** The number of the first event in the queue, or the lowest number that the next event can have. */
  get firstNumber(): number {
    return this.queue[0]?.number ?? this.number + 1;
  }

  /** Advances past events that are in `ahead`, or for which `passes` returns true, up to the first other event. */
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

  /**
   * Adds the events of the front that were read beyond `readTo`. `number`: the newest number up to the end of what was
   * read.
   */
  append(
    items: readonly Item<E>[],
    { after: upTo, number }: { readonly after: string; readonly number: number },
  ): void {
    for (const item of items) this.queue.push(item);
    this.readTo = upTo;
    this.readNumber = number;
  }

  /**
   * The point of the event before this one in the queue; `after` of the front when there is none, or the event is not in
   * memory.
   */
  before({ number }: Item<E>): { readonly after: string; readonly number: number } {
    const last = this.queue[this.queue.findIndex((each) => each.number === number) - 1];
    return last === undefined
      ? { after: this.after, number: this.number }
      : { after: last.event.position, number: last.number };
  }

  /** The front as it is stored. */
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

  /** True for an event so far beyond the entry, which covers it, that `ahead` would grow too long if it were done. */
  cannotNote({ event, number }: Item<E>): boolean {
    if (this.scope === "one" || this.after >= event.position || !isInScope(this, event)) return false;
    return number >= this.firstNumber + MAX_AHEAD;
  }

  /** Adds as many as `MAX_QUEUE` allows; the others are read again later. */
  override append(items: readonly Item<E>[], point: { readonly after: string; readonly number: number }): void {
    const fitting = items.slice(0, Math.max(0, MAX_QUEUE - this.queue.length));
    if (fitting.length === items.length) return super.append(items, point);
    const last = fitting.at(-1);
    if (last !== undefined) super.append(fitting, { after: last.event.position, number: last.number });
  }

  /** The earliest position that the first event that is not done can have. */
  get firstPosition(): string {
    return this.queue[0]?.event.position ?? this.failing?.position ?? this.readTo;
  }

  /** The event that `failing` is about, if it is in memory. */
  get failed(): Item<E> | undefined {
    const [first] = this.queue;
    return first !== undefined && first.event.position === this.failing?.position ? first : undefined;
  }

  entry(): Entry {
    const { key, scope, waiting, countedTo, failing } = this;
    return compact({ ...this.front(), key, scope, waiting, countedTo, failing });
  }
}

/** How specific a scope is: of two entries that cover an event, the one with the higher rank owns it. */
export const RANK: Readonly<Record<Entry["scope"] | "any", number>> = { any: 4, one: 3, key: 2, below: 1 };

/** The most specific of the entries below a rank that cover the event. */
export function ownerAmong<E extends OrderedEvent>(
  entries: readonly EntryQueue<E>[],
  { event, number }: Item<E>,
  below: number,
): EntryQueue<E> | undefined {
  let owner: EntryQueue<E> | undefined;
  for (const entry of entries) {
    const rank = RANK[entry.scope];
    if (rank >= below || (owner !== undefined && RANK[owner.scope] >= rank)) continue;
    if (entry.after < event.position && !entry.ahead.has(number) && entry.accepts(event)) owner = entry;
  }
  return owner;
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
