/** The states of a failed event, and its item. */
import { compact } from "../system/compact.ts";
import { positionIn } from "../domain/events/present-epoch.ts";
import { parseText } from "../domain/json/json-text.ts";
import type { Attribute, Item, Key } from "../dynamodb/table.ts";
import type { FailingEvent, HookEvent, ListenerEvent } from "./hook-event.ts";
import { sourceOfFailedEventKey } from "../dynamodb/keys/failed-events.ts";

/**
 * What a failed event waits for. The operator's route `/parked` shows `retrying` as `retry` and `waiting` as `held`.
 *
 *   retrying   for its due time: the sweep retries it; after the last start it is `parked`, or `stopped`
 *   parked     for a person: its attempts are used up, its process died too often, or its hook parked it
 *   stopped    for a person: its hook threw `stop`; the hooks of its stream are paused, and later events are `waiting`
 *   waiting    for the end of a stop: it has not run yet, and runs in the order of the stream once nothing stops that
 *
 * A success, a `skip` verdict and a person's skip delete the event. An event that stopped its stream keeps `stops` while it
 * is retried: the hooks of the stream resume only when the event is deleted.
 */
export type FailedEventStatus = "retrying" | "parked" | "stopped" | "waiting";

export interface FailedAttempt {
  /** ms since 1970. */
  readonly at: number;
  readonly error: string;
}

/** A failed event without its data, as a listing shows it. */
export interface FailedEventSummary {
  readonly key: Key;
  readonly eventId: string;
  /** The hook or listener at which the event failed, as `/parked` names it. */
  readonly source: string;
  readonly sequence: number;
  readonly about: EventSubject;
  readonly status: FailedEventStatus;
  /** How many attempts have started; one whose process died counts too. */
  readonly starts: number;
  readonly attempts: readonly FailedAttempt[];
  /** When the sweep retries it, ms since 1970. */
  readonly dueAt?: number;
}

/** What an event is about, for a person: a hook event has the first four members, a listener's event the other three. */
export type EventSubject = Partial<
  Pick<HookEvent, "target" | "subtarget" | "resource" | "callbackType"> &
    Pick<ListenerEvent, "topic" | "type" | "position">
>;

export interface FailedEvent<E extends FailingEvent = HookEvent> {
  readonly key: Key;
  readonly event: E;
  readonly status: FailedEventStatus;
  readonly starts: number;
  readonly attempts: readonly FailedAttempt[];
  readonly dueAt?: number;
  /**
   * The event stopped its source, which resumes when the event is resolved. Stays true while the event is retried.
   */
  readonly stops: boolean;
  /**
   * No attempt may begin before this (ms since 1970): one is under way, or its process ended. It is no lease, which a holder
   * gives back: `starts` names the attempt, and what a later one has counted no earlier one can write.
   */
  readonly busyUntil: number;
  /** The event's data is not recorded: a retry reads the state from the replica. */
  readonly stateStored: boolean;
  /** The number of items that hold its body. */
  readonly parts: number;
}

/** The next status of a failed event. */
export interface NextStep {
  readonly status: FailedEventStatus;
  /** When the sweep retries it, ms since 1970. */
  readonly dueAt?: number;
}

/** Most failed events of one listener of an actor that are kept. One more stops the listener. */
export const MOST_FAILED_EVENTS = 1_000;
/** How many of the newest attempts are kept. */
const ATTEMPTS_KEPT = 20;
/** How many characters of an error are kept. */
const ERROR_LENGTH = 500;
/** The members of an event's subject, and the attributes that store them. */
const SUBJECT = ["target", "subtarget", "resource", "callbackType", "topic", "type", "position"] as const;
/** The attributes that a summary is read from. */
export const SUMMARY_ATTRIBUTES = ["eventId", "sequence", "status", "starts", "attempts", "dueAt", "ttl", ...SUBJECT];

/** The attempts that an item records. */
export const attemptsOf = (item: Item): readonly FailedAttempt[] =>
  parseText(item["attempts"] as string) as readonly FailedAttempt[];

/** The attributes of an item that say what its event is about. */
export function summaryAttributes(event: FailingEvent): Readonly<Record<string, Attribute>> {
  const subject = event as EventSubject;
  const { sequence } = event;
  return compact({ sequence, ...Object.fromEntries(SUBJECT.map((name) => [name, subject[name]])) });
}

/** The summary in an item. Its position is converted to `epoch`, the present epoch of the log (`LOG_EPOCH`). */
export function summaryOf(item: Item, epoch: number): FailedEventSummary {
  const subject = SUBJECT.filter((name) => item[name] !== undefined).map((name) => {
    const text = String(item[name]);
    return [name, name === "position" ? positionIn(epoch, text) : text];
  });
  return compact({
    key: { pk: item.pk, sk: item.sk },
    eventId: String(item["eventId"]),
    source: sourceOfFailedEventKey(item),
    about: Object.fromEntries(subject) as EventSubject,
    sequence: item["sequence"] as number,
    status: item["status"] as FailedEventStatus,
    starts: item["starts"] as number,
    attempts: attemptsOf(item),
    dueAt: item["dueAt"] as number | undefined,
  });
}

/** A failed event from its item and its body. */
export function failedEventOf<E extends FailingEvent>(item: Item, event: E): FailedEvent<E> {
  const fields = compact({
    key: { pk: item.pk, sk: item.sk },
    status: item["status"] as FailedEventStatus,
    starts: item["starts"] as number,
    attempts: attemptsOf(item),
    dueAt: item["dueAt"] as number | undefined,
    stops: item["stops"] === true,
    busyUntil: (item["busyUntil"] as number | undefined) ?? 0,
    stateStored: item["stateStored"] === true,
    parts: item["parts"] as number,
  });
  return { ...fields, event };
}

/** The attributes that an event gets with its next status. */
export function nextStepAttributes(
  nextStep: NextStep,
  attempts: readonly FailedAttempt[],
): Readonly<Record<string, Attribute>> {
  const kept = attempts
    .slice(-ATTEMPTS_KEPT)
    .map((attempt) => ({ at: attempt.at, error: attempt.error.slice(0, ERROR_LENGTH).toWellFormed() }));
  return compact({
    status: nextStep.status,
    attempts: JSON.stringify(kept),
    stops: nextStep.status === "stopped" ? true : undefined,
    dueAt: nextStep.dueAt,
  });
}
