/**
 * When changes of all actors can be read. The rule rests on three times, which docs/events.md sets out: how long a commit is
 * under way, how late an index shows it, and how far clocks are apart.
 */

/** Readers go on in intervals of this length, ms. */
export const FEED_INTERVAL_MS = 5_000;
/** From the time of a record to the end of its commit, ms: 5 s of attempts, and 4 s for the answer to the last one. */
export const COMMIT_MS = 9_000;
/** How late an index shows a commit, and how far any two clocks are apart, all together, ms. */
export const INDEX_AND_CLOCKS_MS = 6_000;
/** What changed so long ago can be read, ms. */
export const SETTLED_AFTER_MS = COMMIT_MS + INDEX_AND_CLOCKS_MS;
/**
 * For how long after a change the entry that it makes covers further ones, ms. So the entries of an actor move one after the
 * other: the older one has stood in its index when the newer one moves.
 */
export const COVERED_FOR_MS = SETTLED_AFTER_MS;

/** Up to which time an actor's two entries cover its changes, ms since 1970; 0: there is no entry. */
export type FeedEntries = readonly [number, number];

/**
 * The entries after a change. One that covers it stays. Else the one that ended earlier moves, and the other stays where it
 * is: an index can show an entry that moves in neither place for a moment.
 */
export function entriesAfter(entries: FeedEntries, ms: number): FeedEntries {
  const [first, second] = entries;
  if (ms <= Math.max(first, second)) return entries;
  const until = ms + COVERED_FOR_MS;
  return first <= second ? [until, second] : [first, until];
}

/** The end of what can be read by now. */
export const settledAt = (now: number): number => intervalBefore(now - SETTLED_AFTER_MS);

/** Where what has not expired begins: two intervals later, so that nothing expires while it is read. */
export const oldestFeedTime = (now: number, retentionMs: number): number =>
  intervalBefore(now - retentionMs) + 2 * FEED_INTERVAL_MS;

/** How far a position can be ahead of what one clock says is settled, because another clock gave it, ms. */
export const POSITION_AHEAD_MS = 2 * FEED_INTERVAL_MS;

const intervalBefore = (ms: number): number => Math.floor(ms / FEED_INTERVAL_MS) * FEED_INTERVAL_MS;
