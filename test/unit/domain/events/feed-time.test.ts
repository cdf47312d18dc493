import { describe, expect, it } from "vitest";
import {
  COMMIT_MS,
  COVERED_FOR_MS,
  FEED_INTERVAL_MS,
  INDEX_AND_CLOCKS_MS,
  SETTLED_AFTER_MS,
  entriesAfter,
  oldestFeedTime,
  settledAt,
} from "../../../../lib/domain/events/feed-time.ts";

const NOW = Date.UTC(2026, 0, 1);

describe("the entries of an actor", () => {
  it("begin in the first index, and go on by turns when neither covers a change", () => {
    const first = entriesAfter([0, 0], NOW);
    expect(first).toEqual([NOW + COVERED_FOR_MS, 0]);
    const second = entriesAfter(first, NOW + COVERED_FOR_MS + 1);
    expect(second).toEqual([NOW + COVERED_FOR_MS, NOW + 2 * COVERED_FOR_MS + 1]);
    const third = entriesAfter(second, NOW + 3 * COVERED_FOR_MS);
    expect(third).toEqual([NOW + 4 * COVERED_FOR_MS, second[1]]);
  });

  it("stay where they are up to the end of what one covers", () => {
    for (const entries of [[NOW, 5] as const, [5, NOW] as const]) {
      for (const ms of [1, NOW - 1, NOW]) expect(entriesAfter(entries, ms)).toBe(entries);
      expect(entriesAfter(entries, NOW + 1)).not.toEqual(entries);
    }
  });

  it("move so far apart that the older one has settled", () => {
    expect(COVERED_FOR_MS).toBeGreaterThanOrEqual(COMMIT_MS + INDEX_AND_CLOCKS_MS);
  });
});

describe("what can be read", () => {
  it("ends with an interval, once everything of it is there", () => {
    expect(settledAt(NOW + SETTLED_AFTER_MS)).toBe(NOW);
    expect(settledAt(NOW + SETTLED_AFTER_MS - 1)).toBe(NOW - FEED_INTERVAL_MS);
    expect(settledAt(NOW + SETTLED_AFTER_MS + FEED_INTERVAL_MS - 1)).toBe(NOW);
  });

  it("begins later than what expires within an interval", () => {
    for (const ms of [0, 1, FEED_INTERVAL_MS - 1]) {
      expect(oldestFeedTime(NOW + ms, 1_000_000) - (NOW + ms - 1_000_000)).toBeGreaterThan(FEED_INTERVAL_MS);
    }
  });
});
