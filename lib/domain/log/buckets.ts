/**
 * In which bucket the head of an inbound subscription lies. A bucket is one partition of the table, for at most 100 heads,
 * so that a change to many subscribers is not limited by what one partition takes.
 */

/** Most heads in a bucket. A partition takes 1 000 write units a second. */
export const BUCKET_SIZE = 100;

/** How many heads lie in each bucket of an actor, by the bucket's number. The last is never empty. */
export type Buckets = readonly number[];

/** Heads with a place in a bucket, and the buckets with them. */
export interface Placed {
  /** The bucket of each, ascending. */
  readonly places: readonly number[];
  readonly buckets: Buckets;
}

/** Places for new heads: in the lowest buckets that have some left, so that they fill in order of creation. */
export function placesFor(buckets: Buckets, count: number): Placed {
  const [filled, places]: [number[], number[]] = [[...buckets], []];
  for (let bucket = 0; places.length < count; bucket += 1) {
    while (places.length < count && (filled[bucket] ?? 0) < BUCKET_SIZE) {
      filled[bucket] = (filled[bucket] ?? 0) + 1;
      places.push(bucket);
    }
  }
  return { places, buckets: filled };
}

/** The buckets without the heads of these subscriptions, which lie there; their places are free again. */
export function emptied(buckets: Buckets, ids: readonly string[]): Buckets {
  const left = [...buckets];
  for (const bucket of ids.map(bucketOf)) left[bucket] = Math.max((left[bucket] ?? 0) - 1, 0);
  while (left.at(-1) === 0) left.pop();
  return left;
}

/** The id of a subscription whose head lies in that bucket: `<bucket>-<unique>`. Peers take ids as they are. */
export const idInBucket = (bucket: number, unique: string): string => `${String(bucket)}-${unique}`;

/** The bucket in the id of a subscription; of an id that was not made here 0, where nothing has it. */
export const bucketOf = (id: string): number => Number(/^(\d{1,9})-/.exec(id)?.[1] ?? 0);

/** Buckets as text, one byte for each in base64: 136 characters for 10 000 subscribers. */
export const printBuckets = (buckets: Buckets): string => Buffer.from(buckets).toString("base64");

/** Reads what `printBuckets` has made. */
export const parseBuckets = (text: string): Buckets => [...Buffer.from(text, "base64")];
