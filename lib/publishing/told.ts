/** The numbers of an inbound subscription told again from the log, one record in memory at a time. */
import { backlogAfter, locate, madeNumber, numbersByRecord, recordsFor } from "../domain/render-backlog.ts";
import { tell, toldResync } from "../domain/render-backlog.ts";
import type { Told } from "../domain/render-backlog.ts";
import { isExact } from "../domain/subscription-backlog.ts";
import type { Slice } from "../domain/subscription-backlog.ts";
import { currentView } from "../domain/subscription-log.ts";
import { readsOf } from "../domain/visibility.ts";
import type { Reads } from "../domain/visibility.ts";
import type { NumberedRecord } from "./change-log.ts";
import type { InboundHead } from "./inbound-head.ts";

/** Where records are read: a change log, or what of it is in hand. */
export interface Records {
  stream(actorId: string, after: number, upTo: number): AsyncIterable<NumberedRecord>;
}

/** What the peer may read, as far as the head has looked. */
const readsNow = (head: InboundHead): Reads => readsOf(currentView(head.state).permissions);

/**
 * The kept numbers above `after`, at most `limit`, ascending. Those whose record has expired are left out. `now` is what
 * the peer may read today [as the head says]: what it hides since is left out. One query for each MB of records, two
 * where the head only knows where to look.
 */
export async function* toldAfter(
  log: Records,
  head: InboundHead,
  after: number,
  limit: number,
  now: Reads = readsNow(head),
): AsyncGenerator<Told> {
  for (const slice of backlogAfter(head.state, after, limit)) yield* toldSlice(log, head, slice, now);
}

/** One number; undefined when it is cleared, has expired, or was never made. */
export async function toldNumber(
  log: Records,
  head: InboundHead,
  sequence: number,
  now: Reads = readsNow(head),
): Promise<Told | undefined> {
  const slice = locate(head.state, sequence);
  if (slice === undefined) return undefined;
  for await (const told of toldSlice(log, head, slice, now)) return told;
  return undefined;
}

async function* toldSlice(log: Records, head: InboundHead, slice: Slice, now: Reads): AsyncGenerator<Told> {
  const resync = toldResync(slice);
  if (resync !== undefined) yield resync;
  const range = recordsFor(slice);
  if (range === undefined) return;
  const made: number[] = [];
  if (!isExact(slice.run)) {
    for await (const { number, record } of log.stream(head.actorId, range.first - 1, range.last)) {
      if (madeNumber(head.state, head, slice, record)) made.push(number);
    }
  }
  const numbers = numbersByRecord(slice, made);
  const [first = 1, last = 0] = [[...numbers.keys()][0], [...numbers.keys()].at(-1)];
  for await (const { number, record } of log.stream(head.actorId, first - 1, last)) {
    const sequence = numbers.get(number);
    if (sequence === undefined) continue;
    const told = tell(head.state, head, slice, { sequence, recordNumber: number, record }, now);
    if (told !== undefined) yield told;
  }
}
