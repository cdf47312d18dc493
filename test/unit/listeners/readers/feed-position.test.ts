import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FEED_INTERVAL_MS, POSITION_AHEAD_MS } from "../../../../lib/domain/events/feed-time.ts";
import { positionAfter } from "../../../../lib/domain/events/position.ts";
import { feedShards } from "../../../../lib/dynamodb/keys/feed.ts";
import {
  printFeedPosition,
  resolveFeedPosition,
  type FeedEnds,
  type FeedPosition,
} from "../../../../lib/listeners/readers/feed-position.ts";

const settled = Date.UTC(2026, 0, 1);
const ENDS: FeedEnds = { epoch: 1, settled, oldest: settled - 30 * 86_400_000 };
const text = (...parts: unknown[]): string => Buffer.from(JSON.stringify(parts)).toString("base64url");

const times = fc.tuple(fc.nat(1_000_000), fc.integer({ min: 1, max: 1_000_000 }));
const id = fc.stringMatching(/^[A-Za-z0-9._~-]{1,128}$/).filter((each) => each !== "." && each !== "..");
const position: fc.Arbitrary<FeedPosition> = fc
  .record({ times, shard: fc.nat(feedShards.length - 1), actorId: id, record: fc.maxSafeNat(), parts: fc.nat(3) })
  .map(({ times: [before, length], shard, actorId, record, parts }) => {
    const until = settled - before;
    const more = { ...(parts > 1 && { actorId }), ...(parts > 2 && { position: positionAfter(1, record) }) };
    return { epoch: 1, after: until - length, ...(parts > 0 && { within: { until, shard, ...more } }) };
  });

describe("a position in the events of all actors", () => {
  it("is a text that a query takes, and reads as what it was", () => {
    fc.assert(
      fc.property(position, (one) => {
        const printed = printFeedPosition(one);
        expect(printed).toMatch(/^[A-Za-z0-9_-]{1,512}$/);
        expect(resolveFeedPosition(printed, ENDS)).toEqual(one);
      }),
    );
  });

  it("is one of the ends", () => {
    expect(resolveFeedPosition("now", ENDS)).toEqual({ epoch: 1, after: settled });
    expect(resolveFeedPosition("earliest", ENDS)).toEqual({ epoch: 1, after: ENDS.oldest });
  });

  it.each([
    "x",
    "",
    "null",
    text(),
    text(1, settled),
    text("1", settled, null),
    text(1, settled + 0.5, null),
    text(1, -1, null),
    text(1, 1e300, null),
    text(1, settled, null, 1),
    text(1, settled - 5, []),
    text(1, settled - 5, [settled, -1, null, null]),
    text(1, settled - 5, [settled, feedShards.length, null, null]),
    text(1, settled - 5, [settled, 0, "a/b", null]),
    text(1, settled - 5, [settled, 0, "a", "x"]),
    // These end where they begin, or stand in the log of no actor: no reading gives them.
    text(1, settled, [settled, 0, null, null]),
    text(1, settled, [settled - 5, 0, null, null]),
    text(1, settled - 5, [settled, 0, null, positionAfter(1, 1)]),
    positionAfter(1, 1),
  ])("%j is none", (given) => {
    expect(resolveFeedPosition(given, ENDS)).toBe("unknown");
  });

  it("is of one epoch, and no older than the records", () => {
    expect(resolveFeedPosition(text(2, settled, null), ENDS)).toBe("epoch");
    expect(resolveFeedPosition(text(1, ENDS.oldest, null), ENDS)).toEqual({ epoch: 1, after: ENDS.oldest });
    expect(resolveFeedPosition(text(1, ENDS.oldest - 1, [settled, 0, null, null]), ENDS)).toBe("expired");
  });

  it("is ahead only when no clock that is a little ahead can have given it", () => {
    for (const ahead of [1, FEED_INTERVAL_MS, POSITION_AHEAD_MS]) {
      const after = settled + ahead;
      expect(resolveFeedPosition(text(1, after, null), ENDS)).toEqual({ epoch: 1, after });
      const within = { until: after, shard: 1 };
      expect(resolveFeedPosition(text(1, settled, [after, 1, null, null]), ENDS)).toEqual({
        epoch: 1,
        after: settled,
        within,
      });
    }
    const far = settled + POSITION_AHEAD_MS + 1;
    expect(resolveFeedPosition(text(1, far, null), ENDS)).toBe("ahead");
    expect(resolveFeedPosition(text(1, settled, [far, 0, null, null]), ENDS)).toBe("ahead");
  });
});
