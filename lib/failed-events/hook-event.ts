/** The events that hooks and listeners can fail to take, and the verdicts that a hook may throw. */
import { createHash } from "node:crypto";
import { positionIn, sentPositionIn } from "../domain/events/present-epoch.ts";
import type { StreamRef } from "../domain/terms/refs.ts";
import type { Scope } from "../domain/terms/scope.ts";
import type { Json, JsonObject } from "../system/ports.ts";

/** Why a hook runs: a change, a replaced state, or a permission grant. */
export const CallbackType = { diff: "diff", resync: "resync", permission: "permission" } as const;
export type CallbackType = keyof typeof CallbackType;

/** What a callback changed in one of our subscriptions. An event keeps its `id` when a crash repeats it. */
export interface HookEvent extends StreamRef, Scope {
  readonly id: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly callbackType: CallbackType;
  /**
   * What the publisher sent, relative to the subscription's scope; for a `resync` the whole state, null when it has none.
   */
  readonly data: Json;
  /** The publisher's time of the change, if it sent one. */
  readonly timestamp?: string;
}

/** An event of an actor's own log that failed at a listener of the actor. */
export interface ListenerEvent {
  /** The event's id: the same for every listener and every attempt. */
  readonly id: string;
  readonly actorId: string;
  /** The listener, as `/parked` names it. */
  readonly source: `webhook:${string}` | `event-hook:${string}` | `group:${string}` | `root-group:${string}`;
  /** The listener's own number of the event; 0: the event is older than those that the listener counts. */
  readonly sequence: number;
  readonly topic: string;
  readonly type: string;
  readonly position: string;
  /** The listener takes events of one key in order. Absent: the topic is the key. */
  readonly key?: string;
  /** The event as it is sent. */
  readonly event: JsonObject;
}

/** An event that can fail. */
export type FailingEvent = HookEvent | ListenerEvent;

export const isListenerEvent = (event: FailingEvent): event is ListenerEvent => "source" in event;

/** A stored event with its positions, its own and the one in the envelope, converted to the present epoch (`LOG_EPOCH`). */
export function eventIn(epoch: number, stored: FailingEvent): FailingEvent {
  if (!isListenerEvent(stored)) return stored;
  const position = positionIn(epoch, stored.position);
  if (position === stored.position) return stored;
  const sent = sentPositionIn(epoch, String(stored.event["position"]));
  return { ...stored, position, event: { ...stored.event, position: sent } };
}

/** The deployer's hooks. */
export interface HookRunner<E extends FailingEvent = HookEvent> {
  /** True when a hook is registered for this event. */
  handles(event: E): boolean;
  /**
   * Runs the hooks that are registered for the event. `signal` aborts at the hook's time limit; the first `attempt` is 1.
   * @throws what the hook threw
   */
  run(event: E, signal: AbortSignal, attempt: number): Promise<void>;
}

/**
 * A hook throws a verdict to say what happens to its event: `retry` (as any other error: kept and retried with backoff),
 * `park` (kept until a person retries or skips it), `skip` (dropped), `stop` (kept, and the later events of the
 * subscription wait for it).
 */
export class Verdict extends Error {
  override readonly name = "Verdict";
  readonly verdict: "retry" | "park" | "skip" | "stop";
  constructor(verdict: Verdict["verdict"], message: string = verdict) {
    super(message);
    this.verdict = verdict;
  }
}

/** The verdict in a hook's error. It is recognised by its shape, because bundling may duplicate the class. */
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
