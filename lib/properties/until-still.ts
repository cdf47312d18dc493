import { ServiceError } from "../system/errors.ts";

/** How often a read is begun again when the list changes under it. */
const TRIES = 40;

/** Begins a read again while what is read changes under it. @throws ServiceError service.unavailable */
export async function untilStill<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const found = await read();
    if (found !== undefined) return found;
  }
  throw new ServiceError("service.unavailable", "What is read keeps changing; try again in a moment.", {
    headers: { "Retry-After": "1" },
  });
}
