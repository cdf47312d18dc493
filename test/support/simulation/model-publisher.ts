/** A publisher as the simulation sees it: numbered changes, their backlog, and a state to read, with faults on request. */
import type { Publisher } from "../../../lib/receiving/ports.ts";
import type { Json } from "../../../lib/ports.ts";

export interface Change {
  readonly sequence: number;
  readonly data: Readonly<Record<string, Json>>;
  readonly timestamp: string;
}

export interface ModelOptions {
  /** Answers say which diff they contain. */
  readonly positioned: boolean;
  readonly step: () => Promise<void>;
  /** True when this answer is to fail. */
  readonly fails: () => boolean;
}

export class ModelPublisher {
  changes: Change[] = [];
  newest = 0;
  /** Numbers up to this have left the backlog. */
  cleared = 0;
  readonly scalars = new Map<string, number>();
  readonly list: number[] = [];
  #made = 0;

  /** Makes one change: sets or deletes a scalar, or appends to the list. */
  change(random: () => number, { lists }: { lists: boolean }): Change {
    this.newest += 1;
    this.#made += 1;
    const kind = random();
    const name = random() < 0.5 ? "a" : "b";
    let data: Change["data"];
    if (lists && kind < 0.45) {
      this.list.push(this.#made);
      data = { l: { list: "l", operation: "append", item: this.#made } };
    } else if (kind < 0.85) {
      this.scalars.set(name, this.#made);
      data = { [name]: this.#made };
    } else {
      this.scalars.delete(name);
      data = { [name]: "" };
    }
    const change = { sequence: this.newest, data, timestamp: stamp(this.#made) };
    this.changes.push(change);
    return change;
  }

  /** The publisher was set up anew: it counts from 1, its state stays. */
  reset(): void {
    this.changes = [];
    this.newest = 0;
    this.cleared = 0;
  }

  /** The port the engine reads it through. */
  port(options: ModelOptions): Publisher {
    const backlog = (): readonly Change[] => this.changes.filter((change) => change.sequence > this.cleared);
    return {
      baseUri: "https://peer.example/actor",
      poll: async () => {
        await options.step();
        if (options.fails()) return { is: "failed", reason: "injected" };
        const answer = { is: "backlog" as const, sequence: this.newest, diffs: backlog().map(recordOf) };
        await options.step();
        return answer;
      },
      fetchDiff: async () => {
        await options.step();
        return { is: "refused" };
      },
      readState: async ({ place }) => {
        await options.step();
        if (options.fails()) return { is: "failed", reason: "injected" };
        const sequence = options.positioned ? { sequence: this.newest } : {};
        const parts = [
          ...[...this.scalars].map(([name, value]) => ({ place: [name], kind: "value" as const, value, ...sequence })),
          ...(this.list.length === 0
            ? []
            : [{ place: ["l"], kind: "list" as const, items: [...this.list], ...sequence }]),
        ].filter((part) => place.length === 0 || part.place[0] === place[0]);
        await options.step();
        return { is: "state", parts, ...sequence, diverged: [] };
      },
      acknowledge: async (_, sequence) => {
        await options.step();
        if (options.fails()) return false;
        if (sequence <= this.newest) this.cleared = Math.max(this.cleared, sequence);
        return true;
      },
    };
  }
}

const stamp = (made: number): string => new Date(Date.UTC(2026, 0, 1) + made * 1_000).toISOString();

const recordOf = (change: Change) => ({ sequence: change.sequence, data: change.data });
