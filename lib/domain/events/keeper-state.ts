/**
 * The stored state of an order keeper: how far a listener has advanced along the log, and which earlier events are not
 * done. It is plain JSON of bounded size (`MAX_ENTRIES`, `MAX_SELECTIONS`, `MAX_ANCHORS`, `MAX_AHEAD`).
 * docs/listener-state.md specifies it. An event is done when the endpoint took it, or a person has it.
 */
import type { NumberRange } from "../log/delivery-state.ts";

/**
 * The properties of an event that decide its order. `position` is the place right after the event, as text that sorts like
 * the log (position.ts). A barrier waits for every earlier event whose key begins with `<key>.`, and every later event with
 * such a key waits for the barrier.
 */
export interface OrderedEvent {
  readonly position: string;
  readonly key: string;
  readonly barrier: boolean;
  /** When the event can no longer be read, ms since 1970. */
  readonly expiresAt: number;
}

/**
 * A place in the log, and how the listener counts there: `number` is that of the newest event up to `after` that its
 * selection lets through.
 */
export interface NumberedPosition {
  readonly after: string;
  readonly number: number;
}

/**
 * How far a part of the listener's events is done: all of them up to `after`, and beyond it those with numbers in `ahead`.
 */
export interface Front extends NumberedPosition {
  /** Ranges of numbers beyond `after` that are done too: ascending, with a gap between each two. Absent: none. */
  readonly ahead?: readonly NumberRange[];
}

/** The failures of an entry's first event that is not done. */
export interface Failing {
  /** The position of the event. */
  readonly position: string;
  readonly expiresAt: number;
  /** Failures that count against `maxAttempts`. */
  readonly attempts: number;
  /** How many of `attempts` belong to the present run of failures: they are subtracted again when the breaker opens. */
  readonly inRun: number;
  /** The event failed in the present run: since then the endpoint has taken no event. */
  readonly run: boolean;
  /**
   * Whether the event or the endpoint is at fault. `taken`: the endpoint took another event after this one had failed.
   * `shown`: this event failed again after that, so it is at fault, whatever the status of the answer.
   */
  readonly evidence: "none" | "taken" | "shown";
  /** By its status, the last failure was the endpoint's: later events of the key need not wait, but other keys go first. */
  readonly endpoint: boolean;
  /** When the last attempt ended, ms since 1970. */
  readonly triedAt: number;
  /** When the schedule has the next attempt, ms since 1970. */
  readonly tryAt: number;
  /** A failure of an attempt that began before this time does not count, ms since 1970. */
  readonly countsAt: number;
  /**
   * The endpoint's `Retry-After`: no attempt begins before this time, ms since 1970, even if schedule and breaker allow it.
   */
  readonly retryAfter?: number;
  /** Why the event is not tried again: the next note hands it to a person, or stops the listener. */
  readonly exhausted?: Exhaustion;
}

/** Why an event is not tried again. */
export type Exhaustion = "attempts" | "ambiguous" | "expiring" | "skipped";

/**
 * Events below the floor that are not done, because one of them failed: those beyond `after` that are not in `ahead`, and
 * have the key (`key`), have it or a key that begins with `<key>.` (`below`), or only the first one (`one`). An entry
 * without `failing` waits for an earlier entry, or its events are being sent until it reaches the floor.
 */
export interface Entry extends Front {
  readonly key: string;
  readonly scope: "key" | "below" | "one";
  /** How many events of the entry below the floor are not done. */
  readonly waiting: number;
  /** This entry was split off a wider one, whose `waiting` still counts the events up to here until it has passed them. */
  readonly countedTo?: string;
  readonly failing?: Failing;
}

/** A selection, and the position from which it applies. */
export interface SelectionFrom<S> {
  readonly after: string;
  readonly selection: S;
}

/** A point from which earlier events can be numbered again, and when the listener reached it (ms since 1970). */
export interface Anchor extends NumberedPosition {
  readonly at: number;
}

