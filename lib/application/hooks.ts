/** The hooks that an application registers, and what each of them is given. */
import type { ActorHookName, TrustEvent } from "../actors/application.ts";
import type { CallbackType, HookEvent } from "../failed-events/hook-event.ts";
import type { Json, JsonObject } from "../system/ports.ts";
import type { Actor } from "./actor.ts";

/** The argument of a subscription data hook. */
export interface SubscriptionData {
  readonly actor: Actor;
  readonly peerId: string;
  readonly target: string;
  readonly subtarget?: string;
  readonly resource?: string;
  /** What the publisher sent, relative to the subscription's scope; the whole state for `resync`, null when it has none. */
  readonly data: Json;
  readonly sequence: number;
  readonly callbackType: CallbackType;
  /** Has the same `id` each time this event is repeated. */
  readonly event: HookEvent;
  /** Aborts at the hook's time limit (`HOOK_TIMEOUT_SECONDS`): from then on the event counts as failed. */
  readonly signal: AbortSignal;
}

/**
 * Runs for each event of a subscription, first attempts in order, after the data is stored; never for a duplicate. Runs at
 * least once: after a crash the event is repeated, with the same `event.id`. A hook that throws or exceeds its time limit
 * stops nothing: the event is parked, and all its hooks are retried with backoff. A hook throws a `Verdict` to choose
 * otherwise.
 */
export type SubscriptionDataHook = (data: SubscriptionData) => void | Promise<void>;

/** The argument of a raw callback hook. */
export interface RawCallback {
  readonly actor: Actor;
  /** `subscription`, or the path below `/callbacks/`. */
  readonly name: string;
  readonly method: string;
  readonly peerId?: string;
  readonly subscriptionId?: string;
  /** The parsed body; null when there was none. */
  readonly body: Json;
  /** Names in lower case. Empty for `subscription`, whose bearer has been checked. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/** Truthy: the callback is accepted. Falsy or a throw: it is answered with 400. */
export type CallbackHook = (callback: RawCallback) => unknown;

/** The state of one of the application's own targets; undefined when there is none (404). */
export type StateHook = (requested: {
  readonly actor: Actor;
  readonly peerId: string | undefined;
  /** Anyone reads it: the owner has made the target public. Absent: `peerId`, or without one the creator. */
  readonly isPublic?: true;
  readonly subtarget?: string;
  readonly resource?: string;
}) => Json | undefined | Promise<Json | undefined>;

/** Runs after the fact. `actor.trust` reads the trust, except in `delete`, which runs after the trust is gone. */
export type TrustHook = (event: TrustEvent & { readonly actor: Actor }) => void | Promise<void>;

/** A subscription that was created or deleted: ours to a peer, or a peer's to us. */
export interface SubscriptionLifecycleEvent {
  readonly actorId: string;
  readonly peerId: string;
  readonly subscriptionId: string;
  readonly target: string;
  readonly subtarget?: string;
  readonly resource?: string;
}

/** The events that lifecycle hooks run for. */
export type LifecycleName = "subscription_created" | "subscription_deleted" | ActorHookName;

/** For an event of an actor: the actor. For an event of a subscription: also which subscription, and what it covers. */
export interface LifecycleEvent {
  readonly actor: Actor;
  readonly peerId?: string;
  readonly subscriptionId?: string;
  readonly target?: string;
  readonly subtarget?: string;
  readonly resource?: string;
}

/** Runs after the fact; an error of the hook is logged and changes nothing. */
export type LifecycleHook = (event: LifecycleEvent) => void | Promise<void>;

/** Which of an actor's own events a hook is for. */
export interface EventHookOptions {
  /** Names the hook's cursor in every actor's log: 1 to 32 of `a-z 0-9 -`. Another id begins with the next change. */
  readonly id: string;
  /** Of topics: `properties.*`, `orders.>`. Changed, it holds for every event after the cursor. */
  readonly pattern: string;
  /** Exact, or beginnings such as `org.actingweb.list.*`; at most 20 [any type]. */
  readonly types?: readonly string[];
  /** `key`: events of one key one at a time, in order. `strict`: all of them so. `none`: in any order [key]. */
  readonly order?: "key" | "strict" | "none";
}

/** The argument of an event hook. */
export interface OwnEvent {
  readonly actor: Actor;
  /** A CloudEvent 1.0; `id` is the same at each attempt. */
  readonly event: JsonObject;
  /** 1 for the first. */
  readonly attempt: number;
  /** Aborts at the hook's time limit (`HOOK_TIMEOUT_SECONDS`): from then on the attempt counts as failed. */
  readonly signal: AbortSignal;
}

/**
 * Runs for each event of the actor itself that the pattern matches, at least once, in order per key. A hook that throws or
 * exceeds its time limit holds back its key alone: the event is tried again with growing pauses, `HOOK_MAX_ATTEMPTS` times
 * in all, then parked. A hook throws a `Verdict` to choose otherwise.
 */
export type EventHook = (own: OwnEvent) => void | Promise<void>;
