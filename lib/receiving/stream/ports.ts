/** Where received data is kept, as far as receiving needs it, so that it can be run against another in simulations. */
import type { Staleness } from "../replica/replica-entry.ts";
import type { StatePart } from "../../peers/publisher.ts";
import type { IncomingDiff, Replacement } from "../replica/incoming.ts";
import type { ReadPosition, StateTarget } from "../replica/state-writer.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { Position } from "../../domain/log/watermark.ts";

/** Where received data is kept: exactly once by position, whatever is repeated or late. */
export interface ReceivedData<P = unknown> {
  /** Reads what the diffs will need and `known` lacks; may run before they may be applied. */
  prepare(diffs: readonly IncomingDiff[], known?: P): Promise<P>;
  /** Applies one diff; `reread` names places whose content must be asked for again. */
  apply(
    diff: IncomingDiff,
    at: Position,
    prepared?: P,
  ): Promise<{
    readonly reread: readonly Place[];
    /** Those of them that were stale already, by place. */
    readonly stale?: ReadonlyMap<Place, Staleness>;
  }>;
  /** The read state takes the place of all that the scope holds, without the excluded scopes. */
  replace(state: Replacement): Promise<void>;
  /** Writes some parts of a state that takes the place of what a scope holds; `removeRest` ends it. */
  putParts(target: StateTarget, parts: readonly StatePart[], at: ReadPosition): Promise<void>;
  /** Takes away what the scope holds that nothing has written under the position's state version. False: `goesOn` ended it early. */
  removeRest(target: StateTarget, at: Position, goesOn: () => boolean): Promise<boolean>;
  /** The stored value of the place stays; only a new value or a read ends the mark. @returns since when it is stale, ms */
  markStale(
    target: StateTarget,
    place: Place,
    at: Position,
    failed: { readonly reason: string; readonly again: number },
  ): Promise<number | undefined>;
  /** The properties of which the target holds something, each once. */
  storedNames(target: StateTarget): Promise<readonly Place[]>;
  /** The mark of a place, if it is stale. */
  staleness(place: Place): Promise<Staleness | undefined>;
  /** One part that was read again takes the place of the stored value; an absent one removes it. */
  putRead(
    part: StatePart,
    at: Position,
    dirtyUntil?: number,
    within?: Pick<StateTarget, "excludedScopes" | "reads">,
  ): Promise<void>;
}
