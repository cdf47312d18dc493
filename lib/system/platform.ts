/** The machine's clock, randomness and timers: the only calls of `Date.now`, `Math.random` and `setTimeout` for them. */
import { setTimeout as sleep } from "node:timers/promises";
import { randomIds } from "./ids.ts";
import type { Clock, Platform } from "./ports.ts";

/** The machine's clock. */
export const systemClock: Clock = { now: () => Date.now() };

/** What a real instance takes from the machine it runs on. */
export const platform: Platform = {
  clock: systemClock,
  ids: randomIds,
  random: () => Math.random(),
  sleep: async (ms) => await sleep(ms),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};
