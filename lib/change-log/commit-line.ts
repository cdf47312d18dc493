/**
 * Runs the commits of one actor in this process one by one. Correctness does not depend on it: each commit names the state
 * that it was planned on, and the table refuses it when another came first. But writers that race lose most of their work,
 * and a writer can lose every race.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { After } from "../system/ports.ts";

/** A commit that takes longer than this, ms, no longer delays the next one, because its request may never be answered. */
const SLOW_COMMIT_MS = 1_000;
/** Most calls that wait for one actor at the same time; further ones are refused. */
const MOST_WAITING = 256;

/**
 * States of an actor: idle, without an entry; or busy, where one call runs and the others wait in order of arrival. A call
 * makes an idle actor busy. When the running work ends, or after 1 s, the next call runs; without one the actor is idle.
 * Invariants: at most `MOST_WAITING` calls wait for an actor; a call runs or is refused within its `waitMs`.
 */
export class CommitLine {
  readonly #after: After;
  readonly #waiting = new Map<string, Set<() => void>>();
  /** The actors that the running call commits to, for calls from within it. */
  readonly #inside = new AsyncLocalStorage<ReadonlySet<string>>();

  constructor(after: After) {
    this.#after = after;
  }

  /**
   * Runs one actor's work one by one, in order of arrival. A call from within the actor's work runs at once, because the
   * outer call would never end otherwise.
   *
   * @returns undefined when the work could not begin within `waitMs`
   */
  async oneByOne<T>(
    actorId: string,
    waitMs: number,
    work: () => Promise<T>,
  ): Promise<{ readonly result: T } | undefined> {
    const inside = this.#inside.getStore();
    if (inside?.has(actorId) === true) return { result: await work() };
    if (!(await this.#enter(actorId, waitMs))) return undefined;
    const end = once(() => {
      this.#next(actorId);
    });
    const cancel = this.#after(SLOW_COMMIT_MS, end);
    try {
      return { result: await this.#inside.run(new Set([...(inside ?? []), actorId]), work) };
    } finally {
      cancel();
      end();
    }
  }

  async #enter(actorId: string, waitMs: number): Promise<boolean> {
    const waiting = this.#waiting.get(actorId);
    if (waiting === undefined) {
      this.#waiting.set(actorId, new Set());
      return true;
    }
    if (waiting.size >= MOST_WAITING) return false;
    return await new Promise((resolve) => {
      const start = (): void => {
        cancel();
        resolve(true);
      };
      const cancel = this.#after(waitMs, () => {
        waiting.delete(start);
        resolve(false);
      });
      waiting.add(start);
    });
  }

  #next(actorId: string): void {
    const waiting = this.#waiting.get(actorId);
    const [start] = waiting ?? [];
    if (start === undefined) {
      this.#waiting.delete(actorId);
      return;
    }
    waiting?.delete(start);
    start();
  }
}

function once(call: () => void): () => void {
  let called = false;
  return () => {
    if (called) return;
    called = true;
    call();
  };
}
