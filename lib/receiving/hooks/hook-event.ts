/** The event that a hook is called with, and the verdicts that a hook may throw. */
import { compact } from "../../system/compact.ts";
import { createHash } from "node:crypto";
import type { StreamRef } from "../../domain/terms/refs.ts";
import type { Place, Scope } from "../../domain/terms/scope.ts";
import type { Json } from "../../system/ports.ts";
import type { Head } from "../stream/head.ts";

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

/** The deployer's hooks. */
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

/** The verdict that a hook's error stands for; recognised by its shape, because bundling may duplicate the class. */
export function verdictOf(error: unknown): Verdict["verdict"] {
  if (error instanceof Error && error.name === "Verdict" && "verdict" in error) {
    const { verdict } = error;
    if (verdict === "park" || verdict === "skip" || verdict === "stop") return verdict;
  }
  return "retry";
}

/** The event of a resync of one place inside a stream's scope. Its id differs from that of the whole scope's event. */
export function partEventOf(head: Head, place: Place, sequence: number, data: Json, timestamp?: string): HookEvent {
  const whole = hookEventOf(head, "resync", sequence, data, timestamp);
  const [subtarget = "", ...path] = place;
  return {
    ...whole,
    id: idOf([whole.id, ...place]),
    subtarget,
    ...compact({ resource: path.length === 0 ? undefined : path.join("/") }),
  };
}

/** The event of one number of a stream. Its id is a digest of what identifies the event. */
export function hookEventOf(
  head: Head,
  callbackType: CallbackType,
  sequence: number,
  data: Json,
  timestamp?: string,
): HookEvent {
  const { actorId, peerId, subscriptionId, epoch, stateVersion } = head;
  const life = callbackType === "resync" ? `${String(epoch)}.${String(stateVersion)}` : String(epoch);
  const { target, subtarget, resource } = head.scope;
  return compact({
    id: idOf([actorId, peerId, subscriptionId, life, callbackType, String(sequence)]),
    actorId,
    peerId,
    subscriptionId,
    target,
    subtarget,
    resource,
    epoch,
    sequence,
    callbackType,
    data,
    timestamp: timestamp === "" ? undefined : timestamp,
  });
}

/** An event's id: a digest of the texts that identify the event. */
export const idOf = (texts: readonly string[]): string =>
  createHash("sha256").update(texts.join("\n")).digest("hex").slice(0, 32);
