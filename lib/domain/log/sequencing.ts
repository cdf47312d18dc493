/**
 * Decides what happens to one numbered callback, from the head of its stream. Pure: the same state gives the same
 * decision. The cases and their order are those of the protocol.
 */

/** The part of a stream's head that sequencing needs. */
export interface SequencingState {
  /** The newest applied number; 0 before the first. */
  readonly lastSeq: number;
  /** The buffered numbers; those at or below `lastSeq` do not matter. */
  readonly buffered: ReadonlySet<number>;
  /** When a number before a buffered one was first missing, ms since 1970. */
  readonly gapSince?: number;
  /** A lease is live: its holder applies, drains or recovers. */
  readonly busy: boolean;
  /** A recovery is replacing the state: only this recovery, or one that takes it over, may proceed. */
  readonly replacing: boolean;
}

/** Limits of the buffer. */
export interface SequencingLimits {
  /** Most buffered numbers of one stream. */
  readonly maxPending: number;
  readonly gapTimeoutMs: number;
}

/** What happens to a number. */
export type Decision =
  /** The number is at or below `lastSeq`: nothing to do. */
  | { readonly is: "duplicate" }
  /** An earlier copy is buffered, and stays. `drainable`: it is next. `overdue`: see `buffer`. */
  | { readonly is: "already_buffered"; readonly drainable: boolean; readonly overdue: boolean }
  /** The number is next, and no lease is live: acquire the lease and apply. */
  | { readonly is: "next" }
  /** The buffer is full: refuse the number. `overdue`: see `buffer`. */
  | { readonly is: "full"; readonly overdue: boolean }
  /** Buffer the number. `overdue`: start a recovery too, because the gap has lasted too long. */
  | { readonly is: "buffer"; readonly overdue: boolean };

/** True when the gap has lasted for the gap time-out. */
export function gapOverdue(state: SequencingState, now: number, limits: SequencingLimits): boolean {
  return state.gapSince !== undefined && now - state.gapSince >= limits.gapTimeoutMs;
}

/** Decides what happens to number `n` at the time `now`, ms since 1970. */
export function decide(state: SequencingState, n: number, now: number, limits: SequencingLimits): Decision {
  if (n <= state.lastSeq) return { is: "duplicate" };
  const free = !state.busy && !state.replacing;
  // A live lease means that its holder drains or recovers what is buffered, when its work ends.
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
