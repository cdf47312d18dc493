/**
 * Catching up. One at a time per stream, under the stream's lease; new callbacks are buffered and drain after it.
 *
 *   ask the publisher for its newest number and backlog
 *   ├─ backlog and buffer reach from lastSeq + 1 to it without a gap → applied in order                  (caught_up)
 *   └─ else the state is read, and takes the place of what this subscription owns; hooks run once        (resynced)
 *
 * Where the state is read anyway (a person asks, a publisher contradicted itself), what the backlog still has is applied
 * first. state-replacement.ts describes how the state is replaced, and how that survives a crash.
 */
import { compact } from "../../system/compact.ts";
import { pauseAfter } from "../../domain/policy/backoff.ts";
import { placeOf } from "../../domain/terms/scope.ts";
import type { Key } from "../../dynamodb/table.ts";
import type { Deadline } from "../../system/ports.ts";
import { acknowledge } from "./acknowledge.ts";
import { isContradicted, replayBacklog, type Replayed } from "./replay-backlog.ts";
import { markContradicted, mayReread } from "../stream/contradiction.ts";
import { begunNumber, knownOf } from "../stream/digests.ts";
import { followEnded, followUnknown } from "./forgotten-streams.ts";
import { isNextBuffered, type Head, type RecoveryKind } from "../stream/head.ts";
import type { Polled, Publisher, ReadFailure } from "../../peers/publisher.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import type { ResyncCallback } from "./replacement-commit.ts";
import { newestOf } from "./reread.ts";
import { reserved } from "../stream/reserved.ts";
import { requestedPause } from "../stream/retry-pause.ts";
import { idsOf } from "../stream/event-applier.ts";
import { partsOfData } from "./state-data.ts";
import { advanceWithoutState, replaceState, writeSentState, type Replaced } from "./state-replacement.ts";
import type { Beginning } from "./replacement-run.ts";
import { nextReconciliation } from "../stream/stream-lives.ts";
import { ContentRefused } from "../stream/stream-event.ts";

export interface RecoveryRequest {
  readonly kind: RecoveryKind;
  /** A resync callback: its number, and where its state is. */
  readonly callback?: ResyncCallback;
}

export type Recovered =
  | { readonly is: "caught_up" | "resynced"; readonly head: Head; readonly applied: number }
  /** The state is too large for one run; the recovery continues when the head is due. */
  | { readonly is: "underway"; readonly head: Head; readonly applied: number }
  /** Another holds the stream. */
  | { readonly is: "busy"; readonly head: Head }
  /** The publisher could not be read; another attempt is due at the head's `dueAt`. */
  | { readonly is: "failed"; readonly head: Head; readonly failure: ReadFailure }
  /** The publisher does not know the subscription; it is asked again at the head's `dueAt`. */
  | { readonly is: "unknown"; readonly head: Head }
  /** The subscription was made again at the publisher, which had forgotten it: another head stands in its place. */
  | { readonly is: "moved"; readonly to: Head }
  /** No live subscription, or its trust is not approved. */
  | { readonly is: "closed" };

/** Pauses between failed recoveries: about 4 s at first, at most 15 min. */
const RETRY_PAUSES = { base: 5_000, most: 900_000 };

/**
 * Brings one subscription up to date with its publisher; one recovery of a stream runs at a time. Work that cannot be
 * done now is due again at the head's `dueAt`.
 */
