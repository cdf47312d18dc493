import type { Place } from "../../domain/terms/scope.ts";
import type { StatePart } from "../../peers/publisher.ts";
import type { Json } from "../../system/ports.ts";
import type { Owned } from "./peer-places.ts";
import type { Staleness } from "./replica-entry.ts";

/** One diff, with what its subscription owns; the scope `[]` is all properties. */
export interface IncomingDiff extends Owned {
  /** Relative to the scope: an object of properties at `[]`, else the bare value of the place. */
  readonly data: Json;
  /** JSON Pointers within `data` whose values stand literally; absent when the publisher does not send the field. */
  readonly overwritten?: readonly string[];
  readonly nested: "merge" | "replace";
}

/** The places that a diff touched, by outcome. */
export interface Applied {
  /** Ambiguous or diverged: each must be read from the publisher and given to `putRead`. Durable: a redo names it too. */
  readonly reread: readonly Place[];
  /** Those of `reread` that were stale already. */
  readonly stale?: ReadonlyMap<Place, Staleness>;
  /** Written by this call. */
  readonly changed: readonly Place[];
  /** Stored at this position, or a newer one, before. */
  readonly skipped: readonly Place[];
}

/** A whole state that replaces what is stored in a scope. */
export interface Replacement extends Owned {
  readonly parts: readonly StatePart[];
  readonly stateVersion: number;
  /** The number of parts that carry none. */
  readonly sequence: number;
  /** A list operation numbered up to this is not applied: its list is read again instead. */
  readonly dirtyListsUntil?: number;
}
