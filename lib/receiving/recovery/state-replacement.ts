/**
 * Replacing what a subscription owns by the publisher's state, in as many runs as it takes.
 *
 *   read     the state is listed; nothing is written before the first places of it are read
 *   write    the head says `replacing`, with a new state version, and `recovery` how far it has come: places are read and written
 *            one piece after another in the order of their names
 *   clear    what the scope holds under a lower state version was not in the state: it goes, but for what is stale or closed to us
 *   commit   hooks run once, the head moves to the lowest position of all that was read, callbacks drain
 *
 * A run that ends early leaves `recovery` on the head, written then and every thousand places: the next run lists the
 * state again and continues after the last name. What is written keeps the state version, so that what a run that was
 * cut off writes when it wakes up loses against everything newer. What the publisher changes behind the last name has
 * a number above the lowest position, and comes as a diff after the commit. A state of one piece costs no write for
 * `recovery`.
 *
 * Invariants: `recovery` is there only while `replacing` is; `replacing` goes with the commit, or a new life of the
 * stream, alone; only a run that holds the lease changes either; no diff is applied while `replacing`.
 */
import { compact } from "../../system/compact.ts";
import { placeOf, type Place } from "../../domain/terms/scope.ts";
import type { Publisher, ReadFailure, StatePart } from "../../peers/publisher.ts";
import type { Deadline } from "../../system/ports.ts";
import type { Head } from "../stream/head.ts";
import { idsOf } from "../stream/event-applier.ts";
import type { RecoveryProgress } from "../stream/recovery-progress.ts";
import { logLeftOut } from "./left-out.ts";
import { targetOf } from "./place-reads.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import { commitReplacement, pauseAfterStop, type ResyncCallback } from "./replacement-commit.ts";
import { ReplacementRun, type Beginning, type Ended } from "./replacement-run.ts";
import { readChunk } from "./state-chunk.ts";

export type Replaced =
  | { readonly is: "resynced"; readonly head: Head; readonly applied: number }
  | { readonly is: "busy"; readonly head: Head }
  /** The target has no readable state: nothing was done, the lease is kept. */
  | { readonly is: "absent" }
  /**
   * Time ran out, or the publisher asked for rest: the replacement continues when the head is due. The lease is given
   * back.
   */
  | { readonly is: "underway"; readonly head: Head }
  /** Nothing could be read; the lease is kept. */
  | { readonly is: "failed"; readonly failure: ReadFailure };

/** Begins a replacement under the lease, or continues the one that the head names. */
export async function replaceState(
  deps: RecoveryDeps,
  head: Head,
  publisher: Publisher,
  begin: Beginning,
  deadline: Deadline,
): Promise<Replaced> {
  const { log } = deps;
  const what = compact({
    scope: head.scope,
    place: placeOf(head.scope),
    subscriptionId: head.subscriptionId,
    excludedScopes: head.excludedScopes,
    url: begin.callback?.url,
    names: await storedNames(deps, head),
  });
  const listing = await publisher.listState(what);
  if (listing.is === "failed" && isUnreadable(deps, head, listing.failure)) {
    log.error("the state of a target cannot be read", { ...idsOf(head), reason: listing.failure.reason });
    return { is: "absent" };
  }
  if (listing.is !== "listing") return listing;
  if (listing.leftOut.length > 0) logLeftOut(log, idsOf(head), listing.leftOut);
  const begun = resumable(head, begin);
  const patient = isPatient(deps, head);
  const run = new ReplacementRun(deps, head, publisher, { begin, begun, patient });
  if (listing.byName === true) {
    // There may be more properties, so the state is read again as long as its list cannot be read.
    run.progress = { ...run.progress, differs: true };
    log.warn("the list of a peer's properties cannot be read; the stored ones are read by name", idsOf(head));
  }
  const isOnePiece = begun === undefined && run.piece(listing, listing.places).length === listing.places.length;
  let ended: Ended;
  if (isOnePiece) {
    const chunk = await readChunk(publisher, { what, listing }, begin.before, { patient });
    if ("failure" in chunk) return { is: "failed", failure: chunk.failure };
    run.progress = { ...run.progress, known: chunk.before.known };
    ended = await run.writeChunk(chunk, chunk.listing.places.length);
  } else ended = await run.pieces(what, listing, deadline);
  if (ended.is === "stopped") return await leave(deps, run, ended.failure);
  if (ended.is !== "read") return ended;
  if (!(await run.clear(deadline))) return run.head === undefined ? { is: "busy", head } : await leave(deps, run);
  if (!isOnePiece && run.hasWritten && deadline.remaining() <= deps.reserveMs) return await leave(deps, run);
  return await commitReplacement(deps, run.head ?? head, publisher, run.result());
}

