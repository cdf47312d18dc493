/**
 * What becomes of one numbered callback, decided from what is known of its stream. Pure: the same state gives the same
 * decision. The rows and their order are the contract's.
 */

/** What a stream's head says, as far as sequencing needs it. */
export interface SequencingState {
  /** The newest number applied; 0 before the first. */
  readonly lastSeq: number;
  /** Numbers buffered out of order; none at or below `lastSeq` that matters. */
  readonly buffered: ReadonlySet<number>;
  /** Since when (ms) something is missing before a buffered one. */
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
  /** An earlier copy is buffered, which stays. */
  | { readonly is: "already_buffered"; readonly drainable: boolean; readonly overdue: boolean }
  /** It is next and no lease is live: acquire the lease and apply. */
  | { readonly is: "next" }
  /** The buffer is full. `overdue`: the gap has stood too long, recovery is to start all the same. */
  | { readonly is: "full"; readonly overdue: boolean }
  /** Buffer it. `overdue`: and recovery is to start. */
  | { readonly is: "buffer"; readonly overdue: boolean };

/** True when the gap has stood at least as long as it may. */
export function gapOverdue(state: SequencingState, now: number, limits: SequencingLimits): boolean {
  return state.gapSince !== undefined && now - state.gapSince >= limits.gapTimeoutMs;
}

/** Decides what becomes of number `n` at the time `now` (ms). */
export function decide(state: SequencingState, n: number, now: number, limits: SequencingLimits): Decision {
  if (n <= state.lastSeq) return { is: "duplicate" };
  const free = !state.busy && !state.replacing;
  // The lease holder drains or recovers what waits, when its work ends.
  const overdue = !state.busy && n > state.lastSeq + 1 && gapOverdue(state, now, limits);
  if (state.buffered.has(n)) return { is: "already_buffered", drainable: n === state.lastSeq + 1 && free, overdue };
  if (n === state.lastSeq + 1 && free) return { is: "next" };
  if (state.buffered.size >= limits.maxPending) return { is: "full", overdue };
  return { is: "buffer", overdue };
}

/** The buffered numbers that follow `lastSeq` without a gap, ascending, at most `most`. */
export function consecutiveRun(lastSeq: number, buffered: ReadonlySet<number>, most: number): readonly number[] {
  const run: number[] = [];
  for (let next = lastSeq + 1; run.length < most && buffered.has(next); next += 1) run.push(next);
  return run;
}
