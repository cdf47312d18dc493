/** The parts of an order keeper's note that depend on the note before. */
import { compact } from "../../system/compact.ts";
import {
  MAX_ANCHORS,
  type Anchor,
  type KeeperState,
  type NumberedPosition,
  type OrderedEvent,
  type SelectionFrom,
  type Stopped,
} from "./keeper-state.ts";
import type { KeeperFronts } from "./keeper-fronts.ts";
import type { KeeperSignal } from "./keeper-steps.ts";

/** The anchors, with a new one when the newest is old enough, and without those older than every record. */
function anchorsAt(
  anchors: readonly Anchor[],
  { point, now, retentionMs }: { readonly point: NumberedPosition; readonly now: number; readonly retentionMs: number },
): readonly Anchor[] {
  const newest = anchors.at(-1);
  // Two fewer intervals than anchors: the oldest anchor must be older than every record, and the newest is made now.
  if (newest !== undefined && now - newest.at < retentionMs / (MAX_ANCHORS - 2)) return anchors;
  const all = [...anchors, { after: point.after, number: point.number, at: now }];
  const first = all.findLastIndex(({ at }) => at <= now - retentionMs);
  return all.slice(Math.max(first, all.length - MAX_ANCHORS, 0));
}

/** The state to store for these fronts. The second argument is the state that is stored already. */
export function stateOf<E extends OrderedEvent, S>(
  { floor, entries, selections, redrive }: Pick<KeeperFronts<E, S>, "floor" | "entries" | "selections" | "redrive">,
  { numbered, anchors: before }: Pick<KeeperState<S>, "numbered" | "anchors">,
  when: { readonly now: number; readonly retentionMs: number },
): Omit<KeeperState<S>, "health" | "stopped"> {
  const point = floor.front();
  const stored = entries.map((entry) => entry.entry());
  const anchors = anchorsAt(before, { ...when, point });
  const running = redrive?.hasEnded === false ? redrive.progress : undefined;
  const isLagging = lagsFrom({ floor, entries }, when.retentionMs) <= when.now;
  return compact({
    floor: point,
    numbered: floor.readTo > numbered.after ? { after: floor.readTo, number: floor.readNumber } : numbered,
    entries: stored,
    selections: selectionsFrom(selections, [point, ...stored, ...anchors, ...(running ? [running] : [])]),
    anchors,
    lagging: isLagging ? true : undefined,
    redrive: running,
  });
}

/**
 * When the oldest event in memory that is not done reaches half of the age at which records expire, ms since 1970; Infinity
 * when there is none.
 */
function lagsFrom<E extends OrderedEvent, S>(
  { floor, entries }: Pick<KeeperFronts<E, S>, "floor" | "entries">,
  retentionMs: number,
): number {
  const expiring = entries.flatMap(({ failing }) => failing?.expiresAt ?? []);
  return Math.min(floor.queue[0]?.event.expiresAt ?? Infinity, ...expiring) - retentionMs / 2;
}

/** When a note reminds people of a stopped listener, ms since 1970; undefined: it has done so, or no event waits. */
export function remindsAt<E extends OrderedEvent, S>(
  fronts: Pick<KeeperFronts<E, S>, "floor" | "entries">,
  { reason }: Stopped,
  { lagging }: Pick<KeeperState<S>, "lagging">,
  retentionMs: number,
): number | undefined {
  const at = reason === "exhausted" && lagging === undefined ? lagsFrom(fronts, retentionMs) : Infinity;
  return at === Infinity ? undefined : at;
}

/** The selections that apply at or after the earliest of the points. */
export function selectionsFrom<S>(
  selections: readonly SelectionFrom<S>[],
  points: readonly NumberedPosition[],
): readonly SelectionFrom<S>[] {
  if (selections.length === 1) return selections;
  const oldest = points.reduce((least, { after }) => (after < least ? after : least), points[0]?.after ?? "");
  const first = selections.findLastIndex(({ after }) => after <= oldest);
  return selections.slice(Math.max(first, 0));
}

const STOPPED = { exhausted: "stopped", gone: "gone", position_gone: "overtaken" } as const;

/** The news in a change of the stored state. */
export function signalsBetween<S>(before: KeeperState<S>, after: KeeperState<S>): readonly KeeperSignal[] {
  const signals: KeeperSignal[] = [];
  const [wasOpen, isOpen] = [before.health.openUntil !== undefined, after.health.openUntil !== undefined];
  if (isOpen && !wasOpen) signals.push("failing");
  if (wasOpen && !isOpen) signals.push("recovered");
  if (after.lagging === true && before.lagging === undefined) signals.push("lagging");
  if (after.stopped !== undefined && before.stopped === undefined) signals.push(STOPPED[after.stopped.reason]);
  return signals;
}
