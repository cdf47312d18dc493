/**
 * A state that was read replaces what a scope contains: part by part, then what the state lacks is removed. Everything is
 * written under one state version, higher than that of everything stored before: an entry that carries a lower one at
 * the end was not in the state. Places with a newer position are left. Every function may be repeated at any point.
 */
import { hiddenPart, isHidden, withHidden } from "../../domain/diff/hidden-part.ts";
import { parseWatermark, type Position } from "../../domain/log/watermark.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { StatePart } from "../../peers/publisher.ts";
import { compact } from "../../system/compact.ts";
import type { Json } from "../../system/ports.ts";
import { withoutExcluded } from "./diff-plan.ts";
import { eachEntry, entriesIn, isOwned, keyOfPlace, type Owned, type Replica } from "./peer-places.ts";
import { composed, newList, newValue, removal, staleMark, type FailedRead, type PlaceChange } from "./place-change.ts";
import { WITHOUT_TEXT, type ReplicaEntry } from "./replica-entry.ts";
import { snapshotWrite } from "./write-policy.ts";
import { writePlace } from "./write-place.ts";

/** The scope whose content a state replaces. */
export interface StateTarget extends Owned {
  /** What the publisher lets us see: the rest of what is stored stays. Without `reads` everything counts as open. */
  readonly reads?: Reads;
}

/** The position of parts that were read. */
export interface ReadPosition extends Position {
  /** A list operation numbered up to this is not applied: its list is read again instead. */
  readonly dirtyListsUntil?: number;
}

/** Writes one part; a part of kind `value` without a value says that nothing is there. */
export async function putPart(
  replica: Replica,
  { excludedScopes, reads }: Pick<StateTarget, "excludedScopes" | "reads">,
  part: StatePart,
  at: ReadPosition,
): Promise<void> {
  const { place } = part;
  const write = { place, policy: snapshotWrite(at) };
  if (part.kind === "list") {
    const { items = [], description, explanation } = part;
    const whole = compact({ items, description, explanation, dirtyUntil: at.dirtyListsUntil });
    await writePlace(replica, write, newList(whole));
    return;
  }
  const value = part.value === undefined ? undefined : withoutExcluded(part.value, place, excludedScopes);
  if (reads !== undefined && !reads.whole(place)) await writePlace(replica, write, keepingHidden(place, reads, value));
  else if (value === undefined) await writePlace(replica, write, removal(place.length > 1));
  else await writePlace(replica, write, { ...newValue(value), unread: () => value });
}

/**
 * Removes what the scope contains and `isKept` does not name; what the publisher has closed to us stays. One query a
 * megabyte, one write for each place that is removed.
 *
 * @param goesOn asked before each group of places
 * @returns false when it ended early; a repeated call continues
 */
export async function removeRest(
  replica: Replica,
  target: StateTarget,
  at: Position,
  isKept: (entry: ReplicaEntry) => boolean,
  goesOn?: () => boolean,
): Promise<boolean> {
  const { scope, reads } = target;
  const policy = snapshotWrite(at);
  const hides = scope.length > 1;
  let isScopeStored = false as boolean;
  async function* rest(): AsyncGenerator<ReplicaEntry> {
    // The text of a value is needed only where some of the value may stay.
    for await (const entry of entriesIn(replica, target, reads === undefined ? WITHOUT_TEXT : undefined)) {
      if (entry.place.length === scope.length) isScopeStored = true;
      if (!isKept(entry)) yield entry;
    }
  }
  const remove = async (known: ReplicaEntry): Promise<void> => {
    const { place, type } = known;
    const isOpen = reads === undefined || reads.whole(place);
    if (!isOpen && type !== "value" && isHidden(place, reads)) return;
    const change = isOpen || type !== "value" ? removal(hides) : keepingHidden(place, reads, undefined);
    await writePlace(replica, { place, policy, known }, change);
  };
  if (!(await eachEntry(rest(), remove, goesOn))) return false;
  if (hides && !isScopeStored) await writePlace(replica, { place: scope, policy, known: null }, removal(hides));
  return true;
}

/** Marks a place whose read failed. A place that the publisher has closed to us is left, and not marked. */
export async function markStale(
  replica: Replica,
  target: StateTarget,
  place: Place,
  at: Position,
  failed: FailedRead,
): Promise<ReplicaEntry | undefined> {
  if (!isOwned(target, place) || (target.reads !== undefined && isHidden(place, target.reads))) return undefined;
  return (await writePlace(replica, { place, policy: snapshotWrite(at) }, staleMark(failed))).entry;
}

/** Puts what was read, with the closed parts of what is stored; deletes the place when nothing is left of both. */
const keepingHidden = (place: Place, reads: Reads, value: Json | undefined): PlaceChange =>
  composed((stored) => {
    const hidden = stored === undefined ? undefined : hiddenPart(stored, place, reads);
    return value === undefined ? hidden : withHidden(value, hidden);
  }, place.length > 1);

/** True for an entry that was written under this state version, or a later one. */
export const isWrittenSince =
  (stateVersion: number) =>
  (entry: ReplicaEntry): boolean =>
    parseWatermark(entry.watermark).stateVersion >= stateVersion;

/** True for an entry of one of these places. */
export function isAmong(places: readonly Place[]): (entry: ReplicaEntry) => boolean {
  const named = new Set(places.map(keyOfPlace));
  return (entry) => named.has(keyOfPlace(entry.place));
}
