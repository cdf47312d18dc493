/** A subscription whose callbacks its peer answers with 404, while others of the same peer may be well. */
import { pauseAfter } from "./backoff.ts";

/** Kept with the subscription until its peer takes a callback again. Plain JSON. */
export interface Refusal {
  /** What was answered last. */
  readonly status: number;
  /** Since when nothing else was answered, ms since 1970. */
  readonly since: number;
  /** How often it was tried in vain. */
  readonly tries: number;
  /** The next try, ms since 1970. */
  readonly nextAt: number;
  /** How often the peer had asked for the subscription again by then: what it answered before counts no more. */
  readonly asked: number;
}

/** The first pause is short: a peer may be told of a change while it still notes that it has subscribed. */
const PAUSES = { base: 2_000, most: 86_400_000 };

/** How long to wait after so many tries, ms: seconds at first, up to a day. */
export const refusalPause = (tries: number, random: number): number => pauseAfter(tries, PAUSES, random);
