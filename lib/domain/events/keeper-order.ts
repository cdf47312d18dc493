/** Which events wait for which earlier events. */
import { MAX_ENTRIES, MAX_KEY_CHARACTERS, type Entry, type OrderedEvent } from "./keeper-state.ts";
import type { KeeperRules } from "./keeper-steps.ts";

/** An event that the listener's selection lets through, with its number. */
export interface Item<E extends OrderedEvent> {
  readonly event: E;
  readonly number: number;
}

const isBelow = (key: string, barrier: string): boolean =>
  key.length > barrier.length && key.charAt(barrier.length) === "." && key.startsWith(barrier);

/** True when the key of an event (or entry) is in the entry's scope; the position does not matter. */
export function isInScope({ key, scope }: Pick<Entry, "key" | "scope">, event: Pick<OrderedEvent, "key">): boolean {
  return event.key === key || (scope === "below" && isBelow(event.key, key));
}

/** True when an event waits for earlier events of the entry. An entry `one` may hold a barrier, so it counts as one. */
export function isBlockedBy({ key, scope }: Pick<Entry, "key" | "scope">, event: OrderedEvent): boolean {
  return (
    event.key === key || (event.barrier && isBelow(key, event.key)) || (scope !== "key" && isBelow(event.key, key))
  );
}

/** True when there is room for an entry of the key beside entries of these keys. */
export function fitsOneMore(keys: readonly string[], key: string, order: KeeperRules["order"]): boolean {
  // In strict order only one event is tried at a time and all others wait, so one entry more is enough.
  if (keys.length === 0 || (order === "strict" && keys.length <= MAX_ENTRIES)) return true;
  const characters = keys.reduce((sum, each) => sum + each.length, key.length);
  return keys.length < MAX_ENTRIES && characters <= MAX_KEY_CHARACTERS;
}

/** A multiset of events, to find out whether a later event waits for one of them. */
export class Earlier {
  readonly #order: KeeperRules["order"];
  readonly #keys = new Map<string, number>();
  readonly #barriers: string[] = [];
  size = 0;

  constructor(order: KeeperRules["order"]) {
    this.#order = order;
  }

  add({ key, barrier }: OrderedEvent): void {
    this.size += 1;
    this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1);
    if (barrier) this.#barriers.push(key);
  }

  delete({ key, barrier }: OrderedEvent): void {
    this.size -= 1;
    const left = (this.#keys.get(key) ?? 1) - 1;
    if (left === 0) this.#keys.delete(key);
    else this.#keys.set(key, left);
    if (barrier) this.#barriers.splice(this.#barriers.indexOf(key), 1);
  }

  /** True when the event waits for one of them. */
  holdsBack({ key, barrier }: OrderedEvent): boolean {
    if (this.#order === "none" || this.size === 0) return false;
    if (this.#order === "strict" || this.#keys.has(key)) return true;
    if (this.#barriers.some((each) => isBelow(key, each))) return true;
    return barrier && [...this.#keys.keys()].some((each) => isBelow(each, key));
  }
}
