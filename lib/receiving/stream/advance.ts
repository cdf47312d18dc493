/**
 * The one write that moves a head over what was applied, built without sending it: what becomes true, when the stream is
 * due next, and the conditions on which all that is right. test/unit/receiving/stream/advance.test.ts has its table.
 */
import { compact } from "../../system/compact.ts";
import { isStandaloneStream } from "../../dynamodb/keys/streams.ts";
import { leaseIs } from "../../dynamodb/lease.ts";
import { all, contains, exists, missing, not, sizeEquals, type Condition } from "../../dynamodb/table.ts";
import { contradictionDue } from "./contradiction.ts";
import type { Head } from "./head.ts";
import { headIs, withFields, type HeadFields, type StreamChange } from "./stream-changes.ts";

/** How a head is to move. */
export interface Advance {
  /** The new `lastSeq`. */
  readonly to: number;
  /** Continue with the next number under the same lease, and count its first start. */
  readonly keepLease: boolean;
  /** More fields that become true with it; those that every advance decides are not among them. */
  readonly fields?: Omit<HeadFields, "lastSeq" | "starts" | "lease" | "doneToken" | "buffered">;
  /** The recovery that was requested at this `recoveryRevision` is done; one that was requested since then stays requested. */
  readonly completes?: number;
  /** The state was read, which also resolves a contradiction that was known at `completes`. */
  readonly stateRead?: boolean;
  /** Another content was found under a number that is passed: the stream is contradicted from here on. */
  readonly contradicts?: boolean;
  /** Numbers passed whose content was not taken from the buffer: a buffered copy must not be passed unseen. */
  readonly unseen?: readonly number[];
  /** No buffered number at all may be passed unseen. */
  readonly exact?: boolean;
  /** The `lastSeq` that is stored, where the head passed has moved on in memory [the head's]. */
  readonly from?: number;
  /** The numbering starts again: every buffered number goes, `to` may lie below `lastSeq`. */
  readonly restart?: boolean;
}

/** Names an advance, so that a repetition whose first answer was lost is recognised. */
export const commitId = (token: string, { to, keepLease }: Advance): string =>
  `${token}.${String(to)}${keepLease ? "+" : ""}`;

/**
 * The advance of a head as it was last seen, under the lease `token`. When its condition fails the head has changed
 * meanwhile: it is built again from what is found.
 */
export function advanceChange(
  seen: Head,
  token: string,
  advance: Advance,
  now: number,
  gapTimeoutMs: number,
): StreamChange {
  const left = advance.restart === true ? [] : [...seen.buffered].filter((n) => n > advance.to);
  const passed = numbersBetween(Math.min(seen.lastSeq, advance.from ?? seen.lastSeq), advance.to);
  const fields = {
    ...numberFields(token, advance, now),
    ...advance.fields,
    ...recoveryFields(seen, advance),
    ...contradictionFields(seen, advance, left),
  };
  const after = withFields(seen, fields);
  const due: HeadFields =
    left.length > 0 ? gapFields(seen, advance, left, now, gapTimeoutMs) : restFields(seen, advance, after, now);
  return compact({
    fields: { ...fields, ...due },
    add: advance.contradicts === true ? { recoveryRevision: 1 as const } : undefined,
    discard: left.length > 0 ? leavingNumbers(seen, left, passed) : undefined,
    when: all(
      headIs.live,
      leaseIs.ownedBy({ token }),
      ...requestConditions(seen, advance),
      ...bufferConditions(seen, advance, left, passed),
      ...(advance.keepLease && left.length > 0 ? dueConditions(seen, { ...advance.fields, ...due }) : []),
    ),
  });
}

const numberFields = (token: string, advance: Advance, now: number): HeadFields => ({
  lastSeq: advance.to,
  starts: advance.keepLease ? 1 : 0,
  begun: undefined,
  activeAt: now,
  doneToken: commitId(token, advance),
  ...(advance.keepLease ? {} : { lease: undefined }),
});

/** True when no recovery was requested since the one that it completes began. */
const isNewest = (seen: Head, { completes }: Advance): boolean => completes === seen.recoveryRevision;

/** The requested recovery is done, unless another was requested since it began or is requested by this write. */
const recoveryFields = (seen: Head, advance: Advance): HeadFields =>
  isNewest(seen, advance) && advance.fields?.recoveryRequested === undefined ? { recoveryRequested: undefined } : {};

