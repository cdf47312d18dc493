/** How far a replacement of the state has come: what the head says of it between two runs. */

/** Times are ms since 1970. */
export interface RecoveryProgress {
  readonly startedAt: number;
  /** Places that are written, of those that the newest listing named. */
  readonly read: number;
  readonly of: number;
  /** The name of the last place that is written, in the order of names; absent before the first. */
  readonly after?: string;
  /** The `recoveryRevision` at the start: what was requested since then is not completed by it. */
  readonly rev: number;
  /** The lowest position of all that was read. */
  readonly lowest: number;
  /** Every answer so far said its position. */
  readonly positioned: boolean;
  /** The set of subscriptions that what is owned was worked out from: another set begins again. */
  readonly ownershipRevision: number;
  /** A resync callback's number that the end must reach; 0 without one. */
  readonly floor: number;
  /** The publisher counts again. */
  readonly reset: boolean;
  /** Only what has reached us said how far the publisher is; the end then asks again. */
  readonly numbered: boolean;
  /** The numbers whose content was in the publisher's backlog at the start, so that the state contains it (see digests.ts). */
  readonly known: string;
  /** Another content was found under one of them since then, which the state may lack. */
  readonly differs?: true;
  /** Normalised time of the resync callback. */
  readonly timestamp?: string;
}
