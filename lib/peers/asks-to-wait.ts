/** A peer's `Retry-After`, to whatever it was asked. */
import { MOST_PAUSE_SECONDS, retryAfterSeconds } from "../domain/wire/retry-after.ts";
import type { RemoteFailure } from "./remote-answer.ts";

const TOO_MANY_REQUESTS = 429;

/** Seconds until the peer may be asked again by its own word, at most an hour; undefined when it said nothing of it. */
export function waitSeconds(failure: RemoteFailure, now: number): number | undefined {
  const said = retryAfterSeconds(failure.headers?.["retry-after"], now);
  return said === undefined ? undefined : Math.min(said, MOST_PAUSE_SECONDS);
}

/** True when the peer wants no more requests now: asking it for the same in another way would be one. */
export const asksToWait = (failure: RemoteFailure): boolean =>
  failure.status === TOO_MANY_REQUESTS || failure.headers?.["retry-after"] !== undefined;
