import { idle } from "../../support/idle.ts";

/** Time that passes only when nothing else can happen, for code whose clock, pauses and timers are passed in. */
export class TimedWorld {
  now: number;
  #timers: { readonly at: number; readonly call: () => void }[] = [];

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.now = now;
  }

  readonly after = (ms: number, call: () => void): (() => void) => {
    const timer = { at: this.now + ms, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  readonly pause = async (ms: number): Promise<void> => {
    await new Promise<void>((resolve) => this.after(ms, resolve));
  };

  /** Runs all of the work to its end. @throws Error when it waits for what never comes */
  async play<T>(work: Promise<T>): Promise<T> {
    const state: { settled: boolean } = { settled: false };
    const done = work.finally(() => (state.settled = true));
    done.catch(() => undefined);
    for (;;) {
      await idle(3);
      if (state.settled) return await done;
      const [next] = this.#timers.toSorted((one, other) => one.at - other.at);
      if (next === undefined) throw new Error("it waits, and no timer is set");
      this.#timers = this.#timers.filter((other) => other !== next);
      this.now = Math.max(this.now, next.at);
      next.call();
    }
  }
}
