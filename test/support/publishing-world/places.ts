/** Where the heads of subscriptions lie: buckets that are nearly full from the beginning, so that schedules fill and empty them. */
import { BUCKET_SIZE, parseBuckets, printBuckets } from "../../../lib/domain/log/buckets.ts";
import {
  bucketPartition,
  logHeadKey,
  logRecordKey,
  peerMarkerKey,
  peerOfMarker,
  PEER_MARKER_PREFIX,
  scopePartition,
  sliceKey,
} from "../../../lib/dynamodb/keys/publishing.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import type { DelayedWork } from "../../../lib/system/ports.ts";
import type { MemoryTable } from "../memory-table.ts";
import type { Ledger } from "./ledger.ts";
import { ACTOR, Violation } from "./violation.ts";

/** Heads that the log's head counts, and of which there are none. */
const ELSEWHERE = [BUCKET_SIZE, BUCKET_SIZE - 1, BUCKET_SIZE - 2];

/** A log of one record that says nothing, of an actor with nearly full buckets. */
export async function crowd(table: MemoryTable, now: number): Promise<void> {
  const at = new Date(now).toISOString().replace("Z", "000Z");
  const text = JSON.stringify({ kind: "change", changes: [], at });
  const ttl = Math.ceil(now / 1_000) + 30 * 86_400;
  await table.put({ ...logRecordKey(ACTOR, 1), text, parts: 1, ttl }, always);
  await table.put({ ...logHeadKey(ACTOR), newest: 1, at: now * 1_000, buckets: printBuckets(ELSEWHERE) }, always);
}

/** What a commit with many subscribers leaves to workers, in place of a message for the whole log. */
export const slices = (work: DelayedWork, upTo: number): readonly DelayedWork[] =>
  [...ELSEWHERE.keys(), ELSEWHERE.length].map((bucket) => ({ ...work, ...sliceKey({ actorId: ACTOR, bucket, upTo }) }));

/** What the log's head counts is what lies in each bucket, and the markers of peers name what the log names. */
export function checkPlaces(table: MemoryTable, ledger: Ledger): void {
  const counted = parseBuckets(String(table.itemAt(logHeadKey(ACTOR))?.["buckets"] ?? ""));
  const heads = table.all().filter(({ pk }) => pk.startsWith(`B#${ACTOR}#`));
  let found = 0;
  for (const [bucket, count] of counted.entries()) {
    const there = heads.filter(({ pk }) => pk === bucketPartition(ACTOR, bucket)).length;
    found += there;
    if (there + (ELSEWHERE[bucket] ?? 0) !== count || count > BUCKET_SIZE)
      throw new Violation(`Bucket ${String(bucket)} holds ${String(there)} more, and counts ${String(count)}.`);
  }
  if (found !== heads.length) throw new Violation(`A head lies in none of the buckets ${String(counted)}.`);
  const markers = table.all().filter(({ pk, sk }) => pk === scopePartition(ACTOR) && sk.startsWith(PEER_MARKER_PREFIX));
  const peers = new Set([...ledger.lines.values()].map(({ who }) => who.peerId));
  for (const peerId of new Set([...peers, ...markers.map(peerOfMarker)])) {
    const marked = table.itemAt(peerMarkerKey(ACTOR, peerId))?.["subscriptions"] ?? "[]";
    const named = JSON.stringify(ledger.scopesOf(peerId));
    if (marked !== named) throw new Violation(`The marker of ${peerId} is ${String(marked)}, the log says ${named}.`);
  }
}
