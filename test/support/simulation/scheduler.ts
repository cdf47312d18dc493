/**
 * A world in which time and order are chosen: every step of every simulated instance waits until the scheduler picks it.
 * The same seed gives the same choices, so a failing schedule can be run again.
 */
import process from "node:process";

/** A small, fast, seeded generator of numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class Scheduler {
  readonly #random: () => number;
  readonly #waiting: (() => void)[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Waits until this step is picked. */
  async step(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Runs one waiting step and everything that follows from it; false when none waits. */
  async pick(): Promise<boolean> {
    const index = Math.floor(this.#random() * this.#waiting.length);
    const chosen = this.#waiting[index];
    if (chosen === undefined) return false;
    const last = this.#waiting.pop();
    if (last !== undefined && last !== chosen) this.#waiting[index] = last;
    chosen();
    await settled();
    return true;
  }
}

/** Every promise that can settle without another pick has settled: a tick begins when no promise has anything to do. */
export async function settled(): Promise<void> {
  await new Promise<void>((resolve) => process.nextTick(resolve));
}
