import { compact } from "../../system/compact.ts";
import { hiddenPart, isHidden, withHidden } from "../../domain/diff/hidden-part.ts";
import { covers } from "../../domain/terms/scope.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import { parseWatermark } from "../../domain/log/watermark.ts";
import type { Position } from "../../domain/log/watermark.ts";
import { withoutExcluded } from "./diff-plan.ts";
import { fromItem, WITHOUT_TEXT } from "./replica-entry.ts";
import type { ReplicaEntry } from "./replica-entry.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import type { StatePart } from "../../peers/publisher.ts";
import { keyOfPlace, peerItems, rangeOf } from "./peer-places.ts";
import type { PeerIds } from "./peer-places.ts";
import type { Outcome, PlaceWriter } from "./place-writer.ts";
import { snapshotWrite } from "./write-policy.ts";
import type { WritePolicy } from "./write-policy.ts";

/** Places written at the same time. */
const WRITES_AT_ONCE = 16;

/** Whose place a state takes. */
export interface StateTarget {
  readonly scope: Place;
  /** Places that others own. */
  readonly excludedScopes: readonly Place[];
  /** What the publisher lets us see: the rest stays as it is. Without it everything counts as open. */
  readonly reads?: Reads;
}

/** What a read of some parts is written with. */
export interface ReadPosition extends Position {
  /** List operations numbered up to this read their list again instead of being applied. */
  readonly dirtyListsUntil?: number;
}

/**
 * Puts a state that was read in the place of what a scope holds: part by part, then away with what the state lacks.
 * Everything is written under one state version, higher than that of everything stored before: what carries a lower one at the
 * end was not in the state. Places that hold a newer position are left. Safe to redo at any point.
 */
export class StateWriter {
  readonly #ids: PeerIds;
  readonly #writer: PlaceWriter;

  constructor(ids: PeerIds, writer: PlaceWriter) {
    this.#ids = ids;
    this.#writer = writer;
  }

  /** Writes parts that were read; one write a value, for lists their pages. What lies outside the target is left out. */
  async putParts(target: StateTarget, parts: readonly StatePart[], at: ReadPosition): Promise<void> {
    const owned = parts.filter(({ place }) => place.length > 0 && isOwned(target, place));
    await mapConcurrent(owned, WRITES_AT_ONCE, async (part) => {
      await this.put(
        target,
        part,
        snapshotWrite({ stateVersion: at.stateVersion, sequence: part.sequence ?? at.sequence }),
        at.dirtyListsUntil,
      );
    });
  }

  /** Writes one part; one of kind `value` without a value says that nothing is there. */
  async put(
    { excludedScopes, reads }: Pick<StateTarget, "excludedScopes" | "reads">,
    part: StatePart,
    policy: WritePolicy,
    dirtyUntil: number | undefined,
  ): Promise<Outcome> {
    const { place } = part;
    if (part.kind === "list") {
      const { items = [], description, explanation } = part;
      return await this.#writer.list(
        place,
        policy,
        undefined,
        compact({ items, description, explanation, dirtyUntil }),
      );
    }
    if (reads !== undefined && !reads.whole(place)) {
      const value = part.value === undefined ? undefined : withoutExcluded(part.value, place, excludedScopes);
      return await this.#keepHidden(place, policy, undefined, reads, value);
    }
    if (part.value === undefined)
      return await this.#writer.remove(place, policy, undefined, { hides: place.length > 1 });
    return await this.#writer.read(place, policy, withoutExcluded(part.value, place, excludedScopes));
  }

  /**
   * Takes away what the scope holds and `isKept` does not name; what the publisher has closed to us stays. One query a
   * megabyte, one write for each place that goes.
   *
   * @param goesOn asked before each group of places
   * @returns false when it ended early: a redo goes on
   */
  async removeRest(
    target: StateTarget,
    at: Position,
    isKept: (entry: ReplicaEntry) => boolean,
    goesOn: () => boolean = () => true,
  ): Promise<boolean> {
    const { scope, excludedScopes, reads } = target;
    const policy = snapshotWrite(at);
    const hides = scope.length > 1;
    let isScopeStored = false;
    const removeEntry = async (entry: ReplicaEntry): Promise<void> => {
      if (reads === undefined || reads.whole(entry.place)) {
        await this.#writer.remove(entry.place, policy, entry, { hides });
      } else if (entry.type === "value") {
        await this.#keepHidden(entry.place, policy, entry, reads, undefined);
      } else if (!isHidden(entry.place, reads)) {
        await this.#writer.remove(entry.place, policy, entry, { hides });
      }
    };
    let some: ReplicaEntry[] = [];
    // A value's text is only needed where some of it may stay.
    const only = reads === undefined ? { only: WITHOUT_TEXT } : {};
    for await (const item of peerItems(this.#ids, { ...rangeOf(scope), ...only })) {
      const entry = fromItem(item);
      if (!covers(scope, entry.place) || excludedScopes.some((other) => covers(other, entry.place))) continue;
      if (entry.place.length === scope.length) isScopeStored = true;
      if (isKept(entry)) continue;
      some.push(entry);
      if (some.length < WRITES_AT_ONCE * 4) continue;
      if (!goesOn()) return false;
      await mapConcurrent(some, WRITES_AT_ONCE, removeEntry);
      some = [];
    }
    await mapConcurrent(some, WRITES_AT_ONCE, removeEntry);
    if (hides && !isScopeStored) await this.#writer.remove(scope, policy, null, { hides });
    return true;
  }

  /** Marks places whose read said nothing. What the publisher has closed to us is left, and not marked. */
  async markStale(
    target: StateTarget,
    place: Place,
    at: Position,
    failed: { readonly reason: string; readonly again: number },
  ): Promise<ReplicaEntry | undefined> {
    if (!isOwned(target, place) || (target.reads !== undefined && isHidden(place, target.reads))) return undefined;
    return (await this.#writer.stale(place, snapshotWrite(at), undefined, failed)).entry;
  }

  /** What was read, with the closed parts of what is held; undefined: nothing was there that is open. */
  async #keepHidden(
    place: Place,
    policy: WritePolicy,
    known: ReplicaEntry | undefined,
    reads: Reads,
    value: ReturnType<typeof withoutExcluded> | undefined,
  ): Promise<Outcome> {
    const hides = place.length > 1;
    return await this.#writer.compose(
      place,
      policy,
      known,
      (entry) => {
        const hidden = entry === undefined ? undefined : hiddenPart(entry, place, reads);
        return value === undefined ? hidden : withHidden(value, hidden);
      },
      { hides },
    );
  }
}

/** True for what was written under this state version, or a later one. */
export const isWrittenSince =
  (stateVersion: number) =>
  (entry: ReplicaEntry): boolean =>
    parseWatermark(entry.watermark).stateVersion >= stateVersion;

/** True for what is among these places. */
export function isAmong(places: readonly Place[]): (entry: ReplicaEntry) => boolean {
  const named = new Set(places.map(keyOfPlace));
  return (entry) => named.has(keyOfPlace(entry.place));
}

function isOwned({ scope, excludedScopes }: StateTarget, place: Place): boolean {
  return covers(scope, place) && !excludedScopes.some((other) => covers(other, place));
}
