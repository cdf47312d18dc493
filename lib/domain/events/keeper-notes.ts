/** What an order keeper's note takes over from the one before. */
import {
  MAX_ANCHORS,
  type Anchor,
  type KeeperState,
  type NumberedPosition,
  type OrderedEvent,
  type SelectionFrom,
} from "./keeper-state.ts";
import type { KeeperSignal } from "./keeper-steps.ts";

/** The anchors with one more when the newest is old enough, without those that nothing readable needs. */
export function anchorsAt(
  anchors: readonly Anchor[],
  { point, now, retentionMs }: { readonly point: NumberedPosition; readonly now: number; readonly retentionMs: number },
): readonly Anchor[] {
  const newest = anchors.at(-1);
  // Two less than fit: the oldest one is older than what can be read, the newest one is of now.
  if (newest !== undefined && now - newest.at < retentionMs / (MAX_ANCHORS - 2)) return anchors;
  const all = [...anchors, { after: point.after, number: point.number, at: now }];
  const first = all.findLastIndex(({ at }) => at <= now - retentionMs);
  return all.slice(Math.max(first, all.length - MAX_ANCHORS, 0));
}

/** The selection that holds for an event. */
export function selectionAt<S>(selections: readonly SelectionFrom<S>[], { position }: OrderedEvent): S {
  let at = selections.length - 1;
  while (at > 0 && (selections[at] as SelectionFrom<S>).after >= position) at -= 1;
  return (selections[at] as SelectionFrom<S>).selection;
}

/** The selections without those that end before all of the points. */
export function selectionsFrom<S>(
  selections: readonly SelectionFrom<S>[],
  points: readonly NumberedPosition[],
): readonly SelectionFrom<S>[] {
  if (selections.length === 1) return selections;
  const oldest = points.reduce((least, { after }) => (after < least ? after : least), points[0]?.after ?? "");
  const first = selections.findLastIndex(({ after }) => after <= oldest);
  return selections.slice(Math.max(first, 0));
}

/** What of a change of the stored state people may want to know. */
export function signalsBetween<S>(before: KeeperState<S>, after: KeeperState<S>): readonly KeeperSignal[] {
  const signals: KeeperSignal[] = [];
  const [wasOpen, isOpen] = [before.health.openUntil !== undefined, after.health.openUntil !== undefined];
  if (isOpen && !wasOpen) signals.push("failing");
  if (wasOpen && !isOpen) signals.push("recovered");
  if (after.stopped !== undefined && before.stopped === undefined) {
    signals.push(after.stopped.reason === "gone" ? "gone" : "stopped");
  }
  return signals;
}
