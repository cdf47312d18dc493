/** Reads of what others may change between two requests. */
import { ServiceError } from "../system/errors.ts";

/**
 * Repeats a read while others change what it reads.
 *
 * @param read resolves with undefined when something changed meanwhile
 * @param options.tries most attempts; `options.what`: subject and verb of the error message
 * @throws ServiceError service.unavailable after the last attempt
 */
export async function untilStill<T>(
  read: () => Promise<T | undefined>,
  { tries = 40, what = "What is read keeps" } = {},
): Promise<T> {
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const found = await read();
    if (found !== undefined) return found;
  }
  throw new ServiceError("service.unavailable", `${what} changing; try again in a moment.`, {
    headers: { "Retry-After": "1" },
  });
}
