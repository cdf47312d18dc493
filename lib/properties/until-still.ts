/** Reads of what others may change between two requests. */
import { ServiceError } from "../system/errors.ts";

/** Attempts at a read while the list changes under it. */
const TRIES = 40;

/**
 * Repeats a read that gives undefined, because what it reads has changed meanwhile.
 * @throws ServiceError service.unavailable after 40 attempts
 */
export async function untilStill<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const found = await read();
    if (found !== undefined) return found;
  }
  throw new ServiceError("service.unavailable", "What is read keeps changing; try again in a moment.", {
    headers: { "Retry-After": "1" },
  });
}
