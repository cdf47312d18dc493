/** A trusted peer as a publisher: what can be asked of it, and what its answers mean. */
import type { DiffContent, DiffRecord } from "../domain/diff/diff-content.ts";
import type { Place, Scope } from "../domain/terms/scope.ts";
import type { Deadline, Json } from "../system/ports.ts";

/** A property or list as read from its publisher. */
export interface StatePart {
  readonly place: Place;
  readonly kind: "value" | "list";
  readonly value?: Json;
  readonly items?: readonly Json[];
  readonly description?: string;
  readonly explanation?: string;
  /** The newest diff this part contains, when the publisher says it. */
  readonly sequence?: number;
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
      /** The places are those that were asked for by name: there may be others. */
      readonly byName?: true;
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
    readonly excludedScopes: readonly Place[];
    /** Read from here instead of the place's own URL. */
    readonly url?: string;
    /** Read these one by one when the publisher's list of what there is cannot be read. */
    readonly names?: readonly Place[];
  }): Promise<StateListing>;
  /** Tells the publisher that everything up to `sequence` has been processed; what kept it from taking that, if anything. */
  acknowledge(subscriptionId: string, sequence: number): Promise<ReadFailure | undefined>;
}

/** Finds the publisher behind an approved trust, whose calls end with the deadline; undefined when there is none. */
export type Publishers = (actorId: string, peerId: string, deadline: Deadline) => Promise<Publisher | undefined>;
