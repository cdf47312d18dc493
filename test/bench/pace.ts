/** How many of one kind ran one after another in each lane, and how long each took. */
export interface Pace {
  readonly lanes: number;
  readonly count: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** No load runs longer than this, however slow the machine is. */
const MOST_MS = 20_000;

/** Runs `work` `each` times one after another in each of `lanes` lanes at the same time. */
export async function pace(
  lanes: number,
  each: number,
  work: (lane: number, at: number) => Promise<void>,
): Promise<Pace> {
  const times: number[] = [];
  const begun = performance.now();
  const run = async (lane: number): Promise<void> => {
    for (let at = 0; at < each && performance.now() - begun < MOST_MS; at += 1) {
      const from = performance.now();
      await work(lane, from);
      times.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
  const seconds = (performance.now() - begun) / 1000;
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { lanes, count: times.length, perSecond: times.length / seconds, p50: at(0.5), p99: at(0.99) };
}
