import type { After } from "../../../lib/system/ports.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/**
 * A clock that advances from one timer to the next, in whole milliseconds, as soon as nothing is left to do at the present
 * one. For a great many timers: they lie in a heap.
 */
export class SimulatedTime {
  /** ms since 1970. */
  now: number;
  readonly #heap: Timer[] = [];
  #order = 0;

  constructor(now: number) {
    this.now = now;
  }

  readonly sleep = async (ms: number): Promise<void> => {
    await new Promise<void>((resolve) => this.after(ms, resolve));
  };

  readonly after: After = (ms, run) => {
    const timer: Timer = { at: this.now + Math.max(0, Math.round(ms)), order: (this.#order += 1), run };
    this.#push(timer);
    return () => (timer.run = undefined);
  };

  /** Lets time pass until `done`, or until `end`, ms since 1970. Work that is left then stays where it is. */
  async passUntil(done: () => boolean, end: number): Promise<void> {
    for (;;) {
      // Everything that follows from the timers that have just run, but for what waits for other timers.
      await new Promise((resolve) => setImmediate(resolve));
      if (done()) return;
      const next = this.#heap[0]?.at;
      if (next === undefined || next > end) {
        this.now = end;
        return;
      }
      this.now = Math.max(this.now, next);
      while (this.#heap[0] !== undefined && this.#heap[0].at <= this.now) this.#pop().run?.();
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    for (let above = (at - 1) >> 1; at > 0 && isBefore(timer, heap[above] as Timer); above = (at - 1) >> 1) {
      heap[at] = heap[above] as Timer;
      heap[above] = timer;
      at = above;
    }
  }

  #pop(): Timer {
    const heap = this.#heap;
    const first = heap[0] as Timer;
    const last = heap.pop() as Timer;
    if (heap.length === 0) return first;
    let at = 0;
    heap[0] = last;
    for (;;) {
      let least = at;
      for (const below of [2 * at + 1, 2 * at + 2]) {
        if (below < heap.length && isBefore(heap[below] as Timer, heap[least] as Timer)) least = below;
      }
      if (least === at) return first;
      heap[at] = heap[least] as Timer;
      heap[least] = last;
      at = least;
    }
  }
}

const isBefore = (one: Timer, other: Timer): boolean =>
  one.at < other.at || (one.at === other.at && one.order < other.order);
