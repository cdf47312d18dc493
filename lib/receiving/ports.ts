/** What receiving needs from its neighbours, so that it can be run against others in simulations. */
import type { DiffContent, DiffRecord } from "../domain/diff-content.ts";
import type { IncomingDiff, Replacement, StatePart } from "../peer-data/incoming.ts";
import type { Place, Scope } from "../domain/scope.ts";
import type { Position } from "../domain/watermark.ts";
import type { Deadline } from "../ports.ts";

/** Where received data is kept: exactly once by position, whatever is repeated or late. */
export interface ReceivedData<P = unknown> {
  /** Reads what the diffs will need and `known` lacks; may run before they may be applied. */
  prepare(diffs: readonly IncomingDiff[], known?: P): Promise<P>;
  /** Applies one diff; `reread` names places whose content must be asked for again. */
  apply(diff: IncomingDiff, at: Position, prepared?: P): Promise<{ readonly reread: readonly Place[] }>;
  /** The read state takes the place of all that the scope holds, without the carved places. */
  replace(state: Replacement): Promise<void>;
  /** One re-read part takes the place of what is held; an absent one removes it. */
  putRead(part: StatePart, at: Position, dirtyUntil?: number, carved?: readonly Place[]): Promise<void>;
}

export type Polled =
  | {
      readonly is: "backlog";
      /** The newest number ever made. */
      readonly sequence: number;
      /** Ascending. */
      readonly diffs: readonly DiffRecord[];
    }
  /** The backlog is over the size limit; only its position is known. */
  | { readonly is: "too_large"; readonly sequence?: number }
  /** The publisher does not know the subscription. */
  | { readonly is: "gone" }
  | { readonly is: "failed"; readonly reason: string };

export type StateAnswer =
  | {
      readonly is: "state";
      readonly parts: readonly StatePart[];
      /** The lowest position of what was read, when the publisher says positions. */
      readonly sequence?: number;
      /** Places too large to read. */
      readonly diverged: readonly Place[];
    }
  /** The target has no readable state. */
  | { readonly is: "absent" }
  | { readonly is: "failed"; readonly reason: string };

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
    | { readonly is: "refused" }
    | { readonly is: "failed"; readonly reason: string }
  >;
  readState(what: {
    readonly scope: Scope;
    readonly place: Place;
    readonly subscriptionId: string;
    readonly carved: readonly Place[];
    /** Read from here instead of the place's own URL. */
    readonly url?: string;
  }): Promise<StateAnswer>;
  /** Tells the publisher that everything up to `sequence` has been processed. False when it was not taken. */
  acknowledge(subscriptionId: string, sequence: number): Promise<boolean>;
}

/** Finds the publisher behind an approved trust, whose calls end with the deadline; undefined when there is none. */
export type Publishers = (actorId: string, peerId: string, deadline: Deadline) => Promise<Publisher | undefined>;