export async function recoverStream(
  deps: RecoveryDeps,
  key: Key,
  { kind, callback }: RecoveryRequest,
  deadline: Deadline,
): Promise<Recovered> {
  const terms = compact({ leaseMs: deadline.remaining(), evenReplacing: true, before: callback?.sequence });
  const lease = await deps.streams.acquireLease(key, terms);
  if (!lease.won) return lease.head?.live === true ? { is: "busy", head: lease.head } : { is: "closed" };
  const { head } = lease;
  let outcome: Recovered;
  try {
    const publisher = await deps.publishers(head.actorId, head.peerId, reserved(deadline));
    if (publisher === undefined) {
      await fail(deps, head, { reason: "the trust is not approved" });
      return { is: "closed" };
    }
    if (callback !== undefined && callback.url === undefined && callback.data !== undefined) {
      const parts = partsOfData(placeOf(head.scope), callback.data);
      outcome = await outcomeOf(deps, head, 0, await writeSentState(deps, head, publisher, callback, parts));
    } else {
      const polled = await publisher.poll(head.subscriptionId);
      // A publisher that has just sent a resync callback knows the subscription, whatever its poll answers.
      if (polled.is === "ended" && callback === undefined) return await followEnded(deps, head);
      if (polled.is === "failed") {
        outcome = await fail(deps, head, polled.failure, kind);
      } else if (polled.is === "unknown" && callback === undefined) {
        outcome = await followUnknown(deps, head, polled, deadline);
      } else {
        outcome = await catchUp(deps, head, compact({ publisher, polled, kind, callback }), deadline);
      }
    }
  } catch (error) {
    const isRefused = error instanceof ContentRefused;
    const failure = { reason: isRefused ? error.message : String(error) };
    const failed = fail(deps, head, failure, isRefused ? "resync" : kind);
    if (isRefused) return await failed.catch(() => ({ is: "failed", head, failure }));
    await failed.catch(() => undefined);
    throw error;
  }
  if (outcome.is === "moved") {
    const again = await recoverStream(deps, outcome.to.key, { kind: "resync" }, deadline);
    return again.is === "closed" || again.is === "moved" ? outcome : again;
  }
  // What came meanwhile and is next need not wait for another recovery, not even where this one failed.
  if (outcome.is === "closed" || outcome.is === "busy" || !isNextBuffered(outcome.head)) return outcome;
  return { ...outcome, head: await deps.sequencer.drained(outcome.head, deadline) };
}

/** Applies the publisher's backlog and, where that is not enough, replaces the state. Gives the lease back. */
async function catchUp(
  deps: RecoveryDeps,
  leased: Head,
  { publisher, polled, kind, callback }: RecoveryRequest & { readonly publisher: Publisher; readonly polled: Polled },
  deadline: Deadline,
): Promise<Recovered> {
  const { streams, clock, settings, log } = deps;
  const newest = newestOf(polled);
  const reset = callback === undefined && newest !== undefined && countsAgain(leased, newest);
  const differs = polled.is === "backlog" && !leased.contradicted && isContradicted(leased, polled);
  let head = differs && !reset ? await markDiffering(deps, leased) : leased;
  const requested = stronger(kind, head.recoveryRequested);
  const needsState = (of: Head): boolean => requested === "refresh" || mayReread(of, clock.now());
  let replayed: Replayed | undefined;
  if (polled.is === "backlog" && requested !== "resync" && !head.replacing && !reset && callback === undefined) {
    const run = await replayBacklog(deps, head, polled, deadline, { upToMissing: needsState(head) });
    if (run?.is === "busy") return run;
    replayed = run;
    head = run?.head ?? head;
    if (run?.outOfTime === true) return await leaveRequested(deps, run, requested);
  }
  const { applied = 0, complete = false, completes } = replayed ?? {};
  // An event of the backlog may have shown another contradiction.
  if (!complete || needsState(head)) {
    const begin = beginningOf(head, { polled, reset, callback });
    const replaced = await replaceState(deps, head, publisher, begin, deadline);
    if (replaced.is !== "absent") return await outcomeOf(deps, head, applied, replaced);
    if (!complete) return await outcomeOf(deps, head, applied, await advanceWithoutState(deps, head, publisher, begin));
  }
  // Numbers the publisher has never made: its next answer decides whether it counts again.
  const beyond = [...head.buffered].some((n) => newest !== undefined && n > newest);
  const reconcileAt = nextReconciliation(clock.now(), settings.reconcileMs);
  const fields = { attempts: beyond ? head.attempts + 1 : 0, problem: undefined, ...compact({ reconcileAt }) };
  const done = await streams.advance(head, compact({ to: head.lastSeq, keepLease: false, fields, completes }));
  if (done === undefined) return { is: "busy", head };
  if (applied > 0 || (polled.is === "backlog" && polled.diffs.length > 0)) {
    await acknowledge(deps, publisher, head, head.lastSeq);
  }
  log.info("caught up", { ...idsOf(head), sequence: head.lastSeq, applied });
  return { is: "caught_up", head: done, applied };
}

