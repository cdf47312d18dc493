/** Runs the events of one batch at the same time where their keys allow it. */
import type { ActorEvent } from "./events.ts";

const BARRIER = "properties";
const BELOW_BARRIER = "properties.";

/** The key in whose order an event is kept; by the rules of the service. */
export function keyOf({ subject, partitionkey }: Pick<ActorEvent, "subject" | "partitionkey">): string {
  const [first = ""] = subject.split(".", 1);
  if (first === "$sys") return first;
  // No topic has a space in it.
  return partitionkey === undefined ? subject : `${first} ${partitionkey}`;
}

/** What an event that is to come again holds back: its key, or every key. */
export type HoldsBack = "key" | "all" | undefined;

/** A key and the actor that it is one of. */
interface Key {
  readonly source: string;
  readonly key: string;
}

/**
 * Invariants: at most `concurrency` run at a time; those of one key of an actor one after another, as they were given; one of
 * the key `properties` after every earlier and before every later one of a key below it.
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

  /** Runs it when its key lets it. `blocked`: an earlier event that it has to wait for is to come again. */
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

/** Whether the order of two keys counts. */
const concerns = (one: Key, other: Key): boolean =>
  one.source === other.source &&
  (one.key === other.key || isBarrier(one.key, other.key) || isBarrier(other.key, one.key));

const isBarrier = (key: string, other: string): boolean => key === BARRIER && other.startsWith(BELOW_BARRIER);
