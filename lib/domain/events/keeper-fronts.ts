import { compact } from "../../system/compact.ts";
import { Earlier, fitsOneMore, isBlockedBy, isInScope, type Item } from "./keeper-order.ts";
import { EntryQueue, ownerAmong, Queue, RANK } from "./keeper-queue.ts";
import { RedriveQueue } from "./keeper-redrive.ts";
import {
  MAX_AHEAD,
  selectionAt,
  type KeeperState,
  type OrderedEvent,
  type SelectionFrom,
  type Selects,
} from "./keeper-state.ts";
import type { KeeperRules, Stretch, StretchRequest } from "./keeper-steps.ts";

/**
 * The order of a listener's events in memory: the floor, the entries (both are fronts), and the events in flight.
 *
 * An event beyond a front is done when its number is in `ahead` of the front. An event below the floor is done unless an
 * entry covers it. An event is owned by the most specific entry that covers it (`one`, then `key`, then `below`), or by the
 * floor when none does; only the owner offers it to be sent. A front advances past events that are done, and past those
 * that a more specific entry covers. An entry is removed once it has reached the floor.
 *
 * Invariants: no event is in flight, or offered, while an earlier event that it waits for is not done; every event that is
 * not done lies beyond the floor or is covered by an entry; there are at most `MAX_ENTRIES` entries, counting those that
 * the events in flight would need if they failed.
 */
export class KeeperFronts<E extends OrderedEvent, S> {
  readonly floor: Queue<E>;
  entries: EntryQueue<E>[];
  readonly order: KeeperRules["order"];
  readonly inFlight: Earlier;
  selections: readonly SelectionFrom<S>[];
  readonly #selects: Selects<E, S>;
  /** Numbers in flight that need an entry if they fail, with its key. */
  readonly #reserved = new Map<number, string>();
  readonly #flying = new Set<number>();
  redrive: RedriveQueue<E> | undefined;
  #atEnd = false;

  constructor(state: KeeperState<S>, order: KeeperRules["order"], selects: Selects<E, S>) {
    this.floor = new Queue(state.floor);
    this.entries = state.entries.map((entry) => new EntryQueue<E>(entry));
    this.selections = state.selections;
    this.order = order;
    this.inFlight = new Earlier(order);
    this.redrive = state.redrive && new RedriveQueue(state.redrive, order);
    this.#selects = selects;
  }

  /** The log has records beyond those that were read to its end. */
  grew(): void {
    this.#atEnd = false;
  }

  read({ after, upTo, events, atEnd }: Stretch<E>): void {
    const all = [this.floor, ...this.entries];
    let number = all.find((front) => front.readTo === after)?.readNumber ?? this.redrive?.numberAt(after);
    if (number === undefined || upTo < after) return;
    if (this.floor.readTo === after) this.#atEnd = atEnd;
    const items: Item<E>[] = [];
    for (const event of events) {
      if (!this.#selects(selectionAt(this.selections, event), event)) continue;
      number += 1;
      items.push({ event, number });
    }
    for (const front of all) {
      if (front.readTo < after || front.readTo >= upTo) continue;
      const own = items.filter(
        ({ event }) => event.position > front.readTo && (!(front instanceof EntryQueue) || front.accepts(event)),
      );
      front.append(own, { after: upTo, number });
    }
    if (this.redrive?.numberAt(after) === undefined) return;
    const done = items.filter((item) => item.event.position <= this.floor.after && this.ownerOf(item) === undefined);
    this.redrive.load(done, { after, upTo, number, atEnd: false });
  }

  /** The redrive with this id; undefined when a person has ended it. */
  redriveOf(id: string | undefined): RedriveQueue<E> | undefined {
    return this.redrive?.progress.id === id ? this.redrive : undefined;
  }

  /** The next event of the redrive, if it may be sent now. */
  readyRedriven(): Item<E> | undefined {
    const first = this.redrive?.first;
    return first === undefined || this.isInFlight(first) || this.inFlight.holdsBack(first.event) ? undefined : first;
  }

  isInFlight({ number }: Item<E>): boolean {
    return this.#flying.has(number);
  }

  /** Advances all fronts past the events that are done or belong to a more specific entry. */
  advance(): void {
    for (const entry of this.entries) {
      entry.advance((item) => {
        const owner = this.ownerOf(item);
        if (owner === entry || !(owner instanceof EntryQueue)) return false;
        if (item.event.position <= this.floor.after && this.#countOf(item, owner) === entry) {
          entry.waiting -= 1;
          owner.waiting += 1;
          if (owner.scope === "one") owner.countedTo = undefined;
        }
        return true;
      });
    }
    this.entries = this.entries.filter((entry) => this.#isOpen(entry) && !this.#joinsWider(entry));
    this.floor.advance((item) => {
      const owner = this.ownerOf(item) ?? this.#waitingEntry(item);
      if (owner === undefined) return false;
      owner.waiting += 1;
      return true;
    });
  }

  /** True while an event of the entry below the floor is not done, or has not been read yet. */
  #isOpen(entry: EntryQueue<E>): boolean {
    const [first] = entry.queue;
    if (entry.failing !== undefined) return true;
    return first === undefined ? entry.readTo < this.floor.after : first.event.position <= this.floor.after;
  }

  /** Merges an entry into a wider one that its events wait for, so that entries which only wait do not use up the room. */
  #joinsWider(entry: EntryQueue<E>): boolean {
    if (entry.failing !== undefined || entry.scope !== "key") return false;
    const wider = this.entries.find((each) => each.scope === "below" && isInScope(each, entry));
    if (wider?.queue[0] === undefined || wider.firstPosition >= entry.firstPosition) return false;
    wider.waiting += entry.waiting;
    return true;
  }

