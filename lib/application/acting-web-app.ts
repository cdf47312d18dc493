/**
 * The application as its deployer writes it: what it is, which options it has, and the hooks that run.
 *
 * Hooks are given their `Actor`. Components are made from it, each imported where it is used:
 * `RemotePeerStore` (lib/receiving/replica/remote-peer-store.ts), `PeerCapabilities` (lib/peers/capabilities.ts),
 * `FanOutManager` (lib/application/fan-out-manager.ts),
 * `CallbackProcessor` (lib/receiving/intake/callback-processor.ts).
 */
import { compact } from "../system/compact.ts";
import type { ActorHookName, Application, TrustEvent, TrustHookName } from "../actors/application.ts";
import type { CodeOptions } from "../system/config.ts";
import type { Permissions } from "../domain/policy/permissions.ts";
import { insideHook } from "../system/request-context.ts";
import type { Json } from "../system/ports.ts";
import type { CallbackType as TypeOfCallback, HookEvent, HookRunner } from "../receiving/hooks/hook-event.ts";
import type { Actor } from "./actor.ts";
import {
  checkCallbackName,
  checkChoice,
  checkHook,
  checkOptions,
  checkOwnTarget,
  checkTarget,
} from "./registration.ts";

export type { HookEvent } from "../receiving/hooks/hook-event.ts";

/** What an application is. */
export interface AppOptions {
  /** The type of this application's actors, a URN: `urn:actingweb:example.com:myapp`. */
  readonly awType: string;
  readonly desc: string;
  /** A page about the application [http://actingweb.org/]. */
  readonly info?: string;
  /** The application's own version [0.1.0]. */
  readonly version?: string;
  /** Relationships the deployment defines beside or instead of the protocol's. */
  readonly relationships?: Readonly<Record<string, Permissions>>;
}

/** What a subscription data hook is given. */
export interface SubscriptionData {
  readonly actor: Actor;
  readonly peerId: string;
  readonly target: string;
  readonly subtarget?: string;
  readonly resource?: string;
  /** What the publisher sent, relative to the subscription's scope; the whole state for `resync`, null when it has none. */
  readonly data: Json;
  readonly sequence: number;
  readonly callbackType: TypeOfCallback;
  /** Has the same `id` whenever this very event is told again. */
  readonly event: HookEvent;
  /** Aborts at the hook's time limit (`HOOK_TIMEOUT_SECONDS`): from then on the event counts as failed. */
  readonly signal: AbortSignal;
}

/**
 * Runs for each event of a subscription, first attempts in order, after the data is stored; never for a duplicate. At
 * least once: after a crash the same event comes again, with the same `event.id`. A hook that throws or outlasts its time
 * stops nothing: the event is parked and tried again, all its hooks, with backoff; throw a `Verdict` to choose otherwise.
 */
export type SubscriptionDataHook = (data: SubscriptionData) => void | Promise<void>;

