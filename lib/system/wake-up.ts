/** The delayed message that brings due work forward from the next sweep to its second. */
import { mapConcurrent } from "./map-concurrent.ts";
import { MAX_DELAY_SECONDS, type Clock, type DelayQueue, type Log } from "./ports.ts";

export interface WakeUpDeps {
  readonly queue: DelayQueue;
  readonly clock: Clock;
  readonly log: Log;
}

/** Messages that are sent at the same time. */
const AT_ONCE = 10;

/** Sends a message for each of these keys, which are due now. Never rejects. */
export async function wakeUpAll(
  deps: WakeUpDeps,
  keys: readonly { readonly pk: string; readonly sk: string }[],
): Promise<void> {
  await mapConcurrent(keys, AT_ONCE, async (key) => {
    await wakeUp(deps, key, deps.clock.now());
  });
}

/** Sends a message for the item that is due at `dueAt` (ms since 1970). Never rejects: the sweep finds the same work. */
export async function wakeUp(
  { queue, clock, log }: WakeUpDeps,
  { pk, sk }: { readonly pk: string; readonly sk: string },
  dueAt: number,
): Promise<void> {
  const seconds = Math.max(0, Math.ceil((dueAt - clock.now()) / 1_000));
  try {
    await queue.send({ kind: "due", pk, sk, dueAt }, Math.min(seconds, MAX_DELAY_SECONDS));
  } catch (error) {
    log.warn("a delayed message was not sent; the sweep finds the work", { pk, sk, error });
  }
}
