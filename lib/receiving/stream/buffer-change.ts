/**
 * The one write that notes a number as buffered, built without sending it: when the stream is due for it, and the
 * conditions on which that is right. A gap waits for its time-out. A number that is next is no gap: it waits for the holder
 * of the live lease, and when that holder dies, for the end of the lease.
 */
import { isStandaloneStream } from "../../dynamodb/keys/streams.ts";
import { leaseIs, leaseIsLive } from "../../dynamodb/lease.ts";
import { all, any, contains, equals, exists, itemExists, missing, sizeBelow } from "../../dynamodb/table.ts";
import type { Head } from "./head.ts";
import { headIs, type StreamChange } from "./stream-changes.ts";

/** The settings that decide on a buffered number. */
export interface BufferSettings {
  readonly incarnation: string;
  readonly maxPending: number;
  readonly gapTimeoutMs: number;
}

/** Notes `sequence` on a head as it was last seen. When its condition fails the head has changed: it is decided upon again. */
export function bufferChange(
  head: Head,
  sequence: number,
  now: number,
  { incarnation, maxPending, gapTimeoutMs }: BufferSettings,
): StreamChange {
  const opens = head.buffered.size === 0;
  const leaseEnds = leaseIsLive(head.lease, now, incarnation) ? head.lease?.until : undefined;
  const gapDue = leaseEnds ?? now + gapTimeoutMs;
  // Work that is requested already is not put off by a gap, but for a contradiction, which waits until nothing is buffered.
  const requested = head.recoveryRequested !== undefined || head.hooksResuming;
  const dueAt = requested ? Math.min(gapDue, head.dueAt ?? gapDue) : gapDue;
  // Another gap is open already, and is due later than the lease ends.
  const isNext = sequence === head.lastSeq + 1 && !opens && head.dueAt !== undefined;
  const hastens = isNext && leaseEnds !== undefined && (head.dueAt ?? 0) > leaseEnds;
  // The holder may have come up to this number since the head was seen.
  const isInTime = opens || hastens || isStandaloneStream(head.key) ? itemExists : headIs.dueBy(leaseEnds ?? now);
  const asSeen = head.lease === undefined ? itemExists : leaseIs.ownedBy(head.lease);
  return {
    fields: opens ? { gapSince: now, dueAt } : hastens ? { dueAt: leaseEnds } : {},
    add: { buffered: new Set([sequence]) },
    when: all(
      headIs.live,
      headIs.openTo(head.auth),
      headIs.ofEpoch(head.epoch),
      headIs.before(sequence),
      any(
        headIs.before(sequence - 1),
        ...(leaseEnds === undefined ? [] : [all(leaseIs.live(now, incarnation), isInTime)]),
        exists("replacing"),
      ),
      opens
        ? all(missing("buffered"), headIs.askedFor(head.recoveryRevision), asSeen)
        : all(exists("buffered"), any(contains("buffered", sequence), sizeBelow("buffered", maxPending))),
      hastens ? all(equals("dueAt", head.dueAt ?? 0), asSeen) : itemExists,
    ),
  };
}
