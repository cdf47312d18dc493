import { expect, test } from "vitest";
import {
  BUCKET_SIZE,
  bucketOf,
  emptied,
  idInBucket,
  parseBuckets,
  placesFor,
  printBuckets,
  type Buckets,
} from "../../../../lib/domain/log/buckets.ts";
import { seeded } from "../../../support/simulation/scheduler.ts";

test("new heads fill the lowest buckets that have places, in order", () => {
  expect(placesFor([], 2)).toEqual({ places: [0, 0], buckets: [2] });
  expect(placesFor([100, 99, 98], 4)).toEqual({ places: [1, 2, 2, 3], buckets: [100, 100, 100, 1] });
  expect(placesFor([100, 0, 3], 1)).toEqual({ places: [1], buckets: [100, 1, 3] });
  expect(placesFor([7], 0)).toEqual({ places: [], buckets: [7] });
});

test("a head that goes leaves its place, and empty buckets at the end are forgotten", () => {
  expect(emptied([100, 2], ["0-a", "1-b"])).toEqual([99, 1]);
  expect(emptied([0, 3, 1], ["2-c"])).toEqual([0, 3]);
  expect(emptied([0, 1], ["1-c"])).toEqual([]);
});

test("the id of a subscription names its bucket; any other id names the first", () => {
  expect(bucketOf(idInBucket(0, "abc"))).toBe(0);
  expect(bucketOf(idInBucket(1234, "0-abc"))).toBe(1234);
  for (const id of ["", "abc", "-1-a", "1.5-a", "1e3-a", "9999999999999-a", "٣-a", "b-1-a"])
    expect(bucketOf(id)).toBe(0);
});

test("the counts of 10 000 subscribers take 136 characters of text", () => {
  const buckets = Array.from({ length: 100 }, () => BUCKET_SIZE);
  expect(printBuckets(buckets)).toHaveLength(136);
  expect(parseBuckets(printBuckets(buckets))).toEqual(buckets);
  expect(parseBuckets(printBuckets([]))).toEqual([]);
});

test("no bucket holds more than 100, however heads come and go, and what they hold is what is counted", () => {
  const random = seeded(7);
  let buckets: Buckets = [];
  let ids: string[] = [];
  let most = 0;
  for (let step = 0; step < 400; step += 1) {
    if (random() < 0.55) {
      const placed = placesFor(buckets, 1 + Math.floor(random() * 40));
      ({ buckets } = placed);
      ids.push(...placed.places.map((bucket, index) => idInBucket(bucket, `${String(step)}.${String(index)}`)));
    } else {
      const gone = new Set(ids.filter(() => random() < 0.1).slice(0, 40));
      buckets = emptied(buckets, [...gone]);
      ids = ids.filter((id) => !gone.has(id));
    }
    most = Math.max(most, ids.length);
    const perBucket = Map.groupBy(ids, bucketOf);
    expect(buckets.map((_, bucket) => perBucket.get(bucket)?.length ?? 0)).toEqual(buckets);
    expect(Math.max(0, ...buckets)).toBeLessThanOrEqual(BUCKET_SIZE);
    expect(buckets.at(-1)).not.toBe(0);
  }
  expect(most).toBeGreaterThan(300);
});
