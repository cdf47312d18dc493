/** Peers that never answer, on a clock that passes only while everything waits for them. */
import { PeerFailure, type PeerRequest } from "../../lib/system/ports.ts";
import type { Answer } from "../support/in-process.ts";

/** Turns of the event loop after which all work that does not wait for peers is done. */
const ROUNDS = 50;

export class HangingPeers {
  readonly asked: PeerRequest[] = [];
  readonly #clock: { now: number };
  #waiting: { readonly until: number; readonly fail: () => void }[] = [];

  constructor(clock: { now: number }) {
    this.#clock = clock;
  }

  /** A request that is given up after its own time. */
  readonly answer = async (request: PeerRequest): Promise<Answer> => {
    this.asked.push(request);
    const until = this.#clock.now + (request.timeoutMs ?? 10_000);
    return await new Promise((_, reject) => {
      this.#waiting.push({ until, fail: () => reject(new PeerFailure("timeout", "No answer in time.")) });
    });
  };

  /** Runs the work to its end: when nothing else can happen, time passes until the next request is given up. */
  async during<T>(work: Promise<T>): Promise<T> {
    const state: { settled: boolean } = { settled: false };
    const done = work.finally(() => (state.settled = true));
    done.catch(() => undefined);
    for (;;) {
      for (let round = 0; round < ROUNDS && !state.settled; round += 1)
        await new Promise((resolve) => setImmediate(resolve));
      if (state.settled) return await done;
      const next = Math.min(...this.#waiting.map(({ until }) => until));
      if (!Number.isFinite(next)) continue;
      this.#clock.now = Math.max(this.#clock.now, next);
      const due = this.#waiting.filter(({ until }) => until <= this.#clock.now);
      this.#waiting = this.#waiting.filter(({ until }) => until > this.#clock.now);
      for (const { fail } of due) fail();
    }
  }
}
