import { ServiceError } from "../system/errors.ts";

/**
 * Begins a read again while what is read changes under it.
 *
 * @param read resolves to undefined when something changed meanwhile
 * @param options.tries reads at most; `options.what`: the subject of the error's sentence
 * @throws ServiceError service.unavailable
 */
export async function untilStill<T>(
  read: () => Promise<T | undefined>,
  { tries = 40, what = "What is read keeps" } = {},
): Promise<T> {
  for (let begun = 1; begun <= tries; begun += 1) {
    const found = await read();
    if (found !== undefined) return found;
  }
  throw new ServiceError("service.unavailable", `${what} changing; try again in a moment.`, {
    headers: { "Retry-After": "1" },
  });
}