  /** Makes an entry for an event that waits for an earlier entry, so that the floor can advance past it. */
  #waitingEntry(item: Item<E>): EntryQueue<E> | undefined {
    if (this.order !== "key" || !this.#waitsForEntry(item, undefined)) return undefined;
    return this.hasRoom(item) ? this.#newEntry(item, this.floor) : undefined;
  }

  /** The entry that owns the event; undefined: the floor owns it. */
  ownerOf(item: Item<E>): EntryQueue<E> | undefined {
    return ownerAmong(this.entries, item, RANK.any);
  }

  /** The entry whose `waiting` counts the event: a wider entry does until it has passed the event. */
  #countOf(item: Item<E>, owner: EntryQueue<E>): EntryQueue<E> {
    if (owner.countedTo === undefined || item.event.position > owner.countedTo) return owner;
    return ownerAmong(this.entries, item, RANK[owner.scope]) ?? owner;
  }

  /** True when another entry than the owner has, or may have, an earlier event for which this one waits. */
  #waitsForEntry({ event }: Item<E>, owner: EntryQueue<E> | undefined): boolean {
    if (this.order === "none") return false;
    return this.entries.some(
      (entry) =>
        entry !== owner &&
        (this.order === "strict" || isBlockedBy(entry, event)) &&
        entry.firstPosition < event.position &&
        this.#isOpen(entry),
    );
  }

  /** True when the event waits for an earlier one: in flight, of the redrive, of an entry, or of the floor. */
  isBlocked(item: Item<E>, owner: EntryQueue<E> | undefined): boolean {
    if (this.inFlight.holdsBack(item.event) || this.redrive?.holdsBack(item.event) === true) return true;
    if (this.#waitsForEntry(item, owner)) return true;
    return owner !== undefined && item.event.position > this.floor.after && this.#waitsForFloor(item);
  }

  /** True when the event of an entry waits for an earlier event of the floor: the entry was made under another `order`. */
  #waitsForFloor({ event }: Item<E>): boolean {
    const earlier = new Earlier(this.order);
    for (const item of this.floor.queue) {
      if (item.event.position >= event.position) break;
      if (!this.floor.ahead.has(item.number) && this.ownerOf(item) === undefined) earlier.add(item.event);
    }
    return earlier.holdsBack(event) || (this.order !== "none" && this.floor.readTo < event.position);
  }

  /** Events of the front that may be sent and have not failed, in order, at most `most`. */
  ready(front: Queue<E>, most: number): readonly Item<E>[] {
    const ready: Item<E>[] = [];
    const earlier = new Earlier(this.order);
    const furthest = front.firstNumber + MAX_AHEAD;
    const entry = front instanceof EntryQueue ? front : undefined;
    for (const item of front.queue) {
      if (ready.length >= most || item.number >= furthest) break;
      if (this.order === "strict" && earlier.size > 0) break;
      if (front.ahead.has(item.number) || this.isInFlight(item) || this.ownerOf(item) !== entry) continue;
      const waits = entry?.failing?.position === item.event.position || earlier.holdsBack(item.event);
      if (waits || this.isBlocked(item, entry) || this.entries.some((each) => each.cannotNote(item)))
        earlier.add(item.event);
      else if (this.#needsEntry(item, entry) && !this.hasRoom(item)) break;
      else {
        ready.push(item);
        earlier.add(item.event);
      }
    }
    return ready;
  }

  #needsEntry({ event, number }: Item<E>, owner: EntryQueue<E> | undefined): boolean {
    if (owner === undefined) return true;
    if (owner.scope === "one" || owner.failing?.position === event.position) return false;
    // Without order, an entry of a key records its first failure itself. If each needed a new entry, full entries would
    // never end.
    if (this.order === "none" && owner.failing === undefined && owner.queue[0]?.number === number) return false;
    if (owner.scope === "key") return this.order === "none";
    return !event.barrier || this.order === "none";
  }

  /** True when there is room for one more entry, counting those that the events in flight would need if they failed. */
  hasRoom({ event }: Item<E>): boolean {
    const keys = [...this.entries.map(({ key }) => key), ...this.#reserved.values()];
    return fitsOneMore(keys, event.key, this.order);
  }

  begin(item: Item<E>): void {
    this.#flying.add(item.number);
    this.inFlight.add(item.event);
    if (this.redrive?.first?.number === item.number) return;
    if (this.#needsEntry(item, this.ownerOf(item))) this.#reserved.set(item.number, item.event.key);
  }

  end(item: Item<E>): void {
    this.#flying.delete(item.number);
    this.inFlight.delete(item.event);
    this.#reserved.delete(item.number);
  }

  /** The event is done: the endpoint took it, or a person has it. */
  done(item: Item<E>): void {
    const { event, number } = item;
    const owner = this.ownerOf(item);
    if (owner !== undefined && event.position <= this.floor.after) this.#countOf(item, owner).waiting -= 1;
    if (owner?.failing?.position === event.position) owner.failing = undefined;
    for (const entry of this.entries) {
      if (entry.after < event.position && isInScope(entry, event)) entry.ahead.add(number);
    }
    if (this.floor.after < event.position) this.floor.ahead.add(number);
    this.entries = this.entries.filter((entry) => entry.scope !== "one" || entry !== owner);
    this.advance();
  }

  /** The entry whose first event this is; it is made when there is none. */
  entryOf(item: Item<E>): EntryQueue<E> {
    const owner = this.ownerOf(item);
    if (owner !== undefined && !this.#needsEntry(item, owner)) return owner;
    return this.#newEntry(item, owner ?? this.floor);
  }

  /** Copies the failures of an entry from the fronts that these replace. */
  fails(from: EntryQueue<E>): void {
    const { key, scope, failing } = from;
    const same = this.entries.find(
      (entry) =>
        entry.key === key &&
        entry.scope === scope &&
        (scope !== "one" || entry.failing?.position === failing?.position),
    );
    if (same !== undefined) same.failing = failing;
    else this.entries.push(new EntryQueue({ ...from.entry(), waiting: 0, countedTo: this.floor.after }));
  }

  #newEntry(item: Item<E>, from: Queue<E>): EntryQueue<E> {
    const { event } = item;
    const scope = this.order === "none" ? "one" : event.barrier ? "below" : "key";
    const countedTo = from === this.floor ? undefined : this.floor.after;
    const entry = new EntryQueue<E>(compact({ ...from.before(item), key: event.key, scope, waiting: 0, countedTo }));
    const later = from.queue.filter(({ event: each }) => each.position > entry.after && isInScope(entry, each));
    for (const number of from.ahead) {
      const isUnread = number > from.readNumber;
      if (isUnread || later.some((each) => each.number === number)) entry.ahead.add(number);
    }
    entry.append(scope === "one" ? [item] : later, { after: from.readTo, number: from.readNumber });
    this.entries.push(entry);
    return entry;
  }

  /** The part of the log to read so that the entry's next event is in memory; undefined: it is. */
  requestFor(entry: EntryQueue<E>): StretchRequest | undefined {
    const upTo = entry.failing?.position ?? this.floor.after;
    const isRead = entry.queue.length > 0 || entry.readTo >= upTo;
    return isRead ? undefined : { after: entry.readTo, upTo };
  }

  /** The part of the log to read so that the floor has `most` events that may be sent; it has `ready` of them. */
  requestForFloor(ready: number, most: number): StretchRequest | undefined {
    const { floor } = this;
    if (this.#atEnd || ready >= most || floor.readNumber >= floor.firstNumber + MAX_AHEAD) return undefined;
    return { after: floor.readTo };
  }
}