/** What a raw callback hook is given. */
export interface RawCallback {
  readonly actor: Actor;
  /** `subscription`, or the path below `/callbacks/`. */
  readonly name: string;
  readonly method: string;
  readonly peerId?: string;
  readonly subscriptionId?: string;
  /** The parsed body; null when there was none. */
  readonly body: Json;
  /** Names in lower case. Empty for `subscription`, whose bearer was checked already. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/** Truthy: the callback was taken. Falsy or a throw: 400. */
export type CallbackHook = (callback: RawCallback) => unknown;

/** The state of one of the application's own targets; undefined when there is none (404). */
export type StateHook = (requested: {
  readonly actor: Actor;
  readonly peerId: string | undefined;
  readonly subtarget?: string;
  readonly resource?: string;
}) => Json | undefined | Promise<Json | undefined>;

/** Runs after the fact; `actor.trust` reads the trust, except in `delete`, where it is gone. */
export type TrustHook = (event: TrustEvent & { readonly actor: Actor }) => void | Promise<void>;

/** A subscription that came or went: ours to a peer, or a peer's to us. */
export interface SubscriptionLifecycleEvent {
  readonly actorId: string;
  readonly peerId: string;
  readonly subscriptionId: string;
  readonly target: string;
  readonly subtarget?: string;
  readonly resource?: string;
}

/** How callbacks are processed; see `CodeOptions`. */
export type ProcessingOptions = Omit<CodeOptions, "syncCallbacks">;

/** When lifecycle hooks run. */
export type LifecycleName = "subscription_created" | "subscription_deleted" | ActorHookName;

/** For an actor: itself. For a subscription: also which one, and what it covers. */
export interface LifecycleEvent {
  readonly actor: Actor;
  readonly peerId?: string;
  readonly subscriptionId?: string;
  readonly target?: string;
  readonly subtarget?: string;
  readonly resource?: string;
}

/** Runs after the fact; what it throws is logged and changes nothing. */
export type LifecycleHook = (event: LifecycleEvent) => void | Promise<void>;

const ANY_TARGET = "*";
const TRUST_HOOKS = ["create", "approve", "delete"] as const satisfies readonly TrustHookName[];
const LIFECYCLE_HOOKS = [
  ...(["subscription_created", "subscription_deleted"] as const),
  ...(["actor_created", "actor_deleted"] as const),
] as const satisfies readonly LifecycleName[];

/**
 * Collects what the deployer registers; nothing runs before the functions ask for it. Every method that registers
 * throws a `TypeError`, which stops the function at its start, when what it is given cannot be meant.
 */
export class ActingWebApp implements Application, HookRunner {
  readonly awType: string;
  readonly desc: string;
  readonly info: string;
  readonly version: string;
  readonly relationships: Readonly<Record<string, Permissions>>;
  #options: CodeOptions = {};
  readonly #dataHooks = new Map<string, SubscriptionDataHook[]>();
  readonly #callbackHooks = new Map<string, CallbackHook>();
  readonly #stateHooks = new Map<string, StateHook>();
  readonly #trustHooks = new Map<TrustHookName, TrustHook[]>();
  readonly #lifecycleHooks = new Map<LifecycleName, LifecycleHook[]>();
  #actorOf: ((actorId: string) => Actor) | undefined;

  constructor(options: AppOptions) {
    this.awType = options.awType;
    this.desc = options.desc;
    this.info = options.info ?? "http://actingweb.org/";
    this.version = options.version ?? "0.1.0";
    this.relationships = options.relationships ?? {};
  }

  /** The options of the code; the environment goes before them. Checked when a function starts. */
  get options(): CodeOptions {
    return this.#options;
  }

  /**
   * Sets how subscriptions are processed, which is on by default. What is left out keeps its default, or what an earlier
   * call said; the environment goes before it. Values are checked when a function starts.
   */
  withSubscriptionProcessing(options: ProcessingOptions = {}): this {
    checkOptions(options);
    this.#options = { ...this.#options, ...options };
    return this;
  }

  /**
   * Whether callbacks we send are awaited before the request that caused them is answered [true]. On Lambda they always
   * are, and false is a configuration error; on the local server `CALLBACK_MODE` decides.
   */
  withSyncCallbacks(sync: boolean): this {
    checkChoice("withSyncCallbacks", [true, false], sync);
    this.#options = { ...this.#options, syncCallbacks: sync };
    return this;
  }

