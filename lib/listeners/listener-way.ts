/** What a way out adds to the delivery of a listener that reads records. The table of these is composed in lib/compose. */
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

/** One order of events of a listener. */
export interface Lane {
  readonly id: string;
  readonly state: KeeperState<Selection>;
  readonly rules: Omit<KeeperRules, "room">;
}

/** A listener with what its settings say now. */
export interface OpenListener<Target> {
  readonly target: Target;
  readonly lanes: readonly Lane[];
  /** The longest that one attempt takes, ms. */
  readonly timeoutMs: number;
  /** Every attempt has its whole time: one that its session cuts off may have been taken, and must not be made again. */
  readonly uncut?: boolean;
  /** Absent: no limit. */
  readonly rate?: Rate;
}

/** An event for a target, with its number and its lane. */
export interface TargetEvent extends NumberedEvent<LogEvent> {
  readonly lane: string;
}

/** What goes with the next note. */
export interface NoteExtras {
  /** Attributes of the head. */
  readonly own?: Readonly<Record<string, Attribute>>;
  /** Writes of other items, of the same transaction; they must do no harm when repeated. */
  readonly writes?: readonly Write[];
}

/** What a note told, once it is stored. */
export interface Noted {
  readonly signals: readonly KeeperSignal[];
  /** How many events were kept that the listener did not take, and how many there were before. */
  readonly kept: number;
  readonly keptBefore: number;
  /** Events of redrives that were taken. */
  readonly redriven: readonly TargetEvent[];
}

/** Failed events of a listener, as a redrive sends them again. */
export interface FailedStretch {
  /** Beyond the position that was asked for, in order. */
  readonly events: readonly NumberedEvent<LogEvent>[];
  /** There are no others up to here. */
  readonly upTo: string;
  readonly atEnd: boolean;
}

/** How far a redrive has come. */
export type RedriveProgress = NonNullable<KeeperNote<LogEvent, Selection>["redrive"]>;

/** One way out for listeners that read records. One instance serves all listeners of its kind; `Target` is of one session. */
export interface ListenerWay<Target, Answer> extends WayOut<Target, TargetEvent, Answer> {
  readonly kind: ListenerKind;
  /** The items that are read with the head, in the same request. */
  also(ref: ListenerRef): readonly Key[];
  /**
   * The listener as it is now; undefined: nothing is begun, because it is paused, or is being deleted.
   * @param before that of the same session with earlier settings, to which attempts under way still belong
   */
  open(head: ListenerHead, item: (key: Key) => Item | undefined, before?: Target): OpenListener<Target> | undefined;
  /** What the next note stores besides, since the last one. */
  extras(target: Target): NoteExtras;
  /** The source of its failed events, as text. */
  failureSource(ref: ListenerRef): string;
  /** The event as it is kept when it is not tried again. */
  failing(target: Target, event: TargetEvent): ListenerEvent;
  /** Reads failed events for a redrive. */
  readFailed(target: Target, request: RedriveRequest): Promise<FailedStretch>;
  /** What the note that has this progress stores of it besides. */
  redriving(target: Target, progress: RedriveProgress): readonly Write[];
  /** What the service says of the listener to those who listen to `$sys`; the note that it follows from stores it. */
  saying(target: Target, noted: Noted): readonly SysEvent[];
  /** A note was stored. Never rejects. */
  noted(target: Target, noted: Noted): Promise<void>;
}
