/** What an order keeper and the session around it say to each other. */
import type { BreakerPolicy } from "../policy/breaker.ts";
import type { Exhaustion, KeeperState, OrderedEvent } from "./keeper-state.ts";

/** The settings of the moment. */
export interface KeeperRules {
  /** `key`: one event of a key at a time, in order. `strict`: one event at a time. `none`: no order. */
  readonly order: "key" | "strict" | "none";
  /** Most events in flight. */
  readonly parallel: number;
  readonly maxAttempts: number;
  readonly onExhausted: "park" | "stop";
  readonly retryAmbiguous: boolean;
  readonly breaker: BreakerPolicy;
  /** How many failed events there is room for; without room an exhausted event stops the listener. */
  readonly room: number;
  /** How long the log keeps records, ms: numbers are found again for events as old as that. */
  readonly retentionMs: number;
}

/** An event of the listener with its number. */
export interface NumberedEvent<E extends OrderedEvent> {
  readonly event: E;
  /** The same for ever. */
  readonly number: number;
  /** Attempts that failed and count: the next one is `attempts` + 1. */
  readonly attempts: number;
  /** Sent again on request: the redrive's id. */
  readonly redrive?: string;
}

/**
 * The result of an attempt. `failed`: the event's, until shown otherwise. `ambiguous`: the same, but the event may have
 * been taken. `unavailable`: the endpoint's. `ended`: the endpoint wants no more events.
 */
export interface Outcome {
  readonly is: "taken" | "failed" | "ambiguous" | "unavailable" | "ended";
  /** The pause that the endpoint asked for, ms. */
  readonly retryAfterMs?: number;
}

/** A part of the log to read: events beyond `after`. What lies beyond `upTo` is of no use; absent: to the end. */
export interface StretchRequest {
  readonly after: string;
  readonly upTo?: string;
}

/** Every event of the log beyond `after` up to and including `upTo`, in order, whether or not it is selected. */
export interface Stretch<E extends OrderedEvent> {
  readonly after: string;
  readonly upTo: string;
  readonly events: readonly E[];
  /** The log had nothing beyond `upTo` when it was read. */
  readonly atEnd: boolean;
}

/** What may happen now. */
export interface KeeperStep<E extends OrderedEvent> {
  /** Events that may begin, the first one first. Ask again after each `begin`. */
  readonly send: readonly NumberedEvent<E>[];
  /** To be read next; absent: enough is in memory, or nothing is to be read. */
  readonly read?: StretchRequest;
  /** A note is to be stored before more becomes possible. */
  readonly store: boolean;
  /** Time makes more possible at this time, ms since 1970; absent: only an outcome, a change of the log, or a person does. */
  readonly wakeAt?: number;
}

/** An event that is not tried again. It is stored in the transaction of the note. */
export interface ExhaustedEvent<E extends OrderedEvent> extends NumberedEvent<E> {
  readonly because: Exhaustion;
}

/** What a person may want to know; follows from two states of which the second replaces the first. */
export type KeeperSignal = "failing" | "recovered" | "stopped" | "gone";

/** What is to be stored in one transaction, on the condition that the holder of the lease stores it. */
export interface KeeperNote<E extends OrderedEvent, S> {
  readonly state: KeeperState<S>;
  readonly exhausted: readonly ExhaustedEvent<E>[];
  /** Failed events of a redrive that were taken: their copies go. */
  readonly redriven: readonly NumberedEvent<E>[];
  readonly signals: readonly KeeperSignal[];
}

/** What a session asks of the order keeper of one listener; it holds the lease, and the clock. */
export interface OrderKeeperPort<E extends OrderedEvent, S> {
  /** What may happen at `now` (ms since 1970). */
  next(now: number): KeeperStep<E>;
  /** What was read; `after` is that of the request. Nothing of it was lost to expiry. */
  read(stretch: Stretch<E>): void;
  /** The part that `next` asked for can no longer be read: its beginning has expired. */
  overtaken(): void;
  /** An event of the last `next` begins. */
  begin(numbered: NumberedEvent<E>): void;
  /** An event that began has this outcome; it ended at `now`. */
  report(numbered: NumberedEvent<E>, outcome: Outcome, now: number): void;
  /** What to store now. Never later than before the next event is begun when `next` says so. Changes nothing. */
  note(now: number): KeeperNote<E, S>;
  /** The note was stored. One that was not stored ends the session: begin again with the stored state. */
  stored(note: KeeperNote<E, S>): void;
  /** The stored state has other selections now, from a change by the owner while this session works. */
  adopt(state: Pick<KeeperState<S>, "selections">): void;
}
