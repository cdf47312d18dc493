/**
 * The simulations of DynamoDB's limits: nothing is lost where partitions are too busy. `npm run limits` prints what the full
 * sizes show. The usual sizes are small, and so are their limits.
 */
import { describe, expect, it } from "vitest";
import { fastestChanges } from "../support/limits/fastest-changes.ts";
import { manyGaps } from "../support/limits/many-gaps.ts";
import { manySubscribers } from "../support/limits/many-subscribers.ts";
import { PARTITION } from "../support/limits/partition-limits.ts";
import { sized } from "../support/sizes.ts";

describe("an actor that changes once a second", () => {
  it("reaches all of its subscribers with every change", async () => {
    const size = sized(
      { subscribers: 40, changes: 6, partition: { write: 20, read: 60 } },
      { subscribers: 1_000, changes: 60 },
    );
    const { violations, deployment } = await manySubscribers(size);
    expect(violations).toEqual([]);
    expect(deployment.deadLetters).toBe(0);
    if ("partition" in size) {
      const throttled = deployment.limits.partitions.map((partition) => partition.throttled);
      expect(throttled.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(100);
    }
  });

  it("is seen to lose a callback that does not arrive", async () => {
    const swallows = (subscriber: number, sequence: number): boolean => subscriber === 1 && sequence === 2;
    const { violations } = await manySubscribers({ subscribers: 2, changes: 3, swallows });
    expect(violations).toEqual(["subscriber 1: 3 came after 1", "subscriber 1 lacks 2"]);
  });
});

describe("gaps of many actors that become due in the same minute", () => {
  it.each([false, true])("are all closed; messages lost: %s", async (lost) => {
    const size = sized({ actors: 60, partition: { write: 2, read: 6 } }, { actors: 10_000 });
    const { violations, deployment } = await manyGaps({ ...size, lost });
    expect(violations).toEqual([]);
    // The gaps are spread over the shards of the index: no partition is throttled often.
    const throttled = deployment.limits.partitions.reduce((sum, partition) => sum + partition.throttled, 0);
    if ("partition" in size) expect(throttled).toBeGreaterThan(10);
  });
});

it("an actor that is changed without a pause takes what the partition of its log's head allows, and no more", async () => {
  const alone = await fastestChanges({ clients: 1, seconds: 2 });
  const crowd = await fastestChanges({ clients: 8, seconds: sized(1, 10) });
  expect(alone.unitsOfHead).toBeLessThanOrEqual(4);
  expect(alone.computed).toBe(PARTITION.write / alone.unitsOfHead);
  // A second's units are there at the begin.
  const most = alone.computed * (1 + 1 / sized(1, 10));
  for (const { simulated, refused } of [alone, crowd]) {
    expect(simulated).toSatisfy((rate: number) => rate > 10 && rate <= most);
    expect(refused).toBe(0);
  }
});
