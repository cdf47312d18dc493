/** Waits for events, or for the end of a drain, by looking again and again until there is something or the time is over. */
import type { Deadline, Platform } from "../system/ports.ts";

/** Pause between two looks, ms. A shorter one costs more reads, a longer one makes answers late. */
const LOOK_EVERY_MS = 1_000;
/** Time that is kept for the last look and the answer, ms. */
const ANSWER_MS = 4_000;

/**
 * What a look found. `nothing`: there is nothing yet. `more`: it did not look at everything, and the next look follows at
 * once.
 */
export interface Finding<T> {
  readonly is: "found" | "nothing" | "more";
  readonly result: T;
}

/** How long a request waits. */
export interface Wait {
  /** Ms; 0: the request does not wait. */
  readonly waitMs: number;
  /** The deadline of the request. It can come nearer meanwhile, when the instance is about to end. */
  readonly deadline: Deadline;
}

/**
 * The result of the first look that finds something, or else of the last one. The first look is at once.
 *
 * @param find looks; `isLast`: there is no time for another look
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
    // In steps of a second, because the deadline can come nearer.
    for (let pause = is === "more" ? 0 : everyMs; pause > 0 && left() > 0; pause -= LOOK_EVERY_MS) {
      await sleep(Math.min(pause, LOOK_EVERY_MS, left()));
    }
  }
}
