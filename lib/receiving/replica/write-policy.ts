import { parseWatermark, watermark, type Position } from "../../domain/log/watermark.ts";
import { atMost, below, itemMissing, type Condition } from "../../dynamodb/table.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { ReplicaEntry } from "./replica-entry.ts";

/** Decides whether a write may replace a stored entry, and which stamp the write leaves. */
export interface WritePolicy {
  /**
   * `skip`: the stored entry contains this write already, or something newer. `diverged`: the stored list may or may not
   * contain the operation and must be read again. Never throws.
   */
  verdict(stored: ReplicaEntry | undefined): "apply" | "skip" | "diverged";
  stamp(stored: ReplicaEntry | undefined): Stamp;
  /** Holds for a stored entry that `verdict` lets the write replace: for a write without a read. */
  readonly over: Condition;
  /** Distinguishes this write from every other in ids; the same when the same write is tried again. */
  readonly seed: string;
}

/** Which place is written, and over what. */
export interface PlaceWrite {
  readonly place: Place;
  readonly policy: WritePolicy;
  /** The entry as it was read. Undefined: not read yet. Null: read, and nothing is stored. */
  readonly known?: ReplicaEntry | null | undefined;
}

export interface Stamp {
  readonly watermark: string;
  readonly sequence: number;
  readonly touched?: number;
}

/** A diff that replaces or merges a value: it replaces everything older. */
export function diffWrite(at: Position): WritePolicy {
  const own = watermark(at);
  return {
    verdict: (stored) => (stored !== undefined && stored.watermark >= own ? "skip" : "apply"),
    stamp: () => ({ watermark: own, sequence: at.sequence }),
    over: below("watermark", own),
    seed: own,
  };
}

/**
 * A list operation. Unlike a value it must not be applied again in a later write (with a higher state version, after a
 * crash between the operation and the commit): a list contains the number that it carries, and may contain any lower
 * one, so the list is then read again.
 */
export function listWrite(at: Position): WritePolicy {
  const own = watermark(at);
  return {
    verdict(stored) {
      if (stored === undefined) return "apply";
      if (stored.watermark >= own) return "skip";
      if (stored.type !== "list" || parseWatermark(stored.watermark).stateVersion === at.stateVersion) return "apply";
      if (stored.sequence === at.sequence) return "skip";
      return stored.sequence > at.sequence ? "diverged" : "apply";
    },
    stamp: () => ({ watermark: own, sequence: at.sequence }),
    over: below("watermark", own),
    seed: own,
  };
}

/** Content that was read from the publisher: it also replaces the write at the same position that asked for it. */
export function snapshotWrite(at: Position): WritePolicy {
  const own = watermark(at);
  return {
    verdict: (stored) => (stored !== undefined && stored.watermark > own ? "skip" : "apply"),
    stamp: () => ({ watermark: own, sequence: at.sequence }),
    over: atMost("watermark", own),
    seed: `r${own}`,
  };
}

/** How many values of `touched` a millisecond has: `touched` is `ms * TOUCHES_PER_MS + n`, n below this. */
export const TOUCHES_PER_MS = 4_096;

/**
 * The application's own write. Keeps the stored position, so that the next write of the peer replaces it. `touched`
 * (larger than any before) makes the write a change all the same, and identifies a write whose answer was lost.
 */
export function localWrite(touched: number): WritePolicy {
  return {
    verdict: (stored) => (stored?.touched === touched ? "skip" : "apply"),
    stamp: (stored) => ({
      watermark: stored?.watermark ?? watermark({ stateVersion: 0, sequence: 0 }),
      sequence: stored?.sequence ?? 0,
      touched,
    }),
    over: itemMissing,
    seed: `t${String(touched)}`,
  };
}
