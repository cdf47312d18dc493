/** A trusted peer as a publisher: the calls that a subscription makes, and what their answers mean. */
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
  /** The newest diff that this part contains, when the publisher says so. */
  readonly sequence?: number;
}

/** Why a read failed: the stored data stays as it is. */
export interface ReadFailure {
  /** One sentence, safe to show and to log. */
  readonly reason: string;
  /** The peer's status, when it gave one. */
  readonly status?: number;
  /** The peer was not reached, or did not answer. */
  readonly unreachable?: true;
  /** The value is larger than the size limit; reading it again fails in the same way until the value is smaller. */
  readonly tooLarge?: true;
  /** The failure is the peer's rather than that of what was read: the peer fails, is overloaded, or was not reached. */
  readonly unwell?: true;
  /** Our own deadline ended the read, which is no failure of the peer. */
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
      /** Entries of the backlog that repeat the number of a diff with another content. */
      readonly others?: readonly DiffRecord[];
    }
  /** The backlog is over the size limit, or cannot be read; only the newest number is known, if the peer gives it anywhere. */
  | { readonly is: "unreadable"; readonly reason: string; readonly sequence?: number }
  /** The publisher does not know the subscription; the `Retry-After` of that answer, as the peer wrote it. */
  | { readonly is: "unknown"; readonly retryAfter?: string }
  /** The publisher has ended the subscription. */
  | { readonly is: "ended" }
  | { readonly is: "failed"; readonly failure: ReadFailure };

/** What the publisher says of one place of a state. */
export type PartAnswer =
  | { readonly is: "part"; readonly part: StatePart }
  /** The place does not exist. */
  | { readonly is: "absent"; readonly place: Place }
  /** The read of the place failed: the stored value stays, and is stale. */
  | { readonly is: "failed"; readonly place: Place; readonly failure: ReadFailure };

interface PartsAnswer {
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
      /** The places to read, in the order of the first names. */
      readonly places: readonly Place[];
      /** The places are those that were asked for by name: there may be others. */
      readonly byName?: true;
      /** Names that the copy leaves out. */
      readonly leftOut: readonly string[];
      /** Bytes of a place's value, as far as the publisher has given them. */
      readonly bytesOf: (place: Place) => number;
      /**
       * Reads some of the places.
       *
       * @param options.patient a failure counts as the answer of its place even when it is the peer's
       */
      readonly read: (places: readonly Place[], options: { readonly patient: boolean }) => Promise<PartsAnswer>;
    }
  /** The target has no readable state. */
  | { readonly is: "absent" }
  | { readonly is: "failed"; readonly failure: ReadFailure };

/** What a subscription reads of its publisher's state. */
export interface StateRequest {
  readonly scope: Scope;
  /** The subscription's place, or one below it. */
  readonly place: Place;
  readonly subscriptionId: string;
  /** Places that narrower subscriptions own: not read when they are whole properties. */
  readonly excludedScopes: readonly Place[];
  /** Read from here instead of the place's own URL. The URL lies under the peer's root; the caller has checked. */
  readonly url?: string;
  /** Places to read one by one when the list of places cannot be read. */
  readonly names?: readonly Place[];
}

/** The result of fetching one diff. `refused`: asking again would give the same; `failed`: a later try may succeed. */
export type DiffAnswer =
  | { readonly is: "content"; readonly content: DiffContent }
  | { readonly is: "refused" | "failed"; readonly failure: ReadFailure };

/** A trusted peer as the source of a subscription. Never rejects for what the peer does. */
export interface Publisher {
  /** The trust's `baseuri`: what URLs the peer sends must lie under. */
  readonly baseUri: string;
  /** The newest number of a subscription, and its backlog. */
  poll(subscriptionId: string): Promise<Polled>;
  /** The diff from the `url` of its callback; `refused` also when the answer is about another number than `sequence`. */
  fetchDiff(url: string, sequence?: number): Promise<DiffAnswer>;
  /** Lists the parts of a place to read; see `listState` of read-state.ts. */
  listState(requested: StateRequest): Promise<StateListing>;
  /**
   * Says that everything up to `sequence` has been processed here.
   *
   * @returns why the publisher did not take it; undefined when it did
   */
  acknowledge(subscriptionId: string, sequence: number): Promise<ReadFailure | undefined>;
}

/** Finds the publisher behind an approved trust, whose calls end with the deadline; undefined when there is none. */
export type Publishers = (actorId: string, peerId: string, deadline: Deadline) => Promise<Publisher | undefined>;
