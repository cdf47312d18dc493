/** Rounds of the event loop after which no pending work is left. */
const ROUNDS = 50;

/** Runs all pending work that waits for no timer, no thread and nothing outside the process. */
export async function idle(rounds = ROUNDS): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve));
}
