/** How many of one kind ran one after another in each lane, and how long each took. */
export interface Pace {
  readonly lanes: number;
  readonly count: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** The times of some runs, ms, in any order, and the duration of all together. */
export interface Times {
  readonly times: readonly number[];
  readonly durationMs: number;
}

/** No load runs longer than this, however slow the machine is. */
const MOST_MS = 20_000;

/** Runs `work` `each` times one after another in each of `lanes` lanes at the same time. */
export async function times(lanes: number, each: number, work: (lane: number) => Promise<void>): Promise<Times> {
  const taken: number[] = [];
  const begun = performance.now();
  const run = async (lane: number): Promise<void> => {
    for (let at = 0; at < each && performance.now() - begun < MOST_MS; at += 1) {
      const from = performance.now();
      await work(lane);
      taken.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
  return { times: taken, durationMs: performance.now() - begun };
}

/** The pace of several rounds as if they were one. */
export function paceOf(lanes: number, rounds: readonly Times[]): Pace {
  const sorted = rounds.flatMap((round) => round.times).toSorted((one, other) => one - other);
  const seconds = rounds.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { lanes, count: sorted.length, perSecond: sorted.length / seconds, p50: at(0.5), p99: at(0.99) };
}

/** The middle one; the higher of two. NaN of none. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
