/**
 * The writes that begin a life of a stream's numbering, or end one. Each makes `epoch` grow, which voids the buffered
 * bodies. docs/stream-state.md has the table of what each resets and keeps.
 */
import { compact } from "../../system/compact.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import { leaseIs } from "../../dynamodb/lease.ts";
import { all, equals, type Item, type Key } from "../../dynamodb/table.ts";
import type { Granularity, Head } from "./head.ts";
import { attributesOf, headIs, type HeadFields, type StreamChange } from "./stream-changes.ts";

/**
 * An ended head stays this long (ms): longer than any function runs and any lease lives, so that whatever still works
 * on it finds it ended, and what is written late is deleted with it.
 */
export const PURGE_DELAY_MS = 5 * 60_000;

/** What a new stream receives. */
export interface StreamTerms {
  readonly scope: Scope;
  readonly granularity: Granularity;
  readonly auth: string;
  /** How often an idle stream asks for the newest number, ms; 0 never. */
  readonly reconcileMs: number;
}

/** The fields that the work of one life leaves on the record, and that a new life does not have. */
const NO_WORK = {
  buffered: undefined,
  gapSince: undefined,
  lease: undefined,
  replacing: false,
  replacedFrom: undefined,
  recovery: undefined,
  begun: undefined,
} satisfies HeadFields;

/** The item of a new stream, which requests its baseline. `more` is taken over from the stream that it replaces. */
export function newStream(
  key: Key,
  { scope, granularity, auth, reconcileMs }: StreamTerms,
  life: { readonly now: number; readonly stateVersion: number; readonly epoch: number },
  more: HeadFields = {},
): Item {
  const { now, stateVersion, epoch } = life;
  const fields: HeadFields = {
    scope,
    granularity,
    createdAt: now,
    live: true,
    auth,
    epoch,
    stateVersion,
    lastSeq: 0,
    starts: 0,
    activeAt: now,
    version: 1,
    recoveryRequested: "resync",
    dueAt: now,
    ...compact({ reconcileAt: nextReconciliation(now, reconcileMs) }),
    ...more,
  };
  return { ...key, ...compact(attributesOf(key, fields)) };
}

/** The item of a stream without a subscription. */
export function newStandaloneStream(key: Key, now: number): Item {
  const start = { epoch: 1, stateVersion: now, lastSeq: 0, starts: 0, version: 1 };
  return { ...key, ...attributesOf(key, { live: true, createdAt: now, activeAt: now, ...start }) };
}

/** Subscribed again under the same id: other terms, and the baseline is requested. Not a new life. */
export const subscribeAgain = (
  old: Head,
  { granularity, auth, reconcileMs }: StreamTerms,
  now: number,
): StreamChange => ({
  fields: { granularity, auth, recoveryRequested: "resync", dueAt: now },
  ifMissing: compact({ reconcileAt: nextReconciliation(now, reconcileMs) }),
  add: { recoveryRevision: 1 },
  // Not a life that began meanwhile under the same id.
  when: all(headIs.live, equals("createdAt", old.createdAt)),
});

/** The publisher has made the subscription again under the same id: its numbering begins again. */
export const beginAgain = (now: number): StreamChange => ({
  fields: {
    ...NO_WORK,
    contradicted: false,
    problem: undefined,
    lastSeq: 0,
    starts: 0,
    digests: "",
    lastTimestamp: undefined,
    timestampOf: undefined,
    coveredTo: undefined,
    recoveryRequested: "resync",
    resubscribedAt: now,
    dueAt: now,
  },
  add: { epoch: 1, recoveryRevision: 1 },
  when: headIs.live,
});

/** The owner deletes the state, under the lease. A state read that is needed stays requested, and so do paused hooks. */
export function clearStream(leased: Head, now: number, reconcileMs: number): StreamChange {
  const needsState = leased.recoveryRequested !== undefined || leased.replacing || leased.contradicted;
  const reconcileAt = nextReconciliation(now, reconcileMs);
  return {
    fields: {
      ...NO_WORK,
      lastSeq: 0,
      starts: 0,
      attempts: 0,
      digests: "",
      lastTimestamp: "",
      timestampOf: 0,
      coveredTo: 0,
      stateVersion: Math.max(now, leased.stateVersion + 1),
      reconcileAt,
      dueAt: needsState || leased.hooksResuming ? now : reconcileAt,
      ...(needsState ? { recoveryRequested: "resync" } : {}),
    },
    add: { epoch: 1 },
    // A request that came since then is not forgotten.
    when: all(leaseIs.ownedBy(leased.lease), headIs.askedFor(leased.recoveryRevision)),
  };
}

/** The same for a stream without a subscription. */
export const clearStandaloneStream = (leased: Head): StreamChange => ({
  fields: { ...NO_WORK, lastSeq: 0, starts: 0, recoveryRequested: undefined, doneToken: undefined },
  add: { epoch: 1 },
  when: leaseIs.ownedBy(leased.lease),
});

/** The subscription ends: closed for its peer, its buffer and lease void. The item stays until `PURGE_DELAY_MS`. */
export const endStream = (now: number, keepData: boolean): StreamChange => ({
  fields: {
    ...NO_WORK,
    contradicted: false,
    live: false,
    auth: undefined,
    recoveryRequested: undefined,
    dueAt: now + PURGE_DELAY_MS,
    keepData,
  },
  add: { epoch: 1 },
  when: headIs.live,
});

/** When the next reconciliation is due (ms); undefined when there is none. */
export const nextReconciliation = (now: number, reconcileMs: number): number | undefined =>
  reconcileMs === 0 ? undefined : now + reconcileMs;
