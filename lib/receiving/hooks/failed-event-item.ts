/** What the item of a failed event says. */
import { compact } from "../../system/compact.ts";
import { parseText } from "../../domain/json/json-text.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import { dueShardOf } from "../../dynamodb/keys/due.ts";
import { streamOfFailedEventKey } from "../../dynamodb/keys/streams.ts";
import type { Attribute, Item, Key } from "../../dynamodb/table.ts";
import type { CallbackType, HookEvent } from "./hook-event.ts";

/**
 * `retrying`: the sweep runs it when due. `parked`: attempts are used up, or the hook said so; for replay by hand.
 * `stopped`: as parked, and later events of its stream wait behind it. `waiting`: waits behind a stopped one, never begun.
 */
export type FailedEventStatus = "retrying" | "parked" | "stopped" | "waiting";

export interface Attempt {
  /** ms since 1970. */
  readonly at: number;
  readonly error: string;
}

/** What is known of a failed event without its data. */
export interface FailedEventSummary extends Scope {
  readonly key: Key;
  readonly eventId: string;
  readonly peerId: string;
  readonly subscriptionId: string;
  readonly sequence: number;
  readonly callbackType: CallbackType;
  readonly status: FailedEventStatus;
  /** How often the hook was begun, also when its process ended before it did. */
  readonly starts: number;
  readonly attempts: readonly Attempt[];
  /** When the sweep looks at it, ms since 1970. */
  readonly dueAt?: number;
}

export interface FailedEvent {
  readonly key: Key;
  readonly event: HookEvent;
  readonly status: FailedEventStatus;
  readonly starts: number;
  readonly attempts: readonly Attempt[];
  readonly dueAt?: number;
  /** It stopped its stream: settling it resumes the stream's hooks. Stays true while it is retried. */
  readonly stops: boolean;
  /** An attempt is under way, or its process ended, until then (ms). */
  readonly busyUntil: number;
  /** The event's data is not here: it is the state as the store has it at the replay. */
  readonly stateStored: boolean;
  /** Items its body takes. */
  readonly parts: number;
}

/** What becomes of an event. */
export interface NextStep {
  readonly status: FailedEventStatus;
  readonly dueAt?: number;
}

/** Attempts whose errors are kept; the newest. */
const ATTEMPTS_KEPT = 20;
/** Characters of an error kept. */
const ERROR_LENGTH = 500;
/** The attributes that a summary is made of. */
export const SUMMARY_ATTRIBUTES = [
  ...["eventId", "target", "subtarget", "resource", "sequence", "callbackType"],
  ...["status", "starts", "attempts", "dueAt"],
];

/** The attempts an item tells of. */
export const attemptsOf = (item: Item): readonly Attempt[] =>
  parseText(item["attempts"] as string) as readonly Attempt[];

/** What of an event is kept beside its body. */
export function summaryAttributes(event: HookEvent): Readonly<Record<string, Attribute>> {
  return compact({
    target: event.target,
    subtarget: event.subtarget,
    resource: event.resource,
    sequence: event.sequence,
    callbackType: event.callbackType,
  });
}

/** Reads an item without its body. */
export function summaryOf(item: Item): FailedEventSummary {
  const text = (name: string): string => String(item[name]);
  const { peerId, subscriptionId } = streamOfFailedEventKey(item);
  return compact({
    key: { pk: item.pk, sk: item.sk },
    eventId: text("eventId"),
    peerId,
    subscriptionId,
    target: text("target"),
    subtarget: item["subtarget"] === undefined ? undefined : text("subtarget"),
    resource: item["resource"] === undefined ? undefined : text("resource"),
    sequence: item["sequence"] as number,
    callbackType: text("callbackType") as CallbackType,
    status: text("status") as FailedEventStatus,
    starts: item["starts"] as number,
    attempts: attemptsOf(item),
    ...due(item["dueAt"] as number | undefined),
  });
}

/** The attributes that say what is to become of an event. */
export function nextStepAttributes(
  key: Key,
  nextStep: NextStep,
  attempts: readonly Attempt[],
): Readonly<Record<string, Attribute>> {
  const kept = attempts
    .slice(-ATTEMPTS_KEPT)
    .map((attempt) => ({ at: attempt.at, error: attempt.error.slice(0, ERROR_LENGTH).toWellFormed() }));
  return {
    status: nextStep.status,
    attempts: JSON.stringify(kept),
    ...(nextStep.status === "stopped" ? { stops: true } : {}),
    ...(nextStep.dueAt === undefined ? {} : { dueShard: dueShardOf(key), dueAt: nextStep.dueAt }),
  };
}

/** The due time, if there is one. */
export const due = (dueAt: number | undefined): { readonly dueAt?: number } => (dueAt === undefined ? {} : { dueAt });
