/** Runs the events of one batch at the same time where their keys allow it. */
import type { ActorEvent } from "./events.ts";

const BARRIER = "properties";
const BELOW_BARRIER = "properties.";

/** The key of an event, by the rules of the service: events of one key are handled in order. */
export function keyOf({ subject, partitionkey }: Pick<ActorEvent, "subject" | "partitionkey">): string {
  const [first = ""] = subject.split(".", 1);
  if (first === "$sys") return first;
  // No topic has a space in it.
  return partitionkey === undefined ? subject : `${first} ${partitionkey}`;
}

/** What an event that will come again holds back: later events of its key, or all later events. */
export type HoldsBack = "key" | "all" | undefined;

/** A key, and the actor that it belongs to. */
interface Key {
  readonly source: string;
  readonly key: string;
}

/**
 * Runs the events of one batch.
 *
 * Invariants: at most `concurrency` events run at a time; events of one key of an actor run one after another, in the order
 * in which they were passed; an event of the key `properties` runs after every earlier event of a key below it, and before
 * every later one.
 */
export class KeyOrder {
  readonly #isStrict: boolean;
  /** The last one of each key. */
  readonly #last = new Map<string, Key & { readonly done: Promise<unknown> }>();
  readonly #blocked: Key[] = [];
  readonly #waiting: (() => void)[] = [];
  #isStopped = false;
  #free: number;

  constructor(concurrency: number, isStrict: boolean) {
    this.#free = concurrency;
    this.#isStrict = isStrict;
  }

  /** Calls `handle` when the order allows it. `blocked`: an earlier event for which this one waits will come again. */
  async run(event: ActorEvent, handle: (blocked: boolean) => Promise<HoldsBack>): Promise<void> {
    const key: Key = this.#isStrict ? { source: "", key: "" } : { source: event.source, key: keyOf(event) };
    const earlier = [...this.#last.values()].filter((other) => concerns(key, other)).map(({ done }) => done);
    const done = Promise.all(earlier).then(async () => {
      await this.#enter();
      try {
        const isBlocked = this.#isStopped || this.#blocked.some((other) => concerns(key, other));
        const holdsBack = await handle(isBlocked);
        if (holdsBack === "all") this.#isStopped = true;
        else if (holdsBack === "key") this.#blocked.push(key);
      } finally {
        this.#leave();
      }
    });
    this.#last.set(`${key.source} ${key.key}`, { ...key, done });
    await done;
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((enter) => this.#waiting.push(enter));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

/** True when events of these two keys must run in order. */
const concerns = (one: Key, other: Key): boolean =>
  one.source === other.source &&
  (one.key === other.key || isBarrier(one.key, other.key) || isBarrier(other.key, one.key));

const isBarrier = (key: string, other: string): boolean => key === BARRIER && other.startsWith(BELOW_BARRIER);
