/** The numbers of an inbound subscription rendered as diffs from the log, one record in memory at a time. */
import {
  backlogAfter,
  locate,
  madeNumber,
  numbersByRecord,
  recordsFor,
  render,
  resyncOf,
} from "../../domain/log/render-backlog.ts";
import { currentContext, type RenderedDiff } from "../../domain/log/subscription-log.ts";
import { isExact, type Slice } from "../../domain/log/subscription-backlog.ts";
import { readsOf, type Reads } from "../../domain/policy/visibility.ts";
import type { NumberedRecord } from "../../change-log/change-log.ts";
import type { RecordCache } from "../../change-log/record-cache.ts";
import type { InboundHead } from "./inbound-head.ts";

/** Where records are read: a change log, or the part of it that is in memory. */
export interface Records {
  stream(actorId: string, after: number, upTo: number): AsyncIterable<NumberedRecord>;
}

/** The records of the one log that a cache is of. */
export const recordsIn = (cache: RecordCache): Records => ({ stream: (_, after, upTo) => cache.stream(after, upTo) });

/** The permissions of the peer at the head's cursor. */
const readsNow = (head: InboundHead): Reads => readsOf(currentContext(head.state).permissions);

/**
 * The kept numbers above `after`, at most `limit`, ascending, without those whose record has expired. `now` is what the
 * peer may read today [at the head's cursor]; what it may no longer read is left out. One query for each MB of records, two
 * for runs of which the head has only anchors.
 */
export async function* renderAfter(
  log: Records,
  head: InboundHead,
  after: number,
  limit: number,
  now: Reads = readsNow(head),
): AsyncGenerator<RenderedDiff> {
  for (const slice of backlogAfter(head.state, after, limit)) yield* renderEach(log, head, slice, now);
}

/** One number; undefined when it is cleared, has expired, or was never made. */
export async function renderNumber(
  log: Records,
  head: InboundHead,
  sequence: number,
  now: Reads = readsNow(head),
): Promise<RenderedDiff | undefined> {
  const slice = locate(head.state, sequence);
  if (slice === undefined) return undefined;
  for await (const rendered of renderEach(log, head, slice, now)) return rendered;
  return undefined;
}

async function* renderEach(log: Records, head: InboundHead, slice: Slice, now: Reads): AsyncGenerator<RenderedDiff> {
  const resync = resyncOf(slice);
  if (resync !== undefined) yield resync;
  const range = recordsFor(slice);
  if (range === undefined) return;
  let numbers: ReadonlyMap<number, number> | undefined = isExact(slice.run) ? numbersByRecord(slice, []) : undefined;
  let newest = slice.run.sequence - 1;
  for await (const { number, record } of log.stream(head.actorId, range.first - 1, range.last)) {
    // Numbers can be counted only from the first record of the run. When that has expired, they are counted from the end.
    if (newest < slice.run.sequence && number !== range.first) numbers ??= await countedFromEnd(log, head, slice);
    const counts = numbers === undefined && madeNumber(head.state, head, slice, record);
    const sequence = counts ? (newest += 1) : numbers?.get(number);
    if (sequence === undefined || sequence < slice.from) continue;
    const rendered = render(head.state, head, slice, { sequence, recordNumber: number, record }, now);
    if (rendered !== undefined) yield rendered;
    if (sequence === slice.to) return;
  }
}

/** Which record made which number, where the oldest records of a run have expired. */
async function countedFromEnd(log: Records, head: InboundHead, slice: Slice): Promise<ReadonlyMap<number, number>> {
  const made: number[] = [];
  for await (const { number, record } of log.stream(head.actorId, slice.run.first - 1, slice.run.last)) {
    if (madeNumber(head.state, head, slice, record)) made.push(number);
  }
  return numbersByRecord(slice, made);
}
