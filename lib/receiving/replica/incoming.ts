import type { Place } from "../../domain/terms/scope.ts";
import type { StatePart } from "../../peers/publisher.ts";
import type { Json } from "../../system/ports.ts";
import type { Staleness } from "./replica-entry.ts";

/** One diff, with what its subscription owns. */
export interface IncomingDiff {
  /** The subscription's place; `[]` is all properties. */
  readonly scope: Place;
  /** Places inside the scope that narrower subscriptions own: this diff does not touch them. */
  readonly excludedScopes: readonly Place[];
  /** Relative to the scope: an object of properties at `[]`, else the bare value of the place. */
  readonly data: Json;
  /** JSON Pointers within `data` whose values stand literally; absent when the publisher does not send the field. */
  readonly overwritten?: readonly string[];
  readonly nested: "merge" | "replace";
}

/** What came of applying a diff. */
export interface Applied {
  /** Ambiguous or diverged: each must be read from the publisher and given to `putRead`. Durable: a redo says it again. */
  readonly reread: readonly Place[];
  /** Those of them that were stale already. */
  readonly stale?: ReadonlyMap<Place, Staleness>;
  /** Written by this call. */
  readonly changed: readonly Place[];
  /** Held a newer position, or this one, already. */
  readonly skipped: readonly Place[];
}

/** A whole state that takes the place of what a scope holds. */
export interface Replacement {
  readonly scope: Place;
  readonly excludedScopes: readonly Place[];
  readonly parts: readonly StatePart[];
  readonly stateVersion: number;
  /** The position of parts that carry none. */
  readonly sequence: number;
  /** List operations numbered up to this make their list be read again instead of being applied. */
  readonly dirtyListsUntil?: number;
}