/** Marks a head whose backlog has another content than was applied. */
async function markDiffering(deps: RecoveryDeps, head: Head): Promise<Head> {
  deps.log.warn("the backlog differs from what was applied", idsOf(head));
  return (await markContradicted(deps, head)) ?? head;
}

/** A recovery without enough time stays requested. */
async function leaveRequested(
  { streams, wake, clock }: RecoveryDeps,
  { head, applied }: Replayed,
  kind: RecoveryKind,
): Promise<Recovered> {
  await streams.release(head);
  const again = await streams.requestRecovery(head, kind, clock.now());
  await wake(again ?? head);
  return { is: "caught_up", head: again ?? head, applied };
}

async function outcomeOf(deps: RecoveryDeps, head: Head, applied: number, replaced: Replaced): Promise<Recovered> {
  switch (replaced.is) {
    case "failed":
      return await fail(deps, head, replaced.failure, "resync");
    case "absent":
      return { is: "caught_up", head, applied };
    case "busy":
      return replaced;
    default:
      return { ...replaced, applied };
  }
}

async function fail(
  { streams, clock, log, wake, random }: RecoveryDeps,
  head: Head,
  failure: ReadFailure,
  kind: RecoveryKind = "catch_up",
): Promise<Extract<Recovered, { is: "failed" }>> {
  const attempts = head.attempts + 1;
  const now = clock.now();
  const asked = requestedPause(failure, now);
  const dueAt = now + Math.max(pauseAfter(attempts, RETRY_PAUSES, random()), asked ?? 0);
  const pausedUntil = asked === undefined ? undefined : now + asked;
  // A stronger request that came meanwhile is not weakened.
  const released = await streams.release(head, { fields: compact({ attempts, pausedUntil, dueAt }), request: kind });
  await wake({ key: head.key, dueAt });
  log.warn("recovery failed", { ...idsOf(head), reason: failure.reason, attempts });
  return { is: "failed", head: released ?? { ...head, attempts, dueAt }, failure };
}

/**
 * How far the publisher is: its newest number, else the greatest that has reached us, for a publisher says a number only
 * after the change is in its state.
 */
function beginningOf(
  head: Head,
  {
    polled,
    reset,
    callback,
  }: { readonly polled: Polled; readonly reset: boolean; readonly callback: ResyncCallback | undefined },
): Beginning {
  const newest = newestOf(polled);
  const reached = Math.max(head.lastSeq, begunNumber(head), callback?.sequence ?? 0, ...head.buffered);
  const before = {
    newest,
    least: newest ?? reached,
    known: knownOf(polled),
  };
  return compact({ before, numbered: newest !== undefined, reset, callback });
}

/**
 * True when the publisher's newest number shows that it began to count again: it is below what was applied, or read so far,
 * or, asked a second time, still below what it once sent.
 */
function countsAgain(head: Head, newest: number): boolean {
  const { lastSeq, recovery, attempts, buffered } = head;
  const read = recovery?.after === undefined ? 0 : recovery.lowest;
  return newest < Math.max(lastSeq, read) || (attempts > 0 && [...buffered].some((n) => n > newest));
}

const STRENGTH = { catch_up: 0, refresh: 1, resync: 2 } as const;

/** The stronger of what is asked for now and what was requested before. */
const stronger = (asked: RecoveryKind, requested: RecoveryKind | undefined): RecoveryKind =>
  requested !== undefined && STRENGTH[requested] > STRENGTH[asked] ? requested : asked;
