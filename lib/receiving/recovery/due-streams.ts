/** The work of a due stream: drain it, recover it, reconcile it, resume its hooks, or purge it. */
import { leaseIsLive } from "../../dynamodb/lease.ts";
import type { Key } from "../../dynamodb/table.ts";
import { gapOverdue } from "../../domain/log/sequencing.ts";
import type { Deadline } from "../../system/ports.ts";
import { resumeHooks } from "../hooks/resume-hooks.ts";
import { contradictionDue, mayReread } from "../stream/contradiction.ts";
import { idsOf } from "../stream/event-applier.ts";
import { sequencingStateOf } from "../stream/head.ts";
import type { Head } from "../stream/head.ts";
import { putOff, restUntil, waitForLease } from "../stream/stream-changes.ts";
import type { StreamChange } from "../stream/stream-changes.ts";
import { nextReconciliation } from "../stream/stream-lives.ts";
import { recoverStream } from "./recover-stream.ts";
import type { RecoveryDeps, RecoverySettings } from "./recovery-settings.ts";

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
  if (head.buffered.has(head.lastSeq + 1) && !head.replacing) head = await sequencer.drained(head, deadline);
  const next = nextStep(head, clock.now(), settings);
  if (next.is === "rest") await streams.amend(key, next.change);
  if (next.is === "put_off") await amend(deps, head, next.change);
  if (next.is === "recover") {
    const recovered = await recoverStream(deps, key, { kind: head.recoveryRequested ?? "catch_up" }, deadline);
    log.info("recovery", { ...idsOf(head), result: recovered.is, gap: next.gap });
  }
  return gapSince;
}

/** What is due once nothing more can be drained. */
type NextStep =
  | { readonly is: "recover"; readonly gap: boolean }
  /** Due later, or at the next reconciliation, which needs no message. */
  | { readonly is: "put_off" | "rest"; readonly change: StreamChange }
  /** Another write decides, or has decided, when it is due. */
  | { readonly is: "nothing" };

function nextStep(head: Head, now: number, settings: RecoverySettings): NextStep {
  const gap = head.buffered.size > 0 && gapOverdue(sequencingStateOf(head, now, settings.incarnation), now, settings);
  if (!gap && !mayReread(head, now) && !head.replacing && head.recoveryRequested === undefined) {
    if (head.buffered.size > 0) return { is: "nothing" };
    if (head.contradicted) return later(head, contradictionDue(head, now));
    const isIdle = settings.reconcileMs > 0 && head.activeAt + settings.reconcileMs <= now;
    if (!isIdle && head.dueAt === undefined) return { is: "nothing" };
    const next = nextReconciliation(head.activeAt, settings.reconcileMs);
    if (!isIdle) return { is: "rest", change: restUntil(head, next) };
  }
  return (head.pausedUntil ?? 0) > now ? later(head, head.pausedUntil ?? now) : { is: "recover", gap };
}

const later = (head: Head, dueAt: number): NextStep =>
  head.dueAt === undefined ? { is: "nothing" } : { is: "put_off", change: putOff(head, dueAt) };

/** Puts off what is due, with a message for the later time. */
async function amend({ streams, wakeUps }: RecoveryDeps, head: Head, change: StreamChange): Promise<void> {
  const waiting = await streams.amend(head.key, change);
  if (waiting !== undefined) await wakeUps.schedule(waiting);
}
