import { INLINE_MAX_BYTES } from "../domain/events/envelope.ts";
import { isFault, matches, parsePattern } from "../domain/events/topic.ts";
import { ClosableBus } from "./closable-bus.ts";
import type { BusEvent, BusSubscription, EventBus, BusAnswer } from "../system/ports.ts";

/** Most events that a subscription keeps for its consumer. */
const MOST_WAITING = 1_024;

/** Callbacks of the bus. */
export interface BusWatch {
  /** Called with each event that is published. */
  readonly published?: (topic: string, event: BusEvent) => void;
  /**
   * Called when a subscription to `pattern` drops its first event, then after every 1,024 dropped events, and at its end.
   * `count` is the number of events that it has dropped since the call before.
   */
  readonly dropped?: (pattern: string, count: number) => void;
}

/**
 * A bus within one process: an event reaches the subscriptions that exist when it is published. After `close`, each
 * subscription still yields the events that it keeps, and then its iterations end.
 */
export class MemoryBus extends ClosableBus implements EventBus {
  readonly inlineMaxBytes = INLINE_MAX_BYTES;
  readonly #subscriptions = new Set<MemorySubscription>();
  readonly #watch: BusWatch;

  constructor(watch: BusWatch = {}) {
    super();
    this.#watch = watch;
  }

  async publish(topic: string, event: BusEvent): Promise<BusAnswer> {
    await this.connect();
    this.#watch.published?.(topic, event);
    for (const subscription of this.#subscriptions) subscription.offer(topic, event);
    return { outcome: "taken" };
  }

  /** @throws TypeError for a text that is not a pattern */
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
 * The subscription of one consumer.
 *
 *   open      keeps the newest `MOST_WAITING` events that no iteration has taken; older ones are dropped and counted
 *   ended     when the bus is closed: iterations can still take the events that are kept
 *             when an iteration ends, or the subscription is disposed of: no events are kept
 *
 * Invariant: while an iteration waits for an event, no events are kept.
 */
class MemorySubscription implements BusSubscription {
  readonly #pattern: string;
  readonly #watch: { readonly ended: () => void; readonly dropped: (count: number) => void };
  readonly #events: BusEvent[] = [];
  readonly #consumers: ((result: IteratorResult<BusEvent, undefined>) => void)[] = [];
  #open = true;
  dropped = 0;
  /** How many of the dropped events `watch` has been called with. */
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
