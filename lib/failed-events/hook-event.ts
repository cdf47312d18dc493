/** The events that can fail at a hook or at a listener, and the verdicts that a hook may throw. */
import { createHash } from "node:crypto";
import { positionIn, sentPositionIn } from "../domain/events/present-epoch.ts";
import type { StreamRef } from "../domain/terms/refs.ts";
import type { Scope } from "../domain/terms/scope.ts";
import type { Json, JsonObject } from "../system/ports.ts";

/** Why a hook runs: a change, a replaced state, or a permission grant. */
export const CallbackType = { diff: "diff", resync: "resync", permission: "permission" } as const;
export type CallbackType = keyof typeof CallbackType;

/** One thing that happened to a subscription. An event keeps its `id` when a crash repeats it. */
export interface HookEvent extends StreamRef, Scope {
  readonly id: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly callbackType: CallbackType;
  /** What the publisher sent, relative to the subscription's scope; for a `resync` the whole state, null when it has none. */
  readonly data: Json;
  /** The publisher's time of the change, if it sent one. */
  readonly timestamp?: string;
}

/** An event of an actor's own log that a listener of the actor did not take. */
export interface ListenerEvent {
  /** The event's id: the same for every listener and every attempt. */
  readonly id: string;
  readonly actorId: string;
  /** The listener, as `/parked` names it. */
  readonly source: `webhook:${string}` | `event-hook:${string}` | `group:${string}` | `root-group:${string}`;
  /** The listener's own number of the event; 0: it lies before those that the listener counts. */
  readonly sequence: number;
  readonly topic: string;
  readonly type: string;
  readonly position: string;
  /** What the listener takes in order; absent: the topic. */
  readonly key?: string;
  /** The event as it is sent. */
  readonly event: JsonObject;
}

/** What can fail. */
export type FailingEvent = HookEvent | ListenerEvent;

export const isListenerEvent = (event: FailingEvent): event is ListenerEvent => "source" in event;

/** A stored event, its position in the present epoch of the log (`LOG_EPOCH`), and so the one that it is sent with. */
export function eventIn(epoch: number, stored: FailingEvent): FailingEvent {
  if (!isListenerEvent(stored)) return stored;
  const position = positionIn(epoch, stored.position);
  if (position === stored.position) return stored;
  const sent = sentPositionIn(epoch, String(stored.event["position"]));
  return { ...stored, position, event: { ...stored.event, position: sent } };
}

/** The deployer's hooks. */
export interface HookRunner<E extends FailingEvent = HookEvent> {
  /** True when some hook would run for this event. */
  handles(event: E): boolean;
  /**
   * Runs what is registered for the event. `signal` aborts at the hook's time limit; `attempt` is 1 for the first.
   * @throws what the hook threw
   */
  run(event: E, signal: AbortSignal, attempt: number): Promise<void>;
}

/**
 * Thrown by a hook to choose what becomes of the event: `retry` (as any other error: kept, retried with backoff),
 * `park` (kept for replay by hand), `skip` (dropped), `stop` (kept, and the subscription's later events wait for it).
 */
export class Verdict extends Error {
  override readonly name = "Verdict";
  readonly verdict: "retry" | "park" | "skip" | "stop";
  constructor(verdict: Verdict["verdict"], message: string = verdict) {
    super(message);
    this.verdict = verdict;
  }
}

/** The verdict that a hook's error stands for; recognised by its shape, because bundling may duplicate the class. */
export function verdictOf(error: unknown): Verdict["verdict"] {
  if (error instanceof Error && error.name === "Verdict" && "verdict" in error) {
    const { verdict } = error;
    if (verdict === "park" || verdict === "skip" || verdict === "stop") return verdict;
  }
  return "retry";
}

/** An event's id: a digest of the texts that identify the event. */
export const idOf = (texts: readonly string[]): string =>
  createHash("sha256").update(texts.join("\n")).digest("hex").slice(0, 32);
