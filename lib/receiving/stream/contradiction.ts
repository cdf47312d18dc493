/**
 * A publisher that gave two contents to one number, or began to count again unseen: the copy is not what it means. The
 * stream is marked `contradicted` and drains as usual; its state is read once nothing is buffered. The mark goes with the
 * commit of a state read that began after it was set.
 */
import type { Timestamp } from "../../domain/terms/timestamp.ts";
import { all, any, exists, missing } from "../../dynamodb/table.ts";
import type { Clock } from "../../system/ports.ts";
import type { Head } from "./head.ts";
import { headIs, type StreamChange } from "./stream-changes.ts";
import type { WakeStream } from "./wake-stream.ts";
import type { StreamStore } from "./stream-store.ts";

/** Reading the state because of a contradiction begins at most this often, ms. */
const EVERY_MS = 60_000;
/** Another writer may move the due time between two attempts; give up after this many. */
const MOST_ATTEMPTS = 4;

/** When a contradicted stream with nothing buffered may have its state read, ms. */
export const contradictionDue = (head: Pick<Head, "contradictionReadAt">, now: number): number =>
  Math.max(now, head.contradictionReadAt + EVERY_MS);

/** Two clocks, and a diff that was made while the state was read, may differ by this much, ms. */
const SAME_TIME_MS = 5 * 60_000;

/**
 * True when a number was given to something that was made long after the state that has covered that number was read: its
 * publisher was restored from a backup, and gives the same numbers again.
 */
export const isRecounted = (
  head: Pick<Head, "coveredTo" | "coveredAt" | "lastSeq">,
  sequence: number,
  made: Timestamp | undefined,
): boolean =>
  made !== undefined && sequence <= Math.min(head.coveredTo, head.lastSeq) && made.ms > head.coveredAt + SAME_TIME_MS;

/** True for a number up to that of the newest applied diff, when it is of a later time than that one. */
export const isNewer = (
  head: Pick<Head, "lastTimestamp" | "timestampOf">,
  { sequence, timestamp }: { readonly sequence: number; readonly timestamp?: Timestamp | undefined },
): boolean => timestamp !== undefined && timestamp.sortable > head.lastTimestamp && sequence <= head.timestampOf;

/** True when the state of a contradicted stream may be read at `now` (ms). */
export const mayReread = (
  head: Pick<Head, "contradicted" | "contradictionReadAt" | "buffered">,
  now: number,
): boolean => head.contradicted && head.buffered.size === 0 && contradictionDue(head, now) <= now;

/**
 * Marks the stream. A read that is under way does not clear the mark. 1 write, as a rule.
 *
 * @returns undefined when the subscription has ended
 */
export async function markContradicted(
  { streams, clock, wake }: { readonly streams: StreamStore; readonly clock: Clock; readonly wake: WakeStream },
  head: Head,
): Promise<Head | undefined> {
  const dueAt = contradictionDue(head, clock.now());
  const waiting: StreamChange = {
    fields: { contradicted: true },
    add: { recoveryRevision: 1 },
    when: all(headIs.live, any(exists("buffered"), headIs.dueBy(dueAt))),
  };
  const idle: StreamChange = {
    ...waiting,
    fields: { contradicted: true, dueAt },
    when: all(headIs.live, missing("buffered"), headIs.notDueBy(dueAt)),
  };
  const tries = head.buffered.size === 0 ? [idle, waiting] : [waiting, idle];
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    for (const change of tries) {
      const marked = await streams.amend(head.key, change);
      if (marked === undefined) continue;
      if (marked.dueAt === dueAt) await wake(marked);
      return marked;
    }
  }
  return undefined;
}
