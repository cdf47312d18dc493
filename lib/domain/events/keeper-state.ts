/**
 * What an order keeper stores: how far a listener has come along the log, and what is not done below that. Plain JSON,
 * bounded: `MAX_ENTRIES`, `MAX_SELECTIONS`, `MAX_ANCHORS`, `MAX_AHEAD`. docs/listener-state.md specifies it.
 */
import type { NumberRange } from "../log/delivery-state.ts";

/**
 * What order depends on. `position` is text whose order is the order of the log (position.ts): it stands after the event.
 * A barrier waits for every earlier event whose key begins with `<key>.`, and every later one of these waits for it.
 */
export interface OrderedEvent {
  readonly position: string;
  readonly key: string;
  readonly barrier: boolean;
  /** When the event can no longer be read, ms since 1970. */
  readonly expiresAt: number;
}

/** A point of the log: the position, and the number of the newest event up to it that the listener's selection lets through. */
export interface NumberedPosition {
  readonly after: string;
  readonly number: number;
}

/** A stretch of the log of which a part is done: everything up to `after`, and the numbers in `ahead`. */
export interface Front extends NumberedPosition {
  /** Numbers beyond `after` that are done too, ascending, apart from each other; absent: none. */
  readonly ahead?: readonly NumberRange[];
}

/** The failures of the first event of an entry that is not done. */
export interface Failing {
  /** The event's. */
  readonly position: string;
  readonly expiresAt: number;
  /** Failures that count against `maxAttempts`. */
  readonly attempts: number;
  /** How many of `attempts` were counted in the present run of failures: they are given back when the breaker opens. */
  readonly inRun: number;
  /** It failed in the present run: nothing was taken since. */
  readonly run: boolean;
  /**
   * `taken`: something else was taken since it failed first. `shown`: and after that it failed again, so that its failures
   * are its own, whatever their status.
   */
  readonly evidence: "none" | "taken" | "shown";
  /** The last failure was the endpoint's by its status: it does not hold back its key, but other keys go first. */
  readonly endpoint: boolean;
  /** When the last attempt ended, ms since 1970. */
  readonly triedAt: number;
  /** The next attempt by the schedule, ms since 1970. */
  readonly tryAt: number;
  /** Attempts that begin earlier than this do not count, ms since 1970. */
  readonly countsAt: number;
  /** No attempt begins earlier, whatever the schedule and the breaker say, ms since 1970. */
  readonly retryAfter?: number;
  /** Not to be tried again: to be handed to a person, or to stop the listener. */
  readonly exhausted?: Exhaustion;
}

/** Why an event is not tried again. */
export type Exhaustion = "attempts" | "ambiguous" | "expiring" | "skipped";

/**
 * Events below the floor that are not done: those of the key beyond `after`, but for `ahead`. `below`: those whose keys
 * begin with `<key>.` too. `one`: only the next one. An entry without `failing` waits for an earlier one, or catches up.
 */
export interface Entry extends Front {
  readonly key: string;
  readonly scope: "key" | "below" | "one";
  /** Events of the entry below the floor that are not done. */
  readonly waiting: number;
  /** Events up to here are counted by the wider entry that this one came from, until that one has passed them. */
  readonly countedTo?: string;
  readonly failing?: Failing;
}

/** Which selection holds for events beyond a position. */
export interface SelectionFrom<S> {
  readonly after: string;
  readonly selection: S;
}

/** A number that counting again begins at, and when the listener came there (ms since 1970). */
export interface Anchor extends NumberedPosition {
  readonly at: number;
}

/** What is known of the endpoint's failures. */
export interface EndpointHealth {
  /** Failures one after another with nothing taken between. */
  readonly failures: number;
  /** The breaker is open: one probe may begin at this time (ms since 1970). Absent: closed. */
  readonly openUntil?: number;
  /** How long it opened the last time, ms. */
  readonly cooldown?: number;
  /** Nothing begins before this time, ms since 1970: the pause after the endpoint's failure, or its `Retry-After`. */
  readonly pausedUntil?: number;
  /** While every key that waits is blocked, the one that waits longest is tried at `at` too; `every` ms before the next. */
  readonly pace?: { readonly at: number; readonly every: number };
}

/** Why nothing is sent until a person acts. */
export type Stopped =
  | { readonly reason: "exhausted"; readonly key: string; readonly position: string }
  | { readonly reason: "position_gone" }
  | { readonly reason: "gone" };

/** Events that are sent again on request, in the order of the log. */
export interface Redrive extends NumberedPosition {
  readonly id: string;
  /** Failed events that a person has, or events of the log. Those up to `after` were sent. */
  readonly source: "failed" | "log";
  /** Counting numbers may begin earlier than what is to be sent: events up to this position are not. */
  readonly from: string;
  /** The last one. */
  readonly upTo: string;
  /** How many may still be sent. */
  readonly left: number;
  readonly done: number;
  readonly failed: number;
  /** How often the endpoint did not take the first one that is left. */
  readonly tries?: number;
}

/** The whole of it, as it lies in the listener's item. */
export interface KeeperState<S> {
  /** Every event up to it is done, or belongs to an entry. */
  readonly floor: Front;
  /** Events up to it have their number for ever, sent or not. Never behind the floor. */
  readonly numbered: NumberedPosition;
  readonly entries: readonly Entry[];
  /** Ascending; the first holds for the oldest entry, anchor and floor. Never empty. */
  readonly selections: readonly SelectionFrom<S>[];
  /** Ascending. */
  readonly anchors: readonly Anchor[];
  readonly health: EndpointHealth;
  /** An event that is not done was older than half of the time that records stay, at the last note. */
  readonly lagging?: true;
  readonly stopped?: Stopped;
  readonly redrive?: Redrive;
}

/** True when a selection lets an event through. */
export type Selects<E extends OrderedEvent, S> = (selection: S, event: E) => boolean;

/** Most entries, one more in strict order; the whole listener waits while there is no room. */
export const MAX_ENTRIES = 64;
/** Most characters that the keys of entries have together, but for a single one. */
export const MAX_KEY_CHARACTERS = 32_768;
/** Most selections at a time: a further change waits until entries that need the old ones are done. */
export const MAX_SELECTIONS = 8;
/** Most anchors: redriven events can be numbered from the oldest on. */
export const MAX_ANCHORS = 32;
/** Most events that are given up in one note: each takes two writes of its transaction, which has 100. */
export const MOST_GIVEN_UP = 20;
/** Most events beyond a front of which some may be done while an earlier one is not, and most of a redrive in memory. */
export const MAX_AHEAD = 200;
/** Most events of an entry in memory. */
export const MAX_QUEUE = 64;

/** A listener that begins after a position of the log. `at`: ms since 1970. */
export function newKeeperState<S>(
  after: string,
  { selection, at }: { readonly selection: S; readonly at: number },
): KeeperState<S> {
  const beginning = { after, number: 0 };
  return {
    floor: beginning,
    numbered: beginning,
    entries: [],
    selections: [{ after, selection }],
    anchors: [{ ...beginning, at }],
    health: { failures: 0 },
  };
}

/** The selection that holds for an event. */
export function selectionAt<S>(selections: readonly SelectionFrom<S>[], { position }: OrderedEvent): S {
  let at = selections.length - 1;
  while (at > 0 && (selections[at] as SelectionFrom<S>).after >= position) at -= 1;
  return (selections[at] as SelectionFrom<S>).selection;
}
