/** Turns of the event loop after which nothing is left that could go on. */
const TURNS = 50;

/** Lets everything go on that waits for no timer, no thread and nothing outside the process. */
export async function idle(turns = TURNS): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
