/** What an order keeper and the session around it say to each other. */
import type { BreakerPolicy } from "../policy/breaker.ts";
import type { Exhaustion, KeeperState, OrderedEvent, Redrive, Selects } from "./keeper-state.ts";

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

/** Failed events to read: those of the listener beyond `after` up to `upTo`, in the order of their positions. */
export interface RedriveRequest {
  readonly id: string;
  readonly after: string;
  readonly upTo: string;
}

/** What may happen now. */
export interface KeeperStep<E extends OrderedEvent> {
  /** Events that may begin, the first one first. Ask again after each `begin`. */
  readonly send: readonly NumberedEvent<E>[];
  /** To be read next; absent: enough is in memory, or nothing is to be read. */
  readonly read?: StretchRequest;
  /** Failed events to be read for a redrive. */
  readonly failed?: RedriveRequest;
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
export type KeeperSignal = "failing" | "recovered" | "stopped" | "gone" | "lagging" | "overtaken";

/** What is to be stored in one transaction, on the condition that the holder of the lease stores it. */
export interface KeeperNote<E extends OrderedEvent, S> {
  readonly state: KeeperState<S>;
  readonly exhausted: readonly ExhaustedEvent<E>[];
  /** Failed events of a redrive that were taken: their copies go. */
  readonly redriven: readonly NumberedEvent<E>[];
  /** How far the redrive has come, when there is one; `ended`: with this note. */
  readonly redrive?: Pick<Redrive, "id" | "done" | "failed"> & { readonly ended: boolean };
  readonly signals: readonly KeeperSignal[];
}

/** What the order keeper takes from outside. */
export interface KeeperTools<E extends OrderedEvent, S> {
  readonly selects: Selects<E, S>;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
}
