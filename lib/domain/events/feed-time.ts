/**
 * Decides which changes of all actors a reader may read already. Three durations decide that, as docs/events.md explains:
 * how long a commit can take, how late an index shows it, and how far two clocks can differ.
 */

/** The positions of readers advance in intervals of this length, ms. */
export const FEED_INTERVAL_MS = 5_000;
/** The longest time from a record's own time to the end of its commit, ms: 5 s of attempts, and 4 s for the last answer. */
export const COMMIT_MS = 9_000;
/** The delay with which an index shows a commit plus the difference between two clocks, at most, ms. */
export const INDEX_AND_CLOCKS_MS = 6_000;
/** A change can be read once it is this old, ms. */
export const SETTLED_AFTER_MS = COMMIT_MS + INDEX_AND_CLOCKS_MS;
/**
 * The entry that a change makes in an index covers the changes of this time after it too, ms. It is long enough for the
 * actor's other entry to appear in its index before this one moves.
 */
export const COVERED_FOR_MS = SETTLED_AFTER_MS;

/** The times up to which the two entries of an actor cover its changes, ms since 1970; 0: there is no entry. */
export type FeedEntries = readonly [number, number];

/**
 * The entries after a change at `ms` (since 1970). If an entry covers the change, both stay. Else the one that ends earlier
 * moves and the other stays, because an index may show a moving entry at neither place for a moment.
 */
export function entriesAfter(entries: FeedEntries, ms: number): FeedEntries {
  const [first, second] = entries;
  if (ms <= Math.max(first, second)) return entries;
  const until = ms + COVERED_FOR_MS;
  return first <= second ? [until, second] : [first, until];
}

/** The time up to which every change can be read at `now`, both ms since 1970. */
export const settledAt = (now: number): number => intervalBefore(now - SETTLED_AFTER_MS);

/**
 * The time of the oldest changes that can be read (ms since 1970): two intervals after expiry, so that none expires during
 * a read.
 */
export const oldestFeedTime = (now: number, retentionMs: number): number =>
  intervalBefore(now - retentionMs) + 2 * FEED_INTERVAL_MS;

/** How far the position that one clock gave can be ahead of the settled time of another clock, ms. */
export const POSITION_AHEAD_MS = 2 * FEED_INTERVAL_MS;

const intervalBefore = (ms: number): number => Math.floor(ms / FEED_INTERVAL_MS) * FEED_INTERVAL_MS;