/** The state that a resync callback brought along takes the place of what is stored. Nothing is read. */
export async function writeSentState(
  deps: RecoveryDeps,
  head: Head,
  publisher: Publisher,
  callback: ResyncCallback,
  parts: readonly StatePart[],
): Promise<Replaced> {
  const before = { newest: undefined, least: callback.sequence, known: "" };
  const begin = { before, numbered: true, reset: false, callback };
  const run = new ReplacementRun(deps, head, publisher, { begin, begun: undefined, patient: true });
  const answers = parts.map((part) => ({ is: "part" as const, part }));
  const chunk = { answers, position: callback.sequence, positioned: true, after: before };
  const ended = await run.writeChunk(chunk, parts.length);
  if (ended.is !== "read" || !(await run.clear())) return { is: "busy", head };
  return await commitReplacement(deps, run.head ?? head, publisher, { ...run.result(), stateRead: false });
}

/** The target has no readable state: the head moves, the store stays as it is. */
export async function advanceWithoutState(
  deps: RecoveryDeps,
  head: Head,
  publisher: Publisher,
  begin: Beginning,
): Promise<Replaced> {
  const run = new ReplacementRun(deps, head, publisher, { begin, begun: undefined, patient: true });
  if (!(await run.markReplacing())) return { is: "busy", head };
  return await commitReplacement(deps, run.head ?? head, publisher, { ...run.result(), readable: false });
}

/** Names that are stored and may be asked for one by one, once earlier tries came no further. */
async function storedNames(deps: RecoveryDeps, head: Head): Promise<readonly Place[] | undefined> {
  if (!deps.settings.autoStorage || head.scope.target !== "properties" || !isPatient(deps, head)) return undefined;
  return await deps.data(head.actorId, head.peerId).storedNames(targetOf(head));
}

/** Nothing is stored of an app's own target: a state that stays unreadable keeps no number back. */
function isUnreadable(deps: RecoveryDeps, head: Head, failure: ReadFailure): boolean {
  const isOther = failure.unwell === true || failure.outOfTime === true || failure.retryAfter !== undefined;
  return head.scope.target !== "properties" && !isOther && isPatient(deps, head);
}

/** Earlier tries came no further: a failure then counts as the answer for its place. */
const isPatient = ({ settings }: RecoveryDeps, head: Head): boolean => head.attempts >= settings.hookMaxAttempts;

/** Gives the lease back with what was written noted, or fails when nothing was. */
async function leave(
  { streams, wake, log, clock, random }: RecoveryDeps,
  run: ReplacementRun,
  failure?: ReadFailure,
): Promise<Replaced> {
  if (!run.hasWritten && failure !== undefined) return { is: "failed", failure };
  const { head, progress } = run;
  if (head === undefined) return { is: "busy", head: run.leased };
  const now = clock.now();
  const pause = pauseAfterStop(failure, now, random());
  const dueAt = now + pause.ms;
  const pausedUntil = pause.asked ? dueAt : undefined;
  await streams.release(head, { fields: compact({ recovery: progress, attempts: 0, pausedUntil, dueAt }) });
  await wake({ key: head.key, dueAt });
  const { read, of } = progress;
  log.info("recovery continues later", compact({ ...idsOf(head), read, of, reason: failure?.reason }));
  return { is: "underway", head: { ...head, recovery: progress, dueAt } };
}

/** The progress from which a run may continue. */
function resumable(head: Head, { reset, callback, before }: Beginning): RecoveryProgress | undefined {
  const { recovery } = head;
  if (!head.replacing || recovery?.after === undefined || callback?.url !== undefined) return undefined;
  if (recovery.ownershipRevision !== head.ownershipRevision || (reset && !recovery.reset)) return undefined;
  // The publisher has begun to count again since then.
  if (before.newest !== undefined && before.newest < recovery.lowest) return undefined;
  return recovery;
}
