/** Rounds of the event loop after which nothing is left that could go on. */
const ROUNDS = 50;

/** Lets everything go on that waits for no timer, no thread and nothing outside the process. */
export async function idle(rounds = ROUNDS): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve));
}