/** The state of the endpoint's breaker. */
export interface EndpointHealth {
  /** How many failures followed one another without a success between them. */
  readonly failures: number;
  /** The breaker is open, and one probe may begin at this time (ms since 1970). Absent: the breaker is closed. */
  readonly openUntil?: number;
  /** For how long the breaker opened the last time, ms. */
  readonly cooldown?: number;
  /** No attempt begins before this time, ms since 1970: the pause after the endpoint's failure, or its `Retry-After`. */
  readonly pausedUntil?: number;
  /**
   * While all keys with events are blocked, the one that has waited longest is tried at `at` (ms since 1970), then after
   * `every` ms.
   */
  readonly pace?: { readonly at: number; readonly every: number };
}

/** Why the listener sends nothing until a person resumes it. */
export type Stopped =
  | { readonly reason: "exhausted"; readonly key: string; readonly position: string }
  | { readonly reason: "position_gone" }
  | { readonly reason: "gone" };

/** Events that are sent again because the owner asked for it, in the order of the log. Those up to `after` were sent. */
export interface Redrive extends NumberedPosition {
  readonly id: string;
  /** `failed`: failed events that a person has. `log`: events of the log. */
  readonly source: "failed" | "log";
  /** Events up to this position are read, so that the later ones can be numbered, but not sent. */
  readonly from: string;
  /** The position of the last event to send. */
  readonly upTo: string;
  /** How many events may still be sent. */
  readonly left: number;
  readonly done: number;
  readonly failed: number;
  /** How often the endpoint was unavailable for the first event that is left. */
  readonly tries?: number;
}

/** The whole state, as the listener's item has it. */
export interface KeeperState<S> {
  /** Every event up to the floor is done, or belongs to an entry. */
  readonly floor: Front;
  /** Events up to this point keep their numbers for ever, whether or not they were sent. Never behind the floor. */
  readonly numbered: NumberedPosition;
  readonly entries: readonly Entry[];
  /** Ascending by position, never empty. The first one applies to the oldest of the entries, the anchors and the floor. */
  readonly selections: readonly SelectionFrom<S>[];
  /** Ascending by position. */
  readonly anchors: readonly Anchor[];
  readonly health: EndpointHealth;
  /** At the last note, an event that was not done was older than half of the time for which records are kept. */
  readonly lagging?: true;
  readonly stopped?: Stopped;
  readonly redrive?: Redrive;
}

/** A test whether a selection lets an event through. */
export type Selects<E extends OrderedEvent, S> = (selection: S, event: E) => boolean;

/** Most entries, and one more in strict order. While there is no room for another, the whole listener waits. */
export const MAX_ENTRIES = 64;
/** Most characters of all keys of entries together. A single entry may exceed this. */
export const MAX_KEY_CHARACTERS = 32_768;
/** Most selections: a further change waits until no entry needs the oldest one. */
export const MAX_SELECTIONS = 8;
/** Most anchors: events can be redriven from the oldest anchor on. */
export const MAX_ANCHORS = 32;
/** Most events that one note gives up: each takes two writes of the note's transaction, which has at most 100. */
export const MOST_GIVEN_UP = 20;
/**
 * How far (in numbers) events beyond a front may be sent while an earlier one is not done; and most events of a redrive in
 * memory.
 */
export const MAX_AHEAD = 200;
/** Most events of an entry in memory. */
export const MAX_QUEUE = 64;

/** The state of a listener that begins after a position of the log. `at`: the time, ms since 1970. */
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

/** The selection that applies to an event. */
export function selectionAt<S>(selections: readonly SelectionFrom<S>[], { position }: OrderedEvent): S {
  let at = selections.length - 1;
  while (at > 0 && (selections[at] as SelectionFrom<S>).after >= position) at -= 1;
  return (selections[at] as SelectionFrom<S>).selection;
}
