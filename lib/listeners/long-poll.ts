/** Waiting for something in a log: readers, groups and drains look now and then until it is there, or the time is over. */
import type { Deadline, Platform } from "../system/ports.ts";

/** Pause between two looks, ms: what waiting costs against how late an answer comes. */
const LOOK_EVERY_MS = 1_000;
/** Time that is kept for a last look and the answer, ms. */
const ANSWER_MS = 4_000;

/** `nothing`: there is nothing yet. `more`: the look did not come to the end, and goes on at once. */
export interface Finding<T> {
  readonly is: "found" | "nothing" | "more";
  readonly result: T;
}

/** How long a request waits. */
export interface Wait {
  /** 0: not at all. */
  readonly waitMs: number;
  /** Of the request. It may come nearer meanwhile: the wait ends with the instance, too. */
  readonly deadline: Deadline;
}

/**
 * The result of the first look that finds something, or of the last one. Looks at once, and at least once.
 *
 * @param find `isLast`: there is no time for another
 * @param everyMs pause between two looks [1000]
 */
export async function longPoll<T>(
  { clock, sleep }: Pick<Platform, "clock" | "sleep">,
  { waitMs, deadline }: Wait,
  find: (isLast: boolean) => Promise<Finding<T>>,
  everyMs = LOOK_EVERY_MS,
): Promise<T> {
  const until = clock.now() + waitMs;
  const left = (): number => Math.min(until - clock.now(), deadline.remaining() - ANSWER_MS);
  for (;;) {
    const isLast = left() <= 0;
    const { is, result } = await find(isLast);
    if (isLast || is === "found") return result;
    // In short pauses, so that no long one outlasts a deadline that has come nearer.
    for (let pause = is === "more" ? 0 : everyMs; pause > 0 && left() > 0; pause -= LOOK_EVERY_MS) {
      await sleep(Math.min(pause, LOOK_EVERY_MS, left()));
    }
  }
}
