/** What a kind of listener that reads records adds to the common delivery. lib/compose/listeners.ts lists the kinds. */
import type {
  KeeperNote,
  KeeperRules,
  KeeperSignal,
  NumberedEvent,
  RedriveRequest,
} from "../domain/events/keeper-steps.ts";
import type { KeeperState } from "../domain/events/keeper-state.ts";
import type { Rate } from "../domain/events/rate.ts";
import type { Selection } from "../domain/events/selection.ts";
import type { WayOut } from "../engine/way-out.ts";
import type { ListenerEvent } from "../failed-events/hook-event.ts";
import type { ListenerKind, ListenerRef } from "../dynamodb/keys/listeners.ts";
import type { Attribute, Item, Key, Write } from "../dynamodb/table.ts";
import type { ListenerHead, SysEvent } from "./listener-head.ts";
import type { LogEvent } from "./log-events.ts";

/** One order of events of a listener, kept by an order keeper of its own. */
export interface Lane {
  readonly id: string;
  readonly state: KeeperState<Selection>;
  readonly rules: Omit<KeeperRules, "room">;
}

/** A listener to which events may be sent, with its present settings. */
export interface OpenListener<Target> {
  readonly target: Target;
  readonly lanes: readonly Lane[];
  /** The longest that one attempt takes, ms. */
  readonly timeoutMs: number;
  /**
   * Every attempt gets its whole time. If a session cut one off, the endpoint might have the event, and it must not get it
   * twice.
   */
  readonly uncut?: boolean;
  /** Absent: no limit. */
  readonly rate?: Rate;
}

/** An event for a target, with its number and its lane. */
export interface TargetEvent extends NumberedEvent<LogEvent> {
  readonly lane: string;
}

/** What a way out adds to the next note. */
export interface NoteExtras {
  /** Attributes of the head. */
  readonly own?: Readonly<Record<string, Attribute>>;
  /** Writes to other items in the same transaction. Repeating them must do no harm. */
  readonly writes?: readonly Write[];
}

/** The news in a note. */
export interface Noted {
  readonly signals: readonly KeeperSignal[];
  /** How many failed events the note keeps, and how many were kept before. */
  readonly kept: number;
  readonly keptBefore: number;
  /** Events that redrives have delivered. */
  readonly redriven: readonly TargetEvent[];
}

/** Failed events of a listener, for a redrive. */
export interface FailedStretch {
  /** Those beyond the position that was asked for, in order. */
  readonly events: readonly NumberedEvent<LogEvent>[];
  /** There are no others up to this position. */
  readonly upTo: string;
  readonly atEnd: boolean;
}

/** The progress of a redrive. */
export type RedriveProgress = NonNullable<KeeperNote<LogEvent, Selection>["redrive"]>;

/**
 * The way out to one kind of listener that reads records. One instance serves all of them; a `Target` belongs to one
 * session.
 */
export interface ListenerWay<Target, Answer> extends WayOut<Target, TargetEvent, Answer> {
  readonly kind: ListenerKind;
  /** The keys of the items that are read together with the head. */
  also(ref: ListenerRef): readonly Key[];
  /**
   * The listener as its items are now; undefined: nothing is sent, because it is paused, or is being deleted.
   * @param before the target of the same session under earlier settings, to which attempts in flight still belong
   */
  open(head: ListenerHead, item: (key: Key) => Item | undefined, before?: Target): OpenListener<Target> | undefined;
  /** What the next note stores beside the keepers' states. Each extra is returned once. */
  extras(target: Target): NoteExtras;
  /** The source in the listener's failed events, as text. */
  failureSource(ref: ListenerRef): string;
  /** The failed event to keep for an event that is given up. */
  failing(target: Target, event: TargetEvent): ListenerEvent;
  /** Reads failed events for a redrive. */
  readFailed(target: Target, request: RedriveRequest): Promise<FailedStretch>;
  /** The writes that record the progress of a redrive, in the transaction of the note. */
  redriving(target: Target, progress: RedriveProgress): readonly Write[];
  /** The `$sys` events about the listener that follow from a note. The same note stores them. */
  saying(target: Target, noted: Noted): readonly SysEvent[];
  /** Called after a note was stored. Never rejects. */
  noted(target: Target, noted: Noted): Promise<void>;
}
