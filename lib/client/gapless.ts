/** Finds events of a webhook that did not arrive, by their numbers. */
import { readEvents, type ActorEvent, type EventsOptions } from "./events.ts";
import type { Http } from "./http.ts";

/** Numbers without a gap that have arrived. */
interface Run {
  first: number;
  last: number;
  /** The position of `last`, from which a reader continues. */
  position: string;
}

/** Numbers that have not arrived, between two that have. */
export interface Gap {
  readonly first: number;
  readonly last: number;
  /** The position of the event before. */
  readonly after: string;
}

/** The part of an actor that `read` needs; `actor()` returns it. */
export interface Readable {
  readonly http: Http;
}

/**
 * Notes the numbers of one webhook's events, in any order and with repetitions, and finds the missing ones. It starts at
 * the lowest number that it is given. Its memory grows with the gaps, not with the events.
 *
 * A gap need not be a loss: an event that failed is sent again under its number, while later events of other keys arrive.
 */
export class Gapless {
  /** Ascending, with a gap between each and the next. */
  #runs: Run[];

  /** @param state a saved `state` */
  constructor(state: readonly Readonly<Run>[] = []) {
    this.#runs = state.map((run) => ({ ...run }));
  }

  /** The state to save as JSON, for a later `gapless`. */
  get state(): readonly Readonly<Run>[] {
    return this.#runs.map((run) => ({ ...run }));
  }

  /** Notes an event. @returns false when its number arrived before, or it has none (a test event) */
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

  /** The gaps, lowest first. */
  get gaps(): readonly Gap[] {
    return this.#runs.slice(1).map((next, index) => {
      const { last, position } = this.#runs[index] as Run;
      return { first: last + 1, last: next.first - 1, after: position };
    });
  }

  /** The numbers that have not arrived. */
  get sequences(): readonly number[] {
    return this.gaps.flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, index) => first + index),
    );
  }

  /**
   * Reads the events that have not arrived, with their numbers. An event is noted once the caller asks for the next one.
   *
   * @param topics the topics of the webhook; with its types in `options`, because only then the numbers are right. They are
   *   wrong if the topics or types changed within a gap
   * @throws PositionGone when the records have expired; as `events`
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

/** The numbers of one webhook: none yet, or those of a saved state. */
export const gapless = (state?: Gapless["state"]): Gapless => new Gapless(state);
