/** What a hook is told, and what it may say of it. */
import { compact } from "../../system/compact.ts";
import { createHash } from "node:crypto";
import type { Place, Scope } from "../../domain/terms/scope.ts";
import type { Json } from "../../system/ports.ts";
import type { Head } from "../stream/head.ts";

/** Why a hook runs: a change, a replaced state, or a permission grant. */
export const CallbackType = { diff: "diff", resync: "resync", permission: "permission" } as const;
export type CallbackType = keyof typeof CallbackType;

/** One thing that happened to a subscription. The same event always has the same `id`, also when a crash repeats it. */
export interface HookEvent {
  readonly id: string;
  readonly actorId: string;
  readonly peerId: string;
  readonly subscriptionId: string;
  readonly target: string;
  readonly subtarget?: string;
  readonly resource?: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly callbackType: CallbackType;
  /** What the publisher sent: relative to the subscription's scope; the whole state of a `resync`, null when it has none. */
  readonly data: Json;
  /** When the change was made, as the publisher says; absent when it did not say. */
  readonly timestamp?: string;
}

/** Runs the deployer's hooks for events. */
export interface HookRunner {
  /** True when some hook would run for this target. */
  handles(target: string): boolean;
  /** Runs what is registered for the event. `signal` aborts at the hook's time limit. @throws what the hook threw */
  run(event: HookEvent, signal: AbortSignal): Promise<void>;
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

/** What an error thrown by a hook asks for; recognised by its shape, because bundling may duplicate the class. */
export function verdictOf(error: unknown): Verdict["verdict"] {
  if (error instanceof Error && error.name === "Verdict" && "verdict" in error) {
    const { verdict } = error;
    if (verdict === "park" || verdict === "skip" || verdict === "stop") return verdict;
  }
  return "retry";
}

/** The event of a resync for one place inside a stream's scope: of that place, and another than that of the whole. */
export function partEventOf(head: Head, place: Place, sequence: number, data: Json, timestamp?: string): HookEvent {
  const whole = hookEventOf(head, "resync", sequence, data, timestamp);
  const [subtarget = "", ...path] = place;
  const id = createHash("sha256")
    .update([whole.id, ...place].join("\n"))
    .digest("hex")
    .slice(0, 32);
  return { ...whole, id, subtarget, ...(path.length === 0 ? {} : { resource: path.join("/") }) };
}

/** The event of one number of a stream; its id is a digest of what makes it that event. */
export function hookEventOf(
  head: Head,
  callbackType: CallbackType,
  sequence: number,
  data: Json,
  timestamp?: string,
): HookEvent {
  const { actorId, peerId, subscriptionId, epoch, stateVersion } = head;
  const life = callbackType === "resync" ? `${String(epoch)}.${String(stateVersion)}` : String(epoch);
  const id = createHash("sha256")
    .update([actorId, peerId, subscriptionId, life, callbackType, String(sequence)].join("\n"))
    .digest("hex")
    .slice(0, 32);
  return {
    id,
    actorId,
    peerId,
    subscriptionId,
    ...scopeFields(head.scope),
    epoch,
    sequence,
    callbackType,
    data,
    ...(timestamp === undefined || timestamp === "" ? {} : { timestamp }),
  };
}

const scopeFields = (scope: Scope): Scope =>
  compact({ target: scope.target, subtarget: scope.subtarget, resource: scope.resource });
