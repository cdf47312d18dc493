/** Which events wait for each other. */
import { MAX_ENTRIES, MAX_KEY_CHARACTERS, type Entry, type OrderedEvent } from "./keeper-state.ts";
import type { KeeperRules } from "./keeper-steps.ts";

/** An event that the listener's selection lets through, with its number. */
export interface Item<E extends OrderedEvent> {
  readonly event: E;
  readonly number: number;
}

const isBelow = (key: string, barrier: string): boolean =>
  key.length > barrier.length && key.charAt(barrier.length) === "." && key.startsWith(barrier);

/** True when events of the key belong to the entry, wherever they lie. */
export function isInScope({ key, scope }: Pick<Entry, "key" | "scope">, event: Pick<OrderedEvent, "key">): boolean {
  return event.key === key || (scope === "below" && isBelow(event.key, key));
}

/** True when an earlier event of the entry holds back this one. `one` may be a barrier's, so it counts as one. */
export function isBlockedBy({ key, scope }: Pick<Entry, "key" | "scope">, event: OrderedEvent): boolean {
  return (
    event.key === key || (event.barrier && isBelow(key, event.key)) || (scope !== "key" && isBelow(event.key, key))
  );
}

/** True when an entry of the key fits beside those of these keys. */
export function fitsOneMore(keys: readonly string[], key: string, order: KeeperRules["order"]): boolean {
  // In strict order one event is tried at a time, and everything waits for it.
  if (keys.length === 0 || (order === "strict" && keys.length <= MAX_ENTRIES)) return true;
  const characters = keys.reduce((sum, each) => sum + each.length, key.length);
  return keys.length < MAX_ENTRIES && characters <= MAX_KEY_CHARACTERS;
}

/** Events of which each holds back later ones. */
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
