import { INLINE_MAX_BYTES } from "../domain/events/envelope.ts";
import { isFault, matches, parsePattern } from "../domain/events/topic.ts";
import { ClosableBus } from "./closable-bus.ts";
import type { BusEvent, BusSubscription, EventBus, Publication } from "../system/ports.ts";

/** The most events that a subscription keeps for its consumer. */
const MOST_WAITING = 1_024;

/** What the bus calls while it works. */
export interface BusWatch {
  /** Each event, for a developer who wants to see them. */
  readonly published?: (topic: string, event: BusEvent) => void;
  /**
   * A subscription to this pattern has dropped so many events since the last call: at the first, then at every 1 024th, and
   * at its end.
   */
  readonly dropped?: (pattern: string, count: number) => void;
}

/**
 * The bus of one process: an event reaches the subscriptions that this process has when it is published. When the bus is
 * closed each of them gives what it has, then its iterations end.
 */
export class MemoryBus extends ClosableBus implements EventBus {
  readonly inlineMaxBytes = INLINE_MAX_BYTES;
  readonly #subscriptions = new Set<MemorySubscription>();
  readonly #watch: BusWatch;

  constructor(watch: BusWatch = {}) {
    super();
    this.#watch = watch;
  }

  async publish(topic: string, event: BusEvent): Promise<Publication> {
    await this.connect();
    this.#watch.published?.(topic, event);
    for (const subscription of this.#subscriptions) subscription.offer(topic, event);
    return { outcome: "taken" };
  }

  /** @throws TypeError for a text that is no pattern */
  subscribe(text: string): BusSubscription {
    this.checkOpen();
    const pattern = parsePattern(text);
    if (isFault(pattern)) throw new TypeError(`The pattern ${JSON.stringify(text)} ${pattern.fault}.`);
    const { dropped = () => undefined } = this.#watch;
    const ended = (): void => void this.#subscriptions.delete(subscription);
    const subscription = new MemorySubscription(pattern, { ended, dropped: (count) => dropped(pattern, count) });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  protected end(): void {
    for (const subscription of this.#subscriptions) subscription.end();
  }
}

/**
 * One consumer's events.
 *
 *   open      keeps the newest `MOST_WAITING` events that were not fetched; an older one is dropped and counted
 *   ended     by the end of the bus: the waiting events can still be fetched; by the end of an iteration, or by disposal:
 *             nothing waits any more
 *
 * Invariant: while an iteration waits for an event, no event waits.
 */
class MemorySubscription implements BusSubscription {
  readonly #pattern: string;
  readonly #watch: { readonly ended: () => void; readonly dropped: (count: number) => void };
  readonly #events: BusEvent[] = [];
  readonly #consumers: ((result: IteratorResult<BusEvent, undefined>) => void)[] = [];
  #open = true;
  dropped = 0;
  /** How many of these `watch` was called with. */
  #reported = 0;

  constructor(pattern: string, watch: { readonly ended: () => void; readonly dropped: (count: number) => void }) {
    this.#pattern = pattern;
    this.#watch = watch;
  }

  offer(topic: string, event: BusEvent): void {
    if (!matches(this.#pattern, topic)) return;
    const consumer = this.#consumers.shift();
    if (consumer !== undefined) {
      consumer({ done: false, value: event });
      return;
    }
    this.#events.push(event);
    if (this.#events.length <= MOST_WAITING) return;
    this.#events.shift();
    this.dropped += 1;
    if (this.#reported === 0 || this.dropped - this.#reported >= MOST_WAITING) this.#report();
  }

  #report(): void {
    if (this.dropped === this.#reported) return;
    this.#watch.dropped(this.dropped - this.#reported);
    this.#reported = this.dropped;
  }

  end(): void {
    this.#open = false;
    this.#watch.ended();
    this.#report();
    for (const consumer of this.#consumers.splice(0)) consumer(DONE);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#events.length = 0;
    this.end();
    return Promise.resolve();
  }

  [Symbol.asyncIterator](): AsyncIterator<BusEvent, undefined> {
    return {
      next: async () => await this.#next(),
      return: async () => {
        await this[Symbol.asyncDispose]();
        return DONE;
      },
    };
  }

  #next(): Promise<IteratorResult<BusEvent, undefined>> {
    const value = this.#events.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (!this.#open) return Promise.resolve(DONE);
    return new Promise((resolve) => this.#consumers.push(resolve));
  }
}

const DONE = { done: true, value: undefined } as const;
