/** A subscription whose callbacks its peer answers with 404, while the peer may take those of its others. */
import { pauseAfter } from "./backoff.ts";

/** Kept with the subscription until its peer takes a callback again. Plain JSON. */
export interface Refusal {
  /** The status of the last answer. */
  readonly status: number;
  /** Since when the peer has given no other answer, ms since 1970. */
  readonly since: number;
  /** Failed tries. */
  readonly tries: number;
  /** The next try, ms since 1970. */
  readonly nextAt: number;
  /** How often the peer had asked for the subscription again by then. Its answers from before a later request do not count. */
  readonly asked: number;
}

/** The first pause is short: a callback may arrive while the peer is still storing that it has subscribed. */
const PAUSES = { base: 2_000, most: 86_400_000 };

/** The pause after this many tries, ms: seconds at first, at most a day. */
export const refusalPause = (tries: number, random: number): number => pauseAfter(tries, PAUSES, random);
