/** What receiving needs from its neighbours, so that it can be run against others in simulations. */
import type { DiffContent, DiffRecord } from "../../domain/diff-content.ts";
import type { Staleness } from "../replica/held.ts";
import type { IncomingDiff, Replacement, StatePart } from "../replica/incoming.ts";
import type { ReadPosition, StateTarget } from "../replica/state-writer.ts";
import type { Place, Scope } from "../../domain/scope.ts";
import type { Position } from "../../domain/watermark.ts";
import type { Deadline } from "../../system/ports.ts";

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
  /** The read state takes the place of all that the scope holds, without the carved places. */
  replace(state: Replacement): Promise<void>;
  /** Writes some parts of a state that takes the place of what a scope holds; `removeRest` ends it. */
  putParts(target: StateTarget, parts: readonly StatePart[], at: ReadPosition): Promise<void>;
  /** Takes away what the scope holds that nothing has written under the position's fence. False: `goesOn` ended it early. */
  removeRest(target: StateTarget, at: Position, goesOn: () => boolean): Promise<boolean>;
  /** What is held of the place stays, and only a new value or a read ends the mark; since when it is stale, ms. */
  markStale(
    target: StateTarget,
    place: Place,
    at: Position,
    failed: { readonly reason: string; readonly again: number },
  ): Promise<number | undefined>;
  /** The mark of a place, if it is stale. */
  staleness(place: Place): Promise<Staleness | undefined>;
  /** One re-read part takes the place of what is held; an absent one removes it. */
  putRead(
    part: StatePart,
    at: Position,
    dirtyUntil?: number,
    within?: Pick<StateTarget, "carved" | "reads">,
  ): Promise<void>;
}

/** Why a read says nothing about the data: what is held stays as it is. */
export interface ReadFailure {
  /** One sentence, safe to show and to log. */
  readonly reason: string;
  /** The peer's status, when it gave one. */
  readonly status?: number;
  /** The peer was not reached, or did not answer. */
  readonly unreachable?: true;
  /** The value is larger than can be read: reading it again gives the same until it has become smaller. */
  readonly tooLarge?: true;
  /** The answer tells of the peer rather than of what was read: it fails, is overloaded, or was not reached. */
  readonly unwell?: true;
  /** Our own time ended, which says nothing of the peer either. */
  readonly outOfTime?: true;
  /** The `Retry-After` of the answer, as the peer wrote it. */
  readonly retryAfter?: string;
}

export type Polled =
  | {
      readonly is: "backlog";
      /** The newest number ever made. */
      readonly sequence: number;
      /** Ascending. */
      readonly diffs: readonly DiffRecord[];
      /** What stands there under numbers of the diffs with other contents. */
      readonly others?: readonly DiffRecord[];
    }
  /** The backlog is over the size limit, or cannot be read; only its position is known, if the peer says it anywhere. */
  | { readonly is: "unreadable"; readonly reason: string; readonly sequence?: number }
  /** The publisher does not know the subscription; the `Retry-After` of that answer, as the peer wrote it. */
  | { readonly is: "unknown"; readonly retryAfter?: string }
  /** The publisher has ended the subscription. */
  | { readonly is: "ended" }
  | { readonly is: "failed"; readonly failure: ReadFailure };

/** What the publisher says of one place of a state. */
export type PartAnswer =
  | { readonly is: "part"; readonly part: StatePart }
  /** It is not there. */
  | { readonly is: "absent"; readonly place: Place }
  /** Nothing: what is held of the place stays, and is stale. */
  | { readonly is: "failed"; readonly place: Place; readonly failure: ReadFailure };

export interface PartsAnswer {
  /** In the order of the places asked for; fewer than those when reading stopped early. */
  readonly answers: readonly PartAnswer[];
  /** The lowest position of the listing and of all that was read from it, when the publisher says positions. */
  readonly sequence?: number;
  /** Why reading stopped before the first place without an answer. */
  readonly stopped?: ReadFailure;
}

export type StateListing =
  | {
      readonly is: "listing";
      /** What there is to read, in the order of the first names. */
      readonly places: readonly Place[];
      /** Names that the copy leaves out. */
      readonly leftOut: readonly string[];
      /** Bytes of a place's value, as far as the publisher has said. */
      readonly bytesOf: (place: Place) => number;
      /**
       * Reads some of the places.
       *
       * @param options.patient a failure counts as the answer of its place even when it tells of the peer
       */
      readonly read: (places: readonly Place[], options: { readonly patient: boolean }) => Promise<PartsAnswer>;
    }
  /** The target has no readable state. */
  | { readonly is: "absent" }
  | { readonly is: "failed"; readonly failure: ReadFailure };

/** A trusted peer as the source of a subscription. Never rejects for what the peer does. */
export interface Publisher {
  /** The trust's `baseuri`: what URLs the peer sends must lie under. */
  readonly baseUri: string;
  poll(subscriptionId: string): Promise<Polled>;
  /** The diff of this number, from the `url` of its callback. `refused` also when the answer is about another number. */
  fetchDiff(
    url: string,
    sequence?: number,
  ): Promise<
    | { readonly is: "content"; readonly content: DiffContent }
    | { readonly is: "refused" | "failed"; readonly failure: ReadFailure }
  >;
  listState(what: {
    readonly scope: Scope;
    readonly place: Place;
    readonly subscriptionId: string;
    readonly carved: readonly Place[];
    /** Read from here instead of the place's own URL. */
    readonly url?: string;
  }): Promise<StateListing>;
  /** Tells the publisher that everything up to `sequence` has been processed; what kept it from taking that, if anything. */
  acknowledge(subscriptionId: string, sequence: number): Promise<ReadFailure | undefined>;
}

/** Finds the publisher behind an approved trust, whose calls end with the deadline; undefined when there is none. */
export type Publishers = (actorId: string, peerId: string, deadline: Deadline) => Promise<Publisher | undefined>;
