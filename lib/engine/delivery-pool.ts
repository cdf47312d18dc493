/** Limits how many deliveries of one process run at the same time. */

/** A delivery counts against the limit for this long, ms. A peer that is slower than this delays no other peer. */
const PATIENCE_MS = 1_000;
/** Most deliveries that run at the same time without counting against the limit. */
const MOST_BESIDE = 100;

export interface DeliveryPoolDeps {
  /** Most deliveries at the same time; those that have lasted for over a second do not count. */
  readonly most: number;
  /** Calls back after this many ms, unless the returned function is called first. */
  readonly after: (ms: number, call: () => void) => () => void;
}

interface Job {
  readonly peer: string;
  readonly run: () => Promise<void>;
}

/**
 * Runs deliveries in the order in which they arrive.
 *
 *   waiting   until there is room, and no other delivery to its peer runs
 *   counted   for its first second
 *   beside    after that: it no longer counts against the limit, as long as at most `MOST_BESIDE` do not
 *
 * Invariants: at most `most` deliveries are counted, and at most one delivery to a peer runs.
 */
export class DeliveryPool {
  readonly #deps: DeliveryPoolDeps;
  readonly #waiting = new Map<string, Job[]>();
  readonly #busy = new Set<string>();
  #counted = 0;
  #beside = 0;

  constructor(deps: DeliveryPoolDeps) {
    this.#deps = deps;
  }

  /** Runs `work` when there is room and no other delivery to the peer runs. Resolves and rejects as `work` does. */
  async run<T>(peer: string, work: () => Promise<T>): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const run = async (): Promise<void> => {
        try {
          resolve(await work());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const jobs = this.#waiting.get(peer);
      if (jobs === undefined) this.#waiting.set(peer, [{ peer, run }]);
      else jobs.push({ peer, run });
      this.#fill();
    });
  }

  #fill(): void {
    for (const [peer, jobs] of this.#waiting) {
      if (this.#counted >= this.#deps.most) return;
      if (this.#busy.has(peer)) continue;
      const job = jobs.shift();
      // The other deliveries to this peer queue behind those to other peers.
      this.#waiting.delete(peer);
      if (jobs.length > 0) this.#waiting.set(peer, jobs);
      if (job !== undefined) this.#start(job);
    }
  }

  #start({ peer, run }: Job): void {
    this.#busy.add(peer);
    this.#counted += 1;
    let beside = false;
    const stop = this.#deps.after(PATIENCE_MS, () => {
      if (this.#beside >= MOST_BESIDE) return;
      beside = true;
      this.#beside += 1;
      this.#counted -= 1;
      this.#fill();
    });
    void run().finally(() => {
      stop();
      this.#busy.delete(peer);
      if (beside) this.#beside -= 1;
      else this.#counted -= 1;
      this.#fill();
    });
  }
}
