/**
 * What becomes of one numbered callback, decided from what is known of its stream. Pure: the same view gives the same
 * decision. The rows and their order are the contract's.
 */

/** What a stream's head says, as far as sequencing needs it. */
export interface StreamView {
  /** The newest number applied; 0 before the first. */
  readonly lastSeq: number;
  /** Numbers kept out of order; none at or below `lastSeq` that matters. */
  readonly pending: ReadonlySet<number>;
  /** Since when (ms) something is missing before a pending one. */
  readonly gapSince?: number;
  /** Someone holds the stream: applies, drains or recovers. */
  readonly busy: boolean;
  /** A recovery is replacing the state: only that recovery, or its successor, may go on. */
  readonly replacing: boolean;
}

export interface SequencingLimits {
  readonly maxPending: number;
  readonly gapTimeoutMs: number;
}

export type Decision =
  /** At or below `lastSeq`: nothing to do. */
  | { readonly is: "duplicate" }
  /** Its slot is taken by an earlier copy, which stays. */
  | { readonly is: "already_pending"; readonly drainable: boolean; readonly overdue: boolean }
  /** It is next and nobody is processing: acquire the lease and apply. */
  | { readonly is: "next" }
  /** No slot left. `overdue`: the gap has stood too long, recovery is to start all the same. */
  | { readonly is: "full"; readonly overdue: boolean }
  /** Keep it in its slot. `overdue`: and recovery is to start. */
  | { readonly is: "keep"; readonly overdue: boolean };

/** True when the gap has stood at least as long as it may. */
export function gapOverdue(view: StreamView, now: number, limits: SequencingLimits): boolean {
  return view.gapSince !== undefined && now - view.gapSince >= limits.gapTimeoutMs;
}

/** Decides what becomes of number `n` at the time `now` (ms). */
export function decide(view: StreamView, n: number, now: number, limits: SequencingLimits): Decision {
  if (n <= view.lastSeq) return { is: "duplicate" };
  const free = !view.busy && !view.replacing;
  // Whoever is at work drains or recovers what waits, when it ends.
  const overdue = !view.busy && n > view.lastSeq + 1 && gapOverdue(view, now, limits);
  if (view.pending.has(n)) return { is: "already_pending", drainable: n === view.lastSeq + 1 && free, overdue };
  if (n === view.lastSeq + 1 && free) return { is: "next" };
  if (view.pending.size >= limits.maxPending) return { is: "full", overdue };
  return { is: "keep", overdue };
}

/** The pending numbers that follow `lastSeq` without a hole, ascending, at most `most`. */
export function consecutiveRun(lastSeq: number, pending: ReadonlySet<number>, most: number): readonly number[] {
  const run: number[] = [];
  for (let next = lastSeq + 1; run.length < most && pending.has(next); next += 1) run.push(next);
  return run;
}

/** The pending numbers that `lastSeq` has made superfluous. */
export function superseded(lastSeq: number, pending: ReadonlySet<number>): readonly number[] {
  return [...pending].filter((n) => n <= lastSeq);
}