/** A number still buffered may be the contradicted one and is applied over the state: then the mark stays. */
function contradictionFields(seen: Head, advance: Advance, left: readonly number[]): HeadFields {
  if (advance.contradicts === true) return { contradicted: true };
  return advance.stateRead === true && isNewest(seen, advance) && left.length === 0 ? { contradicted: false } : {};
}

/**
 * When what stays buffered is due: a gap's time runs on unless a drain or a recovery has left a new gap. What is next is no
 * gap, and due at once. While the lease is kept the stream is due when it ends, should its holder die before what is next.
 */
function gapFields(
  seen: Head,
  advance: Advance,
  left: readonly number[],
  now: number,
  gapTimeoutMs: number,
): HeadFields {
  const isNew = left.length < seen.buffered.size || advance.completes !== undefined || seen.gapSince === undefined;
  const nextDue = advance.keepLease ? {} : { dueAt: now };
  const gapDue = isNew ? { gapSince: now, dueAt: now + gapTimeoutMs } : {};
  const due: HeadFields = left.includes(advance.to + 1) ? nextDue : gapDue;
  const leaseEnds = seen.lease?.until;
  if (!advance.keepLease || leaseEnds === undefined) return due;
  const planned = due.dueAt ?? advance.fields?.dueAt ?? seen.dueAt ?? Infinity;
  return planned > leaseEnds ? { ...due, dueAt: leaseEnds } : due;
}

/** Nothing stays buffered: what is requested keeps its due time, else a contradiction or the reconciliation is next. */
function restFields(seen: Head, advance: Advance, after: Head, now: number): HeadFields {
  const emptied = seen.buffered.size > 0;
  const buffer = emptied ? { buffered: undefined, gapSince: undefined } : {};
  const isDueAgain = emptied || advance.completes !== undefined || advance.contradicts === true;
  if (!isDueAgain || after.hooksResuming || after.recoveryRequested !== undefined) return buffer;
  return { ...buffer, dueAt: after.contradicted ? contradictionDue(after, now) : after.reconcileAt };
}

/** Buffered numbers to remove, and copies of passed numbers that others may have added meanwhile. */
const leavingNumbers = (
  seen: Head,
  left: readonly number[],
  passed: readonly number[] = [],
): ReadonlySet<number> | undefined => {
  const leaving = new Set([...[...seen.buffered].filter((n) => !left.includes(n)), ...passed]);
  return leaving.size > 0 ? leaving : undefined;
};

/** What is completed or due next depends on the request, so the head must have no newer one. */
const requestConditions = (seen: Head, { completes }: Advance): readonly Condition[] =>
  completes !== undefined || seen.buffered.size > 0 ? [headIs.askedFor(seen.recoveryRevision)] : [];

/**
 * While the lease holds others only add numbers: an equal size is an equal set, and what stays buffered stays whatever
 * happens meanwhile. Copies of what is passed may have come: those go too, or, where they are too many to name, or must
 * be compared first, must not have come.
 */
function bufferConditions(
  seen: Head,
  { to, keepLease, exact, unseen = [] }: Advance,
  left: readonly number[],
  passed: readonly number[] | undefined,
): readonly Condition[] {
  if (seen.buffered.size === 0) return [missing("buffered")];
  if (left.length === 0 || passed === undefined || exact === true) return [sizeEquals("buffered", seen.buffered.size)];
  const unseenCopies = unseen.filter((n) => !seen.buffered.has(n)).map((n) => not(contains("buffered", n)));
  // What is next was not buffered when the due time was worked out, and must not be by now.
  const next = keepLease || left.includes(to + 1) ? [] : [not(contains("buffered", to + 1))];
  return [exists("buffered"), ...unseenCopies, ...next];
}

/** Where the write leaves the due time, no other writer may have put it off beyond the lease. */
const dueConditions = ({ key, lease }: Head, { dueAt }: HeadFields): readonly Condition[] =>
  dueAt !== undefined || isStandaloneStream(key) || lease === undefined ? [] : [headIs.dueBy(lease.until)];

/** Numbers an advance names at most; a run is shorter, only a resync passes over more. */
const MOST_NAMED = 200;

/** The numbers after `from` up to `to`; undefined when they are too many to name. */
function numbersBetween(from: number, to: number): readonly number[] | undefined {
  if (to - from > MOST_NAMED) return undefined;
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + 1 + index);
}
