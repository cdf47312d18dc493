/** The work of a due stream: drain it, recover it, reconcile it, resume its hooks, or purge it. */
import { leaseIsLive } from "../../dynamodb/lease.ts";
import type { Key } from "../../dynamodb/table.ts";
import { gapOverdue } from "../../domain/log/sequencing.ts";
import type { Deadline } from "../../system/ports.ts";
import { resumeHooks } from "../hooks/resume-hooks.ts";
import { contradictionDue, mayReread } from "../stream/contradiction.ts";
import { idsOf } from "../stream/event-applier.ts";
import { isNextBuffered, sequencingStateOf, type Head } from "../stream/head.ts";
import { putOff, restUntil, waitForLease, type StreamChange } from "../stream/stream-changes.ts";
import { nextReconciliation } from "../stream/stream-lives.ts";
import { recoverStream } from "./recover-stream.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";

/**
 * Does what is due on one stream. Safe to call at any time and any number of times; what is not due yet stays.
 *
 * @returns since when its gap stands (ms since 1970), if it has one
 */
export async function runDueStream(deps: RecoveryDeps, key: Key, deadline: Deadline): Promise<number | undefined> {
  const { clock, streams, settings, log, sequencer } = deps;
  let head = await streams.read(key);
  if (head === undefined) return undefined;
  const now = clock.now();
  // The writer that put it off has sent a message for the later time, where it matters.
  if (head.dueAt !== undefined && head.dueAt > now) return head.gapSince;
  if (!head.live) {
    await deps.purgeEnded(head);
    return undefined;
  }
  if (leaseIsLive(head.lease, now, settings.incarnation)) {
    await amend(deps, head, waitForLease(head));
    return head.gapSince;
  }
  if (head.hooksResuming) {
    head = await resumeHooks(deps, head, deadline);
    if (head.hooksResuming || !head.live) return head.gapSince;
  }
  const { gapSince } = head;
  if (isNextBuffered(head)) head = await sequencer.drained(head, deadline);
  const at = clock.now();
  const { buffered, recoveryRequested, pausedUntil = 0 } = head;
  const gap = buffered.size > 0 && gapOverdue(sequencingStateOf(head, at, settings.incarnation), at, settings);
  const idleMs = buffered.size === 0 && !head.contradicted ? at - head.activeAt : 0;
  const isIdle = settings.reconcileMs > 0 && idleMs >= settings.reconcileMs;
  if (!gap && !isIdle && !mayReread(head, at) && !head.replacing && recoveryRequested === undefined) {
    await rest(deps, head, at);
  } else if (pausedUntil > at) {
    if (head.dueAt !== undefined && !isNextBuffered(head)) await amend(deps, head, putOff(head, pausedUntil));
  } else {
    const recovered = await recoverStream(deps, key, { kind: recoveryRequested ?? "catch_up" }, deadline);
    log.info("recovery", { ...idsOf(head), result: recovered.is, gap });
  }
  return gapSince;
}

/** Puts off a stream on which nothing is due: to the next read for its contradiction, or to its reconciliation. */
async function rest(deps: RecoveryDeps, head: Head, now: number): Promise<void> {
  const { streams, settings } = deps;
  // A stream without a due time waits for a write that sets it, and one that could not be drained stays due.
  if (head.dueAt === undefined || isNextBuffered(head)) return;
  if (head.buffered.size > 0) return await restInGap(deps, head);
  if (head.contradicted) return await amend(deps, head, putOff(head, contradictionDue(head, now)));
  await streams.amend(head.key, restUntil(head, nextReconciliation(head.activeAt, settings.reconcileMs)));
}

/** A stream that was due when a lease ended waits for its gap's time-out again. */
async function restInGap(deps: RecoveryDeps, head: Head): Promise<void> {
  const gapDue = (head.gapSince ?? 0) + deps.settings.gapTimeoutMs;
  if (head.dueAt !== undefined && head.dueAt < gapDue) await amend(deps, head, putOff(head, gapDue));
}

/** Puts off what is due, with a message for the later time. */
async function amend({ streams, wake }: RecoveryDeps, head: Head, change: StreamChange): Promise<void> {
  const waiting = await streams.amend(head.key, change);
  if (waiting !== undefined) await wake(waiting);
}
