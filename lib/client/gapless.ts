/** Which numbers of a webhook never came. */
import { readEvents, type ActorEvent, type EventsOptions } from "./events.ts";
import type { Http } from "./http.ts";

/** Numbers that came one after another, with the positions of the first and the last of them. */
interface Run {
  first: number;
  last: number;
  /** The position of `last`: what a reader continues from. */
  position: string;
}

/** A stretch of numbers that did not come, between two that did. */
export interface Gap {
  readonly first: number;
  readonly last: number;
  /** The position of the event before. */
  readonly after: string;
}

/** What of an actor `read` needs; `actor()` gives it. */
export interface Readable {
  readonly http: Http;
}

/**
 * Notes the numbers of one webhook's events, in whatever order and however often they come, and finds what is missing. It
 * begins at the lowest number that it is given. Its memory grows with the gaps, not with the events.
 *
 * A gap may be no loss: an event that failed comes again under its number while later ones of other keys go by.
 */
export class Gapless {
  /** Ascending, with a gap between each and the next. */
  #runs: Run[];

  /** @param state what `state` gave before */
  constructor(state: readonly Readonly<Run>[] = []) {
    this.#runs = state.map((run) => ({ ...run }));
  }

  /** To be saved as JSON, and given to `gapless` later. */
  get state(): readonly Readonly<Run>[] {
    return this.#runs.map((run) => ({ ...run }));
  }

  /** Notes an event. False: its number came before, or it has none, as a test event. */
  add({ sequence, position }: Pick<ActorEvent, "sequence" | "position">): boolean {
    if (sequence === undefined || !/^\d+$/.test(sequence)) return false;
    const number = Number(sequence);
    const index = this.#runs.findLastIndex(({ first }) => first <= number);
    const [before, after] = [this.#runs[index], this.#runs[index + 1]];
    if (before !== undefined && number <= before.last) return false;
    const run: Run = before?.last === number - 1 ? before : { first: number, last: number, position };
    if (run === before) Object.assign(run, { last: number, position });
    else this.#runs.splice(index + 1, 0, run);
    if (after?.first === number + 1) {
      Object.assign(run, { last: after.last, position: after.position });
      this.#runs.splice(this.#runs.indexOf(after), 1);
    }
    return true;
  }

  /** What did not come, lowest first. */
  get gaps(): readonly Gap[] {
    return this.#runs.slice(1).map((next, index) => {
      const { last, position } = this.#runs[index] as Run;
      return { first: last + 1, last: next.first - 1, after: position };
    });
  }

  /** The numbers that did not come. */
  get sequences(): readonly number[] {
    return this.gaps.flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, index) => first + index),
    );
  }

  /**
   * Reads what did not come, each with its number, and notes it once the caller asks for the next one.
   *
   * @param topics the webhook's, and its types: only with these do the numbers fit. A webhook whose topics changed between two
   *   events has no such reading.
   * @throws PositionGone when the log no longer goes back that far; as `events`
   */
  async *read<Data = unknown>(
    { http }: Readable,
    topics: string | readonly string[],
    options: Pick<EventsOptions, "types" | "signal"> = {},
  ): AsyncGenerator<ActorEvent<Data>, void, void> {
    for (const { first, last, after } of this.gaps) {
      let number = first;
      for await (const event of readEvents<Data>(http, topics, { ...options, from: after, untilNow: true })) {
        const numbered = { ...event, sequence: String(number).padStart(16, "0") };
        yield numbered;
        this.add(numbered);
        number += 1;
        if (number > last) break;
      }
    }
  }
}

/** A fresh account of one webhook's numbers, or one that continues from a saved state. */
export const gapless = (state?: Gapless["state"]): Gapless => new Gapless(state);
