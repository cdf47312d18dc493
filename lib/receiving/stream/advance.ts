/**
 * The one write that moves a head over what was applied, built without sending it: what becomes true, what goes, when the
 * stream is due next, and what must still hold for all that to be right.
 */
import { LEASE_ATTRIBUTES, leaseIs } from "../../dynamodb/lease.ts";
import { all, contains, exists, missing, not, sizeEquals } from "../../dynamodb/table.ts";
import type { Attribute, Change, Condition } from "../../dynamodb/table.ts";
import { contradictionDue } from "./contradiction.ts";
import { defined, dueAttributes, headIs } from "./head.ts";
import type { Head } from "./head.ts";

/** How a head is to move. */
export interface Advance {
  /** The new `lastSeq`. */
  readonly to: number;
  /** Go on with the next number under the same lease; its first start is counted. */
  readonly keepLease: boolean;
  /** More attributes that become true with it. */
  readonly set?: Readonly<Record<string, Attribute>>;
  readonly remove?: readonly string[];
  /** The recovery that was requested at this `recoveryRevision` is done; one that was requested since then stays requested. */
  readonly completes?: number;
  /** The state was read, which also settles a contradiction that was known at `completes`. */
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

/** Tells a repeated advance whose answer was lost from one that another, or an earlier step of the same lease, made. */
export const commitId = (token: string, { to, keepLease }: Advance): string =>
  `${token}.${String(to)}${keepLease ? "+" : ""}`;

/**
 * The advance of a head as it was last seen, under the lease `token`. When its condition fails the head has changed
 * meanwhile: it is built again from what is found.
 */
export function advanceWrite(
  seen: Head,
  token: string,
  advance: Advance,
  now: number,
  gapTimeoutMs: number,
): { readonly change: Change; readonly condition: Condition } {
  const left = advance.restart === true ? [] : [...seen.buffered].filter((n) => n > advance.to);
  const dropped = new Set([...seen.buffered].filter((n) => !left.includes(n)));
  const drained = dropped.size > 0;
  const passed = numbersBetween(Math.min(seen.lastSeq, advance.from ?? seen.lastSeq), advance.to);
  const set: Record<string, Attribute> = {
    lastSeq: advance.to,
    starts: advance.keepLease ? 1 : 0,
    activeAt: now,
    doneToken: commitId(token, advance),
    ...advance.set,
  };
  const begun = set["begun"] === undefined ? ["begun"] : [];
  const remove = [...(advance.remove ?? []), ...begun, ...(advance.keepLease ? [] : LEASE_ATTRIBUTES)];
  const settled = advance.completes === seen.recoveryRevision && set["recoveryRequested"] === undefined;
  if (settled) remove.push("recoveryRequested");
  const known = advance.completes === seen.recoveryRevision && advance.stateRead === true;
  // What is still buffered may be what was contradicted, and is applied over what was read.
  const rightNow = known && advance.contradicts !== true && left.length === 0;
  if (rightNow) remove.push("contradicted");
  if (advance.contradicts === true) set["contradicted"] = true;
  const contradicted = advance.contradicts === true || (seen.contradicted && !rightNow);
  const hooksResuming = seen.hooksResuming && !remove.includes("hooksResuming");
  const hasWork =
    hooksResuming || set["recoveryRequested"] !== undefined || (seen.recoveryRequested !== undefined && !settled);
  const conditions = [headIs.live, leaseIs.ownedBy({ token })];
  // What is settled, or due next, follows from what is requested: no more may have been requested since it was seen.
  if (advance.completes !== undefined || seen.buffered.size > 0)
    conditions.push(headIs.askedFor(seen.recoveryRevision));
  if (left.length > 0) {
    // Others may only have added numbers, so some stay buffered whatever happened meanwhile. Copies of what is passed
    // over may be among them: those go too, or, where they are too many to name, or must be looked at, must not have come.
    if (passed === undefined || advance.exact === true) conditions.push(sizeEquals("buffered", seen.buffered.size));
    else conditions.push(exists("buffered"), ...unseenCopies(seen, advance));
    for (const n of passed ?? []) dropped.add(n);
    Object.assign(
      set,
      gapAttributes(seen, advance, left, drained || advance.completes !== undefined, now, gapTimeoutMs),
    );
  } else if (seen.buffered.size > 0) {
    // While the lease holds numbers are only added: an equal size is an equal set.
    conditions.push(sizeEquals("buffered", seen.buffered.size));
    remove.push("buffered", "gapSince");
  } else {
    conditions.push(missing("buffered"));
  }
  const mayRest = seen.buffered.size > 0 || advance.completes !== undefined || advance.contradicts === true;
  if (left.length === 0 && !hasWork && mayRest) {
    const after = { ...seen, ...(advance.set as Partial<Head>) };
    if (contradicted) Object.assign(set, dueAttributes(seen.key, contradictionDue(after, now)));
    else Object.assign(set, restingDue(after, remove));
  }
  for (const name of remove) Reflect.deleteProperty(set, name);
  const discard = left.length > 0 && dropped.size > 0 ? { buffered: dropped } : undefined;
  return {
    change: {
      set,
      add: { version: 1, ...(advance.contradicts === true ? { recoveryRevision: 1 } : {}) },
      remove: [...new Set(remove)],
      ...defined("discard", discard),
    },
    condition: all(...conditions),
  };
}

/** Copies of what was not taken from the buffer, that have come since the head was seen, are not passed unseen. */
const unseenCopies = (seen: Head, { unseen = [] }: Advance): readonly Condition[] =>
  unseen.filter((n) => !seen.buffered.has(n)).map((n) => not(contains("buffered", n)));

/** When what stays buffered is to be looked at: a gap's clock runs on unless a drain has left a new gap. */
function gapAttributes(
  seen: Head,
  advance: Advance,
  left: readonly number[],
  drained: boolean,
  now: number,
  gapTimeoutMs: number,
): Readonly<Record<string, Attribute>> {
  if (left.includes(advance.to + 1)) return advance.keepLease ? {} : dueAttributes(seen.key, now);
  if (!drained && seen.gapSince !== undefined) return {};
  return { gapSince: now, ...dueAttributes(seen.key, now + gapTimeoutMs) };
}

/** Numbers an advance names at most; a run is shorter, only a resync passes over more. */
const MOST_NAMED = 200;

/** The numbers after `from` up to `to`; undefined when they are too many to name. */
function numbersBetween(from: number, to: number): readonly number[] | undefined {
  if (to - from > MOST_NAMED) return undefined;
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + 1 + index);
}

/** The due attributes of a head with nothing buffered: its reconciliation, or none (their names join `remove`). */
function restingDue(head: Head, remove: string[]): { readonly dueShard?: string; readonly dueAt?: number } {
  if (head.reconcileAt !== undefined) return dueAttributes(head.key, head.reconcileAt);
  remove.push("dueShard", "dueAt");
  return {};
}
