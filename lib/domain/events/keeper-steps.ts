/** The data that an order keeper and the session around it exchange. */
import type { BreakerPolicy } from "../policy/breaker.ts";
import type { Exhaustion, KeeperState, OrderedEvent, Redrive, Selects } from "./keeper-state.ts";

/** The listener's present settings. */
export interface KeeperRules {
  /** `key`: one event of a key at a time, in order. `strict`: one event at a time. `none`: no order. */
  readonly order: "key" | "strict" | "none";
  /** Most events in flight. */
  readonly parallel: number;
  readonly maxAttempts: number;
  readonly onExhausted: "park" | "stop";
  readonly retryAmbiguous: boolean;
  readonly breaker: BreakerPolicy;
  /** How many more failed events can be kept. Without room, an event that is given up stops the listener. */
  readonly room: number;
  /** How long the log keeps records, ms. Anchors reach back as far. */
  readonly retentionMs: number;
}

/** An event of the listener with its number. */
export interface NumberedEvent<E extends OrderedEvent> {
  readonly event: E;
  /** The event keeps its number for ever. */
  readonly number: number;
  /** Failed attempts that count: the next attempt is number `attempts` + 1. */
  readonly attempts: number;
  /** The id of the redrive that sends the event again. Absent: the event is sent for the first time. */
  readonly redrive?: string;
}

/**
 * The result of an attempt. `failed`: presumably because of the event. `ambiguous`: the same, but the endpoint may have
 * taken the event. `unavailable`: because of the endpoint. `ended`: the endpoint wants no more events.
 */
export interface Outcome {
  readonly is: "taken" | "failed" | "ambiguous" | "unavailable" | "ended";
  /** The pause that the endpoint asked for, ms. */
  readonly retryAfterMs?: number;
}

/** A part of the log to read: the events beyond `after`, up to `upTo`, or to the end of the log when that is absent. */
export interface StretchRequest {
  readonly after: string;
  readonly upTo?: string;
}

/** A part of the log: every event beyond `after` up to and including `upTo`, in order, also those that are not selected. */
export interface Stretch<E extends OrderedEvent> {
  readonly after: string;
  readonly upTo: string;
  readonly events: readonly E[];
  /** The log had no event beyond `upTo` when it was read. */
  readonly atEnd: boolean;
}

/** Failed events to read: those of the listener beyond `after` up to `upTo`, in the order of their positions. */
export interface RedriveRequest {
  readonly id: string;
  readonly after: string;
  readonly upTo: string;
}

/** What the session may do now. */
export interface KeeperStep<E extends OrderedEvent> {
  /** Events that may be sent, the preferred one first. After each `begin` the session asks for another step. */
  readonly send: readonly NumberedEvent<E>[];
  /** The part of the log to read next. Absent: nothing has to be read. */
  readonly read?: StretchRequest;
  /** The failed events to read next, for a redrive. */
  readonly failed?: RedriveRequest;
  /** The session has to store a note before anything else may happen. */
  readonly store: boolean;
  /**
   * When more may happen without a new cause, ms since 1970. Absent: only after an outcome, a commit, or a person's action.
   */
  readonly wakeAt?: number;
}

/** An event that is not tried again. The transaction of the note stores it as a failed event. */
export interface ExhaustedEvent<E extends OrderedEvent> extends NumberedEvent<E> {
  readonly because: Exhaustion;
}

/** News for a person: a difference between a stored state and the state that replaces it. */
export type KeeperSignal = "failing" | "recovered" | "stopped" | "gone" | "lagging" | "overtaken";

/** What one transaction stores, on the condition that this session holds the lease. */
export interface KeeperNote<E extends OrderedEvent, S> {
  readonly state: KeeperState<S>;
  readonly exhausted: readonly ExhaustedEvent<E>[];
  /** Failed events that a redrive has delivered: their copies can be deleted. */
  readonly redriven: readonly NumberedEvent<E>[];
  /** The progress of the redrive, if one runs; `ended`: this note ends it. */
  readonly redrive?: Pick<Redrive, "id" | "done" | "failed"> & { readonly ended: boolean };
  readonly signals: readonly KeeperSignal[];
}

/** The functions that an order keeper needs. */
export interface KeeperTools<E extends OrderedEvent, S> {
  readonly selects: Selects<E, S>;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
}
