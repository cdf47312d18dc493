import { parseWatermark, watermark } from "../../domain/log/watermark.ts";
import type { Position } from "../../domain/log/watermark.ts";
import type { ReplicaEntry } from "./replica-entry.ts";

/** Whether a write may take place over what is stored, and the stamp it leaves. */
export interface WritePolicy {
  /**
   * `skip`: what is stored contains this already, or something newer. `diverged`: a list operation that may or may not
   * be contained; the list must be read again. Never thrown.
   */
  verdict(stored: ReplicaEntry | undefined): "apply" | "skip" | "diverged";
  stamp(stored: ReplicaEntry | undefined): Stamp;
  /** Distinguishes this write from every other in ids; the same when the same write is tried again. */
  readonly seed: string;
}

export interface Stamp {
  readonly watermark: string;
  readonly sequence: number;
  readonly touched?: number;
}

/** A diff that replaces or merges a value: over everything older. */
export function diffWrite(at: Position): WritePolicy {
  const own = watermark(at);
  return {
    verdict: (stored) => (stored !== undefined && stored.watermark >= own ? "skip" : "apply"),
    stamp: () => ({ watermark: own, sequence: at.sequence }),
    seed: own,
  };
}

/**
 * A list operation. Unlike a value it must not be applied again in a later write (a higher state version, after a crash between
 * the operation and the commit): the same number is contained, and a lower one cannot be told, so the list is read again.
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
    seed: own,
  };
}

/** What was read from the publisher: also over the write at the same position that asked for it. */
export function snapshotWrite(at: Position): WritePolicy {
  const own = watermark(at);
  return {
    verdict: (stored) => (stored !== undefined && stored.watermark > own ? "skip" : "apply"),
    stamp: () => ({ watermark: own, sequence: at.sequence }),
    seed: `r${own}`,
  };
}

/**
 * The application's own write. It keeps the stored position, so that whatever the peer sends next takes its place;
 * `touched` (larger than any before) makes it a change all the same, and tells a write whose answer was lost.
 */
export function localWrite(touched: number): WritePolicy {
  return {
    verdict: (stored) => (stored?.touched === touched ? "skip" : "apply"),
    stamp: (stored) => ({
      watermark: stored?.watermark ?? watermark({ stateVersion: 0, sequence: 0 }),
      sequence: stored?.sequence ?? 0,
      touched,
    }),
    seed: `t${String(touched)}`,
  };
}
