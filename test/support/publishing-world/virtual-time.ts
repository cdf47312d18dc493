/** Time that passes when the world says so: `setTimeout` and `Math.random` of everything that runs inside a schedule. */
import { AsyncLocalStorage } from "node:async_hooks";

interface Timer {
  readonly id: number;
  readonly at: number;
  readonly run: () => void;
}

/** A clock and the timers that wait for it. */
export class VirtualTime {
  /** ms since 1970. */
  now: number;
  #timers: Timer[] = [];
  #ids = 0;

  constructor(now: number) {
    this.now = now;
  }

  /** Calls back once the clock has advanced by this many ms, when the world lets it. */
  set(run: () => void, ms: number): number {
    this.#ids += 1;
    this.#timers.push({ id: this.#ids, at: this.now + Math.max(0, ms), run });
    return this.#ids;
  }

  clear(id: number): void {
    this.#timers = this.#timers.filter((timer) => timer.id !== id);
  }

  /** When the next timer is due; undefined when none waits. */
  get next(): number | undefined {
    return this.#timers.length === 0 ? undefined : Math.min(...this.#timers.map(({ at }) => at));
  }

  /** Runs the timer that is due first, if its time has come. */
  fire(): boolean {
    const due = this.#timers.filter(({ at }) => at <= this.now).sort((one, other) => one.at - other.at)[0];
    if (due === undefined) return false;
    this.clear(due.id);
    due.run();
    return true;
  }
}

/** A timer of the virtual clock in the form of a real one. */
class TimerHandle {
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

const running = new AsyncLocalStorage<{ readonly time: VirtualTime; readonly random: () => number }>();
const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout, random: Math.random };

/**
 * Runs `play` with its own clock and its own chances: whatever it calls has this `setTimeout`, `clearTimeout` and
 * `Math.random`; everything else in the process keeps the real ones.
 */
export async function inVirtualTime<T>(time: VirtualTime, random: () => number, play: () => Promise<T>): Promise<T> {
  install();
  return await running.run({ time, random }, play);
}

/** In place of `setTimeout` of `node:timers/promises`. */
export async function virtualPause(ms: number): Promise<void> {
  await new Promise<void>((resolve) => globalThis.setTimeout(resolve, ms));
}

let installed = false;

function install(): void {
  if (installed) return;
  installed = true;
  const set = (run: (...given: unknown[]) => void, ms = 0, ...given: unknown[]): unknown => {
    const world = running.getStore();
    if (world === undefined) return real.setTimeout(run, ms, ...given);
    return new TimerHandle(world.time.set(() => run(...given), ms));
  };
  const clear = (handle: unknown): void => {
    if (handle instanceof TimerHandle) running.getStore()?.time.clear(handle.id);
    else real.clearTimeout(handle as NodeJS.Timeout);
  };
  globalThis.setTimeout = set as unknown as typeof globalThis.setTimeout;
  globalThis.clearTimeout = clear;
  Math.random = () => (running.getStore()?.random ?? real.random)();
}