  /**
   * Runs `hook` for events of subscriptions on `target`; `"*"` for targets without a hook of their own. Several hooks of
   * one target run one after another, and count as one.
   */
  subscriptionDataHook(target: string, hook: SubscriptionDataHook): this {
    if (target !== ANY_TARGET) checkTarget("subscriptionDataHook", target);
    checkHook("subscriptionDataHook", hook);
    push(this.#dataHooks, target, hook);
    return this;
  }

  /**
   * Takes callbacks in place of any processing. `subscription`: every subscription callback as it arrives, after
   * authentication; then nothing is sequenced, stored or told to data hooks. Any other name: what arrives at
   * `/callbacks/{name}`, which the hook must authenticate itself. One hook for each name.
   */
  callbackHook(name: string, hook: CallbackHook): this {
    checkCallbackName(name);
    checkHook("callbackHook", hook, this.#callbackHooks.has(name) ? name : undefined);
    this.#callbackHooks.set(name, hook);
    return this;
  }

  /**
   * Gives the full state of one of the application's own targets, for the peers that subscribe to it: what is answered at
   * `GET /{actorId}/{target}[/{subtarget}[/{resource}]]`, to the creator and to every approved peer. Permissions cover
   * properties only, so it is the hook that decides what a peer may see. A throw, or outlasting `HOOK_TIMEOUT_SECONDS`, is
   * answered with 500 and logged.
   */
  stateHook(target: string, hook: StateHook): this {
    checkOwnTarget("stateHook", target);
    checkHook("stateHook", hook, this.#stateHooks.has(target) ? target : undefined);
    this.#stateHooks.set(target, hook);
    return this;
  }

  /** Runs after a trust was created, approved by us, or deleted. What it throws is logged and changes nothing. */
  trustHook(name: TrustHookName, hook: TrustHook): this {
    checkChoice("trustHook", TRUST_HOOKS, name);
    checkHook("trustHook", hook);
    push(this.#trustHooks, name, hook);
    return this;
  }

  /** Runs after a subscription or an actor came or went. What it throws is logged and changes nothing. */
  lifecycleHook(name: LifecycleName, hook: LifecycleHook): this {
    checkChoice("lifecycleHook", LIFECYCLE_HOOKS, name);
    checkHook("lifecycleHook", hook);
    push(this.#lifecycleHooks, name, hook);
    return this;
  }

  /** Tells the application how hooks get at their actor; the composition does this once. */
  bind(actorOf: (actorId: string) => Actor): void {
    this.#actorOf = actorOf;
  }

  handles(target: string): boolean {
    return this.#hooksFor(target).length > 0;
  }

  async run(event: HookEvent, signal: AbortSignal): Promise<void> {
    const { peerId, target, subtarget, resource, data, sequence, callbackType } = event;
    const hookData: SubscriptionData = compact({
      ...{ actor: this.#actor(event.actorId), peerId, target, data, sequence, callbackType },
      ...{ event, signal },
      subtarget,
      resource,
    });
    for (const hook of this.#hooksFor(target)) await insideHook(async () => await hook(hookData));
  }

  /** The raw hook of that name, if one is registered. */
  rawHook(name: string): CallbackHook | undefined {
    return this.#callbackHooks.get(name);
  }

  /** The state hook of one of the application's own targets, if one is registered. */
  stateOf(target: string): StateHook | undefined {
    return this.#stateHooks.get(target);
  }

  async runTrustHook(name: TrustHookName, event: TrustEvent): Promise<void> {
    const hookData = { ...event, actor: this.#actor(event.actorId) };
    for (const hook of this.#trustHooks.get(name) ?? []) await insideHook(async () => await hook(hookData));
  }

  async runActorHook(name: ActorHookName, event: { readonly actorId: string }): Promise<void> {
    const hookData = { actor: this.#actor(event.actorId) };
    for (const hook of this.#lifecycleHooks.get(name) ?? []) await insideHook(async () => await hook(hookData));
  }

  async runSubscriptionHook(
    name: "subscription_created" | "subscription_deleted",
    event: SubscriptionLifecycleEvent,
  ): Promise<void> {
    const { actorId, ...rest } = event;
    const hookData = { ...rest, actor: this.#actor(actorId) };
    for (const hook of this.#lifecycleHooks.get(name) ?? []) await insideHook(async () => await hook(hookData));
  }

  #hooksFor(target: string): readonly SubscriptionDataHook[] {
    return this.#dataHooks.get(target) ?? this.#dataHooks.get(ANY_TARGET) ?? [];
  }

  #actor(actorId: string): Actor {
    if (this.#actorOf === undefined) throw new TypeError("The application was not bound to a service yet.");
    return this.#actorOf(actorId);
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  map.set(key, [...(map.get(key) ?? []), value]);
}
